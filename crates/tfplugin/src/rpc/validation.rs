//! Runs the validators of a schema over a configuration.

use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::path::{Path, Step};
use crate::schema::{Attribute, Block, Kind, Nesting, Schema};
use crate::validators::Validate;
use crate::value::Value;

/// The problems of `config` by the validators of `schema`.
pub(super) fn validate(schema: &Schema, config: &Value) -> Diagnostics {
    let mut walk = Walk { root: config, found: Diagnostics::new() };
    walk.body(&schema.attributes, &schema.blocks, config, &Path::root());
    let cx = Validate { path: &Path::root(), value: config, parent: config, config };
    walk.found.extend(schema.validators.iter().flat_map(|validator| validator.check(&cx)));
    walk.found
}

/// The write-only attributes that are set, which an older Terraform would keep in the state.
pub(super) fn write_only_refused(schema: &Schema, config: &Value) -> Diagnostics {
    let mut found = Diagnostics::new();
    let mut visit = |path: &Path, attribute: &Attribute, value: &Value| {
        if attribute.write_only && !value.is_null() {
            let detail = format!("`{path}` is a write-only attribute, which needs Terraform 1.11 or newer; remove it.");
            found.push(Diagnostic::error("Write-only attributes are not supported", detail).at(path.clone()));
        }
    };
    each_attribute(&schema.attributes, &schema.blocks, config, &Path::root(), &mut visit);
    found
}

/// Calls `visit` for each attribute of a known object, outer ones first.
pub(super) fn each_attribute(
    attributes: &[Attribute],
    blocks: &[Block],
    object: &Value,
    at: &Path,
    visit: &mut dyn FnMut(&Path, &Attribute, &Value),
) {
    let Some(entries) = object.entries() else { return };
    for attribute in attributes {
        let value = entries.get(&attribute.name).unwrap_or(&Value::Null);
        let path = at.child(attribute.name.as_str());
        visit(&path, attribute, value);
        if let Kind::Nested(_, inner) = &attribute.kind {
            each_object(value, &path, &mut |path, object| each_attribute(inner, &[], object, path, visit));
        }
    }
    for block in blocks {
        let value = entries.get(&block.name).unwrap_or(&Value::Null);
        let path = at.child(block.name.as_str());
        each_object(value, &path, &mut |path, object| {
            each_attribute(&block.attributes, &block.blocks, object, path, visit);
        });
    }
}

/// Calls `visit` for the object, or for each object of a list, set or map.
pub(super) fn each_object(value: &Value, at: &Path, visit: &mut dyn FnMut(&Path, &Value)) {
    match value {
        Value::Object(_) => visit(at, value),
        Value::List(all) => all.iter().enumerate().for_each(|(index, value)| visit(&at.index(index), value)),
        Value::Set(all) => all.iter().for_each(|value| visit(&at.join(Step::Element), value)),
        Value::Map(all) => all.iter().for_each(|(key, value)| visit(&at.key(key), value)),
        _ => {}
    }
}

struct Walk<'a> {
    root: &'a Value,
    found: Diagnostics,
}

impl Walk<'_> {
    fn body(&mut self, attributes: &[Attribute], blocks: &[Block], object: &Value, at: &Path) {
        let Some(entries) = object.entries() else { return };
        for attribute in attributes {
            let value = entries.get(&attribute.name).unwrap_or(&Value::Null);
            self.attribute(attribute, value, object, &at.child(attribute.name.as_str()));
        }
        for block in blocks {
            let value = entries.get(&block.name).unwrap_or(&Value::Null);
            each_object(value, &at.child(block.name.as_str()), &mut |path, inner| {
                let cx = Validate { path, value: inner, parent: object, config: self.root };
                let found: Vec<Diagnostic> = block.validators.iter().flat_map(|it| it.check(&cx)).collect();
                self.found.extend(found);
                self.body(&block.attributes, &block.blocks, inner, path);
            });
        }
    }

    fn attribute(&mut self, attribute: &Attribute, value: &Value, parent: &Value, path: &Path) {
        if value.is_null() || value.is_unknown() {
            return;
        }
        let cx = Validate { path, value, parent, config: self.root };
        self.found.extend(attribute.validators.iter().flat_map(|validator| validator.check(&cx)));
        if let Kind::Nested(nesting, inner) = &attribute.kind {
            each_object(value, path, &mut |path, object| {
                self.body(inner, &[], object, path);
            });
            if *nesting != Nesting::Single {
                self.null_elements(value, path);
            }
        }
    }

    /// Terraform lets null stand for a whole object in a collection; no provider means anything by it.
    fn null_elements(&mut self, value: &Value, path: &Path) {
        let null_at = match value {
            Value::List(all) => all.iter().position(Value::is_null).map(|index| path.index(index)),
            Value::Set(all) => all.iter().position(Value::is_null).map(|_| path.join(Step::Element)),
            Value::Map(all) => all.iter().find(|(_, value)| value.is_null()).map(|(key, _)| path.key(key)),
            _ => None,
        };
        if let Some(at) = null_at {
            let detail = format!("`{at}`: expected an object, found null; leave the element out.");
            self.found.push(Diagnostic::error("Invalid value", detail).at(at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{duration, nested, nested_list, nested_map, nested_set, one_of, string};
    use crate::validators::{conflicts_with, exactly_one_of};

    fn schema() -> Schema {
        let inner =
            || [duration("wait").optional(), one_of("mode", ["a", "b"]).optional().validate(conflicts_with(["wait"]))];
        Schema::new("")
            .attribute(nested("one", inner()).optional())
            .attribute(nested_list("list", inner()).optional())
            .attribute(nested_set("set", inner()).optional())
            .attribute(nested_map("map", inner()).optional().validate(crate::validators::items(0, 1)))
            .attribute(string("secret").optional().write_only())
            .validator(exactly_one_of(["one", "list", "set", "map"]))
    }

    fn check_found(config: Value, expected: &[&str]) {
        let mut found: Vec<String> =
            validate(&schema(), &config).iter().map(|it| it.path.clone().unwrap_or_default().to_string()).collect();
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_nesting_is_walked() {
        let bad = || Value::object([("wait", "soon".into()), ("mode", Value::Null)]);
        let both = || Value::object([("wait", "1s".into()), ("mode", "a".into())]);
        check_found(Value::object([("one", bad())]), &["one.wait"]);
        check_found(Value::object([("list", Value::List(vec![both(), bad()]))]), &["list[0].mode", "list[1].wait"]);
        check_found(Value::object([("set", Value::set(vec![bad(), both()]))]), &["set[*].mode", "set[*].wait"]);
        check_found(
            Value::object([("map", Value::map([("k", bad()), ("l", Value::UNKNOWN)]))]),
            &["map", "map[\"k\"].wait"],
        );
        check_found(Value::object([("list", Value::List(vec![Value::Null]))]), &["list[0]"]);
        check_found(Value::object([("one", Value::UNKNOWN)]), &[]);
        check_found(Value::object([("one", bad()), ("list", Value::List(vec![]))]), &["one.wait"]);
    }

    #[test]
    fn an_older_terraform_is_told_of_write_only_attributes() {
        let config = Value::object([("secret", "x".into())]);
        let found = write_only_refused(&schema(), &config);
        assert_eq!(found.iter().map(|it| it.path.clone()).collect::<Vec<_>>(), [Some(Path::from("secret"))]);
    }
}
