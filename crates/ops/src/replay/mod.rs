//! Replay: ways to scale over a past load, side by side, with what each cost and missed.
//!
//! Mode `reference` is the model that published figures keep to: ticks of a minute, see `reference`. Mode `kubernetes` has
//! the controller as it is, every 15 s. Timetables are made at the cadence at which they would really be refreshed.

pub mod policy;
pub mod trace;

mod fleet;
mod kubernetes;
mod measure;
mod oracle;
pub(crate) mod predictive;
mod reference;
mod savings;

use forecast_core::{Calendar, FitError, ForecastError, Level, SeriesError, UpdateError};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::capacity::CapacityError;
use crate::duration::Span;
use crate::hooks::Hooks;
use crate::models::{ModelError, forecaster};
use crate::ports::Mode as ScalingMode;
use crate::schedule::{self, ScheduleError};
use crate::settings::{CapacitySettings, Preset};
use fleet::Fleet;
use kubernetes::{Controller, SYNC_SECONDS};
pub use measure::Row;
use measure::{Course, Scored};
pub use policy::{Behavior, Kind, Policy, PolicyFile, World};
use predictive::Refresh;
use reference::Reactive;
pub(crate) use savings::{Past, round, savings};
pub use trace::Trace;

/// Utilization that a reactive scaler sizes for where none is set.
const TARGET_UTILIZATION: f64 = 0.7;
/// Level that is provisioned for where neither a risk nor a level is set.
const LEVEL: f64 = 0.9;

/// Which model of a reactive scaler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Ticks of a minute, as published figures have it.
    #[default]
    Reference,
    /// The controller as it is.
    Kubernetes,
}

/// How often timetables are made anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cadence {
    /// Every refresh interval, in force after settling and apply.
    #[default]
    Terraform,
    /// All the time: every step of the data, five minutes at least.
    Daemon,
}

/// Why ways to scale could not be replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// Nothing to score.
    #[error(
        "the series has {samples} samples and none in its scored part; expected at least two samples, the last three days observed"
    )]
    TooShort {
        /// Samples found.
        samples: usize,
    },
    /// Stamps so far apart that no replay would end.
    #[error(
        "the samples reach over {days} days at this step; expected at most 20 million steps and minutes: look for a wrong stamp"
    )]
    TooLong {
        /// Days between the first and the last sample.
        days: i64,
    },
    /// A setting out of range.
    #[error("{setting} is {found}; expected {expected}")]
    Setting {
        /// Which setting of the policy file.
        setting: String,
        /// What it is.
        found: String,
        /// What it may be.
        expected: String,
    },
    /// A time zone that nobody knows.
    #[error("time_zone: {0}")]
    TimeZone(ScheduleError),
    /// A model that nobody knows.
    #[error("model: {0}")]
    Model(ModelError),
    /// The samples make no series.
    #[error("the samples make no series: {0}")]
    Series(SeriesError),
    /// A fit failed.
    #[error("the forecasts of the past failed: {0}")]
    Fit(FitError),
    /// A forecast failed.
    #[error("the forecasts of the past failed: {0}")]
    Forecast(ForecastError),
    /// New observations were refused.
    #[error("the forecasts of the past failed: {0}")]
    Update(UpdateError),
    /// No timetable could be made.
    #[error("the timetables of the past failed: {0}")]
    Capacity(CapacityError),
    /// The caller asked to stop.
    #[error("the replay was cancelled")]
    Cancelled,
}

/// Runs all ways to scale of a file over a trace; one row each, in the file's order.
///
/// # Errors
/// Settings out of range, a model or time zone that is not there, a forecast that fails, cancellation.
pub fn replay(
    trace: &Trace,
    file: &PolicyFile,
    mode: Mode,
    cadence: Cadence,
    hooks: &dyn Hooks,
) -> Result<Vec<Row>, ReplayError> {
    let world = &file.world;
    check(file)?;
    let zone = schedule::time_zone(&world.time_zone).map_err(ReplayError::TimeZone)?;
    let per_unit = world.capacity_per_unit.unwrap_or_else(|| trace.capacity_per_unit(world.peak_units));
    if !(per_unit.is_finite() && per_unit > 0.0) {
        return Err(ReplayError::Setting {
            setting: "capacity_per_unit".into(),
            found: per_unit.to_string(),
            expected: "a load above 0; the scored part may hold none".into(),
        });
    }
    let arena = Arena::new(trace.scored(), trace.scored_start(), per_unit, world, mode);
    file.policies.iter().map(|policy| run(policy, trace, &arena, &zone, cadence, hooks)).collect()
}

fn run(
    policy: &Policy,
    trace: &Trace,
    arena: &Arena<'_>,
    zone: &TimeZone,
    cadence: Cadence,
    hooks: &dyn Hooks,
) -> Result<Row, ReplayError> {
    if hooks.cancelled() {
        return Err(ReplayError::Cancelled);
    }
    Ok(match policy.kind {
        Kind::Static => arena.static_peak(&policy.name),
        Kind::Hpa => arena.reactive(policy, None),
        Kind::Oracle => arena.oracle(policy, 0),
        Kind::Oracle5 => arena.oracle(policy, arena.world.stabilization_seconds),
        Kind::Stormglass => {
            let floor = timetable(policy, trace, arena, zone, cadence, hooks)?;
            match policy.mode.unwrap_or_default() {
                ScalingMode::Exact => arena.exact(&policy.name, &floor),
                ScalingMode::Floor | ScalingMode::Observe => arena.reactive(policy, Some(&floor)),
            }
        }
    })
}

/// Units of the policy's timetables, one a minute of the scored part.
fn timetable(
    policy: &Policy,
    trace: &Trace,
    arena: &Arena<'_>,
    zone: &TimeZone,
    cadence: Cadence,
    hooks: &dyn Hooks,
) -> Result<Vec<u32>, ReplayError> {
    let world = arena.world;
    let y = trace.series(Calendar::new(zone.clone()))?;
    let settings = capacity_settings(policy, world);
    let level = Level::new(settings.level).map_err(|e| ReplayError::Setting {
        setting: format!("level of `{}`", policy.name),
        found: e.0.to_string(),
        expected: "a probability between 0 and 1, both excluded".into(),
    })?;
    let seconds = |span: Span| i64::try_from(span.as_secs()).unwrap_or(i64::MAX / 8);
    let refresh = match cadence {
        Cadence::Terraform => Refresh {
            every: seconds(world.refresh_interval),
            settling: seconds(world.settling),
            delay: seconds(world.apply_delay),
        },
        Cadence::Daemon => {
            let step = i64::try_from(y.step().as_secs()).unwrap_or(i64::MAX / 8);
            Refresh { every: step, settling: i64::try_from(world.metric_delay_seconds).unwrap_or(0), delay: 0 }
        }
    };
    // What a unit's start and the dwell need to know lies within the reach, or the horizon is widened to it.
    let horizon = refresh.reach().max(seconds(settings.warm_up) + seconds(settings.dwell) + 2 * refresh.every);
    let name = policy.model.as_deref().unwrap_or("auto");
    let steps = usize::try_from(horizon).unwrap_or(0) / y.step().as_secs().max(1) as usize + 1;
    let model = forecaster(name, Preset::Standard, Some(steps)).map_err(ReplayError::Model)?;
    let start = trace.scored_start();
    let minutes = arena.minutes;
    let end = Timestamp::from_second(start.as_second() + minutes as i64 * 60).unwrap_or(Timestamp::MAX);
    let outlooks = predictive::outlooks(model.as_ref(), &y, (start, end), refresh, level, hooks)?;
    predictive::timetable(&outlooks, start, minutes, arena.per_unit, &settings)
}

/// With a `risk`, units are sized at the utilization at which the objective holds, for the quantile that the load
/// exceeds as rarely as the risk says: the expected share of the load that arrives short is then the risk at most, as
/// the rails only raise. Without one, as an autoscaler sizes.
fn capacity_settings(policy: &Policy, world: &World) -> CapacitySettings {
    let level = policy.level.or(policy.risk.map(|risk| 1.0 - risk)).unwrap_or(LEVEL);
    let sized_for = if policy.risk.is_some() { world.slo_utilization } else { TARGET_UTILIZATION };
    CapacitySettings {
        per_unit: None,
        level,
        target_utilization: policy.target_utilization.filter(|_| policy.risk.is_none()).unwrap_or(sized_for),
        slo_utilization: world.slo_utilization,
        min: policy.min,
        max: policy.max,
        warm_up: Span::seconds(world.startup_seconds),
        dwell: policy.dwell.unwrap_or(CapacitySettings::default().dwell),
        ..CapacitySettings::default()
    }
}

/// A scored load and the world in which all ways to scale meet it.
pub(crate) struct Arena<'a> {
    scored: Scored,
    world: &'a World,
    mode: Mode,
    per_unit: f64,
    pub(crate) minutes: usize,
    pub(crate) start: Timestamp,
}

impl<'a> Arena<'a> {
    /// `load`: one a minute, `NaN` is missing; `per_unit`: load that one unit serves at full load.
    pub(crate) fn new(load: Vec<f64>, start: Timestamp, per_unit: f64, world: &'a World, mode: Mode) -> Self {
        let minutes = load.len();
        let tick = if mode == Mode::Kubernetes { SYNC_SECONDS } else { 60 };
        let load = load.into_iter().flat_map(|x| std::iter::repeat_n(x, (60 / tick) as usize)).collect();
        Self { scored: Scored::new(load, per_unit, world.slo_utilization, tick), world, mode, per_unit, minutes, start }
    }

    fn ticks(&self, seconds: u64) -> usize {
        seconds.div_ceil(self.scored.tick) as usize
    }

    fn measured(&self, name: &str, course: &Course) -> Row {
        self.scored.measure(name, course, self.world.cost_per_unit_hour)
    }

    /// The highest demand all the time.
    pub(crate) fn static_peak(&self, name: &str) -> Row {
        self.measured(name, &oracle::static_peak(&self.scored))
    }

    fn oracle(&self, policy: &Policy, hold_seconds: u64) -> Row {
        let hold = (hold_seconds / self.scored.tick) as usize;
        let course = oracle::oracle(&self.scored, policy.min, hold, self.ticks(self.world.startup_seconds));
        self.measured(&policy.name, &course)
    }

    /// A reactive scaler, over a floor of units a minute where there is one.
    pub(crate) fn reactive(&self, policy: &Policy, floor: Option<&[u32]>) -> Row {
        let target = policy.target_utilization.unwrap_or_else(|| self.reactive_target(policy));
        let world = self.world;
        let floor = floor.map(|f| self.a_tick(f));
        let course = match self.mode {
            Mode::Reference => {
                let scaler = Reactive {
                    target_utilization: target,
                    min: policy.min,
                    max: policy.max,
                    start_up: self.ticks(world.startup_seconds),
                    window: (world.stabilization_seconds / self.scored.tick) as usize,
                    metric_delay: self.ticks(world.metric_delay_seconds),
                };
                scaler.run(&self.scored, floor.as_deref())
            }
            Mode::Kubernetes => {
                let times = (world.startup_seconds, world.metric_delay_seconds);
                let limits = (policy.min, policy.max);
                let behavior = policy.behavior.as_ref();
                Controller::new(target, limits, times, world.stabilization_seconds, behavior)
                    .run(&self.scored, floor.as_deref())
            }
        };
        self.measured(&policy.name, &course)
    }

    /// Under a timetable that keeps a risk, the reactive scaler is the net below: it acts, its tolerance included, where
    /// the objective begins to fail. Elsewhere it sizes as usual.
    fn reactive_target(&self, policy: &Policy) -> f64 {
        let net = self.world.slo_utilization / (1.0 + reference::TOLERANCE);
        if policy.kind == Kind::Stormglass && policy.risk.is_some() { net } else { TARGET_UTILIZATION }
    }

    /// Exactly these units a minute.
    pub(crate) fn exact(&self, name: &str, units: &[u32]) -> Row {
        let units = self.a_tick(units);
        let mut fleet = Fleet::new(units.first().copied().unwrap_or(1), self.ticks(self.world.startup_seconds));
        let mut course = Course::default();
        for (t, want) in units.iter().enumerate() {
            fleet.advance(t);
            course.supply.push(fleet.ready());
            course.changes += usize::from(fleet.size() != *want);
            fleet.want(t, *want);
            course.billed.push(fleet.size());
        }
        self.measured(name, &course)
    }

    fn a_tick(&self, minutes: &[u32]) -> Vec<u32> {
        minutes.iter().flat_map(|units| std::iter::repeat_n(*units, (60 / self.scored.tick) as usize)).collect()
    }
}

fn check(file: &PolicyFile) -> Result<(), ReplayError> {
    let wrong = |setting: &str, found: String, expected: &str| {
        Err(ReplayError::Setting { setting: setting.to_owned(), found, expected: expected.to_owned() })
    };
    let world = &file.world;
    if !(world.slo_utilization > 0.0 && world.slo_utilization <= 1.0) {
        return wrong("slo_utilization", world.slo_utilization.to_string(), "a fraction above 0, at most 1");
    }
    if !(world.peak_units.is_finite() && world.peak_units > 0.0) {
        return wrong("peak_units", world.peak_units.to_string(), "a number above 0");
    }
    if world.refresh_interval.as_secs() < 60 {
        return wrong("refresh_interval", world.refresh_interval.to_string(), "at least 1m");
    }
    for policy in &file.policies {
        let named = |setting: &str| format!("{setting} of `{}`", policy.name);
        if let Some(x) = policy.target_utilization.filter(|x| !(*x > 0.0 && *x <= 1.0)) {
            return wrong(&named("target_utilization"), x.to_string(), "a fraction above 0, at most 1");
        }
        if let Some(risk) = policy.risk.filter(|risk| !(*risk > 0.0 && *risk < 1.0)) {
            return wrong(&named("risk"), risk.to_string(), "a fraction between 0 and 1, both excluded");
        }
        if policy.max == 0 || policy.min > policy.max {
            return wrong(&named("min"), policy.min.to_string(), &format!("at most max, which is {}", policy.max));
        }
    }
    Ok(())
}
