//! What the main job found: the capacity plan, and all that it rests on, for reports and for people.

use std::collections::BTreeMap;

use forecast_core::model::Member;
use forecast_core::{Forecast, Level, Series};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::capacity_plan::CapacityPlan;
use crate::duration::Span;
use crate::quiet::QuietWindow;

/// All that the main job found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// All that a policy needs.
    pub plan: CapacityPlan,
    /// Whether the plan rests on the forecast.
    pub status: Status,
    /// The forecast, at the levels of [`Outcome::levels`], at 0.1, 0.5 and 0.9 and at the level provisioned for.
    pub forecast: Forecast,
    /// Levels that the user asked for.
    pub levels: Vec<Level>,
    /// How such forecasts did on the past; `None` where the history is too short.
    pub backtest: Option<BacktestSummary>,
    /// Members of a mixture.
    pub members: Vec<Member>,
    /// The load of all units that was learned from.
    pub history: Series,
    /// Load that one unit serves at full utilization.
    pub per_unit: f64,
    /// Whether it was learned from history.
    pub per_unit_learned: bool,
    /// When load is low.
    pub quiet_windows: Vec<QuietWindow>,
    /// Unit-hours of the timetable.
    pub unit_hours: f64,
    /// Where the load was measured, in words.
    pub source: String,
    /// First and last instant of the history that was used.
    pub history_window: (Timestamp, Timestamp),
}

impl Outcome {
    /// The quantiles that the user asked for: time of each step, and the value of each level, in the levels' order.
    pub fn quantiles(&self) -> Vec<(Timestamp, Vec<f64>)> {
        let columns: Vec<Vec<f64>> = self.levels.iter().filter_map(|l| self.forecast.quantile(*l)).collect();
        let row = |i: usize| columns.iter().map(|column| column[i]).collect();
        (0..self.forecast.horizon()).filter(|_| !columns.is_empty()).map(|i| (self.forecast.time(i), row(i))).collect()
    }
}

/// Whether a plan rests on the forecast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It does.
    Ok,
    /// The timetable holds `min` only, for this reason.
    Fallback(String),
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Fallback(reason) => write!(f, "fallback: {reason}"),
        }
    }
}

/// How such forecasts did on the past, over the leads that the cadence lives on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BacktestSummary {
    /// Name of the model.
    pub model: String,
    /// Forecasts that were made and scored.
    pub origins: usize,
    /// Shortest lead scored.
    pub from_lead: Span,
    /// Longest lead scored.
    pub to_lead: Span,
    /// Sum of absolute errors over sum of absolute loads.
    pub wape: f64,
    /// WAPE that 95 % of the forecasts stayed below, one forecast at a time; what comes out above it again and again is
    /// another load than the one that was learned.
    pub wape_95: f64,
    /// 1 - WAPE.
    pub accuracy: f64,
    /// Name of the best naive method.
    pub naive: Option<String>,
    /// Its WAPE.
    pub naive_wape: Option<f64>,
    /// 1 - WAPE / WAPE of the best naive method.
    pub skill: Option<f64>,
    /// Mean absolute error over that of the seasonal naive method.
    pub mase: f64,
    /// A level, as text, to the share of loads at or below its quantile.
    pub coverage: BTreeMap<String, f64>,
}
