//! The Prophet model: a line that bends, seasons of Fourier terms, events with windows, regressors.
//!
//! Model: y[t] = g(t) + X[t] beta + e[t], or g(t) (1 + X[t] beta) + e[t]; g piecewise linear with Laplace priors on the
//! changes of its slope, beta and the rest with normal priors, e ~ N(0, sigma2). Source: Taylor & Letham (2018), The
//! American Statistician 72, 37-45; scales, priors and change points as in the package prophet 1.x, whose posterior density
//! a golden test holds ours against. The fit is the mode of the posterior ([`mode`]); what the trend may do later is
//! simulated ([`trend`]). Unlike there, seasons and windows of events follow the wall clock of the series' calendar.
//! No holiday calendar is built in: events are the calendar's.

mod columns;
mod mode;
#[cfg(test)]
mod tests;
mod trend;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::events;
use crate::forecast::{Forecast, Level, Paths};
use crate::math::{finite, floored, normal_quantile, quantile_of_sorted};
use crate::model::{Ahead, FitError, Fitted, FittedState, ForecastError, Forecaster, Needs, RestoreError, UpdateError};
use crate::paths::{self, Dice};
use crate::series::{Series, SeriesError};
use columns::Column;
use mode::Terms;
use trend::Trend;

/// Pairs of simulated courses, one the mirror of the other, so that the median is the point.
const PAIRS: usize = 500;
/// Deviation of the priors of level and slope.
const TREND_SCALE: f64 = 5.0;
const LN_2_PI: f64 = 1.837_877_066_409_345_3;

/// A bending line with seasons, events and regressors.
///
/// Events of the series' calendar that name no factor are learned, those with one are divided out as by every model.
///
/// ```
/// use forecast_core::models::Prophet;
/// use forecast_core::{Ahead, Forecaster, Level, Series};
///
/// let load = (0..336).map(|t| 100.0 + 0.1 * f64::from(t) + f64::from(t % 24)).collect();
/// let y = Series::new("2026-11-02T00:00:00Z".parse()?, std::time::Duration::from_secs(3600), load)?;
/// let fitted = Prophet { changepoint_scale: 0.1, ..Prophet::default() }.fit(&y)?;
/// assert_eq!(fitted.forecast(&Ahead::steps(24), &[Level::new(0.9)?])?.horizon(), 24);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Prophet {
    /// Steps of each season, ascending; empty takes day, week and year where they were seen twice.
    pub seasons: Vec<usize>,
    /// Whether seasons, events and regressors are shares of the trend.
    pub multiplicative: bool,
    /// Possible changes of the slope.
    pub changepoints: usize,
    /// Part of the history, from its start, that they lie in.
    pub changepoint_range: f64,
    /// Scale of the Laplace prior of a change; larger bends more.
    pub changepoint_scale: f64,
    /// Deviation of the prior of each Fourier coefficient.
    pub season_scale: f64,
    /// Deviation of the prior of an event's effect.
    pub event_scale: f64,
    /// Deviation of the prior of a regressor's effect.
    pub regressor_scale: f64,
    /// Days around events of a name that have effects of their own.
    pub windows: BTreeMap<String, EventWindow>,
}

/// Days around an event that have effects of their own, each a coefficient.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EventWindow {
    /// Days before it.
    pub before: u8,
    /// Days after it.
    pub after: u8,
    /// Deviation of the prior of each effect.
    pub scale: f64,
}

impl Default for EventWindow {
    fn default() -> Self {
        Self { before: 0, after: 0, scale: 10.0 }
    }
}

impl Default for Prophet {
    fn default() -> Self {
        Self {
            seasons: Vec::new(),
            multiplicative: false,
            changepoints: 25,
            changepoint_range: 0.8,
            changepoint_scale: 0.05,
            season_scale: 10.0,
            event_scale: 10.0,
            regressor_scale: 10.0,
            windows: BTreeMap::new(),
        }
    }
}

impl Prophet {
    /// The first setting that is no scale, as it is named and found.
    fn wrong(&self) -> Option<(&'static str, f64)> {
        let scales = [
            ("changepoint_scale", self.changepoint_scale),
            ("season_scale", self.season_scale),
            ("event_scale", self.event_scale),
            ("regressor_scale", self.regressor_scale),
        ];
        let windows = self.windows.values().map(|window| ("the scale of a window", window.scale));
        scales.into_iter().chain(windows).find(|(_, scale)| !(*scale > 0.0 && scale.is_finite()))
    }
}

impl Forecaster for Prophet {
    fn name(&self) -> String {
        let form = if self.multiplicative { "(multiplicative)" } else { "" };
        let seasons: Vec<String> = self.seasons.iter().map(ToString::to_string).collect();
        let seasons = if seasons.is_empty() { String::new() } else { format!("[{}]", seasons.join(",")) };
        format!("prophet{form}{seasons}")
    }

    fn needs(&self) -> Needs {
        Needs { observations: 2, positive: false }
    }

    fn supports_missing(&self) -> bool {
        true
    }

    fn fit(&self, y: &Series) -> Result<Box<dyn Fitted>, FitError> {
        let no_fit = |reason: String| FitError::NoFit { model: self.name(), reason };
        if let Some((setting, found)) = self.wrong() {
            return Err(no_fit(format!("{setting} is {found}, expected a number above zero")));
        }
        let plain = events::without_events(y);
        let seen: Vec<usize> = (0..y.len()).filter(|t| plain.observed()[*t]).collect();
        let (Some(&first), Some(&last)) = (seen.first(), seen.last().filter(|_| seen.len() >= 2)) else {
            return Err(FitError::TooShort { model: self.name(), needed: 2, got: seen.len() });
        };
        let columns = columns::of_series(self, &plain);
        let times: Vec<Timestamp> = (0..y.len()).map(|t| plain.time(t)).collect();
        let values = columns::values(&columns, &times, plain.calendar(), plain.regressors())
            .map_err(|name| no_fit(format!("regressor `{name}` has a value that is not finite")))?;
        let size = seen.iter().map(|t| plain.values()[*t].abs()).fold(0.0, f64::max);
        let size = if size > 0.0 { size } else { 1.0 };
        let scaled: Vec<f64> = seen.iter().map(|t| plain.values()[*t] / size).collect();
        let others: Vec<Vec<f64>> = values.iter().map(|column| seen.iter().map(|t| column[*t]).collect()).collect();
        let span = Span { first: first as f64, length: (last - first) as f64 };
        let time: Vec<f64> = seen.iter().map(|t| span.scaled(*t)).collect();
        let points = trend::points(&time, self.changepoints, self.changepoint_range);
        let mut bends = vec![vec![1.0; seen.len()], time.clone()];
        bends.extend(points.iter().map(|s| time.iter().map(|t| (t - s).max(0.0)).collect::<Vec<f64>>()));
        let normal = |scale: f64| 1.0 / (scale * scale);
        let precision: Vec<f64> = [TREND_SCALE, TREND_SCALE]
            .map(normal)
            .into_iter()
            .chain(points.iter().map(|_| 0.0))
            .chain(columns.iter().map(|column| normal(column.scale)))
            .collect();
        let bent = 2..2 + points.len();
        let rate: Vec<f64> =
            (0..precision.len()).map(|i| if bent.contains(&i) { 1.0 / self.changepoint_scale } else { 0.0 }).collect();
        let terms = Terms {
            trend: &bends,
            others: &others,
            y: &scaled,
            precision: &precision,
            rate: &rate,
            multiplicative: self.multiplicative,
        };
        let mode = terms.mode().ok_or_else(|| no_fit("no finite mode of the posterior".into()))?;
        let n = seen.len() as f64;
        let log_likelihood =
            -0.5 * (n * (LN_2_PI + libm::log(mode.sigma2)) + mode.sse / mode.sigma2) - n * libm::log(size);
        let changes = mode.theta[bent.clone()].to_vec();
        let stored = Stored {
            settings: self.clone(),
            trend: Trend { points, level: mode.theta[0], slope: mode.theta[1], changes },
            beta: mode.theta[bent.end..].to_vec(),
            columns,
            size,
            sigma: mode.sigma2.sqrt(),
            log_posterior: mode.log_posterior,
            log_likelihood: Some(log_likelihood).filter(|l| l.is_finite()),
            n_used: seen.len(),
            span,
            shape: plain.span(0, 1).unwrap_or_else(|| plain.clone()),
            len: y.len(),
            negative: y.may_be_negative(),
            residuals: Vec::new(),
        };
        let mut fitted = FittedProphet { stored, calendar: Arc::clone(y.calendar()) };
        fitted.stored.residuals = fitted.stored.errors(&plain, 0, &values);
        Ok(Box::new(fitted))
    }
}

/// Steps of the values learned from: scaled time is 0 at the first and 1 at the last.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Span {
    first: f64,
    length: f64,
}

impl Span {
    fn scaled(self, t: usize) -> f64 {
        (t as f64 - self.first) / self.length
    }
}

/// A fit at the end of a series.
#[derive(Debug, Clone)]
struct FittedProphet {
    stored: Stored,
    calendar: Arc<Calendar>,
}

/// What is stored of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    settings: Prophet,
    trend: Trend,
    columns: Vec<Column>,
    /// Coefficients of the columns, scaled as the values are.
    beta: Vec<f64>,
    /// What values are divided by.
    size: f64,
    /// Deviation of the errors, scaled.
    sigma: f64,
    log_posterior: f64,
    log_likelihood: Option<f64>,
    n_used: usize,
    span: Span,
    /// One value at the start of the series, for times and wall clock.
    shape: Series,
    len: usize,
    negative: bool,
    residuals: Vec<f64>,
}

/// A stored fit.
pub(super) fn restore(state: &FittedState) -> Result<Box<dyn Fitted>, RestoreError> {
    let stored: Stored = state.read()?;
    let refused = |reason: &str| RestoreError::State { model: state.model.clone(), reason: reason.into() };
    if stored.beta.len() != stored.columns.len() || stored.trend.points.len() != stored.trend.changes.len() {
        return Err(refused("its coefficients do not belong to its columns"));
    }
    if stored.residuals.len() != stored.len || stored.span.length <= 0.0 {
        return Err(refused("its residuals do not fit its length"));
    }
    let calendar = Arc::clone(stored.shape.calendar());
    Ok(Box::new(FittedProphet { stored, calendar }))
}

impl Stored {
    /// Trend and the sum of the columns at the steps from `from` on, scaled.
    fn parts(&self, from: usize, values: &[Vec<f64>], count: usize) -> Vec<(f64, f64)> {
        let mut sums = vec![0.0; count];
        for (column, beta) in values.iter().zip(&self.beta) {
            sums.iter_mut().zip(column).for_each(|(sum, x)| *sum += beta * x);
        }
        sums.into_iter().enumerate().map(|(k, sum)| (self.trend.at(self.span.scaled(from + k)), sum)).collect()
    }

    /// A value from its trend and the sum of its columns, in the unit of the series.
    fn value(&self, trend: f64, sum: f64) -> f64 {
        finite(self.size * if self.settings.multiplicative { trend * (1.0 + sum) } else { trend + sum })
    }

    /// Truth less forecast at the steps of a series that begins at step `from`, zero where nothing was observed.
    fn errors(&self, plain: &Series, from: usize, values: &[Vec<f64>]) -> Vec<f64> {
        let parts = self.parts(from, values, plain.len());
        let error = |(t, (trend, sum)): (usize, (f64, f64))| {
            plain.observation(t).map_or(0.0, |v| finite(v - self.value(trend, sum)))
        };
        parts.into_iter().enumerate().map(error).collect()
    }

    fn times(&self, count: usize) -> Vec<Timestamp> {
        (self.len..self.len + count).map(|t| self.shape.time(t)).collect()
    }
}

/// What the next steps may be.
struct Outlook {
    point: Vec<f64>,
    /// Simulated distances from the point, one row a course.
    courses: Vec<Vec<f64>>,
    negative: bool,
}

impl FittedProphet {
    fn outlook(&self, ahead: &Ahead) -> Result<Outlook, ForecastError> {
        if ahead.horizon == 0 {
            return Err(ForecastError::NoHorizon);
        }
        let stored = &self.stored;
        let calendar = ahead.calendar.as_ref().unwrap_or(&self.calendar);
        let values = columns::values(&stored.columns, &stored.times(ahead.horizon), calendar, &ahead.regressors)
            .map_err(|name| ForecastError::Regressor { name, needed: ahead.horizon })?;
        let parts = stored.parts(stored.len, &values, ahead.horizon);
        let factors = events::factors(ahead, &self.calendar, stored.shape.time(stored.len), stored.shape.step());
        let factor = |k: usize| factors.as_ref().map_or(1.0, |factors| factors[k]);
        let times: Vec<f64> = (0..ahead.horizon).map(|k| stored.span.scaled(stored.len + k)).collect();
        let mut dice = Dice::new(0x9a17);
        let mut courses = Vec::with_capacity(2 * PAIRS);
        for _ in 0..PAIRS {
            let mut course = stored.trend.course(&times, &mut dice);
            for (k, x) in course.iter_mut().enumerate() {
                let share = if stored.settings.multiplicative { 1.0 + parts[k].1 } else { 1.0 };
                let noise = normal_quantile(dice.unit() + 0.5 / (1u64 << 53) as f64);
                *x = finite(stored.size * (*x * share + stored.sigma * noise) * factor(k));
            }
            courses.push(course.iter().map(|x| -x).collect());
            courses.push(course);
        }
        let point = parts.iter().enumerate().map(|(k, (g, sum))| finite(stored.value(*g, *sum) * factor(k))).collect();
        Ok(Outlook { point, courses, negative: stored.negative })
    }
}

impl Outlook {
    /// Distances from the point at each lead, ascending.
    fn sorted(&self) -> Vec<Vec<f64>> {
        let column = |k: usize| {
            let mut column: Vec<f64> = self.courses.iter().map(|course| course[k]).collect();
            column.sort_unstable_by(f64::total_cmp);
            column
        };
        (0..self.point.len()).map(column).collect()
    }

    fn quantile(&self, sorted: &[Vec<f64>], k: usize, p: f64) -> f64 {
        let middle = self.point[k];
        let raw = finite(middle + quantile_of_sorted(&sorted[k], p));
        floored(raw, self.negative)
    }
}

impl Fitted for FittedProphet {
    fn name(&self) -> String {
        self.stored.settings.name()
    }

    fn forecast(&self, ahead: &Ahead, levels: &[Level]) -> Result<Forecast, ForecastError> {
        let outlook = self.outlook(ahead)?;
        let sorted = if levels.is_empty() { Vec::new() } else { outlook.sorted() };
        let (start, step) = (self.stored.shape.time(self.stored.len), self.stored.shape.step());
        let point = outlook.point.iter().map(|middle| floored(*middle, self.stored.negative)).collect();
        Ok(Forecast::from_quantiles(start, step, point, levels, |k, p| outlook.quantile(&sorted, k, p)))
    }

    fn paths(&self, ahead: &Ahead, n: usize, seed: u64) -> Result<Paths, ForecastError> {
        let outlook = self.outlook(ahead)?;
        let sorted = outlook.sorted();
        let courses: Vec<&[f64]> = outlook.courses.iter().map(Vec::as_slice).collect();
        let values = paths::shuffle(&courses, ahead.horizon, n, seed, |k, p| outlook.quantile(&sorted, k, p));
        Ok(Paths { start: self.stored.shape.time(self.stored.len), step: self.stored.shape.step(), values })
    }

    fn update(&mut self, new: &Series) -> Result<(), UpdateError> {
        self.stored.shape.check_follows(self.stored.len, new)?;
        let plain = events::without_events(&new.clone().with_calendar_of(&self.calendar));
        let times = self.stored.times(plain.len());
        let missing = |name| SeriesError::Length { what: format!("regressor `{name}`"), got: 0, expected: new.len() };
        let values =
            columns::values(&self.stored.columns, &times, &self.calendar, new.regressors()).map_err(missing)?;
        let errors = self.stored.errors(&plain, self.stored.len, &values);
        self.stored.residuals.extend(errors);
        self.stored.negative |= new.may_be_negative();
        self.stored.len += new.len();
        Ok(())
    }

    fn state(&self) -> FittedState {
        FittedState::new(Fitted::name(self), &self.stored)
    }

    fn residuals(&self) -> &[f64] {
        &self.stored.residuals
    }

    /// `level`, `slope` and changes (`delta1`, ...) of the trend over scaled time, `sigma` and the columns' coefficients,
    /// all over the largest absolute value as in Prophet, and `log_posterior` without constants.
    fn parameters(&self) -> BTreeMap<String, f64> {
        let stored = &self.stored;
        let mut out = BTreeMap::from([
            ("level".to_owned(), stored.trend.level),
            ("slope".to_owned(), stored.trend.slope),
            ("sigma".to_owned(), stored.sigma),
            ("log_posterior".to_owned(), stored.log_posterior),
        ]);
        out.extend(stored.trend.changes.iter().enumerate().map(|(i, delta)| (format!("delta{}", i + 1), *delta)));
        out.extend(stored.columns.iter().zip(&stored.beta).map(|(column, beta)| (column.name(), *beta)));
        out
    }

    fn log_likelihood(&self) -> Option<f64> {
        self.stored.log_likelihood
    }

    fn n_used(&self) -> usize {
        self.stored.n_used
    }
}
