//! Series as text, CSV and JSON: any bytes give a series or an error.
//!
//! Input: the settings as JSON on the first line (the usual ones where that is none), then the text, read in both forms.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stormglass_integrations::sources::table::{self, Format};

fuzz_target!(|data: &[u8]| {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (line, text) = data.split_at(end);
    let (format, text) = match parse(line) {
        Some(format) => (format, text.get(1..).unwrap_or_default()),
        None => (Format::default(), data),
    };
    for json in [false, true] {
        match table::read("fuzz", text, json, &format) {
            Ok(series) => assert!(series.samples.iter().all(|s| s.value.is_none_or(f64::is_finite))),
            Err(error) => assert!(error.to_string().len() < 4_000, "a long error: {error}"),
        }
    }
});

fn parse(line: &[u8]) -> Option<Format> {
    serde_json::from_slice(line).ok()
}
