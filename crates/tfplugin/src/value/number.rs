//! Exact decimal numbers: what HCL holds with 512 bits must come back unchanged.
//!
//! A number is kept as text in one canonical form, so that `0.1` and integers of 20 digits survive, and so that
//! `1`, `1.0` and `1e0` are equal. Arithmetic is done on `i64` and `f64` after a checked conversion.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Exponents beyond this are refused: written out they would fill memory.
const MAX_EXPONENT: i64 = 100_000;
/// Longer texts are refused; 512 bits of precision need under 200 digits.
const MAX_DIGITS: usize = 4096;
/// Up to here a number is written without an exponent.
const MAX_PLAIN: i64 = 1200;

pub(crate) const NUMBER_TOKEN: &str = "$tfplugin::Number";

/// A decimal number of any length, exactly as Terraform sent it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Number(Repr);

#[derive(Clone, PartialEq, Eq, Hash)]
enum Repr {
    Int(i64),
    /// Canonical text of what is not an `i64`.
    Decimal(Box<str>),
}

/// The text is no finite decimal number, or one of unreasonable length.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a decimal number of at most 4096 digits, found {found:?}")]
pub struct ParseNumberError {
    found: String,
}

impl Number {
    /// The nearest `f64`; `None` if it is beyond the range of one.
    pub fn as_f64(&self) -> Option<f64> {
        match &self.0 {
            Repr::Int(int) => Some(*int as f64),
            Repr::Decimal(text) => text.parse::<f64>().ok().filter(|value| value.is_finite()),
        }
    }

    /// The value as an `i64`; `None` if it has a fraction or does not fit.
    pub fn as_i64(&self) -> Option<i64> {
        match self.0 {
            Repr::Int(int) => Some(int),
            Repr::Decimal(_) => None,
        }
    }

    /// The value as a `u64`; `None` if it is negative, has a fraction or does not fit.
    pub fn as_u64(&self) -> Option<u64> {
        match &self.0 {
            Repr::Int(int) => u64::try_from(*int).ok(),
            Repr::Decimal(text) => text.parse().ok(),
        }
    }

    /// Whether it has no fraction.
    pub fn is_integer(&self) -> bool {
        matches!(self.0, Repr::Int(_)) || self.parts().2 >= 0
    }

    /// The number that reads as the shortest decimal which gives `value` back (`0.1` for `0.1`); `None` if not finite.
    pub fn from_f64(value: f64) -> Option<Number> {
        if !value.is_finite() {
            return None;
        }
        format!("{value:e}").parse().ok()
    }

    /// The number that equals the binary `value` in every digit; `None` if not finite.
    ///
    /// Terraform sends a float only for numbers that a double holds exactly, so its meaning is the exact one.
    pub(crate) fn from_f64_exact(value: f64) -> Option<Number> {
        if !value.is_finite() {
            return None;
        }
        // A double has at most 1074 places after the point.
        format!("{value:.1074}").parse().ok()
    }

    /// Sign, digits without zeros at either end, and the power of ten of the last digit; zero has no digits.
    fn parts(&self) -> (bool, String, i64) {
        parse_parts(&self.to_string()).unwrap_or_default()
    }
}

impl From<i64> for Number {
    fn from(int: i64) -> Number {
        Number(Repr::Int(int))
    }
}

impl From<u64> for Number {
    fn from(int: u64) -> Number {
        match i64::try_from(int) {
            Ok(int) => Number(Repr::Int(int)),
            Err(_) => Number(Repr::Decimal(int.to_string().into())),
        }
    }
}

impl FromStr for Number {
    type Err = ParseNumberError;

    fn from_str(text: &str) -> Result<Number, ParseNumberError> {
        let (negative, digits, exponent) =
            parse_parts(text).ok_or_else(|| ParseNumberError { found: text.chars().take(40).collect() })?;
        Ok(canonical(negative, &digits, exponent))
    }
}

/// `None` unless `text` is `[+-]digits[.digits][e[+-]digits]` within the limits.
fn parse_parts(text: &str) -> Option<(bool, String, i64)> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], unsigned[at + 1..].parse::<i64>().ok()?),
        None => (unsigned, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !all_digits || whole.len() + fraction.len() == 0 || exponent.abs() > MAX_EXPONENT {
        return None;
    }
    let mut digits = [whole, fraction].concat();
    let mut exponent = exponent - fraction.len() as i64;
    let kept = digits.trim_end_matches('0').len();
    exponent += (digits.len() - kept) as i64;
    digits.truncate(kept);
    let digits = digits.trim_start_matches('0').to_owned();
    if digits.len() > MAX_DIGITS || exponent.abs() > MAX_EXPONENT + MAX_DIGITS as i64 {
        return None;
    }
    Some(if digits.is_empty() { (false, digits, 0) } else { (negative, digits, exponent) })
}

fn canonical(negative: bool, digits: &str, exponent: i64) -> Number {
    let sign = if negative { "-" } else { "" };
    let length = digits.len() as i64;
    let text = if digits.is_empty() {
        "0".to_owned()
    } else if (0..=MAX_PLAIN).contains(&exponent) {
        format!("{sign}{digits}{}", "0".repeat(exponent as usize))
    } else if (-MAX_PLAIN..0).contains(&exponent) && -exponent >= length {
        format!("{sign}0.{}{digits}", "0".repeat((-exponent - length) as usize))
    } else if (-MAX_PLAIN..0).contains(&exponent) {
        let (whole, fraction) = digits.split_at((length + exponent) as usize);
        format!("{sign}{whole}.{fraction}")
    } else {
        format!("{sign}{digits}e{exponent}")
    };
    match text.parse::<i64>() {
        Ok(int) => Number(Repr::Int(int)),
        Err(_) => Number(Repr::Decimal(text.into())),
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        if let (Repr::Int(a), Repr::Int(b)) = (&self.0, &other.0) {
            return a.cmp(b);
        }
        let ((a_negative, a, a_exponent), (b_negative, b, b_exponent)) = (self.parts(), other.parts());
        let sign = |negative: bool, digits: &str| match (digits.is_empty(), negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        let by_sign = sign(a_negative, &a).cmp(&sign(b_negative, &b));
        // Digits carry no trailing zeros, so that a shorter text which begins a longer one is the smaller number.
        let by_size = (a.len() as i64 + a_exponent).cmp(&(b.len() as i64 + b_exponent)).then_with(|| a.cmp(&b));
        by_sign.then(if a_negative { by_size.reverse() } else { by_size })
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Int(int) => int.fmt(f),
            Repr::Decimal(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(NUMBER_TOKEN, &self.to_string())
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Number, D::Error> {
        struct Visitor;
        impl<'de> de::Visitor<'de> for Visitor {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Number, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        }
        deserializer.deserialize_newtype_struct(NUMBER_TOKEN, Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(text: &str, canonical: &str) {
        assert_eq!(text.parse::<Number>().expect("is a number").to_string(), canonical, "for {text}");
    }

    #[test]
    fn one_value_has_one_text() {
        for (text, canonical) in [
            ("0.1", "0.1"),
            ("1.0", "1"),
            ("1e0", "1"),
            ("-0", "0"),
            ("0.000", "0"),
            ("007", "7"),
            ("12345678901234567890", "12345678901234567890"),
            ("-12345678901234567890.5000", "-12345678901234567890.5"),
            ("1e20", "100000000000000000000"),
            ("2.5E-3", "0.0025"),
            ("1e5000", "1e5000"),
            ("9223372036854775807", "9223372036854775807"),
            ("9223372036854775808", "9223372036854775808"),
        ] {
            check_text(text, canonical);
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "e5", "1e", "1e999999999", "0x10", "NaN", "inf", "1 ", "1_000", "--1", "1.2.3"] {
            assert!(text.parse::<Number>().is_err(), "accepted {text:?}");
        }
        assert_eq!(Number::from_f64(f64::NAN), None);
        assert_eq!(Number::from_f64(f64::INFINITY), None);
    }

    #[test]
    fn numbers_are_ordered_by_value() {
        let texts = ["-1e400", "-12345678901234567890", "-2", "-1.5", "0", "0.05", "0.1", "1", "1.25", "1.3", "1e30"];
        let mut numbers: Vec<Number> = texts.iter().rev().map(|text| text.parse().expect("is a number")).collect();
        numbers.sort();
        let expected: Vec<Number> = texts.iter().map(|text| text.parse().expect("is a number")).collect();
        assert_eq!(numbers, expected);
    }

    #[test]
    fn doubles_convert_both_ways() {
        assert_eq!(Number::from_f64(0.1).map(|n| n.to_string()).as_deref(), Some("0.1"));
        assert_eq!(Number::from_f64_exact(0.5).map(|n| n.to_string()).as_deref(), Some("0.5"));
        let exact = Number::from_f64_exact(0.1).expect("finite");
        assert!(exact.to_string().starts_with("0.1000000000000000055511151231257827"));
        assert_eq!(exact.as_f64(), Some(0.1));
        assert_eq!("1e400".parse::<Number>().expect("is a number").as_f64(), None);
        assert_eq!("18446744073709551615".parse::<Number>().expect("is a number").as_u64(), Some(u64::MAX));
        assert_eq!(Number::from(u64::MAX).to_string(), "18446744073709551615");
        assert!("1e30".parse::<Number>().expect("is a number").is_integer());
        assert!(!"1.5".parse::<Number>().expect("is a number").is_integer());
    }
}
