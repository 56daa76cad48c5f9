//! A configuration as the user wrote it, which may hold unknown values.

use serde::de::DeserializeOwned;

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::model::{Field, from_value};
use crate::path::Path;
use crate::value::Value;

/// A configuration: an object value with typed access to its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    value: Value,
}

impl Config {
    /// A configuration of this object value.
    pub fn new(value: Value) -> Config {
        Config { value }
    }

    /// The whole as a value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// The part at `path` (`"capacity.min"` or a [`Path`]): known, null or unknown.
    ///
    /// # Errors
    /// A diagnostic at the path if `T` cannot take the value.
    pub fn get<T: DeserializeOwned>(&self, path: impl Into<Path>) -> Result<Field<T>, Diagnostics> {
        let path = path.into();
        let value = self.value.get(&path).unwrap_or(&Value::Null);
        if value.is_null() {
            return Ok(Field::Null);
        }
        if !value.is_wholly_known() {
            return Ok(Field::Unknown);
        }
        from_value(value).map(Field::Known).map_err(|error| {
            let inner = error.path.steps().iter().fold(path.clone(), |path, step| path.join(step.clone()));
            let detail = format!("`{inner}`: expected {}, found {}.", error.expected, error.found);
            Diagnostic::error("Invalid value", detail).at(inner).into()
        })
    }

    /// The whole as a model.
    ///
    /// # Errors
    /// A diagnostic at the path of the first part that the model cannot take, for example as it is unknown.
    pub fn model<M: DeserializeOwned>(&self) -> Result<M, Diagnostics> {
        from_value(&self.value).map_err(|error| {
            let detail = format!("`{}`: expected {}, found {}.", error.path, error.expected, error.found);
            Diagnostic::error("Invalid value", detail).at(error.path).into()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_with_their_type() {
        let config = Config::new(Value::object([
            ("capacity", Value::object([("min", 2.into()), ("max", Value::UNKNOWN), ("step", Value::Null)])),
            ("name", "a".into()),
        ]));
        assert_eq!(config.get::<i64>("capacity.min"), Ok(Field::Known(2)));
        assert_eq!(config.get::<i64>("capacity.max"), Ok(Field::Unknown));
        assert_eq!(config.get::<i64>("capacity.step"), Ok(Field::Null));
        assert_eq!(config.get::<i64>("nothing.here"), Ok(Field::Null));
        let wrong = config.get::<i64>("name").expect_err("is a text");
        assert_eq!(wrong.to_string(), "error: Invalid value (at name): `name`: expected a number, found a string.");
    }
}
