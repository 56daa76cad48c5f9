//! Plan modifiers: how one attribute's planned value comes about.
//!
//! They run after defaults are set and unset computed attributes are marked unknown, and before the resource's own
//! [`plan`](crate::provider::Resource::plan); never while an object is destroyed.

use crate::diagnostics::Diagnostics;
use crate::path::Path;
use crate::value::Value;

/// What a modifier sees of one attribute and of the whole object.
#[derive(Debug)]
pub struct Modify<'a> {
    /// The attribute.
    pub path: &'a Path,
    /// What the configuration says of it.
    pub config: &'a Value,
    /// What the state holds of it; null while creating.
    pub prior: &'a Value,
    /// What is planned so far.
    pub planned: &'a Value,
    /// The whole configuration.
    pub whole_config: &'a Value,
    /// The whole state; null while creating.
    pub whole_prior: &'a Value,
    /// The whole plan so far.
    pub whole_planned: &'a Value,
}

/// What a modifier decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Modified {
    /// The planned value.
    pub value: Value,
    /// Whether the change needs a new object.
    pub requires_replace: bool,
}

/// Decides on one attribute while planning. It has to be a pure function of what it sees.
pub trait PlanModifier: Send + Sync {
    /// A few words for the documentation; empty for none.
    fn describe(&self) -> String {
        String::new()
    }

    /// The planned value of the attribute.
    ///
    /// # Errors
    /// Diagnostics; their paths are taken as they are, one without a path gets the attribute's.
    fn modify(&self, cx: &Modify<'_>) -> Result<Modified, Diagnostics>;
}

/// A change of the attribute replaces the object.
pub fn requires_replace() -> impl PlanModifier {
    Described {
        text: "changing it replaces the object",
        decide: |cx: &Modify<'_>| {
            let changed = !cx.whole_prior.is_null() && cx.planned != cx.prior;
            Ok(Modified { value: cx.planned.clone(), requires_replace: changed })
        },
    }
}

/// An update keeps the prior value of a computed attribute that the configuration leaves out.
pub fn keep_prior() -> impl PlanModifier {
    Described {
        text: "an update keeps it",
        decide: |cx: &Modify<'_>| {
            let keep = cx.planned.is_unknown() && !cx.config.is_unknown() && !cx.prior.is_null();
            let value = if keep { cx.prior.clone() } else { cx.planned.clone() };
            Ok(Modified { value, requires_replace: false })
        },
    }
}

/// The attribute follows from others, where the configuration leaves it out: `derive` gets the whole planned object and
/// answers the value, or `None` while what it needs is unknown.
pub fn computed_from<F>(derive: F) -> impl PlanModifier
where
    F: Fn(&Value) -> Option<Value> + Send + Sync,
{
    Described {
        text: "computed from other attributes",
        decide: move |cx: &Modify<'_>| {
            let value = match cx.config.is_null().then(|| derive(cx.whole_planned)) {
                Some(derived) => derived.unwrap_or(Value::UNKNOWN),
                None => cx.planned.clone(),
            };
            Ok(Modified { value, requires_replace: false })
        },
    }
}

/// A modifier out of a function.
pub fn custom<F>(decide: F) -> impl PlanModifier
where
    F: Fn(&Modify<'_>) -> Result<Modified, Diagnostics> + Send + Sync,
{
    Described { text: "", decide }
}

struct Described<F> {
    text: &'static str,
    decide: F,
}

impl<F> PlanModifier for Described<F>
where
    F: Fn(&Modify<'_>) -> Result<Modified, Diagnostics> + Send + Sync,
{
    fn describe(&self) -> String {
        self.text.to_owned()
    }

    fn modify(&self, cx: &Modify<'_>) -> Result<Modified, Diagnostics> {
        (self.decide)(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `modifier` on one attribute `a` of an object.
    fn check_modifier(modifier: &dyn PlanModifier, [config, prior, planned]: [Value; 3], expected: (Value, bool)) {
        let whole = |value: &Value| Value::object([("a", value.clone()), ("b", 2.into())]);
        let whole_prior = if prior.is_null() { Value::Null } else { whole(&prior) };
        let modified = modifier.modify(&Modify {
            path: &Path::from("a"),
            config: &config,
            prior: &prior,
            planned: &planned,
            whole_config: &whole(&config),
            whole_prior: &whole_prior,
            whole_planned: &whole(&planned),
        });
        assert_eq!(modified, Ok(Modified { value: expected.0, requires_replace: expected.1 }));
    }

    #[test]
    fn replacement_is_for_changes_of_what_exists() {
        let modifier = requires_replace();
        check_modifier(&modifier, ["x".into(), "x".into(), "x".into()], ("x".into(), false));
        check_modifier(&modifier, ["y".into(), "x".into(), "y".into()], ("y".into(), true));
        check_modifier(&modifier, ["y".into(), Value::Null, "y".into()], ("y".into(), false));
        check_modifier(&modifier, [Value::UNKNOWN, "x".into(), Value::UNKNOWN], (Value::UNKNOWN, true));
    }

    #[test]
    fn a_prior_value_is_kept_only_for_what_is_not_configured() {
        let modifier = keep_prior();
        check_modifier(&modifier, [Value::Null, "x".into(), Value::UNKNOWN], ("x".into(), false));
        check_modifier(&modifier, [Value::Null, Value::Null, Value::UNKNOWN], (Value::UNKNOWN, false));
        check_modifier(&modifier, [Value::UNKNOWN, "x".into(), Value::UNKNOWN], (Value::UNKNOWN, false));
    }

    #[test]
    fn a_derived_value_waits_for_what_it_needs() {
        let from_b = computed_from(|whole| whole.get(&Path::from("b")).cloned());
        check_modifier(&from_b, [Value::Null, 1.into(), Value::UNKNOWN], (2.into(), false));
        check_modifier(&from_b, [7.into(), 1.into(), 7.into()], (7.into(), false));
        let waits = computed_from(|_| None);
        check_modifier(&waits, [Value::Null, 1.into(), 1.into()], (Value::UNKNOWN, false));
    }
}
