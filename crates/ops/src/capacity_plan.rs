//! The capacity plan: a timetable of units with what it rests on; the one value that a policy needs.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A timetable of units, its limits, what follows its end, and how far it can be trusted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CapacityPlan {
    /// Version of this form: 1.
    pub version: u32,
    /// First instant planned; the settled end of the history.
    pub origin: Timestamp,
    /// The fixed clock, where the user set one or the data are stored; `None` for live data.
    pub as_of: Option<Timestamp>,
    /// Time zone that days and weekly steps are in (IANA name).
    pub time_zone: String,
    /// Change points, in order; the first is at `origin`.
    pub steps: Vec<Step>,
    /// End of the timetable; `after` follows.
    pub valid_until: Timestamp,
    /// What follows the end.
    pub after: After,
    /// Fewest units ever.
    pub min: u32,
    /// Most units ever.
    pub max: u32,
    /// Most units of the timetable.
    pub peak: u32,
    /// Model that made the forecast.
    pub model: String,
    /// 1 - WAPE of the backtest over the leads that the cadence lives on; `None` without enough history.
    pub accuracy: Option<f64>,
    /// Relative gain over the best naive method in the backtest, 1 - WAPE / WAPE of the naive.
    pub skill: Option<f64>,
    /// What the timetable saves in a replay of the past.
    pub savings: Option<Savings>,
    /// Cost of the timetable in the user's currency, where units are priced.
    pub cost: Option<f64>,
    /// Expected share of the load that arrives while supply is below demand.
    pub risk: Option<f64>,
    /// What a person should know before applying.
    pub warnings: Vec<String>,
}

/// One change of the timetable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// From when on.
    pub from: Timestamp,
    /// Units from then on.
    pub units: u32,
    /// Why: `forecast`, `min`, `max`, `ramp`, `dwell`, `override`, `freeze`, `paused`, `fallback`, ...
    pub reason: String,
}

/// What follows the end of a timetable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum After {
    /// The typical week goes on.
    Weekly {
        /// Change points of the week, Monday first.
        steps: Vec<WeeklyStep>,
    },
    /// What was there before is restored.
    Restore,
    /// The last step stays.
    Hold,
}

/// One change of a typical week.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct WeeklyStep {
    /// 1 Monday to 7 Sunday.
    pub day: u8,
    /// Local time, `HH:MM`.
    pub time: String,
    /// Units from then on.
    pub units: u32,
}

/// Replay of this kind of timetable over the past, beside other ways to scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Savings {
    /// Days replayed.
    pub days: f64,
    /// One row a way to scale, by name: `ours`, `static`, `hpa`.
    pub rows: BTreeMap<String, SavingsRow>,
}

/// What one way to scale cost and missed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct SavingsRow {
    /// Billed unit-hours.
    pub unit_hours: f64,
    /// Cost, where units are priced.
    pub cost: Option<f64>,
    /// Share of the load that arrived while supply was below demand.
    pub slo: f64,
}
