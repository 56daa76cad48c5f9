//! Checks across attributes: which may, may not, or have to stand together.
//!
//! Names are dotted paths from the object in which the attribute stands; [`exactly_one_of`], [`at_least_one_of`] and
//! [`all_of`] are set on the object itself (a schema, a block, a nested attribute) and name what it holds; on nested lists,
//! sets and maps they stand within [`each`](super::each).

use super::{Check, Validate, Validator};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::path::{Path, Step};
use crate::value::Value;

/// None of `others` may be set beside the attribute.
pub fn conflicts_with<T: Into<String>>(others: impl IntoIterator<Item = T>) -> Check {
    Check::new(Beside { others: others.into_iter().map(Into::into).collect(), rule: Rule::Conflict })
}

/// All of `others` have to be set beside the attribute.
pub fn required_with<T: Into<String>>(others: impl IntoIterator<Item = T>) -> Check {
    Check::new(Beside { others: others.into_iter().map(Into::into).collect(), rule: Rule::Require })
}

/// Of the named attributes of the object exactly one is set.
pub fn exactly_one_of<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Check {
    Check::new(Among { names: names.into_iter().map(Into::into).collect(), how_many: HowMany::ExactlyOne })
}

/// Of the named attributes of the object one or more are set.
pub fn at_least_one_of<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Check {
    Check::new(Among { names: names.into_iter().map(Into::into).collect(), how_many: HowMany::AtLeastOne })
}

/// Of the named attributes of the object all are set.
pub fn all_of<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Check {
    Check::new(Among { names: names.into_iter().map(Into::into).collect(), how_many: HowMany::All })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum HowMany {
    ExactlyOne,
    AtLeastOne,
    All,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Conflict,
    Require,
}

struct Beside {
    others: Vec<String>,
    rule: Rule,
}

impl Validator for Beside {
    fn describe(&self) -> String {
        let words = match self.rule {
            Rule::Conflict => "not together with",
            Rule::Require => "only together with",
        };
        format!("{words} {}", quoted(&self.others))
    }

    fn check(&self, cx: &Validate<'_>) -> Diagnostics {
        let parent = cx.path.parent();
        let mut found = Diagnostics::new();
        for other in &self.others {
            let other_path = extend(&parent, other);
            let detail = match (self.rule, set_at(cx.parent, &Path::from(other.as_str()))) {
                (Rule::Conflict, Some(true)) => format!(
                    "`{}` is set beside `{other_path}`, expected only one of the two; remove one of them.",
                    cx.path
                ),
                (Rule::Require, Some(false)) => {
                    format!("`{}` is set without `{other_path}`, expected both; set `{other_path}` too.", cx.path)
                }
                _ => continue,
            };
            found.push(Diagnostic::error("Invalid combination of attributes", detail).at(cx.path.clone()));
        }
        found
    }
}

struct Among {
    names: Vec<String>,
    how_many: HowMany,
}

impl Validator for Among {
    fn describe(&self) -> String {
        let how_many = match self.how_many {
            HowMany::ExactlyOne => "exactly one",
            HowMany::AtLeastOne => "at least one",
            HowMany::All => "all",
        };
        format!("{how_many} of {}", quoted(&self.names))
    }

    fn check(&self, cx: &Validate<'_>) -> Diagnostics {
        let states: Vec<Option<bool>> =
            self.names.iter().map(|name| set_at(cx.value, &Path::from(name.as_str()))).collect();
        let set: Vec<String> = self
            .names
            .iter()
            .zip(&states)
            .filter(|(_, state)| **state == Some(true))
            .map(|(name, _)| name.clone())
            .collect();
        let may_be_set = states.contains(&None);
        let place = if cx.path.is_root() { String::new() } else { format!(" in `{}`", cx.path) };
        let expected = format!("expected {} to be set{place}", self.describe());
        if self.how_many == HowMany::All {
            let missing = self.names.iter().zip(&states).find(|(_, state)| **state == Some(false));
            return missing.map_or_else(Diagnostics::new, |(name, _)| {
                let detail = format!("{expected}; `{}` is missing.", extend(cx.path, name));
                Diagnostic::error("Missing attribute", capitalized(&detail)).at(cx.path.clone()).into()
            });
        }
        if set.is_empty() && !may_be_set {
            let detail = format!("{expected}, found none.");
            return Diagnostic::error("Missing attribute", capitalized(&detail)).at(cx.path.clone()).into();
        }
        if set.len() > 1 && self.how_many == HowMany::ExactlyOne {
            let detail = format!("{expected}, found {}.", quoted(&set));
            let at = extend(cx.path, &set[1]);
            return Diagnostic::error("Invalid combination of attributes", capitalized(&detail)).at(at).into();
        }
        Diagnostics::new()
    }
}

/// Whether something is set at `path`; `None` while that is unknown.
fn set_at(root: &Value, path: &Path) -> Option<bool> {
    match root.get(path) {
        None => Some(false),
        Some(value) if value.is_unknown() => None,
        // Blocks that do not stand are empty lists.
        Some(Value::List(all) | Value::Set(all)) => Some(!all.is_empty()),
        Some(value) => Some(!value.is_null()),
    }
}

fn extend(parent: &Path, dotted: &str) -> Path {
    dotted.split('.').fold(parent.clone(), |path, name| path.join(Step::Attribute(name.to_owned())))
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_at(validator: &dyn Validator, config: Value, at: &str, expected: &[(&str, &str)]) {
        let path = Path::from(at);
        let value = config.get(&path).cloned().unwrap_or(Value::Null);
        let parent = config.get(&path.parent()).cloned().unwrap_or(Value::Null);
        let found = validator.check(&Validate { path: &path, value: &value, parent: &parent, config: &config });
        let found: Vec<(String, &str)> =
            found.iter().map(|d| (d.path.clone().unwrap_or_default().to_string(), d.detail.as_str())).collect();
        let expected: Vec<(String, &str)> =
            expected.iter().map(|(path, detail)| ((*path).to_owned(), *detail)).collect();
        assert_eq!(found, expected);
    }

    fn source(entries: &[(&str, Value)]) -> Value {
        Value::object([("source", Value::object(entries.iter().cloned()))])
    }

    #[test]
    fn attributes_that_exclude_each_other() {
        let validator = conflicts_with(["exec"]);
        let both = source(&[("csv", "a".into()), ("exec", "b".into())]);
        let detail = "`source.csv` is set beside `source.exec`, expected only one of the two; remove one of them.";
        check_at(&validator, both, "source.csv", &[("source.csv", detail)]);
        check_at(&validator, source(&[("csv", "a".into()), ("exec", Value::UNKNOWN)]), "source.csv", &[]);
    }

    #[test]
    fn attributes_that_need_each_other() {
        let validator = required_with(["password"]);
        let detail = "`source.user` is set without `source.password`, expected both; set `source.password` too.";
        check_at(&validator, source(&[("user", "a".into())]), "source.user", &[("source.user", detail)]);
    }

    #[test]
    fn all_are_set() {
        let validator = all_of(["csv", "exec"]);
        let detail = "Expected all of `csv`, `exec` to be set in `source`; `source.exec` is missing.";
        check_at(&validator, source(&[("csv", 1.into())]), "source", &[("source", detail)]);
        check_at(&validator, source(&[("csv", 1.into()), ("exec", Value::UNKNOWN)]), "source", &[]);
    }

    #[test]
    fn exactly_one_is_set() {
        let validator = exactly_one_of(["csv", "exec"]);
        let none = "Expected exactly one of `csv`, `exec` to be set in `source`, found none.";
        check_at(&validator, source(&[]), "source", &[("source", none)]);
        let both = "Expected exactly one of `csv`, `exec` to be set in `source`, found `csv`, `exec`.";
        check_at(&validator, source(&[("csv", 1.into()), ("exec", 1.into())]), "source", &[("source.exec", both)]);
        check_at(&validator, source(&[("csv", Value::UNKNOWN)]), "source", &[]);
    }
}
