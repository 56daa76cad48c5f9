//! Diagnostics: what went wrong or deserves attention, said to the person who runs Terraform.
//!
//! A good one has a summary of a few words, and a detail with what was found, what was expected and what to do.

use std::fmt;

use crate::path::{Path, Step};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The operation failed.
    Error,
    /// The operation went on.
    Warning,
}

/// One message to the user, about one attribute if a path is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// A few words, without a full stop.
    pub summary: String,
    /// Sentences: what was found, what was expected, what to do.
    pub detail: String,
    /// The attribute at fault, if there is one.
    pub path: Option<Path>,
}

impl Diagnostic {
    /// A failure.
    pub fn error(summary: impl Into<String>, detail: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Error, summary: summary.into(), detail: detail.into(), path: None }
    }

    /// Something to know that does not stop the operation.
    pub fn warning(summary: impl Into<String>, detail: impl Into<String>) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, summary: summary.into(), detail: detail.into(), path: None }
    }

    /// The same, about the attribute at `path` (`"capacity.min"` or a [`Path`]).
    #[must_use]
    pub fn at(mut self, path: impl Into<Path>) -> Diagnostic {
        self.path = Some(path.into());
        self
    }

    /// Puts `step` in front of the path, as when the message comes from a nested part.
    #[must_use]
    pub fn under(mut self, step: Step) -> Diagnostic {
        self.path.get_or_insert_with(Path::root).prepend(step);
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.summary)?;
        if let Some(path) = self.path.as_ref().filter(|path| !path.is_root()) {
            write!(f, " (at {path})")?;
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

/// The messages of one call, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diagnostics(Vec<Diagnostic>);

impl Diagnostics {
    /// No message.
    pub fn new() -> Diagnostics {
        Diagnostics::default()
    }

    /// One error without a path.
    pub fn error(summary: impl Into<String>, detail: impl Into<String>) -> Diagnostics {
        Diagnostic::error(summary, detail).into()
    }

    /// Adds one message.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.0.push(diagnostic);
    }

    /// Whether any is an error.
    pub fn has_error(&self) -> bool {
        self.0.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.0.iter()
    }

    /// `Err` if any is an error, else `Ok`; for use with `?` after collecting.
    ///
    /// # Errors
    /// The messages themselves, warnings included.
    pub fn into_result(self) -> Result<(), Diagnostics> {
        if self.has_error() { Err(self) } else { Ok(()) }
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Diagnostics {
        Diagnostics(vec![diagnostic])
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, more: I) {
        self.0.extend(more);
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(all: I) -> Diagnostics {
        Diagnostics(all.into_iter().collect())
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, diagnostic) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            diagnostic.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_alone_are_no_failure() {
        let mut all = Diagnostics::from(Diagnostic::warning("old data", "the last sample is two days old"));
        assert!(all.clone().into_result().is_ok());
        all.push(Diagnostic::error("too many", "found 4, expected at most 3").at("capacity.min"));
        let failed = all.into_result().expect_err("holds an error");
        assert_eq!(
            failed.to_string(),
            "warning: old data: the last sample is two days old\n\
             error: too many (at capacity.min): found 4, expected at most 3"
        );
    }

    #[test]
    fn a_nested_message_gains_the_outer_path() {
        let inner =
            Diagnostic::error("bad", "").at("time").under(Step::Index(2)).under(Step::Attribute("steps".into()));
        assert_eq!(inner.path.expect("has a path").to_string(), "steps[2].time");
    }
}
