//! Values as JSON, the notation of Terraform's state.
//!
//! State is JSON without types; those come from the schema. Numbers keep all their digits. Attributes that the schema
//! does not have any more are passed over, missing ones are null. A value in a dynamic place is
//! `{"type": ..., "value": ...}`. Source: go-cty, package `cty/json`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::value::RawValue;

use super::types::MAX_DEPTH;
use super::{Type, Value, ValueError};
use crate::path::{Path, Step};

/// JSON text that is no value of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// The text is not JSON.
    #[error("the state is not JSON: {0}")]
    Syntax(String),
    /// A value does not fit its place.
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// Reads a value of type `ty`.
///
/// # Errors
/// `JsonError` if the text is anything else.
pub fn decode(json: &str, r#type: &Type) -> Result<Value, JsonError> {
    let raw: &RawValue = serde_json::from_str(json).map_err(|error| JsonError::Syntax(error.to_string()))?;
    Ok(read(raw, r#type, 0)?)
}

/// Writes a known value of type `ty`; unknown parts are written as null, as state has none.
pub fn encode(value: &Value, r#type: &Type) -> String {
    let mut out = String::new();
    write(&mut out, value, r#type);
    out
}

fn read(raw: &RawValue, r#type: &Type, depth: usize) -> Result<Value, ValueError> {
    let text = raw.get();
    if text == "null" {
        return Ok(Value::Null);
    }
    if depth > 2 * MAX_DEPTH {
        return Err(ValueError::new("a value of at most 128 levels", "more"));
    }
    let mismatch = || {
        let found = match text.as_bytes().first() {
            Some(b'"') => "a string",
            Some(b'{') => "an object",
            Some(b'[') => "an array",
            Some(b't' | b'f') => "a bool",
            _ => "a number",
        };
        ValueError { path: Path::root(), expected: r#type.to_string(), found: found.to_owned() }
    };
    let array = || serde_json::from_str::<Vec<&RawValue>>(text).map_err(|_| mismatch());
    let object = || serde_json::from_str::<BTreeMap<String, &RawValue>>(text).map_err(|_| mismatch());
    let inner = |raw: &RawValue, r#type: &Type, step: Step| {
        read(raw, r#type, depth + 1).map_err(|error: ValueError| error.under(step))
    };
    match r#type {
        Type::Bool => match text {
            "true" | "\"true\"" => Ok(Value::Bool(true)),
            "false" | "\"false\"" => Ok(Value::Bool(false)),
            _ => Err(mismatch()),
        },
        // Numbers in quotes are what Terraform writes for some values of its older formats.
        Type::Number => text.trim_matches('"').parse().map(Value::Number).map_err(|_| mismatch()),
        Type::String => match text.as_bytes().first() {
            Some(b'"') => serde_json::from_str(text).map(Value::String).map_err(|_| mismatch()),
            Some(b'{' | b'[') => Err(mismatch()),
            // Terraform converts as well when an attribute became a text.
            _ => Ok(Value::String(text.to_owned())),
        },
        Type::List(element) => {
            let all = array()?.into_iter().enumerate();
            Ok(Value::List(all.map(|(index, raw)| inner(raw, element, Step::Index(index))).collect::<Result<_, _>>()?))
        }
        Type::Set(element) => {
            let all = array()?.into_iter().map(|raw| inner(raw, element, Step::Element));
            Ok(Value::set(all.collect::<Result<_, _>>()?))
        }
        Type::Tuple(types) => {
            let all = array()?;
            if all.len() != types.len() {
                return Err(ValueError::new(format!("{} elements", types.len()), all.len().to_string()));
            }
            let all = all.into_iter().zip(types).enumerate();
            let all = all.map(|(index, (raw, r#type))| inner(raw, r#type, Step::Index(index)));
            Ok(Value::Tuple(all.collect::<Result<_, _>>()?))
        }
        Type::Map(element) => {
            let entry = |(key, raw): (String, &RawValue)| {
                let value = inner(raw, element, Step::Key(key.clone()))?;
                Ok((key, value))
            };
            Ok(Value::Map(object()?.into_iter().map(entry).collect::<Result<_, ValueError>>()?))
        }
        Type::Object(shape) => {
            let found = object()?;
            let attribute = |(name, r#type): (&String, &Type)| {
                let value = match found.get(name) {
                    Some(raw) => inner(raw, r#type, Step::Attribute(name.clone()))?,
                    None => Value::Null,
                };
                Ok((name.clone(), value))
            };
            Ok(Value::Object(shape.attributes.iter().map(attribute).collect::<Result<_, ValueError>>()?))
        }
        Type::Dynamic => {
            let found = object()?;
            let (Some(r#type), Some(value)) = (found.get("type"), found.get("value")) else { return Err(mismatch()) };
            let r#type = Type::from_json_bytes(r#type.get().as_bytes())
                .map_err(|error| ValueError::new("a type", error.to_string()))?;
            let value = read(value, &r#type, depth + 1)?;
            Ok(Value::Dynamic(Box::new((r#type, value))))
        }
    }
}

fn write(out: &mut String, value: &Value, r#type: &Type) {
    let list = |out: &mut String, all: &[Value], element: &dyn Fn(usize) -> Type| {
        out.push('[');
        for (index, value) in all.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            write(out, value, &element(index));
        }
        out.push(']');
    };
    let entries = |out: &mut String, all: &BTreeMap<String, Value>, element: &dyn Fn(&str) -> Type| {
        out.push('{');
        for (position, (name, value)) in all.iter().enumerate() {
            if position > 0 {
                out.push(',');
            }
            write_text(out, name);
            out.push(':');
            write(out, value, &element(name));
        }
        out.push('}');
    };
    match (value, r#type) {
        (Value::Null | Value::Unknown(_), _) => out.push_str("null"),
        (Value::Bool(truth), _) => out.push_str(if *truth { "true" } else { "false" }),
        // Writing to a string cannot fail.
        (Value::Number(number), _) => drop(write!(out, "{number}")),
        (Value::String(text), _) => write_text(out, text),
        (Value::List(all) | Value::Set(all), Type::List(element) | Type::Set(element)) => {
            list(out, all, &|_| (**element).clone());
        }
        (Value::Tuple(all), Type::Tuple(types)) => {
            list(out, all, &|index| types.get(index).cloned().unwrap_or(Type::Dynamic))
        }
        (Value::List(all) | Value::Set(all) | Value::Tuple(all), _) => list(out, all, &|_| Type::Dynamic),
        (Value::Map(all), Type::Map(element)) => entries(out, all, &|_| (**element).clone()),
        (Value::Object(all), Type::Object(shape)) => {
            entries(out, all, &|name| shape.attributes.get(name).cloned().unwrap_or(Type::Dynamic));
        }
        (Value::Map(all) | Value::Object(all), _) => entries(out, all, &|_| Type::Dynamic),
        (Value::Dynamic(inner), Type::Dynamic) => {
            out.push_str("{\"type\":");
            out.push_str(&inner.0.to_json().to_string());
            out.push_str(",\"value\":");
            write(out, &inner.1, &inner.0);
            out.push('}');
        }
        (Value::Dynamic(inner), _) => write(out, &inner.1, r#type),
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn r#type() -> Type {
        Type::object([
            ("exact", Type::Number),
            ("set", Type::set(Type::String)),
            ("any", Type::Dynamic),
            ("pair", Type::Tuple(vec![Type::Bool, Type::String])),
            ("later", Type::map(Type::Bool)),
        ])
    }

    #[test]
    fn state_keeps_every_digit_and_forgets_what_is_gone() {
        let json = r#"{"exact":12345678901234567890.10,"set":["b","a"],"gone":{"x":[1]},
            "any":{"type":["list","number"],"value":[0.1]},"pair":[true,"é\"\n"]}"#;
        let value = decode(json, &r#type()).expect("fits");
        let expected = Value::object([
            ("exact", Value::Number("12345678901234567890.1".parse().expect("is a number"))),
            ("set", Value::set(vec!["a".into(), "b".into()])),
            ("any", Value::Dynamic(Box::new((Type::list(Type::Number), Value::List(vec![0.1.into()]))))),
            ("pair", Value::Tuple(vec![true.into(), "é\"\n".into()])),
            ("later", Value::Null),
        ]);
        assert_eq!(value, expected);
        assert_eq!(decode(&encode(&value, &r#type()), &r#type()), Ok(value));
    }

    #[test]
    fn misfits_name_their_path() {
        let error = decode(r#"{"pair":[true,[]]}"#, &r#type()).expect_err("an array is no text");
        assert_eq!(error.to_string(), "pair[1]: expected string, found an array");
        assert!(matches!(decode("{", &r#type()), Err(JsonError::Syntax(_))));
        let deep = format!("{}1{}", "{\"type\":\"dynamic\",\"value\":".repeat(3000), "}".repeat(3000));
        assert!(decode(&deep, &Type::Dynamic).is_err());
    }
}
