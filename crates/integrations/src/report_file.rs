//! The report of an outcome: its values in the report's words, and the page as a file.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use forecast_core::{Forecast, Level, Series};
use stormglass_ops::job::{BacktestSummary, Outcome};
use stormglass_ops::{After, CapacityPlan, JobSettings, units_for_load};
use stormglass_report::experiment as experiment_page;
use stormglass_report::forecast as page;
use stormglass_report::{ForecastReport, TimeSeries};

use crate::archive::TrackRecord;
use crate::memory::Remembered;

/// Most of the past that is drawn.
const SHOWN_HISTORY: Duration = Duration::from_secs(28 * 86_400);

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the report {path} cannot be written: {}; the folder has to be there and writable", source.kind())]
pub struct ReportError {
    path: String,
    source: std::io::Error,
}

/// Writes the page of an outcome, whole or not at all.
///
/// # Errors
/// A folder that is missing or not writable.
pub fn write(path: &Path, title: &str, remembered: &Remembered, settings: &JobSettings) -> Result<(), ReportError> {
    write_text(path, &stormglass_report::render(&report(title, remembered, settings)))
}

/// Writes the page of an experiment, whole or not at all.
///
/// # Errors
/// A folder that is missing or not writable.
pub fn write_experiment(path: &Path, report: &stormglass_chaos::Report) -> Result<(), ReportError> {
    write_text(path, &stormglass_report::experiment::render(&experiment(report)))
}

fn write_text(path: &Path, text: &str) -> Result<(), ReportError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let write = || -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".stormglass-").tempfile_in(folder)?;
        file.write_all(text.as_bytes())?;
        readable(file.as_file())?;
        file.persist(path).map_err(|e| e.error).map(drop)
    };
    write().map_err(|source| ReportError { path: path.display().to_string(), source })
}

/// An experiment in the report's words.
fn experiment(report: &stormglass_chaos::Report) -> experiment_page::ExperimentReport {
    use experiment_page::{Check, ExperimentReport, Fault, Measurement};
    let fault = |f: &stormglass_chaos::report::FaultReport| Fault {
        name: f.name.clone(),
        plan: f.plan.clone(),
        injected: f.injected,
        undone: f.undone,
        error: f.error.clone(),
    };
    let measurement = |m: &stormglass_chaos::report::Measurement| Measurement {
        at: m.at,
        seconds: m.seconds,
        ok: m.ok,
        summary: m.summary.clone(),
    };
    let check = |p: &stormglass_chaos::report::ProbeReport| Check {
        name: p.name.clone(),
        asked: p.asked.clone(),
        measurements: p.timeline.iter().map(measurement).collect(),
    };
    ExperimentReport {
        title: report.experiment.clone(),
        outcome: report.outcome.name().to_owned(),
        reason: report.reason.clone(),
        started: report.started,
        ended: report.ended,
        detection_seconds: report.detection_seconds,
        recovery_seconds: report.recovery_seconds,
        faults: report.faults.iter().map(fault).collect(),
        checks: report.probes.iter().map(check).collect(),
        journal: report.journal.clone(),
    }
}

/// An outcome in the report's words.
pub fn report(title: &str, remembered: &Remembered, settings: &JobSettings) -> ForecastReport {
    let outcome = &remembered.outcome;
    let plan = &outcome.plan;
    ForecastReport {
        title: title.to_owned(),
        subtitle: Some(outcome.source.clone()),
        as_of: outcome.history.end(),
        time_zone: plan.time_zone.clone(),
        model: Some(plan.model.clone()),
        accuracy: plan.accuracy,
        skill: plan.skill,
        warnings: plan.warnings.iter().cloned().chain(remembered.flag()).collect(),
        record: remembered.record.as_ref().and_then(|r| record(r, &outcome.history)),
        history: Some(history(&outcome.history, |v| v)),
        forecast: Some(series(&outcome.forecast, |v| v)),
        schedule: Some(schedule(plan, outcome, settings)),
        backtest: outcome.backtest.as_ref().map(backtest),
        replay: replay(plan),
        members: outcome.members.iter().map(member).collect(),
        source: Some(facts(outcome)),
        settings: self::settings(outcome, settings),
        ..ForecastReport::default()
    }
}

/// Forecasts made before, and what came, from the first of them on.
fn record(record: &TrackRecord, y: &Series) -> Option<page::Record> {
    let first = (0..y.len()).find(|i| record.latest.contains_key(&y.time(*i)))?;
    let series = |value: &dyn Fn(usize) -> Option<f64>| TimeSeries {
        start: y.time(first),
        step_seconds: step_seconds(y.step()),
        values: (first..y.len()).map(value).collect(),
    };
    Some(page::Record {
        since: record.since,
        forecasts: record.forecasts as u64,
        accuracy: Some(record.accuracy),
        forecast: series(&|i| record.latest.get(&y.time(i)).copied()),
        actual: series(&|i| y.observation(i)),
    })
}

/// The last weeks of the past, each value converted.
fn history(y: &Series, convert: impl Fn(f64) -> f64) -> TimeSeries {
    let first = y.len().saturating_sub(y.steps_in(SHOWN_HISTORY));
    let values = (first..y.len()).map(|i| y.observation(i).map(&convert)).collect();
    TimeSeries { start: y.time(first), step_seconds: step_seconds(y.step()), values }
}

/// The median and the widest pair of symmetric quantiles, each value converted.
fn series(forecast: &Forecast, convert: impl Fn(f64) -> f64) -> page::ForecastSeries {
    let line = |values: Vec<f64>| values.into_iter().map(|v| Some(convert(v))).collect::<Vec<_>>();
    let center = TimeSeries {
        start: forecast.start,
        step_seconds: step_seconds(forecast.step),
        values: line(forecast.point.clone()),
    };
    let pair = |lower: &Level| {
        let upper = forecast.levels.iter().find(|u| (u.probability() + lower.probability() - 1.0).abs() < 1e-9)?;
        let (low, high) = (forecast.quantile(*lower)?, forecast.quantile(*upper)?);
        Some(page::Band {
            lower_level: lower.probability(),
            upper_level: upper.probability(),
            lower: line(low),
            upper: line(high),
        })
    };
    let bands = forecast.levels.iter().filter(|l| l.probability() < 0.5).filter_map(pair).collect();
    page::ForecastSeries { center, bands }
}

fn schedule(plan: &CapacityPlan, outcome: &Outcome, settings: &JobSettings) -> page::Schedule {
    let utilization = settings.capacity.target_utilization;
    let needed = |load: f64| f64::from(units_for_load(load, outcome.per_unit, utilization));
    let after = match &plan.after {
        After::Weekly { steps } => {
            let step =
                |s: &stormglass_ops::WeeklyStep| page::WeeklyStep { day: s.day, time: s.time.clone(), units: s.units };
            page::After::Weekly { steps: steps.iter().map(step).collect() }
        }
        After::Restore => page::After::Restore,
        After::Hold => page::After::Hold,
    };
    let step = |s: &stormglass_ops::Step| page::Step { from: s.from, units: s.units, reason: Some(s.reason.clone()) };
    page::Schedule {
        steps: plan.steps.iter().map(step).collect(),
        valid_until: Some(plan.valid_until),
        after: Some(after),
        min: Some(plan.min),
        max: Some(plan.max),
        needed_seen: Some(history(&outcome.history, needed)),
        needed: Some(series(&outcome.forecast, needed)),
        risk: plan.risk,
        cost: plan.cost,
        ..page::Schedule::default()
    }
}

fn backtest(summary: &BacktestSummary) -> page::Backtest {
    let score = |model: &str, wape: f64, mase: Option<f64>| page::Score {
        model: model.to_owned(),
        wape: Some(wape),
        mase,
        rmsse: None,
    };
    let mut scores = vec![score(&summary.model, summary.wape, Some(summary.mase))];
    if let (Some(naive), Some(wape)) = (&summary.naive, summary.naive_wape) {
        scores.push(score(naive, wape, None));
    }
    page::Backtest {
        lead_seconds: Some(summary.to_lead.as_secs()),
        origins: Some(summary.origins as u64),
        coverage: intervals(&summary.coverage),
        scores,
        ..page::Backtest::default()
    }
}

/// Central intervals out of the coverage of their two bounds.
fn intervals(coverage: &BTreeMap<String, f64>) -> Vec<page::Coverage> {
    let levels: Vec<(f64, f64)> =
        coverage.iter().filter_map(|(level, seen)| Some((level.parse().ok()?, *seen))).collect();
    let interval = |(low, below): &(f64, f64)| {
        let (high, up_to) = levels.iter().find(|(high, _)| (high + low - 1.0).abs() < 1e-9)?;
        Some(page::Coverage { nominal: high - low, seen: up_to - below })
    };
    levels.iter().filter(|(low, _)| *low < 0.5).filter_map(interval).collect()
}

fn replay(plan: &CapacityPlan) -> Option<page::Replay> {
    let savings = plan.savings.as_ref()?;
    let row = |(name, row): (&String, &stormglass_ops::SavingsRow)| page::ReplayRow {
        name: name.clone(),
        unit_hours: Some(row.unit_hours),
        cost: row.cost,
        // The page shows the share that was served well, the replay counts the share that was not.
        slo: Some(1.0 - row.slo),
        ..page::ReplayRow::default()
    };
    Some(page::Replay { days: Some(savings.days), rows: savings.rows.iter().map(row).collect() })
}

fn member(member: &forecast_core::model::Member) -> page::Member {
    let weights = &member.weights;
    let mean = weights.iter().sum::<f64>() / weights.len().max(1) as f64;
    page::Member { name: member.name.clone(), weight: Some(mean), wape: None, reason: Some(member.reason.clone()) }
}

fn facts(outcome: &Outcome) -> page::SourceFacts {
    let y = &outcome.history;
    page::SourceFacts {
        source: Some(outcome.source.clone()),
        n: Some(y.len() as u64),
        step_seconds: Some(y.step().as_secs()),
        from: Some(outcome.history_window.0),
        to: Some(outcome.history_window.1),
        gaps: Some(y.observed().iter().filter(|o| !**o).count() as u64),
        ..page::SourceFacts::default()
    }
}

/// What the outcome was decided by, as a person would write it.
fn settings(outcome: &Outcome, settings: &JobSettings) -> Vec<page::Setting> {
    let capacity = &settings.capacity;
    let learned = if outcome.per_unit_learned { " (learned)" } else { "" };
    [
        ("forecast.model", settings.forecast.model.clone()),
        ("forecast.horizon", settings.forecast.horizon.to_string()),
        ("refresh_interval", settings.refresh_interval.to_string()),
        ("capacity.per_unit", format!("{}{learned}", outcome.per_unit)),
        ("capacity.target_utilization", capacity.target_utilization.to_string()),
        ("capacity.level", capacity.level.to_string()),
        ("capacity.min", capacity.min.to_string()),
        ("capacity.max", capacity.max.to_string()),
        ("capacity.warm_up", capacity.warm_up.to_string()),
        ("capacity.dwell", capacity.dwell.to_string()),
    ]
    .map(|(name, value)| page::Setting { name: name.to_owned(), value })
    .to_vec()
}

fn step_seconds(step: Duration) -> u32 {
    u32::try_from(step.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(unix)]
fn readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_file: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}
