//! Whether a schema is sound: Terraform's own rules, which it enforces with errors that name no provider line, and ours.

use std::collections::BTreeSet;

use super::{Attribute, Block, Kind, Nesting, Schema};
use crate::value::conform;

/// Names that Terraform keeps for itself at the top level of a block.
const RESERVED: [&str; 8] =
    ["connection", "count", "depends_on", "for_each", "lifecycle", "locals", "provider", "provisioner"];

/// Names that Terraform keeps for itself in a provider block.
const RESERVED_IN_PROVIDER: [&str; 6] = ["alias", "count", "depends_on", "for_each", "source", "version"];

/// One sentence for each problem, with the path of the attribute; `provider` for the schema of a provider block.
pub(super) fn problems(schema: &Schema, provider: bool) -> Vec<String> {
    let reserved: &[&str] = if provider { &RESERVED_IN_PROVIDER } else { &RESERVED };
    let mut found = Vec::new();
    for name in schema.attributes.iter().map(|attribute| &attribute.name).chain(schema.blocks.iter().map(|b| &b.name)) {
        if reserved.contains(&name.as_str()) {
            found.push(format!("`{name}`: the name is reserved by Terraform"));
        }
    }
    check_body("", &schema.attributes, &schema.blocks, &mut found);
    if schema.version < 0 {
        found.push(format!("the version is {}, expected 0 or more", schema.version));
    }
    found
}

fn check_body(prefix: &str, attributes: &[Attribute], blocks: &[Block], found: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    for name in attributes.iter().map(|attribute| &attribute.name).chain(blocks.iter().map(|block| &block.name)) {
        let first_is_letter = name.starts_with(|c: char| c.is_ascii_lowercase());
        if !first_is_letter || !name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') {
            found.push(format!("`{prefix}{name}`: expected a name of lower-case letters, digits and underscores"));
        }
        if !seen.insert(name) {
            found.push(format!("`{prefix}{name}`: the name stands twice"));
        }
    }
    for attribute in attributes {
        check_attribute(prefix, attribute, found);
    }
    for block in blocks {
        check_body(&format!("{prefix}{}.", block.name), &block.attributes, &block.blocks, found);
    }
}

fn check_attribute(prefix: &str, attribute: &Attribute, found: &mut Vec<String>) {
    let name = format!("{prefix}{}", attribute.name);
    let mut say = |problem: &str| found.push(format!("`{name}`: {problem}"));
    let identity = attribute.required_for_import || attribute.optional_for_import;
    match (attribute.required, attribute.optional, attribute.computed) {
        (false, false, false) if !identity => say("is neither required, optional nor computed"),
        (true, true, _) => say("is both required and optional"),
        (true, _, true) => say("is both required and computed"),
        _ => {}
    }
    if attribute.write_only && attribute.computed {
        say("is write-only and computed: nothing could be kept");
    }
    if attribute.default.is_some() && attribute.required {
        say("is required and has a default");
    }
    let r#type = attribute.value_type();
    for value in attribute.default.iter().chain(&attribute.examples) {
        if let Err(error) = conform::conform(value.clone(), &r#type) {
            say(&format!("the default or example does not fit: {error}"));
        }
    }
    if let Kind::Nested(nesting, attributes) = &attribute.kind {
        if *nesting == Nesting::Set && attributes.iter().any(|inner| inner.write_only) {
            say("is a set with write-only attributes, which Terraform refuses");
        }
        check_body(&format!("{name}."), attributes, &[], found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{nested_set, string};

    fn check_problem(attribute: Attribute, expected: &str) {
        let found = Schema::new("").attribute(attribute).problems();
        assert!(found.iter().any(|problem| problem == expected), "expected {expected:?}, found {found:?}");
    }

    #[test]
    fn each_rule_is_told_with_its_path() {
        check_problem(string("a"), "`a`: is neither required, optional nor computed");
        check_problem(string("a").required().computed(), "`a`: is both required and computed");
        check_problem(
            string("a").write_only().optional().computed(),
            "`a`: is write-only and computed: nothing could be kept",
        );
        check_problem(string("count").optional(), "`count`: the name is reserved by Terraform");
        check_problem(string("connection").optional(), "`connection`: the name is reserved by Terraform");
        let provider = Schema::new("").attribute(string("connection").optional()).attribute(string("alias").optional());
        assert_eq!(provider.provider_problems(), ["`alias`: the name is reserved by Terraform"]);
        check_problem(string("A-b").optional(), "`A-b`: expected a name of lower-case letters, digits and underscores");
        check_problem(
            string("a").default(true),
            "`a`: the default or example does not fit: expected string, found a bool",
        );
        check_problem(
            nested_set("s", [string("a").optional().write_only()]).optional(),
            "`s`: is a set with write-only attributes, which Terraform refuses",
        );
        check_problem(
            nested_set("s", [string("x"), string("x").optional()]).optional(),
            "`s.x`: the name stands twice",
        );
    }
}
