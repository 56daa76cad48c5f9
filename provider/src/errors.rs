//! Errors of the libraries as diagnostics: each with the attribute at fault.

use stormglass_ops::TargetError;
use tfplugin::diagnostics::{Diagnostic, Diagnostics};

/// A failure of a target.
pub(crate) fn target_error(error: &TargetError) -> Diagnostics {
    let (summary, path) = match error {
        TargetError::Setting { setting, .. } => ("Wrong setting of a target", format!("target.{setting}")),
        TargetError::Unreachable { .. } => ("Target cannot be reached", "target".to_owned()),
        TargetError::Invalid { .. } => ("Target holds something else", "target".to_owned()),
        TargetError::Conflict { .. } => ("Target is managed by somebody else", "target".to_owned()),
        TargetError::Limit { .. } => ("Schedule does not fit the target", "capacity_plan".to_owned()),
        _ => ("Target failed", "target".to_owned()),
    };
    Diagnostic::error(summary, sentence(&error.to_string())).at(path.as_str()).into()
}

/// An error's text, which begins small and has no full stop, as a sentence.
pub(crate) fn sentence(text: &str) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    let mut letters = text.chars();
    // A file's name and a setting's path keep their first letter.
    let whole = match letters.next() {
        Some(first) if word.chars().all(char::is_alphabetic) => first.to_uppercase().chain(letters).collect(),
        _ => text.to_owned(),
    };
    if whole.ends_with(['.', '`', '\n']) { whole } else { format!("{whole}.") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_first_letter() {
        assert_eq!(sentence("the file is empty"), "The file is empty.");
        assert_eq!(sentence("load.csv: line 3 is empty"), "load.csv: line 3 is empty.");
        assert_eq!(sentence(""), ".");
    }
}
