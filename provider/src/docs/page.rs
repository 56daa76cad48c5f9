//! One page of the registry: front matter, description, example, schema, import.
//!
//! Layout: <https://developer.hashicorp.com/terraform/registry/providers/docs>.

use std::fmt::Write as _;

use tfplugin::schema::{AttributeDescription, SchemaDescription};

/// What a page is about, in the registry's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Provider,
    Resource,
    DataSource,
    Action,
}

/// A page before it is text.
pub(super) struct Page<'a> {
    pub(super) kind: Kind,
    pub(super) name: &'a str,
    pub(super) schema: &'a SchemaDescription,
    /// HCL of the example.
    pub(super) example: &'a str,
    /// Shell command of the import, for a resource that has one.
    pub(super) import: Option<&'a str>,
}

impl Page<'_> {
    pub(super) fn render(&self) -> String {
        let mut out = front_matter(&self.title(), first_sentence(&self.schema.description));
        let heading = match self.kind {
            Kind::Provider => "Stormglass Provider".to_owned(),
            Kind::Resource => format!("{} (Resource)", self.name),
            Kind::DataSource => format!("{} (Data Source)", self.name),
            Kind::Action => format!("{} (Action)", self.name),
        };
        let _ = write!(
            out,
            "# {heading}\n\n{}\n\n## Example Usage\n\n```terraform\n{}```\n\n",
            self.schema.description, self.example
        );
        out.push_str(&schema(self.schema));
        if let Some(import) = self.import {
            let _ = write!(out, "\n## Import\n\n```shell\n{import}```\n");
        }
        out
    }

    fn title(&self) -> String {
        match self.kind {
            Kind::Provider => "Stormglass Provider".to_owned(),
            Kind::Resource => format!("{} Resource - stormglass", self.name),
            Kind::DataSource => format!("{} Data Source - stormglass", self.name),
            Kind::Action => format!("{} Action - stormglass", self.name),
        }
    }
}

/// The front matter that the registry reads.
pub(super) fn front_matter(title: &str, description: &str) -> String {
    format!("---\npage_title: \"{title}\"\nsubcategory: \"\"\ndescription: |-\n  {description}\n---\n\n")
}

/// Text up to the end of its first sentence.
pub(super) fn first_sentence(text: &str) -> &str {
    text.find(". ").map_or(text, |end| &text[..=end]).lines().next().unwrap_or_default()
}

fn schema(schema: &SchemaDescription) -> String {
    let mut out = String::from("## Schema\n");
    let mut later = Vec::new();
    groups(&mut out, &schema.attributes, "", &mut later);
    // Nested attributes follow, each under its own heading, outermost first.
    let mut index = 0;
    while index < later.len() {
        let (path, attribute): (String, &AttributeDescription) = later[index].clone();
        let _ = write!(out, "\n<a id=\"nested--{}\"></a>\n### Nested Schema for `{path}`\n", anchor(&path));
        groups(&mut out, &attribute.nested, &path, &mut later);
        index += 1;
    }
    out
}

/// Attributes in the registry's three groups.
fn groups<'a>(
    out: &mut String,
    attributes: &'a [AttributeDescription],
    within: &str,
    later: &mut Vec<(String, &'a AttributeDescription)>,
) {
    let group = |a: &AttributeDescription| match (a.required, a.optional) {
        (true, _) => "Required",
        (false, true) => "Optional",
        (false, false) => "Read-Only",
    };
    for title in ["Required", "Optional", "Read-Only"] {
        let mut members: Vec<&AttributeDescription> = attributes.iter().filter(|a| group(a) == title).collect();
        if members.is_empty() {
            continue;
        }
        members.sort_by(|a, b| a.name.cmp(&b.name));
        let level = if within.is_empty() { "### " } else { "" };
        let colon = if within.is_empty() { "" } else { ":" };
        let _ = write!(out, "\n{level}{title}{colon}\n\n");
        for attribute in members {
            let path = if within.is_empty() { attribute.name.clone() } else { format!("{within}.{}", attribute.name) };
            let _ = writeln!(out, "{}", line(attribute, &path));
            if !attribute.nested.is_empty() {
                later.push((path, attribute));
            }
        }
    }
}

fn line(attribute: &AttributeDescription, path: &str) -> String {
    let mut notes = vec![attribute.r#type.clone()];
    for (holds, note) in [(attribute.sensitive, "sensitive"), (attribute.write_only, "write-only")] {
        if holds {
            notes.push(note.to_owned());
        }
    }
    let mut text = format!("- `{}` ({}) {}", attribute.name, notes.join(", "), attribute.description);
    if let Some(message) = &attribute.deprecated {
        let _ = write!(text, " **Deprecated:** {message}");
    }
    if let Some(default) = &attribute.default {
        let _ = write!(text, " Default: `{default}`.");
    }
    if !attribute.checks.is_empty() && attribute.nested.is_empty() {
        let _ = write!(text, " Must be {}.", attribute.checks.join("; "));
    }
    if !attribute.nested.is_empty() {
        let _ = write!(text, " (see [below for nested schema](#nested--{}))", anchor(path));
    }
    text
}

fn anchor(path: &str) -> String {
    path.replace('.', "--")
}

#[cfg(test)]
mod tests {
    use tfplugin::schema::{Schema, int64, nested, one_of, string};

    use super::*;

    #[test]
    fn a_page_has_the_registrys_parts() {
        let schema = Schema::new("Does a thing. And more.")
            .attribute(string("id").computed().describe("Its name."))
            .attribute(one_of("mode", ["a", "b"]).default("a").describe("How."))
            .attribute(nested("limits", [int64("max").required().describe("Most.")]).required().describe("Limits."))
            .describe();
        let example = "resource \"x\" \"y\" {}\n";
        let page = Page {
            kind: Kind::Resource,
            name: "x",
            schema: &schema,
            example,
            import: Some("terraform import x.y z\n"),
        };
        let text = page.render();
        for part in [
            "page_title: \"x Resource - stormglass\"",
            "description: |-\n  Does a thing.\n",
            "```terraform\nresource \"x\" \"y\" {}\n```",
            "### Required\n\n- `limits` (object) Limits. (see [below for nested schema](#nested--limits))",
            "### Optional\n\n- `mode` (string) How. Default: `\"a\"`.",
            "### Read-Only\n\n- `id` (string) Its name.",
            "### Nested Schema for `limits`\n\nRequired:\n\n- `max` (number) Most.",
            "terraform import x.y z",
        ] {
            assert!(text.contains(part), "no `{part}` in:\n{text}");
        }
    }
}
