//! Values as MessagePack, the notation of the protocol.
//!
//! Which type a place has is known from the schema, so that the bytes tell values only. Unknown is extension 0, a
//! refined unknown extension 12, a value in a dynamic place `[type as JSON, value]`. Numbers that are no `i64` are
//! written as decimal text, which Terraform reads with all digits. Source: go-cty, `docs/concepts.md` and package
//! `cty/msgpack`.
//!
//! Bytes come from another process: no input makes the decoder panic, recurse without end, or reserve more memory than
//! the input is long.

use std::collections::BTreeMap;

use rmp::{Marker, encode};

use super::types::MAX_DEPTH;
use super::unknown::Known;
use super::{Bound, Number, Refinement, Type, TypeError, Value, ValueError};
use crate::path::{Path, Step};

const UNKNOWN: i8 = 0;
const REFINED_UNKNOWN: i8 = 12;
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

/// Writes `value`, which has to have the shape of `ty`.
///
/// # Errors
/// `ValueError` with the path of the first part that does not fit.
pub fn encode(value: &Value, r#type: &Type) -> Result<Vec<u8>, ValueError> {
    let mut out = Vec::new();
    write(&mut out, value, r#type)?;
    Ok(out)
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

const INFALLIBLE: &str = "writing to a vector does not fail";

fn write(out: &mut Vec<u8>, value: &Value, r#type: &Type) -> Result<(), ValueError> {
    match (r#type, value) {
        (Type::Dynamic, Value::Dynamic(inner)) => {
            encode::write_array_len(out, 2).expect(INFALLIBLE);
            encode::write_bin(out, &inner.0.to_json_bytes()).expect(INFALLIBLE);
            write(out, &inner.1, &inner.0)?;
        }
        (_, Value::Null) => encode::write_nil(out).expect(INFALLIBLE),
        (_, Value::Unknown(refinement)) => write_unknown(out, refinement),
        (Type::Bool, Value::Bool(truth)) => encode::write_bool(out, *truth).expect(INFALLIBLE),
        (Type::Number, Value::Number(number)) => write_number(out, number),
        (Type::String, Value::String(text)) => encode::write_str(out, text).expect(INFALLIBLE),
        (Type::List(element), Value::List(all)) => {
            write_array_len(out, all.len());
            for (index, value) in all.iter().enumerate() {
                write(out, value, element).map_err(|error| error.under(Step::Index(index)))?;
            }
        }
        (Type::Set(element), Value::Set(all)) => {
            write_array_len(out, all.len());
            for value in all {
                write(out, value, element).map_err(|error| error.under(Step::Element))?;
            }
        }
        (Type::Tuple(types), Value::Tuple(all)) if types.len() == all.len() => {
            write_array_len(out, all.len());
            for (index, (value, r#type)) in all.iter().zip(types).enumerate() {
                write(out, value, r#type).map_err(|error| error.under(Step::Index(index)))?;
            }
        }
        (Type::Map(element), Value::Map(all)) => {
            write_map_len(out, all.len());
            for (key, value) in all {
                encode::write_str(out, key).expect(INFALLIBLE);
                write(out, value, element).map_err(|error| error.under(Step::Key(key.clone())))?;
            }
        }
        (Type::Object(object), Value::Object(all)) => {
            write_map_len(out, object.attributes.len());
            for (name, r#type) in &object.attributes {
                encode::write_str(out, name).expect(INFALLIBLE);
                let value = all.get(name).unwrap_or(&Value::Null);
                write(out, value, r#type).map_err(|error| error.under(Step::Attribute(name.clone())))?;
            }
        }
        (r#type, value) => return Err(ValueError::new(r#type.to_string(), value.kind())),
    }
    Ok(())
}

fn write_array_len(out: &mut Vec<u8>, length: usize) {
    encode::write_array_len(out, u32::try_from(length).unwrap_or(u32::MAX)).expect(INFALLIBLE);
}

fn write_map_len(out: &mut Vec<u8>, length: usize) {
    encode::write_map_len(out, u32::try_from(length).unwrap_or(u32::MAX)).expect(INFALLIBLE);
}

fn write_number(out: &mut Vec<u8>, number: &Number) {
    match number.as_i64() {
        Some(int) => _ = encode::write_sint(out, int).expect(INFALLIBLE),
        None => encode::write_str(out, &number.to_string()).expect(INFALLIBLE),
    }
}

fn write_unknown(out: &mut Vec<u8>, refinement: &Refinement) {
    let Some(known) = refinement.known() else {
        encode::write_ext_meta(out, 1, UNKNOWN).expect(INFALLIBLE);
        out.push(0);
        return;
    };
    let mut fields = 0;
    let mut body = Vec::new();
    let mut field = |key: u8, write: &dyn Fn(&mut Vec<u8>)| {
        fields += 1;
        encode::write_uint(&mut body, key.into()).expect(INFALLIBLE);
        write(&mut body);
    };
    let bound = |body: &mut Vec<u8>, bound: &Bound| {
        write_array_len(body, 2);
        write_number(body, &bound.limit);
        encode::write_bool(body, bound.inclusive).expect(INFALLIBLE);
    };
    if let Some(null) = known.null {
        field(1, &|body| encode::write_bool(body, null).expect(INFALLIBLE));
    }
    if let Some(prefix) = &known.prefix {
        field(2, &|body| encode::write_str(body, prefix).expect(INFALLIBLE));
    }
    if let Some(min) = &known.min {
        field(3, &|body| bound(body, min));
    }
    if let Some(max) = &known.max {
        field(4, &|body| bound(body, max));
    }
    if let Some(min) = known.min_length {
        field(5, &|body| _ = encode::write_sint(body, min).expect(INFALLIBLE));
    }
    if let Some(max) = known.max_length {
        field(6, &|body| _ = encode::write_sint(body, max).expect(INFALLIBLE));
    }
    let mut whole = Vec::new();
    write_map_len(&mut whole, fields);
    whole.extend(body);
    encode::write_ext_meta(out, u32::try_from(whole.len()).unwrap_or(u32::MAX), REFINED_UNKNOWN).expect(INFALLIBLE);
    out.extend(whole);
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

#[cfg(test)]
mod tests {
    use super::*;

    fn check_bytes(value: Value, r#type: &Type, bytes: &[u8]) {
        assert_eq!(encode(&value, r#type).as_deref(), Ok(bytes));
        assert_eq!(decode(bytes, r#type), Ok(value));
    }

    #[test]
    fn bytes_are_those_that_terraform_writes() {
        check_bytes(Value::Null, &Type::String, b"\xc0");
        check_bytes(Value::UNKNOWN, &Type::String, b"\xd4\x00\x00");
        check_bytes(Value::Bool(true), &Type::Bool, b"\xc3");
        check_bytes(300.into(), &Type::Number, b"\xcd\x01\x2c");
        check_bytes(0.1.into(), &Type::Number, b"\xa30.1");
        check_bytes("é".into(), &Type::String, b"\xa2\xc3\xa9");
        check_bytes(Value::object([("a", Value::Null)]), &Type::object([("a", Type::Bool)]), b"\x81\xa1a\xc0");
        let dynamic = Value::Dynamic(Box::new((Type::String, "x".into())));
        check_bytes(dynamic, &Type::Dynamic, b"\x92\xc4\x08\"string\"\xa1x");
        check_bytes(Value::Null, &Type::Dynamic, b"\xc0");
        check_bytes(Value::Unknown(Refinement::not_null()), &Type::String, b"\xc7\x03\x0c\x81\x01\xc2");
    }

    #[test]
    fn every_refinement_survives() {
        let known = Known {
            null: Some(false),
            prefix: Some("arn:".to_owned()),
            min: Some(Bound { limit: 1_i64.into(), inclusive: true }),
            max: Some(Bound { limit: "0.1".parse().expect("is a number"), inclusive: false }),
            min_length: Some(1),
            max_length: Some(1 << 40),
        };
        let value = Value::Unknown(Refinement::from_known(known));
        let bytes = encode(&value, &Type::String).expect("encodes");
        assert_eq!(decode(&bytes, &Type::String), Ok(value));
    }

    #[test]
    fn refinements_of_a_newer_terraform_are_passed_over() {
        // Field 99 holds a map with an array in it.
        let bytes = b"\xc7\x0a\x0c\x82\x63\x81\xa1a\x92\x01\xc0\x01\xc2";
        assert_eq!(decode(bytes, &Type::String), Ok(Value::Unknown(Refinement::not_null())));
    }

    #[test]
    fn floats_mean_their_exact_value() {
        assert_eq!(decode(b"\xcb\x3f\xe0\0\0\0\0\0\0", &Type::Number), Ok(0.5.into()));
        assert!(decode(b"\xcb\x7f\xf0\0\0\0\0\0\0", &Type::Number).is_err(), "infinity");
        assert!(decode(b"\xcb\x7f\xf8\0\0\0\0\0\0", &Type::Number).is_err(), "not a number");
        assert_eq!(decode(b"\xd0\xff", &Type::Number), Ok((-1).into()));
    }

    fn check_refused(bytes: &[u8], r#type: &Type, expected: &str) {
        assert_eq!(decode(bytes, r#type).expect_err("is refused").to_string(), expected);
    }

    #[test]
    fn hostile_bytes_are_refused() {
        let list = Type::list(Type::String);
        check_refused(b"", &list, "the message pack data do not end with the value");
        check_refused(b"\xdd\xff\xff\xff\xff", &list, "the message pack data do not end with the value");
        check_refused(b"\xc0\xc0", &list, "the message pack data do not end with the value");
        check_refused(b"\x92\xa1a\x01", &list, "[1]: expected string, found a number");
        check_refused(b"\xa1\xff", &Type::String, "a text is not UTF-8");
        check_refused(b"\x81\xa1b\xc0", &Type::object([("a", Type::Bool)]), "b: expected no such attribute, found one");
        let nested = [b"\x92\xa9\"dynamic\"".repeat(100_000), b"\xc0".to_vec()].concat();
        check_refused(&nested, &Type::Dynamic, "values are nested more than 128 levels deep");
        // A refinement with an unknown field of arrays within arrays.
        let body = [b"\x81\x63".to_vec(), b"\x91".repeat(100_000)].concat();
        let mut bytes = vec![0xc9];
        bytes.extend((body.len() as u32).to_be_bytes());
        bytes.push(12);
        bytes.extend(body);
        check_refused(&bytes, &Type::String, "the message pack data do not end with the value");
    }
}
