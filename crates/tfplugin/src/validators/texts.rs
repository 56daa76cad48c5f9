//! Checks on texts.

use std::time::Duration;

use super::{Check, Validate, Validator};
use crate::diagnostics::Diagnostics;
use crate::value::Value;

/// A text out of a closed list.
pub fn one_of<T: Into<String>>(allowed: impl IntoIterator<Item = T>) -> Check {
    Check::new(OneOf { allowed: allowed.into_iter().map(Into::into).collect() })
}

/// A text of `min` to `max` characters.
pub fn length(min: usize, max: usize) -> Check {
    Check::new(Text {
        expected: format!("a text of {min} to {max} characters"),
        examples: vec!["x".repeat(min)],
        accepts: move |text: &str| (min..=max).contains(&text.chars().count()),
    })
}

/// A text that matches `pattern`; `expected` says in words what that means.
///
/// # Errors
/// `regex::Error` if the pattern is none.
pub fn regex(pattern: &str, expected: impl Into<String>) -> Result<Check, ::regex::Error> {
    let pattern = ::regex::Regex::new(pattern)?;
    let accepts = move |text: &str| pattern.is_match(text);
    Ok(Check::new(Text { expected: expected.into(), examples: Vec::new(), accepts }))
}

/// A duration: an integer with `s`, `m`, `h` or `d`.
pub fn duration() -> Check {
    Check::new(Text {
        expected: "a duration such as 30s, 15m, 6h or 7d".to_owned(),
        examples: vec!["6h".to_owned()],
        accepts: |text: &str| parse_duration(text).is_some(),
    })
}

/// A duration from `min` to `max`, both allowed and written as durations.
pub fn duration_within(min: &'static str, max: &'static str) -> Check {
    let bounds = (parse_duration(min).unwrap_or(Duration::ZERO), parse_duration(max).unwrap_or(Duration::MAX));
    Check::new(Text {
        expected: format!("a duration from {min} to {max}"),
        examples: vec![min.to_owned()],
        accepts: move |text: &str| parse_duration(text).is_some_and(|it| (bounds.0..=bounds.1).contains(&it)),
    })
}

/// A point in time as RFC 3339 writes it, for example `2026-11-23T07:30:00Z`.
pub fn rfc3339() -> Check {
    Check::new(Text {
        expected: "a time such as 2026-11-23T07:30:00Z".to_owned(),
        examples: vec!["2026-11-23T07:30:00Z".to_owned()],
        accepts: is_rfc3339,
    })
}

/// The length of time that `text` means: an integer with `s`, `m`, `h` or `d`; `None` for anything else.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let count = &text[..text.len() - unit.len_utf8()];
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    if !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    count.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

/// RFC 3339, section 5.6; leap seconds are allowed where they can be.
fn is_rfc3339(text: &str) -> bool {
    let bytes = text.as_bytes();
    let number = |from: usize, to: usize| -> Option<u32> {
        let digits = bytes.get(from..to).filter(|part| part.iter().all(u8::is_ascii_digit))?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    };
    let at = |index: usize, allowed: &[u8]| bytes.get(index).is_some_and(|byte| allowed.contains(byte));
    let check = || -> Option<bool> {
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let separators = at(4, b"-") && at(7, b"-") && at(10, b"Tt ") && at(13, b":") && at(16, b":");
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return Some(false),
        };
        let fraction = match bytes.get(19) {
            Some(b'.') => 1 + bytes[20..].iter().take_while(|byte| byte.is_ascii_digit()).count(),
            _ => 0,
        };
        let zone = 19 + fraction;
        let zone_fits = match bytes.get(zone)? {
            b'Z' | b'z' => bytes.len() == zone + 1,
            b'+' | b'-' => {
                bytes.len() == zone + 6
                    && at(zone + 3, b":")
                    && number(zone + 1, zone + 3)? <= 23
                    && number(zone + 4, zone + 6)? <= 59
            }
            _ => false,
        };
        Some(
            separators
                && zone_fits
                && fraction != 1
                && (1..=days).contains(&day)
                && hour <= 23
                && minute <= 59
                && second <= 60,
        )
    };
    check().unwrap_or(false)
}

struct OneOf {
    allowed: Vec<String>,
}

impl Validator for OneOf {
    fn describe(&self) -> String {
        let quoted: Vec<String> = self.allowed.iter().map(|text| format!("`{text}`")).collect();
        format!("one of {}", quoted.join(", "))
    }

    fn check(&self, cx: &Validate<'_>) -> Diagnostics {
        match cx.value.as_str() {
            Some(text) if !self.allowed.iter().any(|allowed| allowed == text) => {
                cx.invalid(&self.describe(), &cx.found())
            }
            _ => Diagnostics::new(),
        }
    }

    fn examples(&self) -> Vec<Value> {
        self.allowed.iter().map(|text| text.as_str().into()).collect()
    }
}

struct Text<F> {
    expected: String,
    examples: Vec<String>,
    accepts: F,
}

impl<F: Fn(&str) -> bool + Send + Sync> Validator for Text<F> {
    fn describe(&self) -> String {
        self.expected.clone()
    }

    fn check(&self, cx: &Validate<'_>) -> Diagnostics {
        match cx.value.as_str() {
            Some(text) if !(self.accepts)(text) => cx.invalid(&self.expected, &cx.found()),
            _ => Diagnostics::new(),
        }
    }

    fn examples(&self) -> Vec<Value> {
        self.examples.iter().map(|text| text.as_str().into()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_value;
    use super::*;

    #[test]
    fn lists_of_texts_are_closed() {
        let mode = one_of(["floor", "exact"]);
        check_value(&mode, "floor", None);
        check_value(&mode, "Floor", Some("`a`: expected one of `floor`, `exact`, found \"Floor\"."));
    }

    #[test]
    fn lengths_count_characters() {
        check_value(&length(1, 2), "äö", None);
        check_value(&length(1, 2), "", Some("`a`: expected a text of 1 to 2 characters, found \"\"."));
    }

    #[test]
    fn patterns_are_told_in_words() {
        let name = regex("^[a-z]+$", "lower-case letters").expect("is a pattern");
        check_value(&name, "abc", None);
        check_value(&name, "a b", Some("`a`: expected lower-case letters, found \"a b\"."));
    }

    #[test]
    fn durations_are_an_integer_and_a_unit() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("15m", 900), ("6h", 21_600), ("7d", 604_800)] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "for {text}");
        }
        for text in ["", "h", "1", "1.5h", "-1h", "+1h", "1w", "1H", " 1h", "99999999999999999999d", "1ä"] {
            assert_eq!(parse_duration(text), None, "for {text}");
        }
        check_value(
            &duration_within("1m", "1h"),
            "30s",
            Some("`a`: expected a duration from 1m to 1h, found \"30s\"."),
        );
        check_value(&duration_within("1m", "1h"), "60m", None);
    }

    #[test]
    fn times_follow_rfc_3339() {
        for text in [
            "2026-11-23T07:30:00Z",
            "2024-02-29t23:59:60z",
            "2026-11-23 07:30:00.25+05:30",
            "1996-12-19T16:39:57-08:00",
        ] {
            assert!(is_rfc3339(text), "refused {text}");
        }
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T07:30:00",
            "2026-11-23T07:30Z",
            "2026-13-01T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T07:30:00.Z",
            "2026-11-23T07:30:00+0530",
            "2026-11-23T07:30:00Zx",
            "ä026-11-23T07:30:00Z",
        ] {
            assert!(!is_rfc3339(text), "accepted {text}");
        }
    }
}
