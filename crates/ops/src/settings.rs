//! Settings of the main job: the same names in Terraform, in the command and in the daemon's file.

use forecast_core::Event;
pub use forecast_core::Preset;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::duration::Span;
use crate::quiet::QuietSettings;

/// Everything the main job is told, apart from where the load comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JobSettings {
    /// What the metric means.
    pub load: LoadSettings,
    /// How it is forecast.
    pub forecast: ForecastSettings,
    /// How capacity follows from it.
    pub capacity: CapacitySettings,
    /// How often the forecast is made anew; the history's window snaps to multiples of it.
    pub refresh_interval: Span,
    /// Time until a measurement is complete; the window ends this much before the refresh.
    pub settling: Span,
    /// IANA time zone of seasons and days.
    pub time_zone: String,
    /// Times that are unlike others.
    pub events: Vec<Event>,
    /// Fixed clock, for stored data.
    pub as_of: Option<Timestamp>,
    /// What counts as a quiet window.
    pub quiet: QuietSettings,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self {
            load: LoadSettings::default(),
            forecast: ForecastSettings::default(),
            capacity: CapacitySettings::default(),
            refresh_interval: Span::seconds(6 * 3_600),
            settling: Span::seconds(300),
            time_zone: "UTC".into(),
            events: Vec::new(),
            as_of: None,
            quiet: QuietSettings::default(),
        }
    }
}

/// What the metric means.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoadSettings {
    /// Whether the metric is the whole load or that of one unit.
    pub kind: LoadKind,
    /// Value of a sample at and above which it is cut off by overload and flagged.
    pub saturation: Option<f64>,
}

/// Whether the metric is the whole load or that of one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LoadKind {
    /// Requests, messages, CPU-seconds of all units together.
    #[default]
    Total,
    /// Mean over the units; needs the history of the unit count.
    PerUnit,
}

/// How the load is forecast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ForecastSettings {
    /// Name of the model; `auto` mixes a pool.
    pub model: String,
    /// Pool and effort of `auto` and of the backtest.
    pub preset: Preset,
    /// How far ahead.
    pub horizon: Span,
    /// Time between two steps; finer data are averaged.
    pub step: Option<Span>,
    /// How much of the past is read.
    pub history: Span,
    /// Levels of the quantiles on request.
    pub levels: Vec<f64>,
    /// Least accuracy (1 - WAPE) of the backtest.
    pub minimum_accuracy: Option<f64>,
    /// Least gain over the best naive method.
    pub minimum_skill: Option<f64>,
    /// What happens below them.
    pub on_low_accuracy: OnLowAccuracy,
}

impl Default for ForecastSettings {
    fn default() -> Self {
        Self {
            model: "auto".into(),
            preset: Preset::Standard,
            horizon: Span::seconds(7 * 86_400),
            step: None,
            history: Span::seconds(56 * 86_400),
            levels: Vec::new(),
            minimum_accuracy: None,
            minimum_skill: None,
            on_low_accuracy: OnLowAccuracy::ReactiveFloor,
        }
    }
}

/// What happens when the backtest is worse than asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLowAccuracy {
    /// The schedule holds `min` only and leaves the rest to the reactive autoscaler.
    #[default]
    ReactiveFloor,
    /// The job fails.
    Fail,
}

/// How capacity follows from load.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CapacitySettings {
    /// Load that one unit serves at full utilization; `None` learns it from history (needs the unit count).
    pub per_unit: Option<f64>,
    /// How units follow from load.
    pub strategy: Strategy,
    /// Utilization that units are sized for, with `target_utilization`.
    pub target_utilization: f64,
    /// Quantile of the forecast that is provisioned for.
    pub level: f64,
    /// Share of capacity over which `threshold` adds units.
    pub scale_up_at: f64,
    /// Share of capacity under which `threshold` removes units.
    pub scale_down_at: f64,
    /// Highest utilization at which the service objective holds.
    pub slo_utilization: f64,
    /// Fewest units.
    pub min: u32,
    /// Most units.
    pub max: u32,
    /// Time from asking for a unit until it serves.
    pub warm_up: Span,
    /// Least time between two changes.
    pub dwell: Span,
    /// Most units added at once; `None` for no limit.
    pub ramp_up: Option<u32>,
    /// Most units removed at once; `None` for no limit.
    pub ramp_down: Option<u32>,
    /// Most changes of the whole timetable.
    pub max_changes: Option<usize>,
    /// Dated steps, or one week that recurs.
    pub form: Form,
    /// What follows the end.
    pub after: AfterKind,
    /// Price of a unit for an hour.
    pub cost_per_unit_hour: Option<f64>,
    /// Floors for a time, set by hand.
    pub overrides: Vec<Override>,
    /// Times without any change.
    pub freeze_windows: Vec<FreezeWindow>,
    /// Whether the timetable holds what is there.
    pub paused: bool,
}

impl Default for CapacitySettings {
    fn default() -> Self {
        Self {
            per_unit: None,
            strategy: Strategy::TargetUtilization,
            target_utilization: 0.7,
            level: 0.9,
            scale_up_at: 0.8,
            scale_down_at: 0.3,
            slo_utilization: 0.85,
            min: 1,
            max: 1_000,
            warm_up: Span::seconds(180),
            dwell: Span::seconds(900),
            ramp_up: None,
            ramp_down: None,
            max_changes: None,
            form: Form::Dated,
            after: AfterKind::Weekly,
            cost_per_unit_hour: None,
            overrides: Vec::new(),
            freeze_windows: Vec::new(),
            paused: false,
        }
    }
}

/// How units follow from load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// As many units as keep utilization at its target.
    #[default]
    TargetUtilization,
    /// Up when the predicted maximum is over a share of capacity, down when under another.
    Threshold,
}

/// Form of a timetable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// Each step has a date.
    #[default]
    Dated,
    /// One week that recurs.
    Weekly,
}

/// What follows the end of a timetable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterKind {
    /// The typical week goes on.
    #[default]
    Weekly,
    /// What was there before is restored.
    Restore,
    /// The last step stays.
    Hold,
}

/// A floor for a time, set by hand.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// First instant.
    pub from: Timestamp,
    /// First instant after it.
    pub to: Timestamp,
    /// Fewest units then.
    pub min: u32,
    /// Why, for the reason of the step.
    pub reason: Option<String>,
}

/// A time without any change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreezeWindow {
    /// First instant.
    pub from: Timestamp,
    /// First instant after it.
    pub to: Timestamp,
}
