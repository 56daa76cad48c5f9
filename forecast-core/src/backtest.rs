//! Rolling-origin backtest: forecast again and again from the past alone, and score what came.
//!
//! Origins run through the last part of a series. A model is fitted at the first origin and every `refit_every`
//! steps; in between it only takes in what was observed. Nothing at or after an origin reaches the model before it
//! has forecast there. Source: Tashman (2000), International Journal of Forecasting 16, 437-450.

use jiff::Timestamp;
use ndarray::Array2;

use crate::forecast::Level;
use crate::model::{Ahead, FitError, Fitted, ForecastError, Forecaster, UpdateError};
use crate::series::Series;

/// Nominal coverage of the central intervals that are scored when both of their bounds were asked for.
const INTERVALS: [f64; 3] = [0.80, 0.90, 0.95];

/// How the origins run.
#[derive(Debug, Clone, PartialEq)]
pub struct RollingOrigin {
    /// Steps forecast at each origin.
    pub horizon: usize,
    /// Steps from one origin to the next.
    pub stride: usize,
    /// Steps after which parameters are learned anew.
    pub refit_every: usize,
    /// Share of the series, at its end, in which the origins lie.
    pub test_fraction: f64,
    /// First lead that is scored, counted from 1.
    pub lead_from: usize,
    /// Quantiles to forecast and score.
    pub levels: Vec<Level>,
    /// Season of the naive forecast that MASE and RMSSE divide by.
    pub season_length: usize,
    /// Blocks between two fits that are computed at once; the result does not depend on it.
    pub threads: usize,
}

impl RollingOrigin {
    /// A backtest of `horizon` steps in the last quarter of a series, refitted once a day.
    pub fn new(y: &Series, horizon: usize) -> Self {
        let day = y.steps_in(std::time::Duration::from_secs(86_400));
        let levels = [0.025, 0.05, 0.1, 0.5, 0.9, 0.95, 0.975];
        Self {
            horizon,
            stride: 1,
            refit_every: day,
            test_fraction: 0.25,
            lead_from: 1,
            levels: levels.iter().filter_map(|p| Level::new(*p).ok()).collect(),
            season_length: if day > 1 { day } else { 7 },
            threads: 1,
        }
    }

    /// Positions of the origins in a series of `n` steps: the first is floor((1 - test fraction) n).
    pub fn origins(&self, n: usize) -> Vec<usize> {
        let first = ((1.0 - self.test_fraction) * n as f64).floor().max(0.0) as usize;
        let Some(last) = n.checked_sub(self.horizon) else { return Vec::new() };
        if first > last { Vec::new() } else { (first..=last).step_by(self.stride.max(1)).collect() }
    }
}

/// One forecast step beside what came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row<'a> {
    /// Time of the first step forecast; only data strictly before it were seen.
    pub origin: Timestamp,
    /// Steps ahead, from 1.
    pub lead: usize,
    /// Time of this step.
    pub time: Timestamp,
    /// The median.
    pub forecast: f64,
    /// Quantiles, in the ascending order of [`Backtest::levels`].
    pub quantiles: &'a [f64],
    /// What came, if it was observed.
    pub actual: Option<f64>,
}

/// Who looks on while a backtest runs.
pub trait Observer {
    /// Takes one scored step; origins in order, leads ascending.
    fn row(&mut self, _row: &Row<'_>) {}

    /// Told after each origin how many of how many are done.
    fn progress(&mut self, _done: usize, _total: usize) {}
}

/// Looks on at nothing.
impl Observer for () {}

/// Scores of a backtest, pooled over all origins and leads.
#[derive(Debug, Clone, PartialEq)]
pub struct Backtest {
    /// Name of the model.
    pub model: String,
    /// Sum of absolute errors over sum of absolute truths.
    pub wape: f64,
    /// Mean absolute error over that of the seasonal naive method one season ahead, before the first origin; infinite
    /// where that method has no error, or no season lies before the origin.
    pub mase: f64,
    /// Root mean squared error over that of the same naive method.
    pub rmsse: f64,
    /// Levels scored, ascending.
    pub levels: Vec<Level>,
    /// Mean pinball loss of each level, in the unit of the series.
    pub pinball: Vec<f64>,
    /// Share of truths at or below each level's quantile.
    pub coverage: Vec<f64>,
    /// Nominal and seen coverage of the central intervals whose bounds were both asked for.
    pub interval_coverage: Vec<(f64, f64)>,
    /// Sum of absolute errors and of absolute truths, one pair a lead; zeros before the first scored lead.
    pub by_lead: Vec<(f64, f64)>,
    /// Positions of the origins in the series.
    pub origins: Vec<usize>,
    /// Truth minus forecast, one row an origin, one column a lead; `NaN` where nothing was observed.
    pub errors: Array2<f64>,
}

impl Backtest {
    /// One minus WAPE.
    pub fn accuracy(&self) -> f64 {
        1.0 - self.wape
    }

    /// WAPE over the leads `from..=to`, counted from 1; `None` if nothing was scored there.
    pub fn wape_between(&self, from: usize, to: usize) -> Option<f64> {
        let range = self.by_lead.get(from.checked_sub(1)?..to.min(self.by_lead.len()))?;
        let (error, truth) = range.iter().fold((0.0, 0.0), |sum, x| (sum.0 + x.0, sum.1 + x.1));
        (truth > 0.0).then(|| error / truth)
    }
}

/// Why a backtest could not be run.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BacktestError {
    /// A horizon of zero, a lead beyond it, a fraction outside (0, 1).
    #[error("{what} is {got}; expected {expected}")]
    Setting {
        /// Which setting.
        what: &'static str,
        /// What it is.
        got: String,
        /// What it may be.
        expected: String,
    },
    /// The series does not hold a single origin.
    #[error(
        "the series has {got} steps; a test fraction of {test_fraction} with a horizon of {horizon} leaves no origin; \
         use a longer history or a shorter horizon"
    )]
    TooShort {
        /// Steps of the series.
        got: usize,
        /// Horizon in steps.
        horizon: usize,
        /// Share of the series that holds the origins.
        test_fraction: f64,
    },
    /// Nothing was observed before the first origin or after it.
    #[error("nothing was observed {place}; expected at least one value")]
    NothingObserved {
        /// Where.
        place: &'static str,
    },
    /// A fit failed.
    #[error("the fit at {origin} failed: {source}")]
    Fit {
        /// Time of the origin.
        origin: Timestamp,
        /// What happened.
        source: FitError,
    },
    /// A forecast failed.
    #[error("the forecast at {origin} failed: {source}")]
    Forecast {
        /// Time of the origin.
        origin: Timestamp,
        /// What happened.
        source: ForecastError,
    },
    /// New observations were refused.
    #[error("the update at {origin} failed: {source}")]
    Update {
        /// Time of the origin.
        origin: Timestamp,
        /// What happened.
        source: UpdateError,
    },
    /// The caller asked to stop.
    #[error("the backtest was cancelled after {done} of {total} origins")]
    Cancelled {
        /// Origins done.
        done: usize,
        /// Origins in all.
        total: usize,
    },
}

/// Runs a model through the origins and scores it.
///
/// `observer` sees each scored step in order; `cancelled` is asked before each origin.
/// # Errors
/// Settings that leave no origin, a failing fit or forecast, or cancellation.
pub fn backtest(
    model: &dyn Forecaster,
    y: &Series,
    setup: &RollingOrigin,
    observer: &mut dyn Observer,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Backtest, BacktestError> {
    run(model, y, setup, observer, cancelled).map(|(scores, _)| scores)
}

/// The same, and the fit at the end of the series: what was scored is what goes on to forecast.
///
/// A model that learns anew from its own state ([`Fitted::relearns`]) is carried from the last origin to the end and
/// learns once more there, which saves the whole pass that a fit would take; any other is fitted afresh.
/// # Errors
/// As [`backtest`]; also where the fit or the last update fails.
pub fn backtest_and_fit(
    model: &dyn Forecaster,
    y: &Series,
    setup: &RollingOrigin,
    observer: &mut dyn Observer,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<(Backtest, Box<dyn Fitted>), BacktestError> {
    let (scores, kept) = run(model, y, setup, observer, cancelled)?;
    let fitted = match kept {
        Some(mut state) => {
            catch_up(&mut state, y, y.len())?;
            state.fitted.relearn();
            state.fitted
        }
        None => fit_at(model, y, y.len())?.fitted,
    };
    Ok((scores, fitted))
}

/// Scores, and the fit that was carried along where the model allows it.
fn run(
    model: &dyn Forecaster,
    y: &Series,
    setup: &RollingOrigin,
    observer: &mut dyn Observer,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<(Backtest, Option<Kept>), BacktestError> {
    check(setup)?;
    let origins = setup.origins(y.len());
    let Some(&first) = origins.first() else {
        let (got, horizon, test_fraction) = (y.len(), setup.horizon, setup.test_fraction);
        return Err(BacktestError::TooShort { got, horizon, test_fraction });
    };
    if !y.observed()[..first].contains(&true) {
        return Err(BacktestError::NothingObserved { place: "before the first origin" });
    }
    let blocks = blocks(&origins, setup.refit_every.max(1));
    let mut tally = Tally::new(setup, y, &origins);
    let mut kept: Option<Kept> = None;
    let mut next = 0;
    while next < blocks.len() {
        let batch: Vec<&[usize]> = blocks[next..].iter().take(setup.threads.max(1)).copied().collect();
        // A model that learns anew from its own state goes on alone; others are fitted block by block, side by side.
        let done = match kept.take() {
            Some(mut state) => {
                let forecasts = run_block(model, y, setup, batch[0], Some(&mut state), cancelled);
                kept = Some(state);
                vec![forecasts]
            }
            None if next == 0 => {
                let mut state = fit_at(model, y, batch[0][0])?;
                let forecasts = run_block(model, y, setup, batch[0], Some(&mut state), cancelled);
                kept = state.fitted.relearns().then_some(state);
                vec![forecasts]
            }
            None if batch.len() == 1 => vec![run_block(model, y, setup, batch[0], None, cancelled)],
            None => std::thread::scope(|scope| {
                let handles: Vec<_> = batch
                    .iter()
                    .map(|block| scope.spawn(move || run_block(model, y, setup, block, None, cancelled)))
                    .collect();
                handles.into_iter().map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
            }),
        };
        for (forecasts, block) in done.into_iter().zip(&batch) {
            let forecasts = forecasts.map_err(|e| tally.name_progress(e))?;
            for (origin, forecast) in block.iter().zip(&forecasts) {
                tally.add(*origin, forecast, observer);
            }
            next += 1;
        }
    }
    Ok((tally.finish(model.name())?, kept))
}

/// A fit and how far it has seen.
struct Kept {
    fitted: Box<dyn Fitted>,
    seen: usize,
}

fn fit_at(model: &dyn Forecaster, y: &Series, origin: usize) -> Result<Kept, BacktestError> {
    let past = y.slice(0, origin).ok_or(BacktestError::NothingObserved { place: "before the first origin" })?;
    let fitted = model.fit(&past).map_err(|source| BacktestError::Fit { origin: y.time(origin), source })?;
    Ok(Kept { fitted, seen: origin })
}

/// Point and quantile forecasts of one origin.
struct Forecasts {
    point: Vec<f64>,
    quantiles: Array2<f64>,
}

/// Forecasts at the origins of one block, from a kept fit or from a new one.
fn run_block(
    model: &dyn Forecaster,
    y: &Series,
    setup: &RollingOrigin,
    block: &[usize],
    kept: Option<&mut Kept>,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Forecasts>, BacktestError> {
    let mut own;
    let state = match kept {
        Some(state) => {
            if state.seen < block[0] {
                catch_up(state, y, block[0])?;
                state.fitted.relearn();
            }
            state
        }
        None => {
            own = fit_at(model, y, block[0])?;
            &mut own
        }
    };
    let ahead = Ahead::steps(setup.horizon);
    let mut out = Vec::with_capacity(block.len());
    for (done, &origin) in block.iter().enumerate() {
        if cancelled() {
            return Err(BacktestError::Cancelled { done, total: 0 });
        }
        catch_up(state, y, origin)?;
        let ahead = with_regressors(&ahead, y, origin);
        let forecast = state
            .fitted
            .forecast(&ahead, &setup.levels)
            .map_err(|source| BacktestError::Forecast { origin: y.time(origin), source })?;
        out.push(Forecasts { point: forecast.point, quantiles: forecast.quantiles });
    }
    Ok(out)
}

/// Regressors are known for the future by definition; the load is not.
fn with_regressors(ahead: &Ahead, y: &Series, origin: usize) -> Ahead {
    let mut ahead = ahead.clone();
    let known = y.regressors();
    if !known.names.is_empty() {
        ahead.regressors.names.clone_from(&known.names);
        ahead.regressors.values = known.values.slice(ndarray::s![origin..origin + ahead.horizon, ..]).to_owned();
    }
    ahead
}

fn catch_up(state: &mut Kept, y: &Series, origin: usize) -> Result<(), BacktestError> {
    if let Some(new) = y.span(state.seen, origin) {
        state.fitted.update(&new).map_err(|source| BacktestError::Update { origin: y.time(origin), source })?;
        state.seen = origin;
    }
    Ok(())
}

/// Origins grouped by the fit that serves them.
fn blocks(origins: &[usize], refit_every: usize) -> Vec<&[usize]> {
    let mut out = Vec::new();
    let mut rest = origins;
    while let Some(&start) = rest.first() {
        let len = rest.iter().take_while(|o| **o < start + refit_every).count();
        out.push(&rest[..len]);
        rest = &rest[len..];
    }
    out
}

fn check(setup: &RollingOrigin) -> Result<(), BacktestError> {
    let wrong =
        |what, got: String, expected: &str| Err(BacktestError::Setting { what, got, expected: expected.into() });
    if setup.horizon == 0 {
        return wrong("the horizon", "0 steps".into(), "at least 1");
    }
    if setup.stride == 0 {
        return wrong("the stride", "0 steps".into(), "at least 1");
    }
    if !(setup.test_fraction > 0.0 && setup.test_fraction < 1.0) {
        return wrong("the test fraction", setup.test_fraction.to_string(), "a number between 0 and 1, both excluded");
    }
    if setup.lead_from == 0 || setup.lead_from > setup.horizon {
        return wrong("the first lead scored", setup.lead_from.to_string(), "from 1 to the horizon");
    }
    Ok(())
}

/// Sums that the scores are made of.
struct Tally<'a> {
    setup: &'a RollingOrigin,
    y: &'a Series,
    origins: &'a [usize],
    levels: Vec<Level>,
    by_lead: Vec<(f64, f64)>,
    squares: f64,
    scored: usize,
    pinball: Vec<f64>,
    below: Vec<usize>,
    inside: Vec<(f64, usize, usize, usize)>,
    errors: Array2<f64>,
    done: usize,
}

impl<'a> Tally<'a> {
    fn new(setup: &'a RollingOrigin, y: &'a Series, origins: &'a [usize]) -> Self {
        let mut levels = setup.levels.clone();
        levels.sort_by(|a, b| a.probability().total_cmp(&b.probability()));
        levels.dedup();
        let at = |p: f64| levels.iter().position(|l| (l.probability() - p).abs() < 1e-9);
        let inside = INTERVALS
            .iter()
            .filter_map(|share| Some((*share, at(0.5 - share / 2.0)?, at(0.5 + share / 2.0)?, 0)))
            .collect();
        Self {
            setup,
            y,
            origins,
            by_lead: vec![(0.0, 0.0); setup.horizon],
            squares: 0.0,
            scored: 0,
            pinball: vec![0.0; levels.len()],
            below: vec![0; levels.len()],
            inside,
            errors: Array2::from_elem((origins.len(), setup.horizon), f64::NAN),
            levels,
            done: 0,
        }
    }

    fn add(&mut self, origin: usize, forecast: &Forecasts, observer: &mut dyn Observer) {
        for (k, &point) in forecast.point.iter().enumerate() {
            let (actual, row) = (self.y.observation(origin + k), forecast.quantiles.row(k));
            if let Some(truth) = actual {
                self.errors[(self.done, k)] = truth - point;
            }
            if k + 1 < self.setup.lead_from {
                continue;
            }
            if let Some(truth) = actual {
                self.score(k, truth, point, &row.to_vec());
            }
            observer.row(&Row {
                origin: self.y.time(origin),
                lead: k + 1,
                time: self.y.time(origin + k),
                forecast: point,
                quantiles: &row.to_vec(),
                actual,
            });
        }
        self.done += 1;
        observer.progress(self.done, self.origins.len());
    }

    fn score(&mut self, k: usize, truth: f64, point: f64, quantiles: &[f64]) {
        let error = truth - point;
        self.by_lead[k].0 += error.abs();
        self.by_lead[k].1 += truth.abs();
        self.squares += error * error;
        self.scored += 1;
        for (i, (level, quantile)) in self.levels.iter().zip(quantiles).enumerate() {
            let (p, off) = (level.probability(), truth - quantile);
            self.pinball[i] += (p * off).max((p - 1.0) * off);
            self.below[i] += usize::from(off <= 0.0);
        }
        for (_, low, high, count) in &mut self.inside {
            *count += usize::from(quantiles[*low] <= truth && truth <= quantiles[*high]);
        }
    }

    fn name_progress(&self, error: BacktestError) -> BacktestError {
        match error {
            BacktestError::Cancelled { done, .. } => {
                BacktestError::Cancelled { done: self.done + done, total: self.origins.len() }
            }
            other => other,
        }
    }

    fn finish(self, model: String) -> Result<Backtest, BacktestError> {
        if self.scored == 0 {
            return Err(BacktestError::NothingObserved { place: "after the first origin" });
        }
        let count = self.scored as f64;
        let (error, truth) = self.by_lead.iter().fold((0.0, 0.0), |sum, x| (sum.0 + x.0, sum.1 + x.1));
        let (naive, naive_square) = naive_error(self.y, self.origins[0], self.setup.season_length.max(1));
        Ok(Backtest {
            model,
            wape: ratio(error, truth),
            mase: ratio(error / count, naive),
            rmsse: ratio((self.squares / count).sqrt(), naive_square.sqrt()),
            pinball: self.pinball.iter().map(|sum| sum / count).collect(),
            coverage: self.below.iter().map(|below| *below as f64 / count).collect(),
            interval_coverage: self.inside.iter().map(|x| (x.0, x.3 as f64 / count)).collect(),
            levels: self.levels,
            by_lead: self.by_lead,
            origins: self.origins.to_vec(),
            errors: self.errors,
        })
    }
}

/// A ratio of errors; nothing over nothing is no error.
fn ratio(numerator: f64, denominator: f64) -> f64 {
    if denominator > 0.0 {
        numerator / denominator
    } else if numerator == 0.0 {
        0.0
    } else {
        f64::INFINITY
    }
}

/// Mean absolute and mean squared error of the seasonal naive method before the first origin; `NaN` where no season is.
fn naive_error(y: &Series, first: usize, season_length: usize) -> (f64, f64) {
    let (mut absolute, mut squares, mut count) = (0.0, 0.0, 0usize);
    for t in season_length..first {
        if let (Some(now), Some(then)) = (y.observation(t), y.observation(t - season_length)) {
            absolute += (now - then).abs();
            squares += (now - then) * (now - then);
            count += 1;
        }
    }
    (absolute / count as f64, squares / count as f64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::models::Naive;

    fn steps(values: &[Option<f64>]) -> Series {
        Series::from_options(Timestamp::UNIX_EPOCH, Duration::from_secs(3600), values.to_vec()).unwrap()
    }

    fn setup(y: &Series, horizon: usize) -> RollingOrigin {
        RollingOrigin { season_length: 1, ..RollingOrigin::new(y, horizon) }
    }

    #[test]
    fn origins_start_at_the_floor_and_end_where_the_horizon_fits() {
        let y = steps(&[Some(1.0); 21]);
        assert_eq!(RollingOrigin { stride: 2, ..setup(&y, 2) }.origins(21), [15, 17, 19]);
        assert_eq!(setup(&y, 7).origins(21), [0usize; 0]);
    }

    #[test]
    fn scores_are_pooled_and_missing_truths_left_out() {
        let mut values: Vec<_> = (0..20).map(|t| Some(f64::from(t))).collect();
        values[17] = None;
        let y = steps(&values);
        let done = backtest(&Naive, &y, &setup(&y, 2), &mut (), &|| false).unwrap();
        // Origins 15 to 18; the naive forecast is the last value observed or filled.
        assert_eq!(done.origins, [15, 16, 17, 18]);
        assert_eq!(done.errors.row(0).to_vec(), [1.0, 2.0]);
        assert!(done.errors[(1, 1)].is_nan() && done.errors[(2, 0)].is_nan());
        assert_eq!((done.errors[(1, 0)], done.errors[(2, 1)], done.errors[(3, 0)]), (1.0, 2.0, 2.0));
        assert!((done.wape - 11.0 / (15.0 + 16.0 + 16.0 + 18.0 + 18.0 + 19.0)).abs() < 1e-12, "{}", done.wape);
        assert!((done.mase - 11.0 / 6.0).abs() < 1e-12);
        assert_eq!(done.wape_between(2, 2), Some(7.0 / (16.0 + 18.0 + 19.0)));
    }

    #[test]
    fn leads_before_the_first_scored_are_left_out() {
        struct Leads(Vec<usize>);
        impl Observer for Leads {
            fn row(&mut self, row: &Row<'_>) {
                assert!(row.origin < row.time);
                self.0.push(row.lead);
            }
        }
        let y = steps(&[Some(1.0); 21]);
        let mut leads = Leads(Vec::new());
        let setup = RollingOrigin { lead_from: 2, stride: 3, ..setup(&y, 3) };
        let done = backtest(&Naive, &y, &setup, &mut leads, &|| false).unwrap();
        assert_eq!(leads.0, [2, 3, 2, 3]);
        assert_eq!(done.by_lead[0], (0.0, 0.0));
    }

    #[test]
    fn the_fit_at_the_end_has_seen_everything() {
        let values: Vec<_> = (0..200).map(|t| Some(f64::from(t % 24) + 10.0)).collect();
        let y = steps(&values);
        for model in [&Naive as &dyn Forecaster, &crate::auto::Auto::default()] {
            let setup = setup(&y, 3);
            let (scores, fitted) = backtest_and_fit(model, &y, &setup, &mut (), &|| false).unwrap();
            assert_eq!(scores, backtest(model, &y, &setup, &mut (), &|| false).unwrap());
            let forecast = fitted.forecast(&Ahead::steps(3), &[]).unwrap();
            assert_eq!(forecast.start, y.end());
            if model.name() == "naive" {
                assert_eq!(forecast.point, [17.0; 3]);
            }
        }
    }

    #[test]
    fn wrong_settings_and_short_series_are_told() {
        let y = steps(&[Some(1.0); 21]);
        let fails = |setup: RollingOrigin| backtest(&Naive, &y, &setup, &mut (), &|| false).unwrap_err().to_string();
        assert!(fails(setup(&y, 0)).contains("the horizon is 0 steps"));
        assert!(fails(RollingOrigin { lead_from: 4, ..setup(&y, 3) }).contains("from 1 to the horizon"));
        assert!(fails(RollingOrigin { test_fraction: 1.0, ..setup(&y, 3) }).contains("test fraction"));
        assert!(fails(setup(&y, 10)).contains("leaves no origin"));
        let cancelled = backtest(&Naive, &y, &setup(&y, 2), &mut (), &|| true).unwrap_err();
        assert_eq!(cancelled, BacktestError::Cancelled { done: 0, total: 5 });
    }
}
