//! Keeps what is sensitive out of logs and diagnostics.

use crate::log;
use crate::schema::{Attribute, Block, Schema};
use crate::value::Value;

/// Hides every text of the sensitive and the write-only attributes in `value` from now on.
pub(super) fn hide(schema: &Schema, value: &Value) {
    hide_in_body(&schema.attributes, &schema.blocks, value);
}

fn hide_in_body(attributes: &[Attribute], blocks: &[Block], value: &Value) {
    let Some(entries) = value.entries() else { return };
    for attribute in attributes {
        let Some(value) = entries.get(&attribute.name) else { continue };
        if attribute.sensitive || attribute.write_only {
            value.walk(&mut crate::Path::root(), &mut |_, part| {
                if let Value::String(text) = part {
                    log::hide(text);
                }
            });
        } else {
            each_object(value, &|object| hide_in_body(attribute.nested_attributes(), &[], object));
        }
    }
    for block in blocks {
        if let Some(value) = entries.get(&block.name) {
            each_object(value, &|object| hide_in_body(&block.attributes, &block.blocks, object));
        }
    }
}

fn each_object(value: &Value, visit: &dyn Fn(&Value)) {
    match value {
        Value::Object(_) => visit(value),
        Value::List(all) | Value::Set(all) => all.iter().for_each(visit),
        Value::Map(all) => all.values().for_each(visit),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{nested_list, string};

    #[test]
    fn nested_secrets_are_hidden() {
        let schema = Schema::new("").attribute(
            nested_list("users", [string("name").required(), string("password").required().sensitive()]).required(),
        );
        let user = Value::object([("name", "ada-of-the-test".into()), ("password", "hunter2-of-the-test".into())]);
        hide(&schema, &Value::object([("users", Value::List(vec![user]))]));
        let redacted = log::redact("ada-of-the-test has hunter2-of-the-test");
        assert!(redacted.contains("ada-of-the-test") && !redacted.contains("hunter2"), "{redacted}");
    }
}
