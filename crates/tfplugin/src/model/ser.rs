//! serde serializer from models to values.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::{self, Impossible};

use super::de::Error;
use super::field::FIELD_TOKEN;
use super::value::{VALUE_TOKEN, unpack};
use crate::path::Step;
use crate::value::number::NUMBER_TOKEN;
use crate::value::{Number, Value};

/// Structs become objects, maps maps, sequences lists; the schema's type gives them their final shape afterwards.
pub(super) struct Serializer;

impl ser::Serializer for Serializer {
    type Ok = Value;
    type Error = Error;
    type SerializeSeq = Elements;
    type SerializeTuple = Elements;
    type SerializeTupleStruct = Elements;
    type SerializeTupleVariant = Impossible<Value, Error>;
    type SerializeMap = Entries;
    type SerializeStruct = Attributes;
    type SerializeStructVariant = Impossible<Value, Error>;

    fn serialize_bool(self, v: bool) -> Result<Value, Error> {
        Ok(Value::Bool(v))
    }

    fn serialize_i8(self, v: i8) -> Result<Value, Error> {
        self.serialize_i64(v.into())
    }

    fn serialize_i16(self, v: i16) -> Result<Value, Error> {
        self.serialize_i64(v.into())
    }

    fn serialize_i32(self, v: i32) -> Result<Value, Error> {
        self.serialize_i64(v.into())
    }

    fn serialize_i64(self, v: i64) -> Result<Value, Error> {
        Ok(Value::Number(v.into()))
    }

    fn serialize_u8(self, v: u8) -> Result<Value, Error> {
        self.serialize_i64(v.into())
    }

    fn serialize_u16(self, v: u16) -> Result<Value, Error> {
        self.serialize_i64(v.into())
    }

    fn serialize_u32(self, v: u32) -> Result<Value, Error> {
        self.serialize_i64(v.into())
    }

    fn serialize_u64(self, v: u64) -> Result<Value, Error> {
        Ok(Value::Number(v.into()))
    }

    fn serialize_f32(self, v: f32) -> Result<Value, Error> {
        // Through text, so that 0.1 stays 0.1.
        v.to_string().parse().map(Value::Number).map_err(|_| Error::new("a finite number", v.to_string()))
    }

    fn serialize_f64(self, v: f64) -> Result<Value, Error> {
        Number::from_f64(v).map(Value::Number).ok_or_else(|| Error::new("a finite number", v.to_string()))
    }

    fn serialize_char(self, v: char) -> Result<Value, Error> {
        Ok(Value::String(v.to_string()))
    }

    fn serialize_str(self, v: &str) -> Result<Value, Error> {
        Ok(Value::String(v.to_owned()))
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<Value, Error> {
        Err(Error::new("a type that Terraform has", "bytes"))
    }

    fn serialize_none(self) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Value, Error> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Value, Error> {
        Ok(Value::Object(BTreeMap::new()))
    }

    fn serialize_unit_variant(self, name: &'static str, index: u32, variant: &'static str) -> Result<Value, Error> {
        match (name, index) {
            (FIELD_TOKEN, 1) => Ok(Value::Null),
            (FIELD_TOKEN, _) => Ok(Value::UNKNOWN),
            _ => Ok(Value::String(variant.to_owned())),
        }
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<Value, Error> {
        match name {
            NUMBER_TOKEN => {
                let text = value.serialize(self)?;
                let number = text.as_str().and_then(|text| text.parse().ok());
                number.map(Value::Number).ok_or_else(|| Error::new("a number", text.kind()))
            }
            VALUE_TOKEN => value.serialize(Unpack),
            _ => value.serialize(self),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, Error> {
        match name {
            FIELD_TOKEN => value.serialize(self),
            _ => Err(Error::new("an enum without data", format!("the variant `{variant}` with data"))),
        }
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Elements, Error> {
        Ok(Elements(Vec::with_capacity(length.unwrap_or_default())))
    }

    fn serialize_tuple(self, length: usize) -> Result<Elements, Error> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Elements, Error> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Impossible<Value, Error>, Error> {
        Err(Error::new("an enum without data", format!("the variant `{variant}` with data")))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries, Error> {
        Ok(Entries { entries: BTreeMap::new(), key: None })
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Attributes, Error> {
        Ok(Attributes(BTreeMap::new()))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Impossible<Value, Error>, Error> {
        Err(Error::new("an enum without data", format!("the variant `{variant}` with data")))
    }
}

/// A sequence in the making.
pub(super) struct Elements(Vec<Value>);

impl Elements {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let index = self.0.len();
        self.0.push(value.serialize(Serializer).map_err(|error| error.under(Step::Index(index)))?);
        Ok(())
    }
}

impl ser::SerializeSeq for Elements {
    type Ok = Value;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.add(value)
    }

    fn end(self) -> Result<Value, Error> {
        Ok(Value::List(self.0))
    }
}

impl ser::SerializeTuple for Elements {
    type Ok = Value;
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.add(value)
    }

    fn end(self) -> Result<Value, Error> {
        Ok(Value::Tuple(self.0))
    }
}

impl ser::SerializeTupleStruct for Elements {
    type Ok = Value;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        self.add(value)
    }

    fn end(self) -> Result<Value, Error> {
        Ok(Value::Tuple(self.0))
    }
}

/// A map in the making.
pub(super) struct Entries {
    entries: BTreeMap<String, Value>,
    key: Option<String>,
}

impl ser::SerializeMap for Entries {
    type Ok = Value;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = match key.serialize(Serializer)? {
            Value::String(key) => Some(key),
            Value::Number(number) => Some(number.to_string()),
            Value::Bool(truth) => Some(truth.to_string()),
            other => return Err(Error::new("a text as key of a map", other.kind())),
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let key = self.key.take().unwrap_or_default();
        let value = value.serialize(Serializer).map_err(|error| error.under(Step::Key(key.clone())))?;
        self.entries.insert(key, value);
        Ok(())
    }

    fn end(self) -> Result<Value, Error> {
        Ok(Value::Map(self.entries))
    }
}

/// An object in the making.
pub(super) struct Attributes(BTreeMap<String, Value>);

impl ser::SerializeStruct for Attributes {
    type Ok = Value;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Error> {
        let value = value.serialize(Serializer).map_err(|error| error.under(Step::Attribute(name.to_owned())))?;
        self.0.insert(name.to_owned(), value);
        Ok(())
    }

    fn end(self) -> Result<Value, Error> {
        Ok(Value::Object(self.0))
    }
}

/// Takes the bytes of a packed [`Value`] and nothing else.
struct Unpack;

macro_rules! refuse {
    ($($method:ident($($argument:ty),*) -> $result:ty;)*) => {
        $(fn $method(self, $(_: $argument),*) -> Result<$result, Error> {
            Err(Error::new("a packed value", "something else"))
        })*
    };
}

impl ser::Serializer for Unpack {
    type Ok = Value;
    type Error = Error;
    type SerializeSeq = Impossible<Value, Error>;
    type SerializeTuple = Impossible<Value, Error>;
    type SerializeTupleStruct = Impossible<Value, Error>;
    type SerializeTupleVariant = Impossible<Value, Error>;
    type SerializeMap = Impossible<Value, Error>;
    type SerializeStruct = Impossible<Value, Error>;
    type SerializeStructVariant = Impossible<Value, Error>;

    fn serialize_bytes(self, bytes: &[u8]) -> Result<Value, Error> {
        unpack(bytes).map_err(|error| Error::new("a packed value", error))
    }

    refuse! {
        serialize_bool(bool) -> Value;
        serialize_i8(i8) -> Value;
        serialize_i16(i16) -> Value;
        serialize_i32(i32) -> Value;
        serialize_i64(i64) -> Value;
        serialize_u8(u8) -> Value;
        serialize_u16(u16) -> Value;
        serialize_u32(u32) -> Value;
        serialize_u64(u64) -> Value;
        serialize_f32(f32) -> Value;
        serialize_f64(f64) -> Value;
        serialize_char(char) -> Value;
        serialize_str(&str) -> Value;
        serialize_none() -> Value;
        serialize_unit() -> Value;
        serialize_unit_struct(&'static str) -> Value;
        serialize_unit_variant(&'static str, u32, &'static str) -> Value;
        serialize_seq(Option<usize>) -> Impossible<Value, Error>;
        serialize_tuple(usize) -> Impossible<Value, Error>;
        serialize_tuple_struct(&'static str, usize) -> Impossible<Value, Error>;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Impossible<Value, Error>;
        serialize_map(Option<usize>) -> Impossible<Value, Error>;
        serialize_struct(&'static str, usize) -> Impossible<Value, Error>;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Impossible<Value, Error>;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Value, Error> {
        Err(Error::new("a packed value", "something else"))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<Value, Error> {
        Err(Error::new("a packed value", "something else"))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Value, Error> {
        Err(Error::new("a packed value", "something else"))
    }
}
