//! A schema as documentation needs it: names, types, flags and texts, in a form that serializes.

use serde::Serialize;

use super::{Attribute, Block, BlockNesting, Kind, Nesting, Schema};
use crate::value::Value;

/// A schema's documentation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaDescription {
    /// Version of the state's shape.
    pub version: i64,
    /// Markdown.
    pub description: String,
    /// What to use instead, if deprecated.
    pub deprecated: Option<String>,
    /// Attributes in the order of the schema.
    pub attributes: Vec<AttributeDescription>,
    /// Blocks in the order of the schema.
    pub blocks: Vec<AttributeDescription>,
    /// What is checked on the whole.
    pub checks: Vec<String>,
}

/// The documentation of one attribute or block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttributeDescription {
    /// Name.
    pub name: String,
    /// Type for people: `list of string`, `object`, `list of object`.
    pub r#type: String,
    /// Markdown.
    pub description: String,
    /// Whether the configuration has to set it.
    pub required: bool,
    /// Whether the configuration may set it.
    pub optional: bool,
    /// Whether the provider sets it.
    pub computed: bool,
    /// Whether it is hidden.
    pub sensitive: bool,
    /// Whether it is kept in neither plan nor state.
    pub write_only: bool,
    /// What to use instead, if deprecated.
    pub deprecated: Option<String>,
    /// The default as HCL writes it.
    pub default: Option<String>,
    /// Accepted values as HCL writes them.
    pub examples: Vec<String>,
    /// What is checked, for people.
    pub checks: Vec<String>,
    /// What happens while planning, for people.
    pub planning: Vec<String>,
    /// Attributes and blocks within.
    pub nested: Vec<AttributeDescription>,
}

pub(super) fn describe(schema: &Schema) -> SchemaDescription {
    SchemaDescription {
        version: schema.version,
        description: schema.description.clone(),
        deprecated: schema.deprecated.clone(),
        attributes: schema.attributes.iter().map(attribute).collect(),
        blocks: schema.blocks.iter().map(block).collect(),
        checks: schema
            .validators
            .iter()
            .map(|validator| validator.describe())
            .filter(|text| !text.is_empty())
            .collect(),
    }
}

fn attribute(attribute: &Attribute) -> AttributeDescription {
    let r#type = match &attribute.kind {
        Kind::Plain(r#type) => r#type.to_string(),
        Kind::Nested(Nesting::Single, _) => "object".to_owned(),
        Kind::Nested(Nesting::List, _) => "list of object".to_owned(),
        Kind::Nested(Nesting::Set, _) => "set of object".to_owned(),
        Kind::Nested(Nesting::Map, _) => "map of object".to_owned(),
    };
    AttributeDescription {
        name: attribute.name.clone(),
        r#type,
        description: attribute.description.clone(),
        required: attribute.required,
        optional: attribute.optional,
        computed: attribute.computed,
        sensitive: attribute.sensitive,
        write_only: attribute.write_only,
        deprecated: attribute.deprecated.clone(),
        default: attribute.default.as_ref().map(hcl),
        examples: attribute.examples.iter().map(hcl).collect(),
        checks: texts(attribute.validators.iter().map(|validator| validator.describe())),
        planning: texts(attribute.modifiers.iter().map(|modifier| modifier.describe())),
        nested: attribute.nested_attributes().iter().map(self::attribute).collect(),
    }
}

fn block(block: &Block) -> AttributeDescription {
    let r#type = match block.nesting {
        BlockNesting::Single => "block",
        BlockNesting::List => "block list",
        BlockNesting::Set => "block set",
    };
    AttributeDescription {
        name: block.name.clone(),
        r#type: r#type.to_owned(),
        description: block.description.clone(),
        required: block.min_items > 0,
        optional: block.min_items == 0,
        computed: false,
        sensitive: false,
        write_only: false,
        deprecated: block.deprecated.clone(),
        default: None,
        examples: Vec::new(),
        checks: texts(block.validators.iter().map(|validator| validator.describe())),
        planning: Vec::new(),
        nested: block.attributes.iter().map(attribute).chain(block.blocks.iter().map(self::block)).collect(),
    }
}

fn texts(all: impl Iterator<Item = String>) -> Vec<String> {
    all.filter(|text| !text.is_empty()).collect()
}

/// A known value as HCL writes it.
fn hcl(value: &Value) -> String {
    let joined = |values: &[Value]| values.iter().map(hcl).collect::<Vec<_>>().join(", ");
    match value {
        Value::Null | Value::Unknown(_) => "null".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::List(elements) | Value::Set(elements) | Value::Tuple(elements) => format!("[{}]", joined(elements)),
        Value::Map(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|(key, value)| format!("{} = {}", quoted(key), hcl(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Object(entries) => {
            let entries: Vec<_> = entries.iter().map(|(name, value)| format!("{name} = {}", hcl(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Value::Dynamic(inner) => hcl(&inner.1),
    }
}

/// JSON's escapes are HCL's, but for the two that begin a template.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace("${", "$${").replace("%{", "%%{")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{duration, map, nested_list, one_of, string};
    use crate::value::Type;

    #[test]
    fn nested_attributes_are_described_with_their_checks() {
        let schema = Schema::new("A thing.")
            .attribute(one_of("mode", ["floor", "exact"]).default("floor").describe("How."))
            .attribute(map("schedule", Type::Number).computed())
            .attribute(
                nested_list("steps", [duration("after").required().example("6h"), string("say").optional()]).optional(),
            );
        let described = schema.describe();
        let mode = &described.attributes[0];
        assert_eq!((mode.r#type.as_str(), mode.default.as_deref()), ("string", Some("\"floor\"")));
        assert_eq!(mode.checks, ["one of `floor`, `exact`"]);
        assert_eq!(described.attributes[1].r#type, "map of number");
        assert_eq!(described.attributes[2].nested[0].examples, ["\"6h\""]);
        assert!(serde_json::to_string(&described).expect("serializes").contains("\"steps\""));
    }

    #[test]
    fn texts_are_quoted_as_hcl_needs_them() {
        assert_eq!(hcl(&"a \"b\" ${c}".into()), "\"a \\\"b\\\" $${c}\"");
    }
}
