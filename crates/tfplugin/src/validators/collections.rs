//! Checks on lists, sets and maps, and on what they hold.

use super::{Check, Validate, Validator};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::path::Step;
use crate::value::Value;

/// A collection of `min` to `max` elements.
pub fn items(min: usize, max: usize) -> Check {
    Check::new(Items { min, max })
}

/// Each element of a list, set or map passes `inner`.
pub fn each(inner: impl Validator + 'static) -> Check {
    Check::new(Each { inner })
}

/// Each key of a map passes `inner`, a check on texts.
pub fn keys(inner: impl Validator + 'static) -> Check {
    Check::new(Keys { inner })
}

/// No two elements of a list are equal.
pub fn unique() -> Check {
    Check::new(Unique)
}

struct Items {
    min: usize,
    max: usize,
}

impl Validator for Items {
    fn describe(&self) -> String {
        match (self.min, self.max) {
            (min, usize::MAX) => format!("{min} or more elements"),
            (min, max) => format!("{min} to {max} elements"),
        }
    }

    fn check(&self, cx: &Validate<'_>) -> Diagnostics {
        let count = cx.value.elements().map(<[Value]>::len).or_else(|| cx.value.entries().map(|all| all.len()));
        match count {
            Some(count) if !(self.min..=self.max).contains(&count) => cx.invalid(&self.describe(), &count.to_string()),
            _ => Diagnostics::new(),
        }
    }
}

struct Each<V> {
    inner: V,
}

impl<V: Validator> Validator for Each<V> {
    fn describe(&self) -> String {
        match self.inner.describe() {
            text if text.is_empty() => text,
            text => format!("each: {text}"),
        }
    }

    fn check(&self, cx: &Validate<'_>) -> Diagnostics {
        let one = |step: Step, value: &Value| match value {
            known if known.is_null() || known.is_unknown() => Diagnostics::new(),
            value => self.inner.check(&Validate { path: &cx.path.join(step), value, ..*cx }),
        };
        match cx.value.undynamic() {
            Value::List(all) | Value::Tuple(all) => {
                all.iter().enumerate().flat_map(|(index, value)| one(Step::Index(index), value)).collect()
            }
            Value::Set(all) => all.iter().flat_map(|value| one(Step::Element, value)).collect(),
            Value::Map(all) => all.iter().flat_map(|(key, value)| one(Step::Key(key.clone()), value)).collect(),
            _ => Diagnostics::new(),
        }
    }
}

struct Keys<V> {
    inner: V,
}

impl<V: Validator> Validator for Keys<V> {
    fn describe(&self) -> String {
        format!("keys: {}", self.inner.describe())
    }

    fn check(&self, cx: &Validate<'_>) -> Diagnostics {
        let entries = cx.value.entries().into_iter().flat_map(|all| all.keys());
        let one = |key: &String| {
            let value = Value::from(key.as_str());
            self.inner.check(&Validate { path: &cx.path.key(key), value: &value, ..*cx })
        };
        entries.flat_map(one).collect()
    }
}

struct Unique;

impl Validator for Unique {
    fn describe(&self) -> String {
        "no element twice".to_owned()
    }

    fn check(&self, cx: &Validate<'_>) -> Diagnostics {
        let elements = cx.value.elements().unwrap_or_default();
        let repeated = elements.iter().enumerate().find(|(index, value)| elements[..*index].contains(value));
        match repeated {
            Some((index, value)) if value.is_wholly_known() => {
                let first = elements.iter().position(|other| other == value).unwrap_or_default();
                let detail = format!(
                    "`{}`: the element at {index} equals the one at {first}, expected no element twice.",
                    cx.path
                );
                Diagnostic::error("Invalid value", detail).at(cx.path.index(index)).into()
            }
            _ => Diagnostics::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check_value;
    use super::super::{at_least, length};
    use super::*;

    #[test]
    fn elements_are_counted() {
        check_value(&items(1, 2), Value::List(vec![]), Some("`a`: expected 1 to 2 elements, found 0."));
        check_value(&items(1, usize::MAX), Value::map([("k", 1.into())]), None);
    }

    #[test]
    fn a_bad_element_is_named_by_its_place() {
        let values = Value::List(vec![1.into(), Value::UNKNOWN, 0.into()]);
        check_value(&each(at_least(1)), values, Some("`a[2]`: expected a number of 1 or more, found 0."));
        let map = Value::map([("k", 0.into())]);
        check_value(&each(at_least(1)), map.clone(), Some("`a[\"k\"]`: expected a number of 1 or more, found 0."));
        check_value(&keys(length(2, 9)), map, Some("`a[\"k\"]`: expected a text of 2 to 9 characters, found \"k\"."));
    }

    #[test]
    fn repeats_are_found() {
        let detail = "`a`: the element at 2 equals the one at 0, expected no element twice.";
        check_value(&unique(), Value::List(vec![1.into(), 2.into(), 1.into()]), Some(detail));
        check_value(&unique(), Value::List(vec![Value::UNKNOWN, Value::UNKNOWN]), None);
    }
}
