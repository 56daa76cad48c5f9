//! Terraform's types and their JSON notation, for example `["list","string"]`.
//!
//! Source of the notation: go-cty, `docs/json.md`, section "Type definitions".

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::{Value as Json, json};

/// Types nested deeper than this are refused, so that hostile input cannot exhaust the stack.
pub(crate) const MAX_DEPTH: usize = 64;

/// The type of a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// `bool`
    Bool,
    /// `number`, of any precision
    Number,
    /// `string`
    String,
    /// Any type, told with each value.
    Dynamic,
    /// `list(T)`
    List(Box<Type>),
    /// `set(T)`
    Set(Box<Type>),
    /// `map(T)`
    Map(Box<Type>),
    /// `object({...})`
    Object(ObjectType),
    /// `tuple([...])`
    Tuple(Vec<Type>),
}

/// The attributes of an object type.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectType {
    /// Types by name.
    pub attributes: BTreeMap<String, Type>,
    /// Names that a caller may leave out.
    pub optional: BTreeSet<String>,
}

/// A type's JSON notation does not follow the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    /// The text is not JSON.
    #[error("expected a type in JSON notation: {0}")]
    Syntax(String),
    /// The JSON is no type.
    #[error("expected a type such as \"string\" or [\"list\",\"string\"], found {0}")]
    Unknown(String),
    /// Types within types without end.
    #[error("expected a type of at most 64 levels")]
    TooDeep,
}

impl Type {
    /// `list(element)`
    pub fn list(element: Type) -> Type {
        Type::List(Box::new(element))
    }

    /// `set(element)`
    pub fn set(element: Type) -> Type {
        Type::Set(Box::new(element))
    }

    /// `map(element)`
    pub fn map(element: Type) -> Type {
        Type::Map(Box::new(element))
    }

    /// `object({name = type, ...})`
    pub fn object<N: Into<String>>(attributes: impl IntoIterator<Item = (N, Type)>) -> Type {
        let attributes = attributes.into_iter().map(|(name, r#type)| (name.into(), r#type)).collect();
        Type::Object(ObjectType { attributes, optional: BTreeSet::new() })
    }

    /// The JSON notation as bytes, as the protocol carries it.
    pub fn to_json_bytes(&self) -> Vec<u8> {
        self.to_json().to_string().into_bytes()
    }

    /// The JSON notation.
    pub fn to_json(&self) -> Json {
        match self {
            Type::Bool => json!("bool"),
            Type::Number => json!("number"),
            Type::String => json!("string"),
            Type::Dynamic => json!("dynamic"),
            Type::List(element) => json!(["list", element.to_json()]),
            Type::Set(element) => json!(["set", element.to_json()]),
            Type::Map(element) => json!(["map", element.to_json()]),
            Type::Tuple(elements) => json!(["tuple", elements.iter().map(Type::to_json).collect::<Vec<_>>()]),
            Type::Object(object) => {
                let attributes: serde_json::Map<String, Json> =
                    object.attributes.iter().map(|(name, r#type)| (name.clone(), r#type.to_json())).collect();
                if object.optional.is_empty() {
                    json!(["object", attributes])
                } else {
                    json!(["object", attributes, object.optional])
                }
            }
        }
    }

    /// Reads the JSON notation.
    ///
    /// # Errors
    /// `TypeError` if the bytes are no type or one nested too deeply.
    pub fn from_json_bytes(bytes: &[u8]) -> Result<Type, TypeError> {
        let json = serde_json::from_slice(bytes).map_err(|error| TypeError::Syntax(error.to_string()))?;
        Type::from_json(&json, 0)
    }

    fn from_json(json: &Json, depth: usize) -> Result<Type, TypeError> {
        if depth >= MAX_DEPTH {
            return Err(TypeError::TooDeep);
        }
        let unknown = || TypeError::Unknown(json.to_string().chars().take(80).collect());
        let inner = |json: &Json| Type::from_json(json, depth + 1);
        match json {
            Json::String(name) => match name.as_str() {
                "bool" => Ok(Type::Bool),
                "number" => Ok(Type::Number),
                "string" => Ok(Type::String),
                "dynamic" => Ok(Type::Dynamic),
                _ => Err(unknown()),
            },
            Json::Array(parts) => match parts.as_slice() {
                [Json::String(kind), Json::Array(elements)] if kind == "tuple" => {
                    Ok(Type::Tuple(elements.iter().map(inner).collect::<Result<_, _>>()?))
                }
                [Json::String(kind), Json::Object(attributes), optional @ ..]
                    if kind == "object" && optional.len() <= 1 =>
                {
                    let attributes: BTreeMap<String, Type> = attributes
                        .iter()
                        .map(|(name, json)| Ok((name.clone(), inner(json)?)))
                        .collect::<Result<_, TypeError>>()?;
                    let optional: BTreeSet<String> = match optional {
                        [names] => serde_json::from_value(names.clone()).map_err(|_| unknown())?,
                        _ => BTreeSet::new(),
                    };
                    if !optional.iter().all(|name| attributes.contains_key(name)) {
                        return Err(unknown());
                    }
                    Ok(Type::Object(ObjectType { attributes, optional }))
                }
                [Json::String(kind), element] => match kind.as_str() {
                    "list" => Ok(Type::list(inner(element)?)),
                    "set" => Ok(Type::set(inner(element)?)),
                    "map" => Ok(Type::map(inner(element)?)),
                    _ => Err(unknown()),
                },
                _ => Err(unknown()),
            },
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Bool => f.write_str("bool"),
            Type::Number => f.write_str("number"),
            Type::String => f.write_str("string"),
            Type::Dynamic => f.write_str("any"),
            Type::List(element) => write!(f, "list of {element}"),
            Type::Set(element) => write!(f, "set of {element}"),
            Type::Map(element) => write!(f, "map of {element}"),
            Type::Object(_) => f.write_str("object"),
            Type::Tuple(_) => f.write_str("tuple"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_notation(r#type: Type, json: &str) {
        assert_eq!(String::from_utf8(r#type.to_json_bytes()).expect("is text"), json);
        assert_eq!(Type::from_json_bytes(json.as_bytes()), Ok(r#type));
    }

    #[test]
    fn notation_round_trips() {
        check_notation(Type::String, "\"string\"");
        check_notation(Type::map(Type::set(Type::Number)), "[\"map\",[\"set\",\"number\"]]");
        check_notation(Type::Tuple(vec![Type::Bool, Type::Dynamic]), "[\"tuple\",[\"bool\",\"dynamic\"]]");
        check_notation(Type::object([("a", Type::Bool)]), "[\"object\",{\"a\":\"bool\"}]");
        let mut object = ObjectType { attributes: [("a".to_owned(), Type::Bool)].into(), ..Default::default() };
        object.optional.insert("a".to_owned());
        check_notation(Type::Object(object), "[\"object\",{\"a\":\"bool\"},[\"a\"]]");
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for json in ["", "1", "\"int\"", "[\"list\"]", "[\"object\",[]]", "[\"object\",{},[\"a\"]]", "[\"list\",1]"] {
            assert!(Type::from_json_bytes(json.as_bytes()).is_err(), "accepted {json}");
        }
        let deep = format!("{}\"bool\"{}", "[\"list\",".repeat(100), "]".repeat(100));
        assert_eq!(Type::from_json_bytes(deep.as_bytes()), Err(TypeError::TooDeep));
    }
}
