//! Bytes to values.

use std::collections::BTreeMap;

use rmp::Marker;

use super::{REFINED_UNKNOWN, UNKNOWN};
use crate::path::{Path, Step};
use crate::value::types::MAX_DEPTH;
use crate::value::unknown::Known;
use crate::value::{Bound, Number, Refinement, Type, TypeError, Value, ValueError};

/// Levels of values within values; a dynamic place may hold a type of its own.
const MAX_LEVELS: usize = 2 * MAX_DEPTH;

/// Bytes are no value of the expected type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end too early, or go on after the value.
    #[error("the message pack data do not end with the value")]
    Length,
    /// A text is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// Values within values beyond reason.
    #[error("values are nested more than 128 levels deep")]
    TooDeep,
    /// A dynamic value comes with a type that is none.
    #[error("a dynamic value has no valid type: {0}")]
    Type(#[from] TypeError),
    /// A value does not fit its place.
    #[error(transparent)]
    Value(#[from] ValueError),
}

impl DecodeError {
    fn under(self, step: impl FnOnce() -> Step) -> DecodeError {
        match self {
            DecodeError::Value(error) => DecodeError::Value(error.under(step())),
            other => other,
        }
    }
}

/// Reads a value of type `ty`.
///
/// # Errors
/// `DecodeError` if the bytes are anything else.
pub fn decode(bytes: &[u8], r#type: &Type) -> Result<Value, DecodeError> {
    let mut reader = Reader { rest: bytes };
    let value = reader.value(r#type, 0)?;
    if reader.rest.is_empty() { Ok(value) } else { Err(DecodeError::Length) }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Length)?;
        self.rest = rest;
        Ok(taken)
    }

    /// A big-endian unsigned integer of `length` bytes, at most 8.
    fn uint(&mut self, length: usize) -> Result<u64, DecodeError> {
        Ok(self.take(length)?.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn length(&mut self, bytes: usize) -> Result<usize, DecodeError> {
        usize::try_from(self.uint(bytes)?).map_err(|_| DecodeError::Length)
    }

    fn marker(&mut self) -> Result<Marker, DecodeError> {
        Ok(Marker::from_u8(self.take(1)?[0]))
    }

    fn value(&mut self, r#type: &Type, depth: usize) -> Result<Value, DecodeError> {
        if depth >= MAX_LEVELS {
            return Err(DecodeError::TooDeep);
        }
        let marker = self.marker()?;
        match marker {
            Marker::Null => return Ok(Value::Null),
            Marker::FixExt1
            | Marker::FixExt2
            | Marker::FixExt4
            | Marker::FixExt8
            | Marker::FixExt16
            | Marker::Ext8
            | Marker::Ext16
            | Marker::Ext32 => return self.unknown(marker),
            _ => {}
        }
        match r#type {
            Type::Bool => match marker {
                Marker::True => Ok(Value::Bool(true)),
                Marker::False => Ok(Value::Bool(false)),
                _ => Err(mismatch(r#type, marker)),
            },
            Type::Number => self.number(marker).map(Value::Number),
            Type::String => self.text(marker).map(|text| Value::String(text.to_owned())),
            Type::List(element) => Ok(Value::List(self.elements(marker, element, depth, Step::Index)?)),
            Type::Set(element) => Ok(Value::set(self.elements(marker, element, depth, |_| Step::Element)?)),
            Type::Map(element) => {
                let mut entries = BTreeMap::new();
                for _ in 0..self.map_length(marker, r#type)? {
                    let key = self.key()?.to_owned();
                    let value =
                        self.value(element, depth + 1).map_err(|error| error.under(|| Step::Key(key.clone())))?;
                    entries.insert(key, value);
                }
                Ok(Value::Map(entries))
            }
            Type::Object(object) => {
                let mut entries = BTreeMap::new();
                for _ in 0..self.map_length(marker, r#type)? {
                    let name = self.key()?.to_owned();
                    let step = || Step::Attribute(name.clone());
                    let r#type = object
                        .attributes
                        .get(&name)
                        .ok_or_else(|| ValueError::new("no such attribute", "one").under(step()))?;
                    let value = self.value(r#type, depth + 1).map_err(|error| error.under(step))?;
                    entries.insert(name, value);
                }
                if entries.len() < object.attributes.len() {
                    for name in object.attributes.keys() {
                        entries.entry(name.clone()).or_insert(Value::Null);
                    }
                }
                Ok(Value::Object(entries))
            }
            Type::Tuple(types) => {
                let length = self.array_length(marker, r#type)?;
                if length != types.len() {
                    return Err(ValueError::new(format!("{} elements", types.len()), length.to_string()).into());
                }
                let mut all = Vec::with_capacity(length.min(self.rest.len()));
                for (index, r#type) in types.iter().enumerate() {
                    all.push(self.value(r#type, depth + 1).map_err(|error| error.under(|| Step::Index(index)))?);
                }
                Ok(Value::Tuple(all))
            }
            Type::Dynamic => {
                if self.array_length(marker, r#type)? != 2 {
                    return Err(mismatch(r#type, marker));
                }
                let marker = self.marker()?;
                let json = match marker {
                    Marker::Bin8 => self.length(1),
                    Marker::Bin16 => self.length(2),
                    Marker::Bin32 => self.length(4),
                    other => self.text_length(other),
                }?;
                let inner = Type::from_json_bytes(self.take(json)?)?;
                let value = self.value(&inner, depth + 1)?;
                Ok(Value::Dynamic(Box::new((inner, value))))
            }
        }
    }

    fn elements(
        &mut self,
        marker: Marker,
        element: &Type,
        depth: usize,
        step: impl Fn(usize) -> Step,
    ) -> Result<Vec<Value>, DecodeError> {
        let length = self.array_length(marker, &Type::list(Type::Dynamic))?;
        let mut all = Vec::with_capacity(length.min(self.rest.len()));
        for index in 0..length {
            all.push(self.value(element, depth + 1).map_err(|error| error.under(|| step(index)))?);
        }
        Ok(all)
    }

    fn array_length(&mut self, marker: Marker, r#type: &Type) -> Result<usize, DecodeError> {
        match marker {
            Marker::FixArray(length) => Ok(length.into()),
            Marker::Array16 => self.length(2),
            Marker::Array32 => self.length(4),
            _ => Err(mismatch(r#type, marker)),
        }
    }

    fn map_length(&mut self, marker: Marker, r#type: &Type) -> Result<usize, DecodeError> {
        match marker {
            Marker::FixMap(length) => Ok(length.into()),
            Marker::Map16 => self.length(2),
            Marker::Map32 => self.length(4),
            _ => Err(mismatch(r#type, marker)),
        }
    }

    fn key(&mut self) -> Result<&'a str, DecodeError> {
        let marker = self.marker()?;
        self.text(marker)
    }

    fn text_length(&mut self, marker: Marker) -> Result<usize, DecodeError> {
        match marker {
            Marker::FixStr(length) => Ok(length.into()),
            Marker::Str8 => self.length(1),
            Marker::Str16 => self.length(2),
            Marker::Str32 => self.length(4),
            _ => Err(mismatch(&Type::String, marker)),
        }
    }

    fn text(&mut self, marker: Marker) -> Result<&'a str, DecodeError> {
        let length = self.text_length(marker)?;
        std::str::from_utf8(self.take(length)?).map_err(|_| DecodeError::Text)
    }

    fn number(&mut self, marker: Marker) -> Result<Number, DecodeError> {
        let float = |value: f64| {
            Number::from_f64_exact(value).ok_or_else(|| ValueError::new("a finite number", value.to_string()).into())
        };
        match marker {
            Marker::FixPos(int) => Ok(i64::from(int).into()),
            Marker::FixNeg(int) => Ok(i64::from(int).into()),
            Marker::U8 => Ok(self.uint(1)?.into()),
            Marker::U16 => Ok(self.uint(2)?.into()),
            Marker::U32 => Ok(self.uint(4)?.into()),
            Marker::U64 => Ok(self.uint(8)?.into()),
            // The casts keep the bits and give them a sign.
            Marker::I8 => Ok(i64::from(self.uint(1)? as i8).into()),
            Marker::I16 => Ok(i64::from(self.uint(2)? as i16).into()),
            Marker::I32 => Ok(i64::from(self.uint(4)? as i32).into()),
            Marker::I64 => Ok((self.uint(8)? as i64).into()),
            Marker::F32 => float(f32::from_bits(self.uint(4)? as u32).into()),
            Marker::F64 => float(f64::from_bits(self.uint(8)?)),
            Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => {
                let text = self.text(marker)?;
                text.parse().map_err(|error| ValueError::new("a number", format!("{error}")).into())
            }
            _ => Err(mismatch(&Type::Number, marker)),
        }
    }

    fn unknown(&mut self, marker: Marker) -> Result<Value, DecodeError> {
        let length = match marker {
            Marker::FixExt1 => 1,
            Marker::FixExt2 => 2,
            Marker::FixExt4 => 4,
            Marker::FixExt8 => 8,
            Marker::FixExt16 => 16,
            Marker::Ext8 => self.length(1)?,
            Marker::Ext16 => self.length(2)?,
            _ => self.length(4)?,
        };
        let kind = self.take(1)?[0] as i8;
        let mut body = Reader { rest: self.take(length)? };
        match kind {
            UNKNOWN => Ok(Value::UNKNOWN),
            REFINED_UNKNOWN => {
                let refinement = body.refinement()?;
                if body.rest.is_empty() { Ok(Value::Unknown(refinement)) } else { Err(DecodeError::Length) }
            }
            other => Err(ValueError::new("a value or an unknown", format!("extension {other}")).into()),
        }
    }

    fn refinement(&mut self) -> Result<Refinement, DecodeError> {
        let marker = self.marker()?;
        let mut known = Known::default();
        for _ in 0..self.map_length(marker, &Type::map(Type::Dynamic))? {
            let marker = self.marker()?;
            match self.number(marker)?.as_i64() {
                Some(1) => known.null = self.value(&Type::Bool, 0)?.as_bool(),
                Some(2) => known.prefix = self.value(&Type::String, 0)?.as_str().map(str::to_owned),
                Some(3) => known.min = Some(self.bound()?),
                Some(4) => known.max = Some(self.bound()?),
                Some(5) => known.min_length = self.value(&Type::Number, 0)?.as_number().and_then(Number::as_i64),
                Some(6) => known.max_length = self.value(&Type::Number, 0)?.as_number().and_then(Number::as_i64),
                // What a newer Terraform knows besides is left out: it knows it anyway.
                _ => self.skip()?,
            }
        }
        Ok(Refinement::from_known(known))
    }

    fn bound(&mut self) -> Result<Bound, DecodeError> {
        let parts = self.value(&Type::Tuple(vec![Type::Number, Type::Bool]), 0)?;
        match parts.elements() {
            Some([Value::Number(limit), Value::Bool(inclusive)]) => {
                Ok(Bound { limit: limit.clone(), inclusive: *inclusive })
            }
            _ => Err(ValueError::new("a bound of a number", parts.kind()).into()),
        }
    }

    /// Passes over one value of any kind, however deeply nested, without recursion.
    fn skip(&mut self) -> Result<(), DecodeError> {
        let mut pending: usize = 1;
        while pending > 0 {
            pending -= 1;
            let marker = self.marker()?;
            let (bytes, inner) = match marker {
                Marker::Null | Marker::True | Marker::False | Marker::FixPos(_) | Marker::FixNeg(_) => (0, 0),
                Marker::U8 | Marker::I8 => (1, 0),
                Marker::U16 | Marker::I16 => (2, 0),
                Marker::U32 | Marker::I32 | Marker::F32 => (4, 0),
                Marker::U64 | Marker::I64 | Marker::F64 => (8, 0),
                Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => (self.text_length(marker)?, 0),
                Marker::Bin8 => (self.length(1)?, 0),
                Marker::Bin16 => (self.length(2)?, 0),
                Marker::Bin32 => (self.length(4)?, 0),
                Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => {
                    (0, self.array_length(marker, &Type::Dynamic)?)
                }
                Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => {
                    (0, self.map_length(marker, &Type::Dynamic)?.saturating_mul(2))
                }
                Marker::FixExt1 => (2, 0),
                Marker::FixExt2 => (3, 0),
                Marker::FixExt4 => (5, 0),
                Marker::FixExt8 => (9, 0),
                Marker::FixExt16 => (17, 0),
                Marker::Ext8 => (self.length(1)?.saturating_add(1), 0),
                Marker::Ext16 => (self.length(2)?.saturating_add(1), 0),
                Marker::Ext32 => (self.length(4)?.saturating_add(1), 0),
                Marker::Reserved => return Err(mismatch(&Type::Dynamic, marker)),
            };
            self.take(bytes)?;
            pending = pending.saturating_add(inner);
        }
        Ok(())
    }
}

fn mismatch(expected: &Type, found: Marker) -> DecodeError {
    let found = match found {
        Marker::True | Marker::False => "a bool",
        Marker::FixStr(_) | Marker::Str8 | Marker::Str16 | Marker::Str32 => "a string",
        Marker::FixArray(_) | Marker::Array16 | Marker::Array32 => "an array",
        Marker::FixMap(_) | Marker::Map16 | Marker::Map32 => "a map",
        Marker::Bin8 | Marker::Bin16 | Marker::Bin32 => "bytes",
        Marker::Reserved => "a reserved code",
        _ => "a number",
    };
    DecodeError::Value(ValueError { path: Path::root(), expected: expected.to_string(), found: found.to_owned() })
}
