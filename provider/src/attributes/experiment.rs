//! The attributes of an experiment, made from the lists of settings that the engine reads: they cannot drift apart.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stormglass_chaos::experiment::{ABORT, CHECK, EXPERIMENT, STEP};
use stormglass_chaos::tolerance::TOLERANCE;
use stormglass_chaos::{Experiment, Kind, Problem, Setting};
use stormglass_integrations::faults::CATALOGUE;
use tfplugin::diagnostics::{Diagnostic, Diagnostics};
use tfplugin::schema::{Attribute, boolean, int64, list, map, nested, nested_list, number, string};
use tfplugin::value::Type;

/// The settings of one fault, check, condition or window, by name; null where they are not set.
pub(crate) type Settings = BTreeMap<String, Value>;

/// The part of a model that is the experiment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ExperimentModel {
    title: String,
    steady_state: Vec<Settings>,
    method: Vec<Settings>,
    abort_when: Option<Vec<Settings>>,
    wait_for_window: Option<Vec<Settings>>,
    order: Option<String>,
    blast_radius: Option<Vec<String>>,
    recovery_objective: Option<String>,
    lease: Option<String>,
    lock_timeout: Option<String>,
    window_timeout: Option<String>,
    allow_irreversible: Option<bool>,
    seed: Option<i64>,
}

impl ExperimentModel {
    /// The experiment, read as the command reads a file.
    ///
    /// # Errors
    /// All that is wrong, each at its attribute.
    pub(crate) fn read(&self, window_timeout: Option<&str>) -> Result<Experiment, Diagnostics> {
        let written =
            serde_json::to_value(self).map_err(|e| Diagnostics::error("Unreadable experiment", e.to_string()))?;
        let mut written = without_nulls(written);
        if let (Some(limit), Value::Object(map)) = (window_timeout, &mut written)
            && !map.contains_key("window_timeout")
        {
            map.insert("window_timeout".to_owned(), Value::from(limit));
        }
        Experiment::read(&written, &CATALOGUE).map_err(|problems| wrong(&problems))
    }
}

/// What is wrong with an experiment, each at its attribute.
pub(crate) fn wrong(problems: &[Problem]) -> Diagnostics {
    let mut all = Diagnostics::new();
    for problem in problems {
        let detail = format!("{}: {}.", problem.path, problem.reason);
        all.push(Diagnostic::error("Wrong experiment", detail).at(problem.path.as_str()));
    }
    all
}

/// The attributes of [`ExperimentModel`].
pub(crate) fn experiment_attributes() -> Vec<Attribute> {
    let mut all: Vec<Attribute> = EXPERIMENT.iter().map(attribute).collect();
    let faults = CATALOGUE.faults.iter().map(|f| (f.name(), f.settings()));
    let probes = CATALOGUE.probes.iter().map(|p| (p.name(), p.settings()));
    let tolerance = nested("tolerance", TOLERANCE.iter().map(attribute)).optional().describe(
        "What a measurement is held against; every part that is set has to hold. Without it the probe's own judgment holds.",
    );
    let kinds = |names: Vec<String>| names.join(", ");
    let known = |name: &str, summary: &str| format!("`{name}`: {summary}");
    let fault_list = kinds(CATALOGUE.faults.iter().map(|f| known(f.name(), f.summary())).collect());
    let probe_list = kinds(CATALOGUE.probes.iter().map(|p| known(p.name(), p.summary())).collect());
    let mut checks = union(CHECK, probes);
    checks.push(tolerance);
    all.push(nested_list("steady_state", checks).required().describe(format!(
        "Checks that have to pass before the faults, and again after. Kinds of probes: {probe_list}"
    )));
    all.push(
        nested_list("method", union(STEP, faults))
            .required()
            .describe(format!("The faults. Kinds of faults: {fault_list}")),
    );
    all.push(
        nested_list("abort_when", ABORT.iter().map(attribute)).optional().describe("What ends the experiment early."),
    );
    let time = |name: &str, what: &str| string(name).required().describe(what);
    let mut window = vec![time("from", "First instant, RFC 3339."), time("to", "First instant after it, RFC 3339.")];
    window.push(number("peak").optional().describe("Of a quiet window of the forecast; not looked at."));
    all.push(nested_list("wait_for_window", window).optional().describe(
        "When the experiment may run, for example the forecast's `quiet_windows`. It waits as long as `window_timeout`, or else \
         the create time-out, allows, and is refused outside of them.",
    ));
    all
}

/// The common settings, then those of each kind; a name that several kinds have stands once.
fn union<'a>(common: &'static [Setting], kinds: impl Iterator<Item = (&'a str, &'static [Setting])>) -> Vec<Attribute> {
    let mut merged: Vec<(Setting, Vec<(&str, &Setting)>)> = Vec::new();
    for (kind, settings) in kinds {
        for setting in settings {
            match merged.iter_mut().find(|(s, _)| s.name == setting.name) {
                Some((_, users)) => users.push((kind, setting)),
                None => merged.push((*setting, vec![(kind, setting)])),
            }
        }
    }
    merged.sort_by_key(|(setting, _)| setting.name);
    let own = merged.iter().map(|(setting, users)| {
        let words = |(kind, s): &(&str, &Setting)| format!("`{kind}`: {}", described(s));
        typed(setting).optional().describe(users.iter().map(words).collect::<Vec<_>>().join(" "))
    });
    common.iter().map(attribute).chain(own).collect()
}

fn attribute(setting: &Setting) -> Attribute {
    let typed = typed(setting).describe(described(setting));
    if setting.required { typed.required() } else { typed.optional() }
}

fn described(setting: &Setting) -> String {
    let required = if setting.required { " Required." } else { "" };
    let words = match setting.kind {
        Kind::Word(words) => {
            format!(" One of {}.", words.iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", "))
        }
        _ => String::new(),
    };
    let default = setting.default.map_or_else(String::new, |d| format!(" Default `{d}`."));
    format!("{}{words}{required}{default}", setting.description)
}

/// The attribute of a setting's type.
fn typed(setting: &Setting) -> Attribute {
    match setting.kind {
        Kind::Text | Kind::Word(_) | Kind::Address | Kind::Duration | Kind::Bytes => string(setting.name),
        Kind::Texts => list(setting.name, Type::String),
        Kind::TextMap => map(setting.name, Type::String),
        Kind::Integer => int64(setting.name),
        Kind::Number | Kind::Share => number(setting.name),
        Kind::Numbers => list(setting.name, Type::Number),
        Kind::Flag => boolean(setting.name),
    }
}

/// Nulls are what was not set; the engine's settings have none.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.into_iter().filter(|(_, v)| !v.is_null()).map(|(k, v)| (k, without_nulls(v)));
            Value::Object(kept.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name that stands once in the schema has one type, whatever fault or probe it belongs to.
    #[test]
    fn a_name_has_one_type_everywhere() {
        let faults = CATALOGUE.faults.iter().flat_map(|f| f.settings()).chain(STEP);
        let probes = CATALOGUE.probes.iter().flat_map(|p| p.settings()).chain(CHECK);
        for settings in [faults.collect::<Vec<_>>(), probes.collect::<Vec<_>>()] {
            let mut seen: BTreeMap<&str, Type> = BTreeMap::new();
            for setting in settings {
                let ty = typed(setting).value_type();
                let before = seen.entry(setting.name).or_insert_with(|| ty.clone());
                assert_eq!(*before, ty, "`{}` has two types", setting.name);
            }
        }
    }

    /// The engine's own settings are no fault's or probe's.
    #[test]
    fn common_names_are_no_kinds_own() {
        for fault in CATALOGUE.faults {
            assert!(fault.settings().iter().all(|s| STEP.iter().all(|c| c.name != s.name)), "{}", fault.name());
        }
        for probe in CATALOGUE.probes {
            assert!(probe.settings().iter().all(|s| s.name != "tolerance" && CHECK.iter().all(|c| c.name != s.name)));
        }
    }
}
