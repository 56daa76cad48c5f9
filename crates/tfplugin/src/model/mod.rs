//! Rust structs as models of configuration and state.
//!
//! A model is a plain serde struct whose fields carry the names of the schema's attributes; [`check_model`] holds the
//! two equal, and the provider's self-test calls it for every part. How a field takes a value:
//!
//! | field | takes |
//! |---|---|
//! | `T` | what is always set and known when the model is made: required attributes, computed ones in state |
//! | `Option<T>` | what may be null |
//! | [`Field<T>`] | what may be null or unknown: computed attributes of a resource, which are unknown in its plan |
//! | [`Number`](crate::value::Number) | a number in full precision |
//! | [`Value`] | anything, for attributes of dynamic type |

mod check;
mod de;
mod field;
mod ser;
mod value;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use check::{ModelUse, check_model};
pub use field::Field;

use crate::value::{Type, Value, ValueError, conform};

/// A serde struct that stands for values of a schema.
pub trait Model: Serialize + DeserializeOwned + Send + Sync + 'static {}

impl<M: Serialize + DeserializeOwned + Send + Sync + 'static> Model for M {}

/// Makes a model from a value.
///
/// # Errors
/// `ValueError` with the path of the first part that its field cannot take.
pub fn from_value<M: DeserializeOwned>(value: &Value) -> Result<M, ValueError> {
    M::deserialize(de::Deserializer::new(value)).map_err(de::Error::into_value_error)
}

/// Makes a value of type `ty` from a model.
///
/// # Errors
/// `ValueError` with the path of the first part that does not fit the type.
pub fn to_value<M: Serialize + ?Sized>(model: &M, r#type: &Type) -> Result<Value, ValueError> {
    let value = model.serialize(ser::Serializer).map_err(de::Error::into_value_error)?;
    conform::conform(value, r#type)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::value::Number;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        Floor,
        ExactFit,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Step {
        time: String,
        units: i64,
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Everything {
        id: Field<String>,
        mode: Mode,
        share: f64,
        exact: Number,
        maybe: Option<bool>,
        tags: BTreeMap<String, String>,
        steps: Field<Vec<Step>>,
        any: Value,
    }

    fn r#type() -> Type {
        Type::object([
            ("id", Type::String),
            ("mode", Type::String),
            ("share", Type::Number),
            ("exact", Type::Number),
            ("maybe", Type::Bool),
            ("tags", Type::map(Type::String)),
            ("steps", Type::list(Type::object([("time", Type::String), ("units", Type::Number)]))),
            ("any", Type::Dynamic),
        ])
    }

    fn everything() -> Everything {
        Everything {
            id: Field::Unknown,
            mode: Mode::ExactFit,
            share: 0.1,
            exact: "12345678901234567890.5".parse().expect("is a number"),
            maybe: None,
            tags: [("a".to_owned(), "b".to_owned())].into(),
            steps: Field::Known(vec![Step { time: "07:00".to_owned(), units: 4 }]),
            any: Value::Dynamic(Box::new((Type::set(Type::Bool), Value::set(vec![true.into(), Value::UNKNOWN])))),
        }
    }

    #[test]
    fn a_model_survives_the_way_there_and_back() {
        let value = to_value(&everything(), &r#type()).expect("fits");
        assert_eq!(value.get(&"mode".into()), Some(&"exact_fit".into()));
        assert_eq!(value.get(&"share".into()), Some(&0.1.into()));
        assert_eq!(value.get(&"id".into()), Some(&Value::UNKNOWN));
        assert_eq!(value.get(&"maybe".into()), Some(&Value::Null));
        assert_eq!(from_value::<Everything>(&value), Ok(everything()));
    }

    fn check_error(change: impl FnOnce(&mut BTreeMap<String, Value>), expected: &str) {
        let Ok(Value::Object(mut entries)) = to_value(&everything(), &r#type()) else { panic!("is an object") };
        change(&mut entries);
        let error = from_value::<Everything>(&Value::Object(entries)).expect_err("does not fit");
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_field_that_cannot_take_its_value_is_named() {
        check_error(
            |all| drop(all.insert("mode".into(), "none".into())),
            "mode: expected one of `floor`, `exact_fit`, found `none`",
        );
        check_error(|all| drop(all.insert("share".into(), Value::Null)), "share: expected a number, found null");
        check_error(
            |all| drop(all.insert("share".into(), Value::UNKNOWN)),
            "share: expected a number, found a value known only after apply",
        );
        let half = Value::List(vec![Value::object([("time", "1".into()), ("units", 0.5.into())])]);
        check_error(|all| drop(all.insert("steps".into(), half)), "steps[0].units: expected a whole number, found 0.5");
    }
}
