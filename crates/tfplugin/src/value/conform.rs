//! Bringing a value into the exact shape of a type, and giving numbers back as they came.

use std::collections::BTreeMap;

use super::{ObjectType, Type, Value, ValueError};
use crate::path::Step;

/// `value` in the shape of `ty`: lists become sets where a set belongs, objects become maps and the other way round,
/// missing attributes become null, dynamic places get a type.
///
/// # Errors
/// `ValueError` with the path of the first part that cannot take the shape.
pub(crate) fn conform(value: Value, r#type: &Type) -> Result<Value, ValueError> {
    match (r#type, value) {
        (Type::Dynamic, value @ (Value::Null | Value::Unknown(_) | Value::Dynamic(_))) => Ok(value),
        (Type::Dynamic, value) => {
            let implied = implied_type(&value);
            let value = conform(value, &implied)?;
            Ok(Value::Dynamic(Box::new((implied, value))))
        }
        (_, Value::Dynamic(inner)) => conform(inner.1, r#type),
        (_, value @ (Value::Null | Value::Unknown(_))) => Ok(value),
        (Type::Bool, value @ Value::Bool(_)) => Ok(value),
        (Type::Number, value @ Value::Number(_)) => Ok(value),
        (Type::String, value @ Value::String(_)) => Ok(value),
        (Type::List(element), Value::List(all) | Value::Tuple(all) | Value::Set(all)) => {
            Ok(Value::List(conform_elements(all, element)?))
        }
        (Type::Set(element), Value::List(all) | Value::Tuple(all) | Value::Set(all)) => {
            let all = all.into_iter().map(|value| conform(value, element)).collect::<Result<_, _>>();
            Ok(Value::set(all.map_err(|error: ValueError| error.under(Step::Element))?))
        }
        (Type::Map(element), Value::Map(all) | Value::Object(all)) => {
            let entry = |(key, value)| match conform(value, element) {
                Ok(value) => Ok((key, value)),
                Err(error) => Err(error.under(Step::Key(key))),
            };
            Ok(Value::Map(all.into_iter().map(entry).collect::<Result<_, _>>()?))
        }
        (Type::Object(object), Value::Map(all) | Value::Object(all)) => conform_object(all, object),
        (Type::Tuple(types), Value::List(all) | Value::Tuple(all)) if types.len() == all.len() => {
            let element = |(index, (value, r#type)): (usize, (Value, &Type))| {
                conform(value, r#type).map_err(|error| error.under(Step::Index(index)))
            };
            Ok(Value::Tuple(all.into_iter().zip(types).enumerate().map(element).collect::<Result<_, _>>()?))
        }
        (_, value) => Err(ValueError::new(r#type.to_string(), value.kind())),
    }
}

fn conform_elements(all: Vec<Value>, element: &Type) -> Result<Vec<Value>, ValueError> {
    let one = |(index, value)| conform(value, element).map_err(|error| error.under(Step::Index(index)));
    all.into_iter().enumerate().map(one).collect()
}

fn conform_object(mut all: BTreeMap<String, Value>, object: &ObjectType) -> Result<Value, ValueError> {
    let mut shaped = BTreeMap::new();
    for (name, r#type) in &object.attributes {
        let value = all.remove(name).unwrap_or(Value::Null);
        let value = conform(value, r#type).map_err(|error| error.under(Step::Attribute(name.clone())))?;
        shaped.insert(name.clone(), value);
    }
    match all.into_keys().next() {
        Some(extra) => Err(ValueError::new("no such attribute", "one").under(Step::Attribute(extra))),
        None => Ok(Value::Object(shaped)),
    }
}

/// The type that a value has by itself; nulls, unknowns and empty collections are of any type.
pub(crate) fn implied_type(value: &Value) -> Type {
    // Elements of a collection have one type: that of all if they agree, else any.
    let common = |all: &mut dyn Iterator<Item = &Value>| {
        let mut types = all.filter(|value| !value.is_null() && !value.is_unknown()).map(implied_type);
        match types.next() {
            Some(first) if types.all(|other| other == first) => first,
            _ => Type::Dynamic,
        }
    };
    match value {
        Value::Null | Value::Unknown(_) => Type::Dynamic,
        Value::Bool(_) => Type::Bool,
        Value::Number(_) => Type::Number,
        Value::String(_) => Type::String,
        Value::List(all) | Value::Tuple(all) => match common(&mut all.iter()) {
            Type::Dynamic => Type::Tuple(all.iter().map(implied_type).collect()),
            element => Type::list(element),
        },
        Value::Set(all) => Type::set(common(&mut all.iter())),
        Value::Map(all) => match common(&mut all.values()) {
            Type::Dynamic => Type::object(all.iter().map(|(name, value)| (name.clone(), implied_type(value)))),
            element => Type::map(element),
        },
        Value::Object(all) => Type::object(all.iter().map(|(name, value)| (name.clone(), implied_type(value)))),
        Value::Dynamic(inner) => inner.0.clone(),
    }
}

/// `value` with numbers and dynamic parts written as in `reference` wherever they mean the same.
///
/// A model holds numbers as `f64` or `i64`, Terraform with 512 bits, and it refuses a configured number that comes back
/// with another last digit. So what a model did not change is handed back as it came.
pub(crate) fn reconcile(value: Value, reference: &Value) -> Value {
    match (value, reference) {
        (Value::Number(ours), Value::Number(theirs)) => {
            let same = ours.as_f64().is_some() && ours.as_f64() == theirs.as_f64();
            // Whole numbers that an `i64` holds are exact on both sides: 2^53 and 2^53 + 1 stay apart.
            let exact = ours.as_i64().is_some() && theirs.as_i64().is_some();
            Value::Number(if same && !exact { theirs.clone() } else { ours })
        }
        (Value::Dynamic(inner), Value::Dynamic(theirs)) => {
            let inner = *inner;
            match conform(inner.1.clone(), &theirs.0).map(|value| reconcile(value, &theirs.1)) {
                Ok(same) if same == theirs.1 => reference.clone(),
                _ => Value::Dynamic(Box::new(inner)),
            }
        }
        (Value::List(all), Value::List(references)) => Value::List(reconcile_in_order(all, references)),
        (Value::Tuple(all), Value::Tuple(references)) => Value::Tuple(reconcile_in_order(all, references)),
        // The same elements sort the same way, so that equal sets meet element by element.
        (Value::Set(all), Value::Set(references)) if all.len() == references.len() => {
            Value::set(reconcile_in_order(all, references))
        }
        (Value::Map(all), Value::Map(references)) => Value::Map(reconcile_entries(all, references)),
        (Value::Object(all), Value::Object(references)) => Value::Object(reconcile_entries(all, references)),
        (value, _) => value,
    }
}

fn reconcile_in_order(all: Vec<Value>, references: &[Value]) -> Vec<Value> {
    let mut references = references.iter();
    all.into_iter().map(|value| reconcile(value, references.next().unwrap_or(&Value::Null))).collect()
}

fn reconcile_entries(all: BTreeMap<String, Value>, references: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let entry = |(name, value)| {
        let reference = references.get(&name).unwrap_or(&Value::Null);
        let value = reconcile(value, reference);
        (name, value)
    };
    all.into_iter().map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Number;

    fn number(text: &str) -> Value {
        Value::Number(text.parse::<Number>().expect("is a number"))
    }

    #[test]
    fn shapes_follow_the_type() {
        let r#type = Type::object([
            ("set", Type::set(Type::String)),
            ("map", Type::map(Type::Number)),
            ("missing", Type::Bool),
            ("any", Type::Dynamic),
        ]);
        let value = Value::map([
            ("set", Value::List(vec!["b".into(), "a".into(), "a".into()])),
            ("map", Value::object([("k", 1.into())])),
            ("any", Value::List(vec![true.into()])),
        ]);
        let expected = Value::object([
            ("set", Value::Set(vec!["a".into(), "b".into()])),
            ("map", Value::map([("k", 1.into())])),
            ("missing", Value::Null),
            ("any", Value::Dynamic(Box::new((Type::list(Type::Bool), Value::List(vec![true.into()]))))),
        ]);
        assert_eq!(conform(value, &r#type), Ok(expected));
    }

    #[test]
    fn a_misfit_names_its_path() {
        let r#type = Type::object([("steps", Type::list(Type::object([("at", Type::String)])))]);
        let value = Value::object([("steps", Value::List(vec![Value::object([("at", 1.into())])]))]);
        let error = conform(value, &r#type).expect_err("a number is no string");
        assert_eq!(error.to_string(), "steps[0].at: expected string, found a number");
        let extra = conform(Value::object([("b", 1.into())]), &Type::object([("a", Type::Bool)]));
        assert_eq!(extra.expect_err("b is not there").path.to_string(), "b");
    }

    #[test]
    fn numbers_that_a_model_did_not_change_come_back_in_full() {
        let long = number("0.1000000000000000000000000000001");
        assert_eq!(reconcile(0.1.into(), &long), long);
        assert_eq!(reconcile(0.2.into(), &long), 0.2.into());
        let twenty_digits = number("12345678901234567890");
        assert_eq!(reconcile(12345678901234567890.0.into(), &twenty_digits), twenty_digits);
        // These two are equal as doubles, but a model with an `i64` did change the number.
        assert_eq!(reconcile(number("9007199254740993"), &number("9007199254740992")), number("9007199254740993"));
    }

    #[test]
    fn a_dynamic_value_keeps_the_type_it_came_with() {
        let came = Value::Dynamic(Box::new((Type::list(Type::String), Value::List(vec![]))));
        let back = conform(Value::Tuple(vec![]), &Type::Dynamic).expect("any value fits");
        assert_eq!(reconcile(back, &came), came);
    }
}
