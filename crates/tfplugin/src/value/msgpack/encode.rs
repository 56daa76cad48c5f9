//! Values to bytes.

use rmp::encode;

use super::{REFINED_UNKNOWN, UNKNOWN};
use crate::path::Step;
use crate::value::{Bound, Number, Refinement, Type, Value, ValueError};

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
            sure(encode::write_array_len(out, 2));
            sure(encode::write_bin(out, &inner.0.to_json_bytes()));
            write(out, &inner.1, &inner.0)?;
        }
        (_, Value::Null) => sure(encode::write_nil(out)),
        (_, Value::Unknown(refinement)) => write_unknown(out, refinement),
        (Type::Bool, Value::Bool(truth)) => sure(encode::write_bool(out, *truth)),
        (Type::Number, Value::Number(number)) => write_number(out, number),
        (Type::String, Value::String(text)) => sure(encode::write_str(out, text)),
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
                sure(encode::write_str(out, key));
                write(out, value, element).map_err(|error| error.under(Step::Key(key.clone())))?;
            }
        }
        (Type::Object(object), Value::Object(all)) => {
            write_map_len(out, object.attributes.len());
            for (name, r#type) in &object.attributes {
                sure(encode::write_str(out, name));
                let value = all.get(name).unwrap_or(&Value::Null);
                write(out, value, r#type).map_err(|error| error.under(Step::Attribute(name.clone())))?;
            }
        }
        (r#type, value) => return Err(ValueError::new(r#type.to_string(), value.kind())),
    }
    Ok(())
}

fn write_array_len(out: &mut Vec<u8>, length: usize) {
    sure(encode::write_array_len(out, u32::try_from(length).unwrap_or(u32::MAX)));
}

fn write_map_len(out: &mut Vec<u8>, length: usize) {
    sure(encode::write_map_len(out, u32::try_from(length).unwrap_or(u32::MAX)));
}

fn write_number(out: &mut Vec<u8>, number: &Number) {
    match number.as_i64() {
        Some(int) => sure(encode::write_sint(out, int)),
        None => sure(encode::write_str(out, &number.to_string())),
    }
}

fn write_unknown(out: &mut Vec<u8>, refinement: &Refinement) {
    let Some(known) = refinement.known() else {
        sure(encode::write_ext_meta(out, 1, UNKNOWN));
        out.push(0);
        return;
    };
    let mut fields = 0;
    let mut body = Vec::new();
    let mut field = |key: u8, write: &dyn Fn(&mut Vec<u8>)| {
        fields += 1;
        sure(encode::write_uint(&mut body, key.into()));
        write(&mut body);
    };
    let bound = |body: &mut Vec<u8>, bound: &Bound| {
        write_array_len(body, 2);
        write_number(body, &bound.limit);
        sure(encode::write_bool(body, bound.inclusive));
    };
    if let Some(null) = known.null {
        field(1, &|body| sure(encode::write_bool(body, null)));
    }
    if let Some(prefix) = &known.prefix {
        field(2, &|body| sure(encode::write_str(body, prefix)));
    }
    if let Some(min) = &known.min {
        field(3, &|body| bound(body, min));
    }
    if let Some(max) = &known.max {
        field(4, &|body| bound(body, max));
    }
    if let Some(min) = known.min_length {
        field(5, &|body| sure(encode::write_sint(body, min)));
    }
    if let Some(max) = known.max_length {
        field(6, &|body| sure(encode::write_sint(body, max)));
    }
    let mut whole = Vec::new();
    write_map_len(&mut whole, fields);
    whole.extend(body);
    sure(encode::write_ext_meta(out, u32::try_from(whole.len()).unwrap_or(u32::MAX), REFINED_UNKNOWN));
    out.extend(whole);
}

/// A write to a vector, which cannot fail.
fn sure<T, E: std::fmt::Debug>(written: Result<T, E>) {
    written.expect("a vector takes every write");
}
