//! Checks on configuration that Terraform's types do not make: each names the attribute, what was found, what was
//! expected.
//!
//! They run on known values only; what is unknown while planning is checked again when it is known.

mod across;
mod collections;
mod numbers;
mod texts;

pub use across::{all_of, at_least_one_of, conflicts_with, exactly_one_of, required_with};
pub use collections::{each, items, keys, unique};
pub use numbers::{at_least, at_most, finite_float, range, whole_number};
pub use texts::{duration, duration_within, length, one_of, parse_duration, regex, rfc3339};

use std::sync::Arc;

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::path::Path;
use crate::value::Value;

/// What a validator sees.
#[derive(Debug, Clone, Copy)]
pub struct Validate<'a> {
    /// Where the value stands.
    pub path: &'a Path,
    /// The configured value.
    pub value: &'a Value,
    /// The object in which it stands.
    pub parent: &'a Value,
    /// The whole configuration.
    pub config: &'a Value,
}

/// A check on one value.
pub trait Validator: Send + Sync {
    /// What is expected, in a few words for the documentation; empty for what goes without saying.
    fn describe(&self) -> String;

    /// The problems of a known value that is not null.
    fn check(&self, cx: &Validate<'_>) -> Diagnostics;

    /// Values that the check accepts, so that [`check_model`](crate::model::check_model) can try the model on them.
    fn examples(&self) -> Vec<Value> {
        Vec::new()
    }
}

/// A ready-made check.
#[derive(Clone)]
pub struct Check(Arc<dyn Validator>);

impl Check {
    fn new(validator: impl Validator + 'static) -> Check {
        Check(Arc::new(validator))
    }
}

impl Validator for Check {
    fn describe(&self) -> String {
        self.0.describe()
    }

    fn check(&self, cx: &Validate<'_>) -> Diagnostics {
        self.0.check(cx)
    }

    fn examples(&self) -> Vec<Value> {
        self.0.examples()
    }
}

/// A check out of a function, which answers what is wrong: `expected` is told to the user and in the documentation.
pub fn custom<F>(expected: impl Into<String>, accepts: F) -> Check
where
    F: Fn(&Value) -> bool + Send + Sync + 'static,
{
    Check::new(Custom { expected: expected.into(), accepts })
}

struct Custom<F> {
    expected: String,
    accepts: F,
}

impl<F: Fn(&Value) -> bool + Send + Sync> Validator for Custom<F> {
    fn describe(&self) -> String {
        self.expected.clone()
    }

    fn check(&self, cx: &Validate<'_>) -> Diagnostics {
        if (self.accepts)(cx.value) { Diagnostics::new() } else { cx.invalid(&self.expected, &cx.found()) }
    }
}

impl Validate<'_> {
    /// The usual message: the attribute, what was expected, what was found.
    pub fn invalid(&self, expected: &str, found: &str) -> Diagnostics {
        let detail = format!("`{}`: expected {expected}, found {found}.", self.path);
        Diagnostic::error("Invalid value", detail).at(self.path.clone()).into()
    }

    /// The value as a message shows it, shortened.
    pub fn found(&self) -> String {
        match self.value.undynamic() {
            Value::String(text) => {
                let shown: String = text.chars().take(80).collect();
                let more = if shown.len() < text.len() { " (shortened)" } else { "" };
                format!("{shown:?}{more}")
            }
            Value::Number(number) => number.to_string(),
            Value::Bool(truth) => truth.to_string(),
            other => other.kind().to_owned(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Checks `value` as the attribute `a`; `expected` is the detail, or `None` if it is accepted.
    pub(crate) fn check_value(validator: &dyn Validator, value: impl Into<Value>, expected: Option<&str>) {
        let value = value.into();
        let config = Value::object([("a", value.clone())]);
        let found =
            validator.check(&Validate { path: &Path::from("a"), value: &value, parent: &config, config: &config });
        let details: Vec<&str> = found.iter().map(|diagnostic| diagnostic.detail.as_str()).collect();
        assert_eq!(details, expected.into_iter().collect::<Vec<_>>(), "for {value:?}");
    }

    #[test]
    fn a_custom_check_says_what_it_expects() {
        let even = custom("an even number", |value| {
            value.as_number().and_then(|number| number.as_i64()).is_some_and(|n| n % 2 == 0)
        });
        check_value(&even, 4, None);
        check_value(&even, 5, Some("`a`: expected an even number, found 5."));
    }
}
