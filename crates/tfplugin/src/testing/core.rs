//! What Terraform itself does to values around a provider's calls, and what it demands of the answers.
//!
//! Source: Terraform 1.11, `internal/plans/objchange`: `ProposedNew`, `AssertPlanValid`, `AssertObjectCompatible`.

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::path::{Path, Step};
use crate::schema::{Attribute, Block, BlockNesting, Kind, Nesting, Schema};
use crate::value::Value;

/// The new state that Terraform proposes: the configuration, with prior values for computed attributes left out of it.
pub(super) fn proposed(schema: &Schema, prior: &Value, config: &Value) -> Value {
    body(&schema.attributes, &schema.blocks, prior, config)
}

fn body(attributes: &[Attribute], blocks: &[Block], prior: &Value, config: &Value) -> Value {
    if config.entries().is_none() {
        return config.clone();
    }
    let attributes = attributes.iter().map(|attribute| {
        let (prior, config) = (entry(prior, &attribute.name), entry(config, &attribute.name));
        (attribute.name.clone(), proposed_attribute(attribute, prior, config))
    });
    let blocks = blocks.iter().map(|block| {
        let (prior, config) = (entry(prior, &block.name), entry(config, &block.name));
        let nesting = match block.nesting {
            BlockNesting::Single => Nesting::Single,
            BlockNesting::List => Nesting::List,
            BlockNesting::Set => Nesting::Set,
        };
        let value = objects(
            nesting,
            prior,
            config,
            &|prior, config| body(&block.attributes, &block.blocks, prior, config),
            &block.attributes,
        );
        (block.name.clone(), value)
    });
    Value::object(attributes.chain(blocks))
}

fn proposed_attribute(attribute: &Attribute, prior: &Value, config: &Value) -> Value {
    if attribute.computed && config.is_null() {
        let was_configured = attribute.optional && has_configured_part(attribute.nested_attributes(), prior);
        return if was_configured { config.clone() } else { prior.clone() };
    }
    match &attribute.kind {
        Kind::Plain(_) => config.clone(),
        Kind::Nested(nesting, inner) => {
            objects(*nesting, prior, config, &|prior, config| body(inner, &[], prior, config), inner)
        }
    }
}

fn objects(
    nesting: Nesting,
    prior: &Value,
    config: &Value,
    one: &dyn Fn(&Value, &Value) -> Value,
    attributes: &[Attribute],
) -> Value {
    match (nesting, config) {
        (Nesting::Single, Value::Object(_)) => one(prior, config),
        (_, Value::List(all)) => {
            let prior_at = |index: usize| prior.elements().and_then(|all| all.get(index)).unwrap_or(&Value::Null);
            Value::List(all.iter().enumerate().map(|(index, config)| one(prior_at(index), config)).collect())
        }
        (_, Value::Map(all)) => {
            Value::Map(all.iter().map(|(key, config)| (key.clone(), one(entry(prior, key), config))).collect())
        }
        (_, Value::Set(all)) => {
            let before = prior.elements().unwrap_or_default();
            let fitting = |config: &Value| before.iter().find(|prior| could_become(attributes, prior, config));
            Value::set(all.iter().map(|config| one(fitting(config).unwrap_or(&Value::Null), config)).collect())
        }
        _ => config.clone(),
    }
}

/// Whether a prior element of a set is what the configured one became: equal but for computed attributes left out.
fn could_become(attributes: &[Attribute], prior: &Value, config: &Value) -> bool {
    attributes.iter().all(|attribute| {
        let (prior, config) = (entry(prior, &attribute.name), entry(config, &attribute.name));
        (attribute.computed && config.is_null()) || prior == config
    })
}

/// Whether any part of a prior value cannot have been computed, so that it once was configured.
fn has_configured_part(attributes: &[Attribute], prior: &Value) -> bool {
    let in_object = |object: &Value| {
        attributes.iter().any(|attribute| {
            let value = entry(object, &attribute.name);
            !value.is_null() && (!attribute.computed || has_configured_part(attribute.nested_attributes(), value))
        })
    };
    match prior {
        Value::Object(_) => in_object(prior),
        Value::List(all) | Value::Set(all) => all.iter().any(in_object),
        Value::Map(all) => all.values().any(in_object),
        _ => false,
    }
}

/// What Terraform demands of a plan.
pub(super) fn check_plan(schema: &Schema, config: &Value, prior: &Value, planned: &Value) -> Result<(), Diagnostics> {
    let mut broken = Diagnostics::new();
    check_body(&schema.attributes, &schema.blocks, [config, prior, planned], &Path::root(), &mut broken);
    broken.into_result()
}

fn check_body(
    attributes: &[Attribute],
    blocks: &[Block],
    [config, prior, planned]: [&Value; 3],
    at: &Path,
    broken: &mut Diagnostics,
) {
    for attribute in attributes {
        let of = |value| entry(value, &attribute.name);
        check_attribute(attribute, [of(config), of(prior), of(planned)], &at.child(attribute.name.as_str()), broken);
    }
    for block in blocks {
        let of = |value| entry(value, &block.name);
        let path = at.child(block.name.as_str());
        check_objects([of(config), of(prior), of(planned)], &path, broken, &|values, path, broken| {
            check_body(&block.attributes, &block.blocks, values, path, broken);
        });
    }
}

fn check_attribute(attribute: &Attribute, [config, prior, planned]: [&Value; 3], at: &Path, broken: &mut Diagnostics) {
    let mut say = |problem: &str| broken.push(broken_rule(at, problem));
    if attribute.write_only {
        if !planned.is_null() {
            say("a write-only attribute is planned");
        }
        return;
    }
    if planned == config || (planned == prior && !config.is_null()) {
        return;
    }
    let configurable = !config.is_null();
    match &attribute.kind {
        Kind::Nested(_, inner) if configurable => {
            check_objects([config, prior, planned], at, broken, &|values, path, broken| {
                check_body(inner, &[], values, path, broken);
            });
        }
        _ if attribute.computed && !configurable => {}
        _ if configurable => say("a configured value is planned as another one"),
        _ => say("a value is planned for what is neither configured nor computed"),
    }
}

type CheckObject<'a> = dyn Fn([&Value; 3], &Path, &mut Diagnostics) + 'a;

fn check_objects([config, prior, planned]: [&Value; 3], at: &Path, broken: &mut Diagnostics, one: &CheckObject<'_>) {
    let element = |value: &'_ Value, index: usize| -> Value {
        value.elements().and_then(|all| all.get(index)).cloned().unwrap_or(Value::Null)
    };
    match (config, planned) {
        (Value::Object(_), Value::Object(_)) => one([config, prior, planned], at, broken),
        (Value::List(ours), Value::List(theirs)) if ours.len() == theirs.len() => {
            for index in 0..ours.len() {
                one([&ours[index], &element(prior, index), &theirs[index]], &at.index(index), broken);
            }
        }
        (Value::Map(ours), Value::Map(theirs)) if ours.keys().eq(theirs.keys()) => {
            for (key, config) in ours {
                one([config, entry(prior, key), &theirs[key]], &at.key(key), broken);
            }
        }
        // Elements of a set have no address; Terraform checks no more than this either.
        (Value::Set(ours), Value::Set(theirs)) if ours.len() == theirs.len() => {}
        (Value::Unknown(_), Value::Unknown(_)) => {}
        _ => broken.push(broken_rule(at, "a configured value is planned as another one")),
    }
}

/// Whether `after` has every known value of `before`; `what` names it.
pub(super) fn check_same(schema: &Schema, before: &Value, after: &Value, what: &str) -> Result<(), Diagnostics> {
    match first_conflict(before, after, &mut Path::root()) {
        None => Ok(()),
        Some(path) => {
            let sensitive = schema.find(path.steps().first().map_or("", |step| match step {
                Step::Attribute(name) => name,
                _ => "",
            }));
            let hidden = sensitive.is_some_and(|attribute| attribute.sensitive);
            let show = |value: &Value| match value.get(&path) {
                _ if hidden => "(hidden)".to_owned(),
                Some(part) => format!("{part:?}"),
                None => "nothing".to_owned(),
            };
            let problem = format!("{what} has {}, planned was {}", show(after), show(before));
            Err(broken_rule(&path, &problem).into())
        }
    }
}

fn first_conflict(before: &Value, after: &Value, at: &mut Path) -> Option<Path> {
    let mut go = |step: Step, before: &Value, after: &Value| {
        at.push(step);
        let found = first_conflict(before, after, at);
        at.pop();
        found
    };
    match (before, after) {
        (Value::Unknown(_), _) => None,
        (Value::Object(ours), Value::Object(theirs)) => ours.iter().find_map(|(name, before)| {
            go(Step::Attribute(name.clone()), before, theirs.get(name).unwrap_or(&Value::Null))
        }),
        (Value::Map(ours), Value::Map(theirs)) if ours.keys().eq(theirs.keys()) => {
            ours.iter().find_map(|(key, before)| go(Step::Key(key.clone()), before, &theirs[key]))
        }
        (Value::List(ours) | Value::Tuple(ours), Value::List(theirs) | Value::Tuple(theirs))
            if ours.len() == theirs.len() =>
        {
            let pairs = ours.iter().zip(theirs).enumerate();
            pairs.into_iter().find_map(|(index, (before, after))| go(Step::Index(index), before, after))
        }
        // Each planned element has to be found, whatever its unknown parts became.
        (Value::Set(ours), Value::Set(theirs)) if ours.len() == theirs.len() => {
            let found =
                |before: &Value| theirs.iter().any(|after| first_conflict(before, after, &mut Path::root()).is_none());
            ours.iter().find(|before| !found(before)).map(|_| at.join(Step::Element))
        }
        (Value::Dynamic(ours), Value::Dynamic(theirs)) => first_conflict(&ours.1, &theirs.1, at),
        (before, after) => (before != after).then(|| at.clone()),
    }
}

fn broken_rule(at: &Path, problem: &str) -> Diagnostic {
    Diagnostic::error("Terraform would refuse the provider's answer", format!("`{at}`: {problem}.")).at(at.clone())
}

fn entry<'a>(value: &'a Value, name: &str) -> &'a Value {
    match value {
        Value::Unknown(_) => value,
        _ => value.entries().and_then(|entries| entries.get(name)).unwrap_or(&Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{int64, nested_set, string};
    use crate::value::conform;

    fn schema() -> Schema {
        Schema::new("")
            .attribute(string("text").required())
            .attribute(string("id").computed())
            .attribute(nested_set("rules", [int64("port").required(), string("made").computed()]).optional())
    }

    fn object(entries: &[(&str, Value)]) -> Value {
        conform::conform(Value::object(entries.iter().cloned()), &schema().value_type()).expect("fits")
    }

    fn rule(port: i64, made: Value) -> Value {
        Value::object([("port", port.into()), ("made", made)])
    }

    #[test]
    fn prior_values_are_proposed_for_computed_attributes() {
        let prior = object(&[
            ("text", "a".into()),
            ("id", "1".into()),
            ("rules", Value::List(vec![rule(80, "x".into()), rule(443, "y".into())])),
        ]);
        let config = object(&[("text", "b".into()), ("rules", Value::List(vec![rule(443, Value::Null)]))]);
        let expected =
            object(&[("text", "b".into()), ("id", "1".into()), ("rules", Value::List(vec![rule(443, "y".into())]))]);
        assert_eq!(proposed(&schema(), &prior, &config), expected);
    }

    fn check_refused(config: &[(&str, Value)], planned: &[(&str, Value)], expected: &str) {
        let broken = check_plan(&schema(), &object(config), &Value::Null, &object(planned)).expect_err("breaks a rule");
        assert_eq!(broken.iter().next().map(|it| it.detail.as_str()), Some(expected));
    }

    #[test]
    fn a_plan_may_not_change_what_is_configured() {
        check_refused(
            &[("text", "a".into())],
            &[("text", "b".into())],
            "`text`: a configured value is planned as another one.",
        );
        let ports = Value::List(vec![rule(80, Value::Null)]);
        check_refused(
            &[("text", "a".into())],
            &[("text", "a".into()), ("rules", ports)],
            "`rules`: a value is planned for what is neither configured nor computed.",
        );
    }

    #[test]
    fn a_state_may_fill_in_what_was_unknown_and_nothing_else() {
        let planned = object(&[("text", "a".into()), ("id", Value::UNKNOWN)]);
        let made = object(&[("text", "a".into()), ("id", "1".into())]);
        assert_eq!(check_same(&schema(), &planned, &made, "the state"), Ok(()));
        let other = object(&[("text", "b".into()), ("id", "1".into())]);
        let broken = check_same(&schema(), &planned, &other, "the state").expect_err("the text differs");
        assert!(broken.to_string().contains("at text"), "{broken}");
    }
}
