//! The planned value that follows from schema, configuration and prior state, before the resource has its say.
//!
//! The order is that of Terraform's own framework for Go: what Terraform proposes, defaults, write-only attributes
//! nulled; if anything differs from the prior state, computed attributes that are not configured become unknown; then
//! the attributes' plan modifiers.

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::modifiers::Modify;
use crate::path::{Path, Step};
use crate::schema::{Attribute, Block, Kind, Nesting, Schema};
use crate::value::{Value, conform};

/// A planned value and the attributes that need a new object.
#[derive(Debug, PartialEq)]
pub(super) struct Planned {
    pub value: Value,
    pub replace: Vec<Path>,
}

/// The planned value of an object that is to be created or changed.
pub(super) fn plan(schema: &Schema, config: &Value, prior: &Value, proposed: Value) -> Result<Planned, Diagnostics> {
    let mut value = proposed;
    keep_computed_objects(&schema.attributes, [config, prior], &mut value, &Path::root());
    value = null_write_only(schema, with_defaults(schema, config, value));
    if let Some(changed) = prior.first_difference(&value) {
        tracing::debug!(%changed, "differs from the prior state");
        value = body(&schema.attributes, &schema.blocks, Some(config), value, &mut mark_unknown);
    }
    let mut modifying = Modifying { config, prior, planned: value, replace: Vec::new(), failed: Diagnostics::new() };
    modifying.body(&schema.attributes, &schema.blocks, &Path::root());
    modifying.failed.into_result()?;
    Ok(Planned { value: modifying.planned, replace: modifying.replace })
}

/// Puts back the prior values of nested attributes that are optional and computed and not configured.
///
/// Terraform proposes null for them where it takes the prior value for a configured one that was removed, namely if any
/// part of it is not computed by its schema. Then no plan would ever come out empty.
fn keep_computed_objects(attributes: &[Attribute], [config, prior]: [&Value; 2], planned: &mut Value, at: &Path) {
    for attribute in attributes.iter().filter(|attribute| !attribute.nested_attributes().is_empty()) {
        let path = at.child(attribute.name.as_str());
        let is_null = |value: &Value| value.get(&path).is_some_and(Value::is_null);
        if attribute.optional && attribute.computed && is_null(config) && is_null(planned) {
            if let Some(before) = prior.get(&path) {
                set(planned, path.steps(), before.clone());
            }
        } else if let Kind::Nested(nesting, inner) = &attribute.kind {
            for path in objects_at(planned, &path, *nesting) {
                keep_computed_objects(inner, [config, prior], planned, &path);
            }
        }
    }
}

/// `planned` with the defaults of what the configuration leaves out.
pub(super) fn with_defaults(schema: &Schema, config: &Value, planned: Value) -> Value {
    let mut set = |attribute: &Attribute, config: Option<&Value>, planned: Value| {
        let left_out = config.unwrap_or(&planned).is_null();
        match attribute.default.clone().filter(|_| left_out) {
            // The schema's check has found defaults that do not fit.
            Some(default) => conform::conform(default, &attribute.value_type()).unwrap_or(planned),
            None => planned,
        }
    };
    body(&schema.attributes, &schema.blocks, Some(config), planned, &mut set)
}

/// `value` without the write-only attributes.
pub(super) fn null_write_only(schema: &Schema, value: Value) -> Value {
    let mut clear = |attribute: &Attribute, _: Option<&Value>, value| {
        if attribute.write_only { Value::Null } else { value }
    };
    body(&schema.attributes, &schema.blocks, None, value, &mut clear)
}

/// `value` with null for everything unknown, as state cannot hold it.
pub(super) fn without_unknowns(value: Value) -> Value {
    match value {
        Value::Unknown(_) => Value::Null,
        Value::List(all) => Value::List(all.into_iter().map(without_unknowns).collect()),
        Value::Set(all) => Value::set(all.into_iter().map(without_unknowns).collect()),
        Value::Tuple(all) => Value::Tuple(all.into_iter().map(without_unknowns).collect()),
        Value::Map(all) => Value::Map(all.into_iter().map(|(key, value)| (key, without_unknowns(value))).collect()),
        Value::Object(all) => {
            Value::Object(all.into_iter().map(|(name, value)| (name, without_unknowns(value))).collect())
        }
        Value::Dynamic(inner) => {
            let (r#type, value) = *inner;
            Value::Dynamic(Box::new((r#type, without_unknowns(value))))
        }
        known => known,
    }
}

fn mark_unknown(attribute: &Attribute, config: Option<&Value>, planned: Value) -> Value {
    // Within a set the configured element cannot be told; what is planned as null there was not configured.
    let left_out = config.unwrap_or(&planned).is_null();
    if attribute.computed && left_out && attribute.default.is_none() { Value::UNKNOWN } else { planned }
}

/// Decides one attribute: its schema, its configuration unless it lies within a set, and its value.
type Decide<'a> = dyn FnMut(&Attribute, Option<&Value>, Value) -> Value + 'a;

/// `value` with every attribute decided, outer ones first.
fn body(
    attributes: &[Attribute],
    blocks: &[Block],
    config: Option<&Value>,
    value: Value,
    decide: &mut Decide,
) -> Value {
    let Value::Object(mut entries) = value else { return value };
    let of_config = |name: &str| config.map(|config| part(config, &Step::Attribute(name.to_owned())));
    for attribute in attributes {
        let config = of_config(&attribute.name);
        let value = entries.remove(&attribute.name).unwrap_or(Value::Null);
        let mut value = decide(attribute, config, value);
        if let Kind::Nested(_, inner) = &attribute.kind {
            value = objects(value, config, &mut |config, object| body(inner, &[], config, object, decide));
        }
        entries.insert(attribute.name.clone(), value);
    }
    for block in blocks {
        let config = of_config(&block.name);
        let value = entries.remove(&block.name).unwrap_or(Value::Null);
        let value = objects(value, config, &mut |config, object| {
            body(&block.attributes, &block.blocks, config, object, decide)
        });
        entries.insert(block.name.clone(), value);
    }
    Value::Object(entries)
}

/// `value` with `change` applied to it as an object, or to each object in it.
fn objects(value: Value, config: Option<&Value>, change: &mut dyn FnMut(Option<&Value>, Value) -> Value) -> Value {
    match value {
        Value::Object(_) => change(config, value),
        Value::List(all) => {
            let change = |(index, object)| change(config.map(|config| part(config, &Step::Index(index))), object);
            Value::List(all.into_iter().enumerate().map(change).collect())
        }
        Value::Map(all) => {
            let change = |(key, object): (String, Value)| {
                let config = config.map(|config| part(config, &Step::Key(key.clone())));
                (key, change(config, object))
            };
            Value::Map(all.into_iter().map(change).collect())
        }
        Value::Set(all) => Value::set(all.into_iter().map(|object| change(None, object)).collect()),
        other => other,
    }
}

/// One step into `value`; null where there is nothing.
fn part<'a>(value: &'a Value, step: &Step) -> &'a Value {
    let found = match (value, step) {
        (Value::Object(entries) | Value::Map(entries), Step::Attribute(name) | Step::Key(name)) => entries.get(name),
        (Value::List(all) | Value::Tuple(all), Step::Index(index)) => all.get(*index),
        (Value::Unknown(_), _) => Some(value),
        _ => None,
    };
    found.unwrap_or(&Value::Null)
}

struct Modifying<'a> {
    config: &'a Value,
    prior: &'a Value,
    planned: Value,
    replace: Vec<Path>,
    failed: Diagnostics,
}

impl Modifying<'_> {
    /// Runs the modifiers of the attributes at `at`, and of those nested in what is known. An element of a set has no
    /// address; modifiers within sets are not run.
    fn body(&mut self, attributes: &[Attribute], blocks: &[Block], at: &Path) {
        for attribute in attributes {
            let path = at.child(attribute.name.as_str());
            for modifier in &attribute.modifiers {
                let cx = Modify {
                    path: &path,
                    config: self.config.get(&path).unwrap_or(&Value::Null),
                    prior: self.prior.get(&path).unwrap_or(&Value::Null),
                    planned: self.planned.get(&path).unwrap_or(&Value::Null),
                    whole_config: self.config,
                    whole_prior: self.prior,
                    whole_planned: &self.planned,
                };
                match modifier.modify(&cx) {
                    Ok(modified) => {
                        let fitting = conform::conform(modified.value, &attribute.value_type());
                        if modified.requires_replace {
                            self.replace.push(path.clone());
                        }
                        match fitting {
                            Ok(value) => set(&mut self.planned, path.steps(), value),
                            Err(error) => {
                                let detail = format!("A plan modifier answered a value that does not fit: {error}.");
                                let wrong = Diagnostic::error("Provider planned an invalid value", detail);
                                self.failed.push(wrong.at(path.clone()));
                            }
                        }
                    }
                    Err(diagnostics) => self.failed.extend(diagnostics.into_iter().map(|diagnostic| {
                        if diagnostic.path.is_none() { diagnostic.at(path.clone()) } else { diagnostic }
                    })),
                }
            }
            if let Kind::Nested(nesting, inner) = &attribute.kind {
                for path in objects_at(&self.planned, &path, *nesting) {
                    self.body(inner, &[], &path);
                }
            }
        }
        for block in blocks {
            let nesting = match block.nesting {
                crate::schema::BlockNesting::Single => Nesting::Single,
                crate::schema::BlockNesting::List => Nesting::List,
                crate::schema::BlockNesting::Set => Nesting::Set,
            };
            for path in objects_at(&self.planned, &at.child(block.name.as_str()), nesting) {
                self.body(&block.attributes, &block.blocks, &path);
            }
        }
    }
}

/// The paths of the objects at `path`: of itself, or of each element.
fn objects_at(planned: &Value, path: &Path, nesting: Nesting) -> Vec<Path> {
    match (nesting, planned.get(path)) {
        (Nesting::Single, Some(Value::Object(_))) => vec![path.clone()],
        (Nesting::List, Some(Value::List(all))) => (0..all.len()).map(|index| path.index(index)).collect(),
        (Nesting::Map, Some(Value::Map(all))) => all.keys().map(|key| path.key(key)).collect(),
        _ => Vec::new(),
    }
}

/// Puts `new` at `steps`, where there is a value already.
fn set(value: &mut Value, steps: &[Step], new: Value) {
    let Some((step, rest)) = steps.split_first() else {
        *value = new;
        return;
    };
    let inner = match (value, step) {
        (Value::Object(entries) | Value::Map(entries), Step::Attribute(name) | Step::Key(name)) => {
            entries.get_mut(name)
        }
        (Value::List(all), Step::Index(index)) => all.get_mut(*index),
        _ => None,
    };
    if let Some(inner) = inner {
        set(inner, rest, new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modifiers::computed_from;
    use crate::schema::{int64, nested, nested_list, nested_map, nested_set, string};

    fn schema() -> Schema {
        let inner =
            || [string("name").required().requires_replace(), string("id").computed(), int64("size").default(3)];
        Schema::new("")
            .attribute(string("id").computed().keep_prior())
            .attribute(string("etag").computed())
            .attribute(string("mode").default("floor"))
            .attribute(string("password").optional().write_only())
            .attribute(nested("one", inner()).optional())
            .attribute(nested_list("list", inner()).optional())
            .attribute(nested_set("set", inner()).optional())
            .attribute(nested_map("map", inner()).optional())
            .attribute(string("shout").computed().modify(computed_from(|whole| {
                let mode = whole.get(&Path::from("mode"))?.as_str()?;
                Some(mode.to_uppercase().into())
            })))
    }

    fn object(entries: &[(&str, Value)]) -> Value {
        let value = Value::object(entries.iter().cloned());
        conform::conform(value, &schema().value_type()).expect("fits the schema")
    }

    fn item(name: &str, id: Value, size: Value) -> Value {
        Value::object([("name", name.into()), ("id", id), ("size", size)])
    }

    #[test]
    fn a_new_object_has_defaults_and_unknown_computed_attributes() {
        let left_out = || item("a", Value::Null, Value::Null);
        let config = object(&[
            ("password", "secret".into()),
            ("one", left_out()),
            ("list", Value::List(vec![left_out(), item("b", Value::Null, 7.into())])),
            ("set", Value::List(vec![left_out()])),
            ("map", Value::map([("k", left_out())])),
        ]);
        let planned = plan(&schema(), &config, &Value::Null, config.clone()).expect("plans");
        let made = || item("a", Value::UNKNOWN, 3.into());
        let expected = object(&[
            ("id", Value::UNKNOWN),
            ("etag", Value::UNKNOWN),
            ("mode", "floor".into()),
            ("one", made()),
            ("list", Value::List(vec![made(), item("b", Value::UNKNOWN, 7.into())])),
            ("set", Value::List(vec![made()])),
            ("map", Value::map([("k", made())])),
            ("shout", "FLOOR".into()),
        ]);
        assert_eq!(planned, Planned { value: expected, replace: vec![] });
    }

    fn prior() -> Value {
        object(&[
            ("id", "1".into()),
            ("etag", "x".into()),
            ("mode", "floor".into()),
            ("one", item("a", "i".into(), 3.into())),
            ("shout", "FLOOR".into()),
        ])
    }

    #[test]
    fn an_unchanged_object_is_planned_as_it_is() {
        let config = object(&[("one", item("a", Value::Null, Value::Null)), ("password", "secret".into())]);
        // Terraform proposes prior values for computed attributes.
        let Value::Object(mut proposed) = prior() else { panic!("is an object") };
        proposed.insert("password".into(), "secret".into());
        let planned = plan(&schema(), &config, &prior(), Value::Object(proposed)).expect("plans");
        assert_eq!(planned, Planned { value: prior(), replace: vec![] });
    }

    #[test]
    fn a_change_makes_computed_attributes_unknown_but_those_that_are_kept() {
        let config = object(&[("one", item("b", Value::Null, Value::Null)), ("mode", "exact".into())]);
        let Value::Object(mut proposed) = prior() else { panic!("is an object") };
        proposed.insert("mode".into(), "exact".into());
        proposed.insert("one".into(), item("b", "i".into(), 3.into()));
        let planned = plan(&schema(), &config, &prior(), Value::Object(proposed)).expect("plans");
        let expected = object(&[
            ("id", "1".into()),
            ("etag", Value::UNKNOWN),
            ("mode", "exact".into()),
            ("one", item("b", Value::UNKNOWN, 3.into())),
            ("shout", "EXACT".into()),
        ]);
        assert_eq!(planned, Planned { value: expected, replace: vec![Path::from("one.name")] });
    }

    #[test]
    fn a_computed_object_is_kept_though_terraform_proposes_null() {
        let plan_of = |attribute: Attribute| {
            let schema = Schema::new("").attribute(attribute);
            let object =
                |value| conform::conform(Value::object([("plan", value)]), &schema.value_type()).expect("fits");
            let prior = object(Value::object([("peak", 9.into())]));
            (plan(&schema, &object(Value::Null), &prior, object(Value::Null)).expect("plans").value, prior)
        };
        let inner = || [int64("peak").required()];
        let (planned, prior) = plan_of(nested("plan", inner()).optional().computed());
        assert_eq!(planned, prior);
        let (planned, _) = plan_of(nested("plan", inner()).optional());
        assert_eq!(planned.get(&Path::from("plan")), Some(&Value::Null));
    }

    #[test]
    fn unknown_configuration_is_left_alone() {
        let config = object(&[("mode", Value::UNKNOWN), ("list", Value::UNKNOWN)]);
        let planned = plan(&schema(), &config, &Value::Null, config.clone()).expect("plans");
        assert_eq!(planned.value.get(&Path::from("mode")), Some(&Value::UNKNOWN));
        assert_eq!(planned.value.get(&Path::from("shout")), Some(&Value::UNKNOWN));
        assert_eq!(planned.value.get(&Path::from("list")), Some(&Value::UNKNOWN));
    }
}
