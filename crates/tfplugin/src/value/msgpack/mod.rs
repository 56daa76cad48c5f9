//! Values as MessagePack, the notation of the protocol.
//!
//! Which type a place has is known from the schema, so that the bytes tell values only. Unknown is extension 0, a
//! refined unknown extension 12, a value in a dynamic place `[type as JSON, value]`. Numbers that are no `i64` are
//! written as decimal text, which Terraform reads with all digits. Source: go-cty, `docs/concepts.md` and package
//! `cty/msgpack`.
//!
//! Bytes come from another process: no input makes the decoder panic, recurse without end, or reserve more memory than
//! the input is long.

mod decode;
mod encode;

pub use decode::{DecodeError, decode};
pub use encode::encode;

/// The extension that stands for an unknown value.
const UNKNOWN: i8 = 0;
/// The extension that stands for an unknown value of which something is known.
const REFINED_UNKNOWN: i8 = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::unknown::Known;
    use crate::value::{Bound, Refinement, Type, Value};

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
