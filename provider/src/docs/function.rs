//! The page of one function.

use std::fmt::Write as _;

use tfplugin::provider::{Parameter, Signature};

use super::page::front_matter;

/// The page's text.
pub(super) fn render(name: &str, signature: &Signature, example: &str) -> String {
    let mut out = front_matter(&format!("{name} function - stormglass"), signature.summary());
    let parameters: Vec<String> =
        signature.parameters().iter().map(|p| format!("{} {}", p.name(), p.value_type())).collect();
    let _ = write!(
        out,
        "# function: {name}\n\n{}\n\n{}\n\nFunctions of providers need Terraform 1.8 or newer.\n\n## Example Usage\n\n```terraform\n{example}```\n\n\
         ## Signature\n\n```text\n{name}({}) {}\n```\n\n## Arguments\n\n",
        signature.summary(),
        signature.description(),
        parameters.join(", "),
        signature.returns()
    );
    for (index, parameter) in signature.parameters().iter().enumerate() {
        let _ = writeln!(out, "{}. {}", index + 1, line(parameter));
    }
    out
}

fn line(parameter: &Parameter) -> String {
    format!("`{}` ({}) {}", parameter.name(), parameter.value_type(), parameter.description())
}
