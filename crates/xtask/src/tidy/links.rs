//! Links between the pages of the tree lead somewhere.

use std::path::Path;

use super::{File, has_extension};

/// Relative links in Markdown whose file is not there.
pub(super) fn check(root: &Path, files: &[File]) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in files.iter().filter(|f| has_extension(&f.path, "md")) {
        let folder = root.join(file.path.parent().unwrap_or_else(|| Path::new("")));
        for link in links(&file.text) {
            let path = link.split('#').next().unwrap_or_default();
            if !path.is_empty() && !folder.join(path).exists() {
                breaches.push(format!("{}: the link `{link}` leads nowhere", file.path.display()));
            }
        }
    }
    breaches
}

/// Targets of `[text](target)` outside code blocks, without addresses of other sites.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            code = !code;
        }
        if code {
            continue;
        }
        for part in line.split("](").skip(1) {
            let target = part.split([')', ' ']).next().unwrap_or_default();
            if !target.contains("://") && !target.starts_with("mailto:") {
                found.push(target.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relative_targets_outside_code_count() {
        let text = "[a](x.md) [b](https://example.com) [c](y.md#part)\n```\n[d](z.md)\n```\n";
        assert_eq!(links(text), ["x.md", "y.md#part"]);
    }
}
