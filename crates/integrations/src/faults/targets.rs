//! Processes as targets of a fault, and as they stand in the journal.

use serde_json::{Value, json};
pub(super) use stormglass_chaos::engine::process::Identity;
use stormglass_chaos::{FaultError, Target};

use crate::processes::{Process, Selector, find};

/// The processes that the selector names.
///
/// # Errors
/// There is none, it cannot be told, or it is the first of all processes or this one.
pub(super) fn resolve(selector: &Selector) -> Result<Vec<Process>, FaultError> {
    let target = |reason: String| FaultError::Target { what: selector.to_string(), reason };
    let found = find(selector).map_err(|e| target(e.to_string()))?;
    for process in &found {
        if process.pid <= 1 {
            return Err(target("is the first of all processes, which is never touched".to_owned()));
        }
        if process.pid == std::process::id() {
            return Err(target(format!("is process {}, which runs this experiment", process.pid)));
        }
    }
    Ok(found)
}

/// As targets for the blast radius.
pub(super) fn targets(selector: &Selector, found: Vec<Process>) -> Vec<Target> {
    let target = |Process { pid, started, uid, executable }| Target::Process {
        pid,
        started,
        uid,
        executable,
        named_by: selector.to_string(),
    };
    found.into_iter().map(target).collect()
}

/// `process 7 (`/usr/bin/web`), process 8 (...)`.
pub(super) fn listed(found: &[Process]) -> String {
    let one = |p: &Process| format!("process {} (`{}`)", p.pid, p.executable);
    found.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The data that name them in the journal.
pub(super) fn data(found: &[Process]) -> Value {
    let identities = found.iter().map(|p| Identity { pid: p.pid, started: p.started });
    json!({ "processes": identities.collect::<Vec<_>>() })
}

/// The processes of a journal's entry.
///
/// # Errors
/// The entry is not as [`data`] writes it.
pub(super) fn of_data(data: &Value) -> Result<Vec<Identity>, FaultError> {
    serde_json::from_value(data["processes"].clone()).map_err(|e| FaultError::Target {
        what: "the journal's entry".to_owned(),
        reason: format!("has `{data}`; expected `processes` with `pid` and `started`: {e}"),
    })
}
