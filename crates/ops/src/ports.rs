//! The two ports to the outside: where load is measured, and where capacity is set.

use std::fmt;

use async_trait::async_trait;
use forecast_core::RawSeries;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::capacity_plan::{After, CapacityPlan, Step};

/// A stretch of time, end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// First instant.
    pub from: Timestamp,
    /// First instant after it.
    pub to: Timestamp,
}

/// Where load is measured.
#[async_trait]
pub trait MetricSource: fmt::Debug + Send + Sync {
    /// What is read, for messages; never a secret.
    fn describe(&self) -> String;

    /// Whether the data are stored and do not grow; the clock then defaults to the end of the last sample.
    fn is_stored(&self) -> bool {
        false
    }

    /// The samples within a window; `None` asks a stored source for all it has.
    /// # Errors
    /// What is unknown is an error, never a made-up number.
    async fn fetch(&self, window: Option<Window>) -> Result<RawSeries, SourceError>;
}

/// Where capacity is set.
#[async_trait]
pub trait ScalingTarget: fmt::Debug + Send + Sync {
    /// What is set, for messages.
    fn describe(&self) -> String;

    /// What the target can hold; shapes the capacity plan.
    fn limits(&self) -> Limits;

    /// What is in force now; `None` where there is nothing of ours.
    /// # Errors
    /// `Unreachable` or `Invalid`; "not found" is `Ok(None)`.
    async fn read(&self, owner: &Owner) -> Result<Option<Applied>, TargetError>;

    /// Puts a capacity plan in force; at no time is there less than the smaller of old and new.
    /// # Errors
    /// `Conflict` before the first write where somebody else owns what is there.
    async fn apply(&self, request: &ApplyRequest) -> Result<Applied, TargetError>;

    /// Restores what was there before, only where our value is still in place; nothing there is success.
    /// # Errors
    /// As [`ScalingTarget::apply`].
    async fn remove(&self, owner: &Owner, previous: Option<&serde_json::Value>) -> Result<(), TargetError>;
}

/// Who manages a target: written to it, and compared before it is changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner(pub String);

/// What is to be put in force.
#[derive(Debug, Clone, PartialEq)]
pub struct ApplyRequest {
    /// Who applies.
    pub owner: Owner,
    /// What is applied.
    pub plan: CapacityPlan,
    /// `floor` or `exact`.
    pub mode: Mode,
    /// Steps before this time are folded into the one in force then.
    pub now: Timestamp,
    /// What to do where somebody else owns the target.
    pub on_conflict: OnConflict,
}

/// How a target may deviate from the schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// A minimum under a reactive autoscaler.
    #[default]
    Floor,
    /// Exactly the schedule.
    Exact,
    /// Nothing is written; score is kept.
    Observe,
}

/// What to do where somebody else owns the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnConflict {
    /// Refuse, naming the owner.
    #[default]
    Error,
    /// Take it over; delete restores what was there.
    Take,
}

/// What a target holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Applied {
    /// Who manages it, as the target says.
    pub owner: Owner,
    /// Steps in force, in order.
    pub steps: Vec<Step>,
    /// What else of a schedule is in force.
    pub terms: Terms,
    /// What was there before the first apply, to be restored; the target's own form.
    pub previous: Option<serde_json::Value>,
    /// Identifier of the object at the target, for example a path.
    pub id: String,
}

/// What a target holds of a schedule beside its steps; `None` where the target has no place for it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Terms {
    /// `floor` or `exact`.
    pub mode: Option<Mode>,
    /// Fewest units ever.
    pub min: Option<u32>,
    /// Most units ever.
    pub max: Option<u32>,
    /// Time zone of the weekly steps.
    pub time_zone: Option<String>,
    /// End of the steps.
    pub valid_until: Option<Timestamp>,
    /// What follows the end.
    pub after: Option<After>,
}

impl Terms {
    /// The plan with these terms in place of its own.
    pub fn laid_over(&self, plan: &CapacityPlan) -> CapacityPlan {
        CapacityPlan {
            min: self.min.unwrap_or(plan.min),
            max: self.max.unwrap_or(plan.max),
            time_zone: self.time_zone.clone().unwrap_or_else(|| plan.time_zone.clone()),
            valid_until: self.valid_until.unwrap_or(plan.valid_until),
            after: self.after.clone().unwrap_or_else(|| plan.after.clone()),
            ..plan.clone()
        }
    }
}

/// What a target can hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Most steps a schedule may have; `None` for no limit.
    pub max_steps: Option<usize>,
    /// Least time between two steps, in seconds.
    pub min_spacing_seconds: u64,
    /// Whether steps carry a date.
    pub dated: bool,
    /// Whether steps may recur weekly.
    pub recurring: bool,
    /// Whether the target follows a time zone; otherwise UTC.
    pub time_zone: bool,
}

impl Limits {
    /// No limit at all.
    pub const fn unlimited() -> Self {
        Self { max_steps: None, min_spacing_seconds: 1, dated: true, recurring: true, time_zone: true }
    }
}

/// Why no load could be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The source's settings are wrong.
    #[error("{setting}: {reason}")]
    Setting {
        /// Attribute, for example `csv.path`.
        setting: String,
        /// What was found, what was expected and what to do.
        reason: String,
    },
    /// The source does not answer.
    #[error("{what} cannot be read: {reason}")]
    Unreachable {
        /// The source.
        what: String,
        /// What happened and what to do.
        reason: String,
    },
    /// What it answered is no series.
    #[error("{what}: {reason}")]
    Invalid {
        /// The source, with file and line where there is one.
        what: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// It has nothing for the window.
    #[error("{what} has no sample{}; widen `history` or check the query", within(.window))]
    NoData {
        /// The source.
        what: String,
        /// The window asked for.
        window: Option<Window>,
    },
    /// More than one series where one is expected.
    #[error("{what} returned {got} series, expected one; aggregate it, for example with sum()")]
    ManySeries {
        /// The source.
        what: String,
        /// Series found.
        got: usize,
    },
    /// The caller gave up.
    #[error("reading {what} was interrupted")]
    Interrupted {
        /// The source.
        what: String,
    },
}

/// Why a target did not take a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// The target's settings are wrong.
    #[error("{setting}: {reason}")]
    Setting {
        /// Attribute, for example `file.path`.
        setting: String,
        /// What was found, what was expected and what to do.
        reason: String,
    },
    /// The target does not answer.
    #[error("{what} cannot be reached: {reason}")]
    Unreachable {
        /// The target.
        what: String,
        /// What happened and what to do.
        reason: String,
    },
    /// What is there is not in the target's form.
    #[error("{what}: {reason}")]
    Invalid {
        /// The target.
        what: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// Somebody else owns it.
    #[error("{what} is managed by {owner}; {advice}")]
    Conflict {
        /// The target.
        what: String,
        /// Its owner.
        owner: String,
        /// How to solve it.
        advice: String,
    },
    /// The schedule does not fit.
    #[error("{what} holds {limit}, the schedule has {got}; {advice}")]
    Limit {
        /// The target.
        what: String,
        /// What it can hold.
        limit: String,
        /// What the schedule has.
        got: String,
        /// How to solve it.
        advice: String,
    },
}

fn within(window: &Option<Window>) -> String {
    window.map(|w| format!(" from {} to {}", w.from, w.to)).unwrap_or_default()
}
