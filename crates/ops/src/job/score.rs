//! How such forecasts did on the past: a backtest at the cadence at which timetables are refreshed.
//!
//! Origins run through the end of the history, one a refresh interval; scored are the leads that a timetable lives on,
//! from settling to settling plus two intervals. The same origins score the naive methods.

use forecast_core::backtest::{Backtest, BacktestError, Observer, RollingOrigin, Row, backtest, backtest_and_fit};
use forecast_core::{Fitted, Forecast, Forecaster, Level, Series};
use ndarray::Array2;

use super::read::seconds;
use super::{BacktestSummary, JobError};
use crate::duration::Span;
use crate::hooks::{Hooks, Stage};
use crate::models;
use crate::quantile::nearest_rank;
use crate::replay::predictive::Outlook;
use crate::settings::{JobSettings, Preset};

/// Share of the history that origins lie in, where the cap on origins does not shorten it.
const TEST_FRACTION: f64 = 0.25;
/// Fewest origins that say something; the stride shrinks below the refresh interval for them.
const FEWEST_ORIGINS: usize = 10;
/// Time that a pipeline takes to put a timetable in force.
const APPLY_DELAY: i64 = 300;
const DAY: u64 = 86_400;

/// A backtest with the forecasts that were made in it, and the fit that it ended with.
#[derive(Debug)]
pub(crate) struct Scored {
    pub(crate) summary: BacktestSummary,
    pub(crate) outlooks: Vec<Outlook>,
    pub(crate) fitted: Box<dyn Fitted>,
}

/// Runs the backtest of a model and of the naive methods; `None` where the history is too short for one.
pub(crate) fn score(
    model: &dyn Forecaster,
    y: &Series,
    settings: &JobSettings,
    level: Level,
    hooks: &dyn Hooks,
) -> Result<Option<Scored>, JobError> {
    let Some(setup) = setup(y, settings, level) else { return Ok(None) };
    let mut seen = Seen::new(y, &setup, level, seconds(settings.settling) + APPLY_DELAY, hooks);
    let cancelled = || hooks.cancelled();
    let (result, fitted) = match backtest_and_fit(model, y, &setup, &mut seen, &cancelled) {
        Ok(both) => both,
        Err(BacktestError::Cancelled { .. }) => return Err(JobError::Cancelled),
        // A history in which nothing can be scored gives no accuracy, and the guards treat that as unknown.
        Err(_) => return Ok(None),
    };
    let outlooks = seen.outlooks();
    let naive = best_naive(y, &setup, &cancelled)?;
    let to_lead = Span::seconds(setup.horizon as u64 * y.step().as_secs());
    let skill = naive.as_ref().filter(|(_, wape)| *wape > 0.0).map(|(_, wape)| 1.0 - result.wape / wape);
    let coverage = result.levels.iter().zip(&result.coverage);
    let summary = BacktestSummary {
        model: result.model.clone(),
        origins: result.origins.len(),
        from_lead: settings.settling,
        to_lead,
        wape: result.wape,
        wape_95: nearest_rank(one_by_one(&result, y, setup.lead_from), 0.95).unwrap_or_default(),
        accuracy: 1.0 - result.wape,
        skill,
        mase: result.mase,
        coverage: coverage.map(|(level, share)| (level.probability().to_string(), *share)).collect(),
        naive_wape: naive.as_ref().map(|(_, wape)| *wape),
        naive: naive.map(|(name, _)| name),
    };
    Ok(Some(Scored { summary, outlooks, fitted }))
}

/// WAPE of each forecast over the leads that are scored; of those for which nothing was measured there is none.
fn one_by_one(result: &Backtest, y: &Series, lead_from: usize) -> Vec<f64> {
    let of = |(row, origin): (usize, &usize)| {
        let (mut error, mut truth) = (0.0, 0.0);
        for (k, e) in result.errors.row(row).iter().enumerate().skip(lead_from - 1).filter(|(_, e)| e.is_finite()) {
            error += e.abs();
            truth += y.values()[origin + k].abs();
        }
        (truth > 0.0).then(|| error / truth)
    };
    result.origins.iter().enumerate().filter_map(of).collect()
}

/// Most origins of a preset.
fn most_origins(preset: Preset) -> usize {
    match preset {
        Preset::Fast => 50,
        Preset::Standard => 120,
        Preset::Thorough => 400,
    }
}

fn setup(y: &Series, settings: &JobSettings, level: Level) -> Option<RollingOrigin> {
    let step = i64::try_from(y.step().as_secs()).ok()?;
    let interval = seconds(settings.refresh_interval);
    let (settling, reach) = (seconds(settings.settling), seconds(settings.settling) + 2 * interval);
    let horizon = usize::try_from(reach.div_euclid(step) + i64::from(reach % step != 0)).ok()?.max(1);
    let lead_from = usize::try_from(settling / step).ok()? + 1;
    let n = y.len();
    let stride = usize::try_from(interval / step).ok()?.max(1);
    // The first origin needs as much before it as comes after, or a day.
    let room = n.checked_sub(horizon)?;
    let test = ((n as f64 * TEST_FRACTION) as usize).max(horizon + FEWEST_ORIGINS).min(n / 2).max(horizon);
    let stride = stride.min((test - horizon) / (FEWEST_ORIGINS - 1)).max(1);
    let most = most_origins(settings.forecast.preset);
    let first = (n - test).max(room.saturating_sub(stride * (most - 1)));
    if first < 2 || first > room {
        return None;
    }
    // The last origin is the latest that leaves room for the horizon.
    let first = first + (room - first) % stride;
    let mut levels: Vec<Level> = [0.1, 0.5, 0.9].iter().filter_map(|p| Level::new(*p).ok()).chain([level]).collect();
    levels.sort_by(|a, b| a.probability().total_cmp(&b.probability()));
    levels.dedup();
    let day = y.steps_in(std::time::Duration::from_secs(DAY));
    Some(RollingOrigin {
        horizon,
        stride,
        refit_every: if settings.forecast.preset == Preset::Thorough { day } else { 7 * day },
        // Half a step keeps the floor of (1 - fraction) n on the first origin.
        test_fraction: (n as f64 - first as f64 - 0.5) / n as f64,
        lead_from: lead_from.min(horizon),
        levels,
        season_length: if day > 1 { day } else { 7 },
        threads: 1,
    })
}

/// The best of the naive methods over the same origins and leads; of equal ones the first.
fn best_naive(
    y: &Series,
    setup: &RollingOrigin,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Option<(String, f64)>, JobError> {
    let day = y.steps_in(std::time::Duration::from_secs(DAY));
    let week = y.steps_in(std::time::Duration::from_secs(7 * DAY));
    let mut names = vec!["naive".to_owned()];
    if day > 1 {
        names.push(format!("seasonal_naive[{day}]"));
    }
    if week > 1 {
        names.extend([format!("seasonal_naive[{week}]"), format!("seasonal_naive_levelled[{week}]")]);
    }
    // Rules learn nothing, so that one fit serves all origins.
    let setup = RollingOrigin { refit_every: usize::MAX / 2, levels: vec![Level::MEDIAN], ..setup.clone() };
    let mut best: Option<(String, f64)> = None;
    for name in names {
        let model = models::forecaster(&name, Preset::Fast, None).map_err(JobError::Model)?;
        match backtest(model.as_ref(), y, &setup, &mut (), cancelled) {
            Ok(result) if best.as_ref().is_none_or(|(_, wape)| result.wape < *wape) => best = Some((name, result.wape)),
            Err(BacktestError::Cancelled { .. }) => return Err(JobError::Cancelled),
            // A season longer than the history before the first origin makes no naive forecast.
            Ok(_) | Err(_) => {}
        }
    }
    Ok(best)
}

/// Keeps the quantile that is provisioned for, as it was forecast.
struct Seen<'a> {
    hooks: &'a dyn Hooks,
    horizon: usize,
    level: Level,
    column: usize,
    delay: i64,
    step: std::time::Duration,
    /// One row an origin: start, and the quantile by lead; leads that were not scored repeat the first scored one.
    rows: Vec<(jiff::Timestamp, Vec<f64>)>,
}

impl<'a> Seen<'a> {
    fn new(y: &Series, setup: &RollingOrigin, level: Level, delay: i64, hooks: &'a dyn Hooks) -> Self {
        let column = setup.levels.iter().position(|l| *l == level).unwrap_or_default();
        Self { hooks, horizon: setup.horizon, level, column, delay, step: y.step(), rows: Vec::new() }
    }

    fn outlooks(self) -> Vec<Outlook> {
        let (level, step, delay) = (self.level, self.step, self.delay);
        let outlook = |(start, quantile): (jiff::Timestamp, Vec<f64>)| {
            let quantiles = Array2::from_shape_vec((quantile.len(), 1), quantile.clone()).ok()?;
            let forecast = Forecast { start, step, point: quantile, levels: vec![level], quantiles };
            Some(Outlook { in_force: start.as_second() + delay, forecast })
        };
        self.rows.into_iter().filter_map(outlook).collect()
    }
}

impl Observer for Seen<'_> {
    fn row(&mut self, row: &Row<'_>) {
        let quantile = row.quantiles.get(self.column).copied().unwrap_or(row.forecast);
        if self.rows.last().is_none_or(|(start, _)| *start != row.origin) {
            self.rows.push((row.origin, Vec::with_capacity(self.horizon)));
        }
        let Some((_, values)) = self.rows.last_mut() else { return };
        while values.len() < row.lead {
            values.push(quantile);
        }
    }

    fn progress(&mut self, done: usize, total: usize) {
        self.hooks.progress(Stage::Backtest, done, total);
    }
}
