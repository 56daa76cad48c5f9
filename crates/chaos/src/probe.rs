//! What a probe is: one measurement of the system, held against a tolerance by the engine.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::settings::{Problem, Setting, Settings};
use crate::target::Target;

/// One kind of probe: one file and one line of the catalogue.
pub trait ProbeKind: Send + Sync {
    /// Its name in experiments (`type`).
    fn name(&self) -> &'static str;
    /// What it measures, one sentence.
    fn summary(&self) -> &'static str;
    /// What can be set, beside what every probe takes (`name`, `type`, `timeout`, `interval`, `tolerance`).
    fn settings(&self) -> &'static [Setting];
    /// The tolerance that holds where the user names none, in words: "a status between 200 and 299".
    fn default_tolerance(&self) -> &'static str;

    /// Reads settings; no I/O.
    ///
    /// # Errors
    /// All that is wrong in them.
    fn read(&self, settings: Settings<'_>) -> Result<Box<dyn Probe>, Vec<Problem>>;
}

/// One probe with its settings.
#[async_trait]
pub trait Probe: Send + Sync {
    /// What is asked, for messages: `GET http://127.0.0.1:8080/health`.
    fn describe(&self) -> String;

    /// What it touches: a probe reaches addresses and runs programs too, so the blast radius is held against it.
    fn targets(&self) -> Vec<Target>;

    /// Measures once. The engine bounds the time; dropping the future gives up and leaves nothing running.
    ///
    /// # Errors
    /// The measurement could not be made (refused, no answer); it counts as outside the tolerance.
    async fn measure(&self) -> Result<Reading, ProbeError>;
}

/// What a probe measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// The number that `range` and `relative` are held against: a status, a count, a duration in seconds, a query's value.
    pub number: Option<f64>,
    /// The text that `regex` and `json_path` are held against: a body, what a program printed, a file's content.
    pub text: Option<String>,
    /// Whether it is well where the user names no tolerance.
    pub ok: bool,
    /// In a few words: "status 503".
    pub summary: String,
}

/// Why a measurement could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {reason}")]
pub struct ProbeError {
    /// What was asked.
    pub what: String,
    /// What came, and what was expected.
    pub reason: String,
}

impl Reading {
    /// The text as JSON, if it is JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(self.text.as_deref()?).ok()
    }
}
