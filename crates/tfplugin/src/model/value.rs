//! [`Value`] as a model field: it crosses serde as bytes that carry their own type.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::value::{Type, Value, conform, msgpack};

pub(super) const VALUE_TOKEN: &str = "$tfplugin::Value";

/// The bytes that carry `value` through serde.
pub(super) fn pack(value: &Value) -> Result<Vec<u8>, String> {
    let value = conform::conform(value.clone(), &Type::Dynamic).map_err(|error| error.to_string())?;
    msgpack::encode(&value, &Type::Dynamic).map_err(|error| error.to_string())
}

/// The value that `bytes` carry.
pub(super) fn unpack(bytes: &[u8]) -> Result<Value, String> {
    msgpack::decode(bytes, &Type::Dynamic).map_err(|error| error.to_string())
}

struct Packed(Vec<u8>);

impl Serialize for Packed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let packed = pack(self).map_err(serde::ser::Error::custom)?;
        serializer.serialize_newtype_struct(VALUE_TOKEN, &Packed(packed))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_newtype_struct(VALUE_TOKEN, Visitor)
    }
}

struct Visitor;

impl de::Visitor<'_> for Visitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of Terraform")
    }

    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Value, E> {
        unpack(bytes).map_err(E::custom)
    }
}
