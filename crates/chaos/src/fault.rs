//! What a fault is: read from settings, resolved to what it touches, injected by a holder, undone by data alone.
//!
//! Order of events, kept by the engine: [`FaultKind::read`] (no I/O) -> [`Fault::resolve`] (looks, touches nothing; the
//! blast radius is held against its [`Touch`]) -> the journal is written and synced -> [`Fault::inject`] in the holder
//! process -> [`Injected::undo`] there, or [`FaultKind::undo`] from any other process after the holder's death.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::settings::{Problem, Setting, Settings};
use crate::target::Target;

/// One kind of fault: one file and one line of the catalogue.
pub trait FaultKind: Send + Sync {
    /// Its name in experiments.
    fn name(&self) -> &'static str;
    /// What it does, one sentence.
    fn summary(&self) -> &'static str;
    /// What can be set, beside what every fault takes (`fault`, `name`, `duration`, `delay`, `ramp`).
    fn settings(&self) -> &'static [Setting];
    /// What ends it when everyone has died.
    fn ending(&self) -> Ending;

    /// Reads settings; no I/O.
    ///
    /// # Errors
    /// All that is wrong in them.
    fn read(&self, settings: Settings<'_>) -> Result<Box<dyn Fault>, Vec<Problem>>;

    /// Undoes from plain data, in a process that did not inject: repeatable, bounded in time, harmless when the fault
    /// never happened, and blind to anything that the data do not name.
    ///
    /// # Errors
    /// What is still broken, and what to do about it.
    fn undo(&self, undo: &Value) -> Result<(), FaultError>;
}

/// One fault with its settings.
pub trait Fault: Send + Sync {
    /// Whether and how what it breaks comes back.
    fn class(&self) -> Class;

    /// Looks at the system and says what the fault would touch and how it would be undone. Touches nothing.
    ///
    /// # Errors
    /// The target does not exist, is not permitted here, or could not be undone.
    fn resolve(&self) -> Result<Touch, FaultError>;

    /// Breaks, in the holder process. What it returns undoes on [`Injected::undo`]; the caller never drops it without.
    ///
    /// `touch` is what [`Fault::resolve`] said, read back from the journal.
    ///
    /// # Errors
    /// Nothing is left broken then.
    fn inject(&self, touch: &Touch) -> Result<Box<dyn Injected>, FaultError>;
}

/// A fault in force, held by the holder process.
pub trait Injected: Send {
    /// Sets the strength of a ramp, 0 to 1; faults without strengths do nothing.
    fn ramp(&mut self, strength: f64) {
        let _ = strength;
    }

    /// Counters so far, for the report (connections, bytes, ...); an object.
    fn counts(&self) -> Value {
        Value::Object(serde_json::Map::new())
    }

    /// Ends the fault; bounded in time.
    ///
    /// # Errors
    /// What is still broken, and what to do about it.
    fn undo(self: Box<Self>) -> Result<(), FaultError>;
}

/// What a fault touches, and the data that undo it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Touch {
    /// What is touched; the blast radius is held against it.
    pub targets: Vec<Target>,
    /// What would be done, one sentence, for `dry_run` and the report.
    pub plan: String,
    /// All that [`FaultKind::undo`] needs.
    pub undo: Value,
}

/// Whether what a fault breaks comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Undo restores what was.
    Reversible,
    /// Nothing to undo: what was killed has to come back by itself, or by a start command; a probe verifies it.
    SelfHealing,
    /// Cannot be undone; refused without an explicit opt-in.
    Irreversible,
}

/// What ends a fault when its holder has died.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The kernel ends it with the holder: a listener, a child with the parent-death signal, a file without a name.
    WithHolder,
    /// Somebody has to be alive and have the journal: a rule, a cgroup's limit.
    BySomebody,
}

/// Why a fault could not be resolved, injected or undone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultError {
    /// There is no such target, or not in the form that was named.
    #[error("{what}: {reason}")]
    Target {
        /// The setting and its value.
        what: String,
        /// What was found, what was expected, what to do.
        reason: String,
    },
    /// The host lacks a right or a feature.
    #[error("{what} needs {needs}")]
    Unsupported {
        /// The fault.
        what: String,
        /// What it needs, and how to get it.
        needs: String,
    },
    /// The system refused a step.
    #[error("{step}: {reason}")]
    System {
        /// What was tried.
        step: String,
        /// The system's answer, and what to do.
        reason: String,
    },
}
