//! serde deserializer from values to models.

use std::collections::btree_map;
use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{self, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::field::FIELD_TOKEN;
use super::value::{VALUE_TOKEN, pack};
use crate::path::{Path, Step};
use crate::value::number::NUMBER_TOKEN;
use crate::value::{Number, Value, ValueError};

/// What did not fit, and where.
#[derive(Debug)]
pub(crate) enum Error {
    Value(ValueError),
    /// serde's own words, for enums and for models with checks of their own.
    Message(Path, String),
}

impl Error {
    pub(super) fn new(expected: impl Into<String>, found: impl Into<String>) -> Error {
        Error::Value(ValueError::new(expected, found))
    }

    pub(super) fn under(self, step: Step) -> Error {
        match self {
            Error::Value(error) => Error::Value(error.under(step)),
            Error::Message(mut path, message) => {
                path.prepend(step);
                Error::Message(path, message)
            }
        }
    }

    pub(super) fn into_value_error(self) -> ValueError {
        match self {
            Error::Value(error) => error,
            Error::Message(path, message) => {
                ValueError { path, expected: "a value that the model takes".to_owned(), found: message }
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Value(error) => error.fmt(f),
            Error::Message(_, message) => f.write_str(message),
        }
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Error {
        Error::Message(Path::root(), message.to_string())
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Error {
        let expected: Vec<String> = expected.iter().map(|name| format!("`{name}`")).collect();
        Error::new(format!("one of {}", expected.join(", ")), format!("`{variant}`"))
    }

    fn missing_field(field: &'static str) -> Error {
        Error::new("the schema to have the model's fields", format!("no attribute `{field}` in it"))
    }

    fn unknown_field(field: &str, _: &'static [&'static str]) -> Error {
        Error::new("the model to have the schema's attributes", format!("no field `{field}` in it"))
    }
}

impl serde::ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Error {
        Error::Message(Path::root(), message.to_string())
    }
}

/// Reads one value.
#[derive(Clone, Copy)]
pub(super) struct Deserializer<'de> {
    /// The value without the wrapper of a dynamic place.
    value: &'de Value,
    whole: &'de Value,
}

impl<'de> Deserializer<'de> {
    pub(super) fn new(value: &'de Value) -> Deserializer<'de> {
        Deserializer { value: value.undynamic(), whole: value }
    }

    fn mismatch(self, expected: &str) -> Error {
        Error::new(expected, self.value.kind())
    }

    fn number(self) -> Result<&'de Number, Error> {
        match self.value {
            Value::Number(number) => Ok(number),
            _ => Err(self.mismatch("a number")),
        }
    }

    fn signed(self) -> Result<i64, Error> {
        let number = self.number()?;
        number.as_i64().ok_or_else(|| Error::new("a whole number", number.to_string()))
    }

    fn unsigned(self) -> Result<u64, Error> {
        let number = self.number()?;
        number.as_u64().ok_or_else(|| Error::new("a whole number of 0 or more", number.to_string()))
    }

    fn float(self) -> Result<f64, Error> {
        let number = self.number()?;
        number.as_f64().ok_or_else(|| Error::new("a number between -1.7e308 and 1.7e308", number.to_string()))
    }

    fn text(self) -> Result<&'de str, Error> {
        match self.value {
            Value::String(text) => Ok(text),
            _ => Err(self.mismatch("a string")),
        }
    }

    fn sequence<V: Visitor<'de>>(self, visitor: V, expected: &str) -> Result<V::Value, Error> {
        match self.value {
            Value::List(elements) | Value::Tuple(elements) => {
                visitor.visit_seq(Elements { elements: elements.iter().enumerate(), set: false })
            }
            Value::Set(elements) => visitor.visit_seq(Elements { elements: elements.iter().enumerate(), set: true }),
            _ => Err(self.mismatch(expected)),
        }
    }
}

impl<'de> de::Deserializer<'de> for Deserializer<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(truth) => visitor.visit_bool(*truth),
            Value::Number(number) => match number.as_i64() {
                Some(int) => visitor.visit_i64(int),
                None => visitor.visit_f64(self.float()?),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::List(_) | Value::Set(_) | Value::Tuple(_) => self.sequence(visitor, "a list"),
            Value::Map(_) | Value::Object(_) => self.deserialize_map(visitor),
            Value::Unknown(_) | Value::Dynamic(_) => Err(self.mismatch("a known value")),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Bool(truth) => visitor.visit_bool(*truth),
            _ => Err(self.mismatch("a bool")),
        }
    }

    fn deserialize_i8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_i64(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_i64(self.signed()?)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_u64(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_u64(self.unsigned()?)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_f64(self.float()?)
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_borrowed_str(self.text()?)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::new("a type that Terraform has", "bytes in the model"))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            // The arguments of a function that has no parameters.
            Value::Tuple(all) if all.is_empty() => visitor.visit_unit(),
            _ => Err(self.mismatch("null")),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(all) if all.is_empty() => visitor.visit_unit(),
            _ => self.deserialize_unit(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Error> {
        match name {
            NUMBER_TOKEN => {
                let text = self.number()?.to_string();
                visitor.visit_newtype_struct(IntoDeserializer::<Error>::into_deserializer(text))
            }
            VALUE_TOKEN => {
                let packed = pack(self.whole).map_err(|error| Error::new("a value", error))?;
                visitor.visit_bytes(&packed)
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.sequence(visitor, "a list")
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Error> {
        match self.value.elements() {
            Some(elements) if elements.len() != length => {
                Err(Error::new(format!("{length} elements"), elements.len().to_string()))
            }
            _ => self.sequence(visitor, "a tuple"),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_tuple(length, visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Map(entries) => visitor.visit_map(Entries { entries: entries.iter(), current: None, object: false }),
            Value::Object(entries) => {
                visitor.visit_map(Entries { entries: entries.iter(), current: None, object: true })
            }
            _ => Err(self.mismatch("a map")),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Some(entries) = self.value.entries() else { return Err(self.mismatch("an object")) };
        if matches!(self.value, Value::Object(_)) {
            if let Some(extra) = entries.keys().find(|name| !fields.contains(&name.as_str())) {
                return Err(de::Error::unknown_field(extra, fields));
            }
            if let Some(missing) = fields.iter().find(|name| !entries.contains_key(**name)) {
                return Err(de::Error::missing_field(missing));
            }
        }
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let variant = match (name, self.value) {
            (FIELD_TOKEN, Value::Null) => "null",
            (FIELD_TOKEN, Value::Unknown(_)) => "unknown",
            (FIELD_TOKEN, _) => "known",
            _ => self.text()?,
        };
        visitor.visit_enum(Variant { variant, content: self })
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

struct Elements<'de> {
    elements: std::iter::Enumerate<std::slice::Iter<'de, Value>>,
    set: bool,
}

impl<'de> SeqAccess<'de> for Elements<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        let Some((index, value)) = self.elements.next() else { return Ok(None) };
        let step = if self.set { Step::Element } else { Step::Index(index) };
        seed.deserialize(Deserializer::new(value)).map(Some).map_err(|error| error.under(step))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.elements.len())
    }
}

struct Entries<'de> {
    entries: btree_map::Iter<'de, String, Value>,
    current: Option<(&'de String, &'de Value)>,
    object: bool,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.current = self.entries.next();
        match self.current {
            Some((key, _)) => seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some),
            None => Ok(None),
        }
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let Some((key, value)) = self.current.take() else { return Err(Error::new("a value", "none")) };
        let step = if self.object { Step::Attribute(key.clone()) } else { Step::Key(key.clone()) };
        seed.deserialize(Deserializer::new(value)).map_err(|error| error.under(step))
    }
}

struct Variant<'de> {
    variant: &'de str,
    content: Deserializer<'de>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Deserializer<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Deserializer<'de>), Error> {
        let name: StrDeserializer<'_, Error> = self.variant.into_deserializer();
        Ok((seed.deserialize(name)?, self.content))
    }
}

impl<'de> VariantAccess<'de> for Deserializer<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        Err(Error::new("an enum without data", "a variant with data in the model"))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Error> {
        Err(Error::new("an enum without data", "a variant with data in the model"))
    }
}
