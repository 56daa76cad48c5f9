//! Values as Terraform has them: known, null or unknown, and exact.

pub(crate) mod conform;
pub mod json;
pub mod msgpack;
pub(crate) mod number;
pub(crate) mod types;
mod unknown;

use std::collections::BTreeMap;

pub use number::{Number, ParseNumberError};
pub use types::{ObjectType, Type, TypeError};
pub use unknown::{Bound, Refinement};

use crate::path::{Path, Step};

/// A value; which type a null or an unknown has is told by the schema beside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Not set.
    Null,
    /// Known only after apply; what is known about it beforehand is the refinement.
    Unknown(Refinement),
    /// `true` or `false`
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text.
    String(String),
    /// Elements of one type in order.
    List(Vec<Value>),
    /// Elements of one type, sorted and without repeats; build it with [`Value::set`].
    Set(Vec<Value>),
    /// Elements of unlike types in order.
    Tuple(Vec<Value>),
    /// Elements of one type by key.
    Map(BTreeMap<String, Value>),
    /// Attributes by name.
    Object(BTreeMap<String, Value>),
    /// A value in a place of dynamic type, with the type that it was given.
    Dynamic(Box<(Type, Value)>),
}

/// A value does not fit the type that its place has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}expected {expected}, found {found}", self.prefix())]
pub struct ValueError {
    /// Where in the value.
    pub path: Path,
    /// What the place takes.
    pub expected: String,
    /// What is there.
    pub found: String,
}

impl ValueError {
    pub(crate) fn new(expected: impl Into<String>, found: impl Into<String>) -> ValueError {
        ValueError { path: Path::root(), expected: expected.into(), found: found.into() }
    }

    pub(crate) fn under(mut self, step: Step) -> ValueError {
        self.path.prepend(step);
        self
    }

    fn prefix(&self) -> String {
        if self.path.is_root() { String::new() } else { format!("{}: ", self.path) }
    }
}

impl Value {
    /// An unknown value about which nothing is known.
    pub const UNKNOWN: Value = Value::Unknown(Refinement::NONE);

    /// A set of `elements`, in any order and with repeats.
    pub fn set(mut elements: Vec<Value>) -> Value {
        elements.sort();
        elements.dedup();
        Value::Set(elements)
    }

    /// An object of `attributes`.
    pub fn object<N: Into<String>>(attributes: impl IntoIterator<Item = (N, Value)>) -> Value {
        Value::Object(attributes.into_iter().map(|(name, value)| (name.into(), value)).collect())
    }

    /// A map of `elements`.
    pub fn map<K: Into<String>>(elements: impl IntoIterator<Item = (K, Value)>) -> Value {
        Value::Map(elements.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// Whether it is null.
    pub fn is_null(&self) -> bool {
        match self {
            Value::Null => true,
            Value::Dynamic(inner) => inner.1.is_null(),
            _ => false,
        }
    }

    /// Whether it is unknown as a whole.
    pub fn is_unknown(&self) -> bool {
        match self {
            Value::Unknown(_) => true,
            Value::Dynamic(inner) => inner.1.is_unknown(),
            _ => false,
        }
    }

    /// Whether neither it nor any part of it is unknown.
    pub fn is_wholly_known(&self) -> bool {
        self.first_unknown().is_none()
    }

    /// The path of the first unknown part.
    pub fn first_unknown(&self) -> Option<Path> {
        let mut found = None;
        self.walk(&mut Path::root(), &mut |path, value| {
            if found.is_none() && matches!(value, Value::Unknown(_)) {
                found = Some(path.clone());
            }
        });
        found
    }

    /// The text of a known string.
    pub fn as_str(&self) -> Option<&str> {
        match self.undynamic() {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// A known number.
    pub fn as_number(&self) -> Option<&Number> {
        match self.undynamic() {
            Value::Number(number) => Some(number),
            _ => None,
        }
    }

    /// A known truth value.
    pub fn as_bool(&self) -> Option<bool> {
        match self.undynamic() {
            Value::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    /// The elements of a known list, set or tuple.
    pub fn elements(&self) -> Option<&[Value]> {
        match self.undynamic() {
            Value::List(elements) | Value::Set(elements) | Value::Tuple(elements) => Some(elements),
            _ => None,
        }
    }

    /// The entries of a known map or object.
    pub fn entries(&self) -> Option<&BTreeMap<String, Value>> {
        match self.undynamic() {
            Value::Map(entries) | Value::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value without the wrapper that a dynamic place gives it.
    pub fn undynamic(&self) -> &Value {
        match self {
            Value::Dynamic(inner) => inner.1.undynamic(),
            other => other,
        }
    }

    /// The part at `path`; null or unknown where the way ends in one; `None` if there is no such part.
    pub fn get(&self, path: &Path) -> Option<&Value> {
        let mut value = self.undynamic();
        for step in path.steps() {
            value = match (value, step) {
                (Value::Null | Value::Unknown(_), _) => return Some(value),
                (Value::Object(entries), Step::Attribute(name)) => entries.get(name)?,
                (Value::Map(entries), Step::Key(name) | Step::Attribute(name)) => entries.get(name)?,
                (Value::List(elements) | Value::Tuple(elements), Step::Index(index)) => elements.get(*index)?,
                _ => return None,
            }
            .undynamic();
        }
        Some(value)
    }

    /// Calls `visit` for this value and each part of it, parents first.
    pub(crate) fn walk(&self, path: &mut Path, visit: &mut dyn FnMut(&Path, &Value)) {
        visit(path, self);
        let mut go = |step: Step, value: &Value| {
            path.push(step);
            value.walk(path, visit);
            path.pop();
        };
        match self {
            Value::List(elements) | Value::Tuple(elements) => {
                elements.iter().enumerate().for_each(|(index, element)| go(Step::Index(index), element));
            }
            Value::Set(elements) => elements.iter().for_each(|element| go(Step::Element, element)),
            Value::Map(entries) => entries.iter().for_each(|(key, value)| go(Step::Key(key.clone()), value)),
            Value::Object(entries) => entries.iter().for_each(|(name, value)| go(Step::Attribute(name.clone()), value)),
            Value::Dynamic(inner) => inner.1.walk(path, visit),
            Value::Null | Value::Unknown(_) | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Where `other` first differs from this value; the root if the difference has no address.
    pub(crate) fn first_difference(&self, other: &Value) -> Option<Path> {
        let mut found = None;
        self.walk(&mut Path::root(), &mut |path, value| {
            let is_leaf = value.elements().is_none() && value.entries().is_none();
            let differs = || other.get(path).is_some_and(|there| there != value.undynamic());
            if found.is_none() && is_leaf && differs() {
                found = Some(path.clone());
            }
        });
        found.or_else(|| (self != other).then(Path::root))
    }

    /// What kind of value it is, for error texts; never the value itself, which may be secret.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Unknown(_) => "a value known only after apply",
            Value::Bool(_) => "a bool",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::List(_) => "a list",
            Value::Set(_) => "a set",
            Value::Tuple(_) => "a tuple",
            Value::Map(_) => "a map",
            Value::Object(_) => "an object",
            Value::Dynamic(inner) => inner.1.kind(),
        }
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Value {
        Value::Bool(truth)
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Value {
        Value::Number(int.into())
    }
}

impl From<i32> for Value {
    fn from(int: i32) -> Value {
        Value::Number(i64::from(int).into())
    }
}

impl From<f64> for Value {
    /// Null for what is not finite, as Terraform has no such number.
    fn from(float: f64) -> Value {
        Number::from_f64(float).map_or(Value::Null, Value::Number)
    }
}

impl From<Number> for Value {
    fn from(number: Number) -> Value {
        Value::Number(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(text)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(option: Option<T>) -> Value {
        option.map_or(Value::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_no_order_and_no_repeats() {
        let one = Value::set(vec!["b".into(), "a".into(), "b".into()]);
        assert_eq!(one, Value::set(vec!["a".into(), "b".into()]));
    }

    #[test]
    fn parts_are_found_by_path() {
        let value = Value::object([
            ("steps", Value::List(vec![Value::object([("time", "07:00".into())])])),
            ("tags", Value::map([("a", 1.into())])),
            ("later", Value::UNKNOWN),
        ]);
        let time = Path::attribute("steps").index(0).child("time");
        assert_eq!(value.get(&time).and_then(Value::as_str), Some("07:00"));
        assert_eq!(value.get(&Path::attribute("tags").key("a")), Some(&1.into()));
        assert_eq!(value.get(&Path::from("later.inner")), Some(&Value::UNKNOWN));
        assert_eq!(value.get(&Path::from("missing")), None);
        assert_eq!(value.first_unknown(), Some(Path::from("later")));
    }
}
