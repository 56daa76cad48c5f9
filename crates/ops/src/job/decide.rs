//! The decision: from what was measured to a capacity plan. Pure, on one thread, the same on every machine.

use std::sync::Arc;
use std::time::Duration;

use forecast_core::{Ahead, Forecast, Level, Paths, Series};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::guard::{self, Missed};
use super::prepare::{Prepared, prepare};
use super::read::{Measured, seconds};
use super::score::{self, Scored};
use super::{BacktestSummary, JobError, Outcome, Scope, Status};
use crate::capacity::{self, Load, Request, Timetable};
use crate::capacity_plan::{CapacityPlan, Savings};
use crate::hooks::{Hooks, Stage};
use crate::load::TotalLoad;
use crate::models;
use crate::quiet::quiet_windows;
use crate::replay::{Past, ReplayError, round, savings};
use crate::settings::{JobSettings, OnLowAccuracy, Preset};

/// Version of the capacity plan's form.
const VERSION: u32 = 1;
/// Levels of every forecast: the median and a band.
const BAND: [f64; 3] = [0.1, 0.5, 0.9];
/// Seed of the joint paths; fixed, so that the same history gives the same risk.
const SEED: u64 = 1;

/// Decides; see [`super::run`].
///
/// # Errors
/// Settings that are wrong, samples that make no series, a source that has stopped, a model that learns nothing, a
/// forecast worse than allowed with `on_low_accuracy = "fail"`, cancellation.
pub fn decide(
    measured: &Measured,
    settings: &JobSettings,
    scope: &Scope,
    hooks: &dyn Hooks,
) -> Result<Outcome, JobError> {
    let Prepared { series: y, similar, load, zone, mut warnings } = prepare(measured, settings)?;
    let (per_unit, per_unit_learned) = per_unit(settings, &load)?;
    if per_unit_learned {
        warnings.push(format!(
            "capacity.per_unit is not set; units were seen to serve up to {per_unit:.4} each, which is taken"
        ));
    }
    let (levels, level) = levels(settings)?;
    let step = seconds_of(y.step());
    let horizon = usize::try_from(seconds(settings.forecast.horizon) / step).unwrap_or(0).max(1);
    let trained = trained_horizon(&y, settings);
    let model = models::forecaster(&settings.forecast.model, settings.forecast.preset, Some(trained))
        .map_err(JobError::Model)?;
    let model = models::borrowing(model, similar);

    stage(hooks, Stage::Backtest)?;
    let scored = score::score(model.as_ref(), &y, settings, level, hooks)?;
    stage(hooks, Stage::Replay)?;
    let replayed = replayed(scored.as_ref(), &y, per_unit, settings)?;

    stage(hooks, Stage::Fit)?;
    let (summary, fitted) = match scored {
        Some(scored) => (Some(scored.summary), scored.fitted),
        None => (None, model.fit(&y).map_err(JobError::Fit)?),
    };
    let ahead = Ahead { horizon, calendar: Some(Arc::clone(y.calendar())), ..Ahead::default() };
    let forecast = fitted.forecast(&ahead, &all_levels(&levels, level)).map_err(JobError::Forecast)?;
    let paths = fitted.paths(&ahead, path_count(settings.forecast.preset), SEED).map_err(JobError::Forecast)?;

    let missed = guard::missed(&settings.forecast, summary.as_ref(), replayed.as_ref().map(|(_, saves)| *saves));

    stage(hooks, Stage::Plan)?;
    let basis = Basis { y: &y, forecast: &forecast, paths: &paths, per_unit, zone: &zone };
    let (table, status) = timetable(&basis, settings, scope, missed)?;
    if summary.is_none() {
        warnings.push("the history is too short for a backtest; how accurate the forecast is is unknown".into());
    }
    if let Status::Fallback(reason) = &status {
        warnings.push(format!("{reason}; the timetable holds min and leaves the rest to the reactive autoscaler"));
    }
    warnings.extend(table.warnings.iter().cloned());
    let as_of = settings.as_of.or(measured.stored.then(|| y.end()));
    let savings = replayed.map(|(savings, _)| savings);
    let plan = capacity_plan(&table, settings, fitted.name(), summary.as_ref(), savings, as_of, warnings);
    Ok(Outcome {
        plan,
        status,
        quiet_windows: quiet_windows(&forecast, &settings.quiet),
        forecast,
        levels,
        backtest: summary,
        members: fitted.members(),
        history_window: (y.start(), y.end()),
        history: y,
        per_unit,
        per_unit_learned,
        unit_hours: table.unit_hours,
        source: measured.source.clone(),
    })
}

/// Tells the caller what comes, and asks it whether to go on.
fn stage(hooks: &dyn Hooks, stage: Stage) -> Result<(), JobError> {
    hooks.progress(stage, 0, 1);
    if hooks.cancelled() { Err(JobError::Cancelled) } else { Ok(()) }
}

/// What a unit serves: as set, else as learned from history.
fn per_unit(settings: &JobSettings, load: &TotalLoad) -> Result<(f64, bool), JobError> {
    let wrong = |found: String, expected: &str| JobError::Setting {
        setting: "capacity.per_unit".into(),
        found,
        expected: expected.to_owned(),
    };
    match (settings.capacity.per_unit, load.served_per_unit) {
        (Some(set), _) if set.is_finite() && set > 0.0 => Ok((set, false)),
        (Some(set), _) => Err(wrong(set.to_string(), "the load that one unit serves at full utilization, above 0")),
        (None, Some(learned)) => Ok((learned, true)),
        (None, None) => Err(wrong(
            "not set".into(),
            "the load that one unit serves at full utilization; or set `load.units`, with a unit count for at least 48 unsaturated \
             samples, to learn it from history",
        )),
    }
}

/// The levels that the user asked for, and the one that is provisioned for.
fn levels(settings: &JobSettings) -> Result<(Vec<Level>, Level), JobError> {
    let level = |setting: &str, p: f64| {
        Level::new(p).map_err(|_| JobError::Setting {
            setting: setting.to_owned(),
            found: p.to_string(),
            expected: "a probability between 0 and 1, both excluded".into(),
        })
    };
    let mut asked: Vec<Level> =
        settings.forecast.levels.iter().map(|p| level("forecast.levels", *p)).collect::<Result<_, _>>()?;
    asked.sort_by(|a, b| a.probability().total_cmp(&b.probability()));
    asked.dedup();
    Ok((asked, level("capacity.level", settings.capacity.level)?))
}

fn all_levels(asked: &[Level], level: Level) -> Vec<Level> {
    let mut all: Vec<Level> = BAND.iter().filter_map(|p| Level::new(*p).ok()).collect();
    all.extend_from_slice(asked);
    all.push(level);
    all.sort_by(|a, b| a.probability().total_cmp(&b.probability()));
    all.dedup();
    all
}

/// Leads that the mixture's weights are trained for: a day, or as far as a timetable lives.
fn trained_horizon(y: &Series, settings: &JobSettings) -> usize {
    let day = y.steps_in(Duration::from_secs(86_400));
    let lives = seconds(settings.settling) + 2 * seconds(settings.refresh_interval);
    let lives = usize::try_from(lives / seconds_of(y.step())).unwrap_or(0) + 1;
    lives.max(if day > 1 { day } else { 7 })
}

fn path_count(preset: Preset) -> usize {
    match preset {
        Preset::Fast => 50,
        Preset::Standard => 200,
        Preset::Thorough => 500,
    }
}

fn replayed(
    scored: Option<&Scored>,
    y: &Series,
    per_unit: f64,
    settings: &JobSettings,
) -> Result<Option<(Savings, bool)>, JobError> {
    let Some(scored) = scored else { return Ok(None) };
    let capacity = &settings.capacity;
    let past = Past {
        series: y,
        outlooks: &scored.outlooks,
        per_unit,
        settings: capacity,
        refresh_interval: settings.refresh_interval,
    };
    savings(&past).map_err(|error| match error {
        ReplayError::Capacity(error) => JobError::Capacity(error),
        other => JobError::Replay(other),
    })
}

/// What a timetable is made from.
struct Basis<'a> {
    y: &'a Series,
    forecast: &'a Forecast,
    paths: &'a Paths,
    per_unit: f64,
    zone: &'a TimeZone,
}

fn timetable(
    basis: &Basis<'_>,
    settings: &JobSettings,
    scope: &Scope,
    missed: Option<Missed>,
) -> Result<(Timetable, Status), JobError> {
    let load =
        Load { forecast: basis.forecast, paths: Some(basis.paths), history: Some(basis.y), per_unit: basis.per_unit };
    let loads = [load];
    let request =
        Request { loads: &loads, time_zone: basis.zone, limits: &scope.limits, prior_units: scope.prior_units };
    match missed {
        None => Ok((capacity::plan(&request, &settings.capacity).map_err(JobError::Capacity)?, Status::Ok)),
        Some(missed) if settings.forecast.on_low_accuracy == OnLowAccuracy::Fail => {
            Err(JobError::LowAccuracy { setting: missed.setting.to_owned(), reason: missed.reason })
        }
        Some(missed) => {
            let table = capacity::fallback(&request, &settings.capacity).map_err(JobError::Capacity)?;
            Ok((table, Status::Fallback(missed.reason)))
        }
    }
}

fn capacity_plan(
    table: &Timetable,
    settings: &JobSettings,
    model: String,
    summary: Option<&BacktestSummary>,
    savings: Option<Savings>,
    as_of: Option<Timestamp>,
    warnings: Vec<String>,
) -> CapacityPlan {
    CapacityPlan {
        version: VERSION,
        origin: table.steps.first().map_or(table.until, |s| s.from),
        as_of,
        time_zone: settings.time_zone.clone(),
        peak: table.steps.iter().map(|s| s.units).max().unwrap_or_default(),
        steps: table.steps.clone(),
        valid_until: table.until,
        after: table.after.clone(),
        min: settings.capacity.min,
        max: settings.capacity.max,
        model,
        accuracy: summary.map(|s| round(s.accuracy, 4)),
        skill: summary.and_then(|s| s.skill).map(|s| round(s, 4)),
        savings,
        cost: table.cost.map(|c| round(c, 2)),
        risk: table.risk.map(|r| round(r, 5)),
        warnings,
    }
}

fn seconds_of(step: Duration) -> i64 {
    i64::try_from(step.as_secs()).unwrap_or(i64::MAX / 8).max(1)
}
