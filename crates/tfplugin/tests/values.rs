//! Properties of the codecs: what is written is read as it was, and no bytes whatever harm the reader.
#![allow(clippy::unwrap_used)]

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use tfplugin::value::{Number, Refinement, Type, Value, json, msgpack};

fn types() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![Just(Type::Bool), Just(Type::Number), Just(Type::String), Just(Type::Dynamic)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(Type::list),
            inner.clone().prop_map(Type::set),
            inner.clone().prop_map(Type::map),
            vec(inner.clone(), 0..4).prop_map(Type::Tuple),
            btree_map("[a-z_]{1,6}", inner, 0..4).prop_map(Type::object),
        ]
    })
}

fn numbers() -> impl Strategy<Value = Number> {
    prop_oneof![
        any::<i64>().prop_map(Number::from),
        any::<u64>().prop_map(Number::from),
        any::<f64>().prop_filter_map("finite", Number::from_f64),
        "-?[0-9]{1,40}(\\.[0-9]{1,40})?(e-?[0-9]{1,3})?".prop_map(|text| text.parse().unwrap()),
    ]
}

/// A value of `type`; unknown parts only where `unknowns` says so.
fn values(r#type: &Type, unknowns: bool) -> BoxedStrategy<Value> {
    let known = match r#type {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Number => numbers().prop_map(Value::Number).boxed(),
        Type::String => any::<String>().prop_map(Value::String).boxed(),
        Type::List(element) => vec(values(element, unknowns), 0..4).prop_map(Value::List).boxed(),
        Type::Set(element) => vec(values(element, unknowns), 0..4).prop_map(Value::set).boxed(),
        Type::Map(element) => btree_map(any::<String>(), values(element, unknowns), 0..4).prop_map(Value::Map).boxed(),
        Type::Tuple(types) => {
            let all: Vec<_> = types.iter().map(|r#type| values(r#type, unknowns)).collect();
            all.prop_map(Value::Tuple).boxed()
        }
        Type::Object(object) => {
            let all: Vec<_> =
                object.attributes.iter().map(|(name, r#type)| (Just(name.clone()), values(r#type, unknowns))).collect();
            all.prop_map(Value::object).boxed()
        }
        Type::Dynamic => prop_oneof![Just(Type::Number), Just(Type::list(Type::String))]
            .prop_flat_map(move |inner| (Just(inner.clone()), values(&inner, unknowns)))
            .prop_map(|typed| Value::Dynamic(Box::new(typed)))
            .boxed(),
    };
    if unknowns {
        let unknown = prop_oneof![Just(Value::UNKNOWN), Just(Value::Unknown(Refinement::not_null()))];
        prop_oneof![8 => known, 1 => Just(Value::Null), 1 => unknown].boxed()
    } else {
        prop_oneof![8 => known, 1 => Just(Value::Null)].boxed()
    }
}

fn typed(unknowns: bool) -> impl Strategy<Value = (Type, Value)> {
    types().prop_flat_map(move |r#type| (Just(r#type.clone()), values(&r#type, unknowns)))
}

proptest! {
    #[test]
    fn message_pack_round_trips((r#type, value) in typed(true)) {
        let bytes = msgpack::encode(&value, &r#type).unwrap();
        prop_assert_eq!(msgpack::decode(&bytes, &r#type).unwrap(), value);
    }

    #[test]
    fn json_round_trips((r#type, value) in typed(false)) {
        // In JSON a null in a dynamic place has lost its type.
        let text = json::encode(&value, &r#type);
        let read = json::decode(&text, &r#type).unwrap();
        prop_assert_eq!(json::encode(&read, &r#type), text);
    }

    #[test]
    fn types_round_trip(r#type in types()) {
        prop_assert_eq!(Type::from_json_bytes(&r#type.to_json_bytes()).unwrap(), r#type);
    }

    #[test]
    fn numbers_round_trip(number in numbers()) {
        prop_assert_eq!(number.to_string().parse::<Number>().unwrap(), number);
    }

    #[test]
    fn any_bytes_are_read_or_refused(r#type in types(), bytes in vec(any::<u8>(), 0..200)) {
        let _ = msgpack::decode(&bytes, &r#type);
        let _ = json::decode(&String::from_utf8_lossy(&bytes), &r#type);
        let _ = Type::from_json_bytes(&bytes);
    }

    #[test]
    fn damaged_messages_are_read_or_refused((r#type, value) in typed(true), at in any::<usize>(), byte in any::<u8>()) {
        let mut bytes = msgpack::encode(&value, &r#type).unwrap();
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = msgpack::decode(&bytes, &r#type);
        bytes.truncate(at);
        prop_assert!(msgpack::decode(&bytes, &r#type).is_err());
    }
}
