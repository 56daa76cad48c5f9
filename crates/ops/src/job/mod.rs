//! The main job as one function: from where load is measured to a capacity plan.
//!
//! [`read`] does the I/O through the ports, [`decide`] computes and is pure: callers with an async runtime put it on a
//! pool of their own, so that a forecast never starves the runtime. [`run`] is both in a row. [`prepare`] is the first part
//! of the decision, the series that is learned from, for those who do something else with it.
//!
//! The window of history is snapped to multiples of `refresh_interval`, so that within one interval every machine
//! decides the same; nothing of the result depends on the machine, on threads or on the time that the work takes.

mod check;
mod decide;
mod error;
mod guard;
mod outcome;
mod prepare;
mod read;
mod score;
mod words;

use jiff::Timestamp;
use serde::Serialize;

use crate::hooks::{Hooks, Stage};
use crate::ports::{Limits, MetricSource};
use crate::settings::JobSettings;
pub use decide::decide;
pub use error::JobError;
pub use outcome::{BacktestSummary, Outcome, Status};
pub use prepare::{Prepared, prepare};
pub use read::{Measured, read};

/// Where the job reads, and what it plans for.
#[derive(Debug, Clone, Copy)]
pub struct JobInputs<'a> {
    /// Where the load is measured.
    pub source: &'a dyn MetricSource,
    /// Where the unit count is measured; needed for `load.kind = per_unit` and to learn `capacity.per_unit`.
    pub units: Option<&'a dyn MetricSource>,
    /// Where the load of a similar service is measured, which stands in for history that is not there yet.
    pub borrow_from: Option<&'a dyn MetricSource>,
}

/// What the decision knows of the target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Scope {
    /// What the target can hold.
    pub limits: Limits,
    /// Units there are now, where they are known.
    pub prior_units: Option<u32>,
}

impl Default for Scope {
    fn default() -> Self {
        Self { limits: Limits::unlimited(), prior_units: None }
    }
}

/// Reads and decides.
///
/// `now` is the only clock; `settings.as_of` replaces it.
/// # Errors
/// See [`JobError`]; what is unknown is an error, never a made-up number.
pub async fn run(
    inputs: JobInputs<'_>,
    settings: &JobSettings,
    scope: &Scope,
    now: Timestamp,
    hooks: &dyn Hooks,
) -> Result<Outcome, JobError> {
    hooks.progress(Stage::Read, 0, 1);
    let measured = read(inputs, settings, now).await?;
    hooks.progress(Stage::Read, 1, 1);
    decide(&measured, settings, scope, hooks)
}
