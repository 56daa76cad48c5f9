//! Series as text: `timestamp,value` with a header, or JSON; the form that the sources `csv` and `exec` read.
//!
//! CSV: a header with the names of the columns, one sample a row, an empty value is missing. JSON: an array of objects
//! with those names, or of pairs `[time, value]`. Errors name the line, what was found and what was expected.

mod times;

use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};

use forecast_core::{RawSeries, Sample};
use serde::de::{Deserializer as _, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use times::Times;

/// Largest input, in bytes: a year of seconds is a tenth of it.
const LARGEST: u64 = 4 << 30;

/// How a series is written.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Format {
    /// Name of the column with times.
    pub time_column: String,
    /// Name of the column with values.
    pub value_column: String,
    /// `rfc3339`, `unix` (seconds), `unix_ms`, or a pattern such as `%d.%m.%Y %H:%M`.
    pub time_format: String,
    /// Zone of times without an offset (IANA name).
    pub time_zone: String,
    /// One character between columns.
    pub separator: char,
    /// Character before the fraction.
    pub decimal: char,
}

impl Default for Format {
    fn default() -> Self {
        Self {
            time_column: "timestamp".into(),
            value_column: "value".into(),
            time_format: "rfc3339".into(),
            time_zone: "UTC".into(),
            separator: ',',
            decimal: '.',
        }
    }
}

impl Format {
    /// Takes the settings of a format out of a map that holds others too, which are left there.
    pub(crate) fn split_off(map: &mut serde_json::Map<String, Value>) -> Result<Self, serde_json::Error> {
        let names = ["time_column", "value_column", "time_format", "time_zone", "separator", "decimal"];
        let own = names.iter().filter_map(|name| map.remove_entry(*name)).filter(|(_, v)| !v.is_null()).collect();
        serde_json::from_value(Value::Object(own))
    }

    fn check(&self) -> Result<(), TableError> {
        let unfit = |c: char| c.is_ascii_alphanumeric() || matches!(c, '"' | '\n' | '\r' | '-' | '+');
        if !self.separator.is_ascii() || unfit(self.separator) || self.separator == '.' {
            let expected = "expected one ASCII character such as `,`, `;` or a tab";
            return Err(whole(format!("separator is `{}`; {expected}", self.separator)));
        }
        if unfit(self.decimal) {
            return Err(whole(format!("decimal is `{}`; expected `.` or `,`", self.decimal)));
        }
        if self.decimal == self.separator {
            let both = self.decimal;
            return Err(whole(format!(
                "separator and decimal are both `{both}`; set another `separator`, such as `;`"
            )));
        }
        Ok(())
    }
}

/// What is wrong with the text, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", line.map(|l| format!("line {l}: ")).unwrap_or_default())]
pub struct TableError {
    /// Line, from 1.
    pub line: Option<u64>,
    /// What was found, what was expected, what to do.
    pub reason: String,
}

/// Reads a series; `name` becomes the series' name, `json` says which of the two forms it is in.
///
/// # Errors
/// The first line that cannot be read, with its number.
pub fn read(name: &str, input: impl Read, json: bool, format: &Format) -> Result<RawSeries, TableError> {
    format.check()?;
    let times = Times::new(format)?;
    let mut input = input.take(LARGEST);
    let samples = if json { read_json(&mut input, format, times) } else { read_csv(&mut input, format, times) };
    if input.limit() == 0 {
        return Err(whole(format!(
            "more than {} GiB; expected a series, cut it or make its step longer",
            LARGEST >> 30
        )));
    }
    Ok(RawSeries { name: name.to_owned(), samples: samples? })
}

fn read_csv(input: &mut dyn Read, format: &Format, mut times: Times) -> Result<Vec<Sample>, TableError> {
    let separator = u8::try_from(format.separator)
        .map_err(|_| whole(format!("separator is `{}`; expected one ASCII character", format.separator)))?;
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).flexible(true).has_headers(false).from_reader(input);
    let mut record = csv::ByteRecord::new();
    let mut columns: Option<(usize, usize)> = None;
    let mut width = 0;
    let mut samples = Vec::new();
    loop {
        let more = reader.read_byte_record(&mut record).map_err(|e| {
            let line = e.position().map(csv::Position::line);
            TableError { line, reason: format!("cannot be read: {e}") }
        })?;
        if !more {
            break;
        }
        let line = record.position().map_or(0, csv::Position::line);
        let at = |reason: String| TableError { line: Some(line), reason };
        let field = |index: usize| -> Result<&str, TableError> {
            let bytes = record.get(index).ok_or_else(|| {
                at(format!("{} columns; expected at least {}, as in the header", record.len(), index + 1))
            })?;
            let text = std::str::from_utf8(bytes)
                .map_err(|_| at("is not text in UTF-8; expected `timestamp,value` rows".into()))?;
            Ok(text.trim().trim_start_matches('\u{feff}'))
        };
        let Some((time, value)) = columns else {
            columns = Some(header(&record, format, line)?);
            width = record.len();
            continue;
        };
        if record.iter().skip(width).any(|more| !more.trim_ascii().is_empty()) {
            let hint = "put a value with a separator in it in quotes, or check `separator` and `decimal`";
            return Err(at(format!("{} columns; expected {width}, as in the header; {hint}", record.len())));
        }
        samples.push(Sample {
            time: times.parse(field(time)?).map_err(at)?,
            value: number(field(value)?, format.decimal).map_err(at)?,
        });
    }
    if columns.is_none() {
        return Err(whole(format!(
            "is empty; expected a header `{},{}` and rows",
            format.time_column, format.value_column
        )));
    }
    Ok(samples)
}

/// Positions of the two columns.
fn header(record: &csv::ByteRecord, format: &Format, line: u64) -> Result<(usize, usize), TableError> {
    let names: Vec<String> =
        record.iter().map(|b| String::from_utf8_lossy(b).trim().trim_start_matches('\u{feff}').to_owned()).collect();
    let position = |column: &str, setting: &str| {
        let mut places = names.iter().enumerate().filter(|(_, n)| *n == column).map(|(at, _)| at);
        let (first, second) = (places.next(), places.next());
        if second.is_some() {
            let reason =
                format!("the header has `{column}` twice; rename one, or name another column with `{setting}`");
            return Err(TableError { line: Some(line), reason });
        }
        first.ok_or_else(|| {
            let shown: Vec<String> = names.iter().take(10).map(|n| n.chars().take(40).collect()).collect();
            let shown = shown.join("`, `");
            let data = names.iter().any(|n| n.starts_with(|c: char| c.is_ascii_digit()));
            let reason = if data {
                format!("`{shown}` is no header; expected one with the columns' names, for example `timestamp,value`")
            } else {
                format!(
                    "the header has no column `{column}`, but `{shown}`; name it with `{setting}`, or check `separator`"
                )
            };
            TableError { line: Some(line), reason }
        })
    };
    Ok((position(&format.time_column, "time_column")?, position(&format.value_column, "value_column")?))
}

fn read_json(input: &mut dyn Read, format: &Format, times: Times) -> Result<Vec<Sample>, TableError> {
    let (line, wrong_line) = (Cell::new(1), Cell::new(None));
    let mut json = serde_json::Deserializer::from_reader(Counted { input, line: &line });
    let wrong = |e: serde_json::Error| {
        // The parser's own words end with the place, which stands in front here.
        let text = e.to_string();
        let place = format!(" at line {} column {}", e.line(), e.column());
        let line = wrong_line.get().unwrap_or(e.line() as u64);
        TableError { line: Some(line), reason: text.strip_suffix(&place).unwrap_or(&text).to_owned() }
    };
    let rows = Rows { format, times, line: &line, wrong_line: &wrong_line };
    let samples = json.deserialize_seq(rows).map_err(wrong)?;
    json.end().map_err(wrong)?;
    Ok(samples)
}

/// Counts the lines that the parser has seen; it reads byte by byte.
struct Counted<'a> {
    input: &'a mut dyn Read,
    line: &'a Cell<u64>,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.input.read(buffer)?;
        let feeds = buffer[..n].iter().filter(|b| **b == b'\n').count();
        self.line.set(self.line.get() + feeds as u64);
        Ok(n)
    }
}

/// Reads an array row by row, so that a long one is never held as a whole.
struct Rows<'a> {
    format: &'a Format,
    times: Times,
    line: &'a Cell<u64>,
    wrong_line: &'a Cell<Option<u64>>,
}

impl<'de> Visitor<'de> for Rows<'_> {
    type Value = Vec<Sample>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects or pairs")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut rows: A) -> Result<Vec<Sample>, A::Error> {
        let mut samples = Vec::new();
        while let Some(row) = rows.next_element::<Value>()? {
            let sample = json_sample(&row, self.format, &mut self.times).map_err(|reason| {
                self.wrong_line.set(Some(self.line.get()));
                serde::de::Error::custom(format!("element {}: {reason}", samples.len()))
            })?;
            samples.push(sample);
        }
        Ok(samples)
    }
}

/// One element: an object with the names of the columns, or a pair of time and value.
fn json_sample(row: &Value, format: &Format, times: &mut Times) -> Result<Sample, String> {
    let (time, value) = match row {
        Value::Object(fields) => {
            let field = |name: &str, setting: &str| {
                fields.get(name).ok_or_else(|| format!("has no `{name}`; name it with `{setting}`"))
            };
            (field(&format.time_column, "time_column")?, field(&format.value_column, "value_column")?)
        }
        Value::Array(pair) if pair.len() == 2 => (&pair[0], &pair[1]),
        other => return Err(format!("is {}; expected an object, or a pair of time and value", short(other))),
    };
    let time = match time {
        Value::String(text) => times.parse(text.trim())?,
        Value::Number(n) => times.parse(&n.to_string())?,
        other => return Err(format!("the time is {}; expected a text or a number", short(other))),
    };
    let value = match value {
        Value::Null => None,
        Value::String(text) => number(text.trim(), format.decimal)?,
        Value::Number(n) => n.as_f64().filter(|v| v.is_finite()),
        other => return Err(format!("the value is {}; expected a number or null", short(other))),
    };
    Ok(Sample { time, value })
}

/// An empty text and `NaN` are missing.
fn number(text: &str, decimal: char) -> Result<Option<f64>, String> {
    if text.is_empty() || text.eq_ignore_ascii_case("nan") || text.eq_ignore_ascii_case("null") {
        return Ok(None);
    }
    let wrong = |expected: &str| {
        format!("the value is `{}`; expected {expected}, or nothing where it is missing", shortened(text))
    };
    let plain = if decimal == '.' {
        text.to_owned()
    } else if text.contains('.') {
        // A point could stand for thousands here: 1.234 is no guess to make.
        return Err(wrong(&format!("a number with `{decimal}` before the fraction and nothing between the thousands")));
    } else {
        text.replace(decimal, ".")
    };
    let number = plain.bytes().any(|b| b.is_ascii_digit()).then(|| plain.parse::<f64>().ok()).flatten();
    number.filter(|v| v.is_finite()).map(Some).ok_or_else(|| wrong("a number"))
}

fn whole(reason: String) -> TableError {
    TableError { line: None, reason }
}

fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn short(value: &Value) -> String {
    format!("`{}`", shortened(&value.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn csv(text: &str) -> Result<RawSeries, String> {
        read("x", text.as_bytes(), false, &Format::default()).map_err(|e| e.to_string())
    }

    #[test]
    fn rows_are_samples_and_an_empty_value_is_missing() {
        let series = csv("timestamp,value\n2026-01-01T00:00:00Z,1.5\n2026-01-01T00:05:00Z,\n").unwrap();
        assert_eq!(series.samples[0].value, Some(1.5));
        assert_eq!(series.samples[1], Sample { time: "2026-01-01T00:05:00Z".parse().unwrap(), value: None });
    }

    #[test]
    fn other_names_zones_and_signs_are_settings() {
        let format = Format {
            time_column: "Zeit".into(),
            value_column: "Anfragen".into(),
            time_format: "%d.%m.%Y %H:%M".into(),
            time_zone: "Europe/Berlin".into(),
            separator: ';',
            decimal: ',',
        };
        let series = read("x", "Anfragen;Zeit\n1,5;01.07.2026 02:00\n".as_bytes(), false, &format).unwrap();
        assert_eq!(series.samples, [Sample { time: "2026-07-01T00:00:00Z".parse().unwrap(), value: Some(1.5) }]);
    }

    #[test]
    fn json_comes_as_objects_or_pairs() {
        let unix = Format { time_format: "unix".into(), ..Format::default() };
        let pairs = read("x", r#"[[1767225600, 1], ["1767225660", null]]"#.as_bytes(), true, &unix).unwrap();
        let objects =
            r#"[{"timestamp":"2026-01-01T00:00:00Z","value":1},{"timestamp":"2026-01-01T00:01:00Z","value":null}]"#;
        assert_eq!(pairs.samples, read("x", objects.as_bytes(), true, &Format::default()).unwrap().samples);
    }

    #[test]
    fn what_cannot_be_read_is_named_with_its_line() {
        for (text, want) in [
            ("", "is empty; expected a header `timestamp,value`"),
            ("time,value\n", "line 1: the header has no column `timestamp`, but `time`, `value`"),
            ("timestamp,value,value\n", "line 1: the header has `value` twice; rename one"),
            ("timestamp,value\n2026-01-01T00:00:00Z,1\n2026-01-01T01:00:00Z,1O\n", "line 3: the value is `1O`"),
            ("timestamp,value\nyesterday,1\n", "line 2: `yesterday` is no time"),
            ("timestamp,value\n2026-01-01T00:00:00Z\n", "line 2: 1 columns; expected at least 2"),
            ("timestamp,value\n2026-01-01T00:00:00Z,12,5\n", "line 2: 3 columns; expected 2, as in the header"),
            ("timestamp,value\n2026-01-01T00:00:00Z,inf\n", "line 2: the value is `inf`"),
            ("2026-01-01T00:00:00Z,1\n", "line 1: `2026-01-01T00:00:00Z`, `1` is no header"),
        ] {
            let found = csv(text).unwrap_err();
            assert!(found.contains(want), "`{found}` lacks `{want}`");
        }
    }

    #[test]
    fn json_that_cannot_be_read_is_named_with_its_line() {
        for (text, want) in [
            ("", "line 1: EOF while parsing"),
            ("{\n}", "line 1: invalid type: map, expected an array of objects or pairs"),
            ("[\n{\"timestamp\": \"now\", \"value\": 1}\n]", "line 2: element 0: `now` is no time"),
            ("[[\"2026-01-01T00:00:00Z\", 1],\n[\"2026-01-01T00:05:00Z\"]]", "line 2: element 1: is "),
            ("[{\"timestamp\": \"2026-01-01T00:00:00Z\"}]", "element 0: has no `value`; name it with `value_column`"),
            ("[[\"2026-01-01T00:00:00Z\", true]]", "the value is `true`; expected a number or null"),
            ("[] []", "line 1: trailing characters"),
        ] {
            let found = read("x", text.as_bytes(), true, &Format::default()).unwrap_err().to_string();
            assert!(found.contains(want), "`{found}` lacks `{want}`");
        }
    }

    #[test]
    fn a_number_that_could_be_two_is_refused() {
        let read = number;
        assert_eq!(read("1,5", ','), Ok(Some(1.5)));
        assert_eq!(read("1.5e3", '.'), Ok(Some(1500.0)));
        assert_eq!(read("NaN", '.'), Ok(None));
        for (text, decimal) in [("1.234", ','), ("1,234", '.'), ("1_000", '.'), ("1e999", '.'), ("0x10", '.')] {
            assert!(read(text, decimal).is_err(), "{text}");
        }
    }

    #[test]
    fn signs_that_cannot_work_are_refused() {
        for (separator, decimal, want) in [
            ('\n', '.', "separator is"),
            ('é', '.', "separator is `é`"),
            (',', '1', "decimal is `1`"),
            (',', ',', "are both `,`"),
        ] {
            let format = Format { separator, decimal, ..Format::default() };
            let found = read("x", "".as_bytes(), false, &format).unwrap_err().to_string();
            assert!(found.contains(want), "`{found}` lacks `{want}`");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_give_a_series_or_an_error(bytes: Vec<u8>, json: bool, unix: bool) {
            let format = Format { time_format: if unix { "unix" } else { "rfc3339" }.into(), ..Format::default() };
            let _ = read("x", bytes.as_slice(), json, &format);
        }

        #[test]
        fn what_is_written_is_read(values: Vec<Option<i32>>) {
            let rows: String = values.iter().enumerate().map(|(i, v)| format!("{},{}\n", i * 60, v.map(|v| v.to_string()).unwrap_or_default())).collect();
            let format = Format { time_format: "unix".into(), ..Format::default() };
            let series = read("x", format!("timestamp,value\n{rows}").as_bytes(), false, &format).unwrap();
            let found: Vec<Option<i32>> = series.samples.iter().map(|s| s.value.map(|v| v as i32)).collect();
            proptest::prop_assert_eq!(found, values);
        }
    }
}
