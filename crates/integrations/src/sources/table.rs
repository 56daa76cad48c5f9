//! Series as text: `timestamp,value` with a header, or JSON; the form that the sources `csv` and `exec` read.
//!
//! CSV: a header with the names of the columns, one sample a row, an empty value is missing. JSON: an array of objects
//! with those names, or of pairs `[time, value]`. Errors name the line, what was found and what was expected.

use std::io::Read;

use forecast_core::{RawSeries, Sample};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, fmt::strtime};
use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    let times = Times::new(format)?;
    let mut input = input.take(LARGEST);
    let samples = if json { read_json(&mut input, format, &times)? } else { read_csv(&mut input, format, &times)? };
    if input.limit() == 0 {
        return Err(whole(format!(
            "more than {} GiB; expected a series, cut it or make its step longer",
            LARGEST >> 30
        )));
    }
    Ok(RawSeries { name: name.to_owned(), samples })
}

fn read_csv(input: &mut dyn Read, format: &Format, times: &Times) -> Result<Vec<Sample>, TableError> {
    let separator = u8::try_from(format.separator)
        .map_err(|_| whole(format!("separator is `{}`; expected one ASCII character", format.separator)))?;
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).flexible(true).has_headers(false).from_reader(input);
    let mut record = csv::ByteRecord::new();
    let mut columns: Option<(usize, usize)> = None;
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
            continue;
        };
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
        names.iter().position(|n| n == column).ok_or_else(|| {
            let shown: Vec<String> = names.iter().take(10).map(|n| n.chars().take(40).collect()).collect();
            let reason = format!(
                "the header has no column `{column}`, but `{}`; name it with `{setting}`, or check `separator`",
                shown.join("`, `")
            );
            TableError { line: Some(line), reason }
        })
    };
    Ok((position(&format.time_column, "time_column")?, position(&format.value_column, "value_column")?))
}

fn read_json(input: &mut dyn Read, format: &Format, times: &Times) -> Result<Vec<Sample>, TableError> {
    let wrong = |e: serde_json::Error| TableError { line: Some(e.line() as u64), reason: format!("is no JSON: {e}") };
    let rows: Vec<Value> = serde_json::from_reader(input).map_err(wrong)?;
    let mut samples = Vec::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        let at = |reason: String| whole(format!("element {index}: {reason}"));
        let (time, value) = match row {
            Value::Object(fields) => {
                let time = fields.get(&format.time_column);
                let time =
                    time.ok_or_else(|| at(format!("has no `{}`; name it with `time_column`", format.time_column)))?;
                let value = fields.get(&format.value_column);
                (
                    time,
                    value
                        .ok_or_else(|| at(format!("has no `{}`; name it with `value_column`", format.value_column)))?,
                )
            }
            Value::Array(pair) if pair.len() == 2 => (&pair[0], &pair[1]),
            other => return Err(at(format!("is {}; expected an object, or a pair of time and value", short(other)))),
        };
        let time = match time {
            Value::String(text) => times.parse(text).map_err(&at)?,
            Value::Number(n) => times.parse(&n.to_string()).map_err(&at)?,
            other => return Err(at(format!("the time is {}; expected a text or a number", short(other)))),
        };
        let value = match value {
            Value::Null => None,
            Value::String(text) => number(text, format.decimal).map_err(&at)?,
            Value::Number(n) => n.as_f64().filter(|v| v.is_finite()),
            other => return Err(at(format!("the value is {}; expected a number or null", short(other)))),
        };
        samples.push(Sample { time, value });
    }
    Ok(samples)
}

/// Texts of times to instants.
struct Times {
    kind: Kind,
    zone: TimeZone,
}

enum Kind {
    Rfc3339,
    Unix { per_second: i64 },
    Pattern(String),
}

impl Times {
    fn new(format: &Format) -> Result<Self, TableError> {
        let zone = TimeZone::get(&format.time_zone).map_err(|_| {
            whole(format!("time_zone is `{}`; expected an IANA name such as `Europe/Berlin`", format.time_zone))
        })?;
        let kind = match format.time_format.as_str() {
            "rfc3339" => Kind::Rfc3339,
            "unix" => Kind::Unix { per_second: 1 },
            "unix_ms" => Kind::Unix { per_second: 1_000 },
            pattern if pattern.contains('%') => Kind::Pattern(pattern.to_owned()),
            other => {
                let expected = "`rfc3339`, `unix`, `unix_ms` or a pattern such as `%d.%m.%Y %H:%M`";
                return Err(whole(format!("time_format is `{other}`; expected {expected}")));
            }
        };
        Ok(Self { kind, zone })
    }

    fn parse(&self, text: &str) -> Result<Timestamp, String> {
        let wrong =
            |expected: &str| format!("`{}` is no time; expected {expected}, or set `time_format`", shortened(text));
        match &self.kind {
            Kind::Rfc3339 => text
                .parse::<Timestamp>()
                .ok()
                .or_else(|| self.zone.to_timestamp(text.parse::<DateTime>().ok()?).ok())
                .ok_or_else(|| wrong("RFC 3339 such as `2026-11-23T07:30:00Z`")),
            Kind::Unix { per_second } => {
                let (whole, _fraction) = text.split_once('.').unwrap_or((text, ""));
                let count: i64 = whole.parse().map_err(|_| wrong("seconds or milliseconds since 1970"))?;
                Timestamp::from_second(count.div_euclid(*per_second)).map_err(|_| wrong("a time before the year 10000"))
            }
            Kind::Pattern(pattern) => {
                let broken = strtime::parse(pattern, text).map_err(|_| wrong(&format!("the pattern `{pattern}`")))?;
                if let Ok(at) = broken.to_timestamp() {
                    return Ok(at);
                }
                let local = broken.to_datetime().map_err(|_| wrong(&format!("a date and a time by `{pattern}`")))?;
                self.zone.to_timestamp(local).map_err(|_| wrong("a time that exists"))
            }
        }
    }
}

/// An empty text and `NaN` are missing.
fn number(text: &str, decimal: char) -> Result<Option<f64>, String> {
    if text.is_empty() || text.eq_ignore_ascii_case("nan") || text.eq_ignore_ascii_case("null") {
        return Ok(None);
    }
    let plain = if decimal == '.' { text.to_owned() } else { text.replace(decimal, ".") };
    match plain.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(Some(value)),
        _ => Err(format!("the value is `{}`; expected a number, or nothing where it is missing", shortened(text))),
    }
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
            ("timestamp,value\n2026-01-01T00:00:00Z,1\n2026-01-01T01:00:00Z,1O\n", "line 3: the value is `1O`"),
            ("timestamp,value\nyesterday,1\n", "line 2: `yesterday` is no time"),
            ("timestamp,value\n2026-01-01T00:00:00Z\n", "line 2: 1 columns; expected at least 2"),
            ("timestamp,value\n2026-01-01T00:00:00Z,inf\n", "line 2: the value is `inf`"),
        ] {
            let found = csv(text).unwrap_err();
            assert!(found.contains(want), "`{found}` lacks `{want}`");
        }
    }
}
