//! Values to bytes.

use rmp::encode;

use super::{REFINED_UNKNOWN, UNKNOWN};
use crate::path::Step;
use crate::value::{Bound, Number, Refinement, Type, Value, ValueError};

const INFALLIBLE: &str = "writing to a vector does not fail";

/// Writes `value`, which has to have the shape of `ty`.
///
/// # Errors
/// `ValueError` with the path of the first part that does not fit.
pub fn encode(value: &Value, r#type: &Type) -> Result<Vec<u8>, ValueError> {
    let mut out = Vec::new();
    write(&mut out, value, r#type)?;
    Ok(out)
}

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
