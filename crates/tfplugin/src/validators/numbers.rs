//! Checks on numbers.

use super::{Check, Validate, Validator};
use crate::diagnostics::Diagnostics;
use crate::value::{Number, Value};

/// A number from `min` to `max`, both allowed.
pub fn range(min: impl Into<Value>, max: impl Into<Value>) -> Check {
    Check::new(Range { min: limit(min), max: limit(max) })
}

/// A number of `min` or more.
pub fn at_least(min: impl Into<Value>) -> Check {
    Check::new(Range { min: limit(min), max: None })
}

/// A number of `max` or less.
pub fn at_most(max: impl Into<Value>) -> Check {
    Check::new(Range { min: None, max: limit(max) })
}

/// A number without a fraction that an `i64` holds.
pub fn whole_number() -> Check {
    Check::new(Unsaid {
        expected: "a whole number of at most 18 digits",
        accepts: |number: &Number| number.as_i64().is_some(),
    })
}

/// A number within the range of an `f64`.
pub fn finite_float() -> Check {
    Check::new(Unsaid {
        expected: "a number between -1.7e308 and 1.7e308",
        accepts: |number: &Number| number.as_f64().is_some(),
    })
}

struct Range {
    min: Option<Number>,
    max: Option<Number>,
}

fn limit(value: impl Into<Value>) -> Option<Number> {
    value.into().as_number().cloned()
}

impl Validator for Range {
    fn describe(&self) -> String {
        match (&self.min, &self.max) {
            (Some(min), Some(max)) => format!("a number from {min} to {max}"),
            (Some(min), None) => format!("a number of {min} or more"),
            (None, Some(max)) => format!("a number of {max} or less"),
            (None, None) => "a number".to_owned(),
        }
    }

    fn check(&self, cx: &Validate<'_>) -> Diagnostics {
        let Some(number) = cx.value.as_number() else { return Diagnostics::new() };
        let inside =
            self.min.as_ref().is_none_or(|min| number >= min) && self.max.as_ref().is_none_or(|max| number <= max);
        if inside { Diagnostics::new() } else { cx.invalid(&self.describe(), &cx.found()) }
    }

    fn examples(&self) -> Vec<Value> {
        self.min.iter().chain(&self.max).take(1).cloned().map(Value::Number).collect()
    }
}

/// A check that the attribute's type implies, and that documentation does not repeat.
struct Unsaid {
    expected: &'static str,
    accepts: fn(&Number) -> bool,
}

impl Validator for Unsaid {
    fn describe(&self) -> String {
        String::new()
    }

    fn check(&self, cx: &Validate<'_>) -> Diagnostics {
        match cx.value.as_number() {
            Some(number) if !(self.accepts)(number) => cx.invalid(self.expected, &cx.found()),
            _ => Diagnostics::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_value;
    use super::*;

    #[test]
    fn ranges_include_their_ends() {
        check_value(&range(0.1, 1), 0.1, None);
        check_value(&range(0.1, 1), 1, None);
        check_value(&range(0.1, 1), 1.5, Some("`a`: expected a number from 0.1 to 1, found 1.5."));
        check_value(&at_least(1), 0, Some("`a`: expected a number of 1 or more, found 0."));
        check_value(&at_most(1), 2, Some("`a`: expected a number of 1 or less, found 2."));
    }

    #[test]
    fn whole_numbers_have_no_fraction() {
        check_value(&whole_number(), 3, None);
        check_value(&whole_number(), 0.5, Some("`a`: expected a whole number of at most 18 digits, found 0.5."));
        assert_eq!(whole_number().describe(), "");
    }
}
