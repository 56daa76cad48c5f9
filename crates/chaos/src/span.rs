//! Durations and sizes as users write them: `200ms`, `30s`, `5m`; `64MiB`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A duration as an integer with `ms`, `s`, `m`, `h` or `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

/// A text that is no duration, or no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is `{found}`; expected {expected}")]
pub struct SpanError {
    found: String,
    expected: &'static str,
}

const EXPECTED: &str = "an integer with `ms`, `s`, `m`, `h` or `d`, for example `30s`";
const EXPECTED_BYTES: &str = "an integer with `B`, `KiB`, `MiB` or `GiB`, for example `64MiB`";

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
        scaled(text, &units)
            .map(|ms| Self(Duration::from_millis(ms)))
            .ok_or(SpanError { found: text.to_owned(), expected: EXPECTED })
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Self, SpanError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let (unit, name) = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")]
            .into_iter()
            .find(|(unit, _)| ms >= *unit && ms.is_multiple_of(*unit))
            .unwrap_or((1, "ms"));
        write!(f, "{}{name}", ms / unit)
    }
}

/// Bytes as users write them.
///
/// # Errors
/// The text is not an integer with `B`, `KiB`, `MiB` or `GiB`.
pub fn parse_bytes(text: &str) -> Result<u64, SpanError> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("B", 1)];
    scaled(text, &units).ok_or(SpanError { found: text.to_owned(), expected: EXPECTED_BYTES })
}

/// `digits` times the unit that follows them; the first unit that fits, so longer names come first.
fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written_alike() {
        for text in ["200ms", "30s", "5m", "3h", "2d", "1500ms"] {
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        for text in ["", "5", "s", "1.5s", "-1s", "5 s", "99999999999999999999d", "5w"] {
            assert!(text.parse::<Span>().is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_powers_of_two() {
        assert_eq!(parse_bytes("64MiB"), Ok(64 << 20));
        assert_eq!(parse_bytes("7B"), Ok(7));
        assert!(parse_bytes("64MB").is_err());
    }
}
