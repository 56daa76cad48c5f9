//! Dynamic harmonic regression: Fourier terms for long and several seasons, ARMA errors.
//!
//! Model: y[t] = sum over seasons and k of a[k] sin(2 pi k t / m) + b[k] cos(2 pi k t / m) + x[t]' beta + eta[t], eta an
//! ARIMA process without a season. A season of 2016 steps costs a few columns, not 2016 states; its shape does not
//! change. Source: Hyndman & Athanasopoulos, FPP3, section 10.5. The numbers of harmonics are those of least AICc
//! ([`choice`]), then the orders by the exact likelihood of what is left. From there the coefficients of the waves, by
//! generalized least squares, and those of the errors take turns until the joint likelihood stands still: the two hardly
//! depend on each other.

mod choice;

use std::collections::BTreeMap;
use std::sync::Arc;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::Arima;
use super::arima::Doubt;
use super::mstl::shown;
use super::smoothing_fit::scale_of;
use crate::calendar::Calendar;
use crate::clock::WallClock;
use crate::events;
use crate::forecast::{Forecast, Level, Paths};
use crate::math::{finite, floored, normal_cdf};
use crate::model::{Ahead, FitError, Fitted, FittedState, ForecastError, Forecaster, Needs, RestoreError, UpdateError};
use crate::series::{Regressors, Series};
use crate::waves::Wave;
use choice::Candidates;

/// Values times squared columns above which the coefficients of the choice are kept.
const LARGE: usize = 400_000_000;
/// Turns of waves and errors.
const ROUNDS: usize = 8;
/// Gain of the log-likelihood below which they end.
const SETTLED: f64 = 1e-6;
/// Values that a candidate column has to be backed by.
const VALUES_A_COLUMN: usize = 4;

/// Fourier terms with ARMA errors; regressors are those of the series.
///
/// ```
/// use forecast_core::{Ahead, Series, grammar};
///
/// let load = (0..336).map(|t| 100.0 + f64::from((t % 24) * (t % 5)) + f64::from(t % 168)).collect();
/// let y = Series::new("2026-11-02T00:00:00Z".parse()?, std::time::Duration::from_secs(3600), load)?;
/// let fitted = grammar::parse("harmonic[24]")?.fit(&y)?;
/// assert_eq!(fitted.forecast(&Ahead::steps(48), &[])?.horizon(), 48);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Harmonic {
    /// Steps of each season, ascending; empty takes those that the data show.
    pub seasons: Vec<usize>,
    /// Harmonics of each season, at most half of its steps; `None` takes those of least AICc.
    pub harmonics: Option<Vec<usize>>,
    /// The errors' model without a season; `None` takes that of least AICc.
    pub errors: Option<Arima>,
}

fn name(seasons: &[usize], harmonics: Option<&[usize]>) -> String {
    let list = |all: &[usize]| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let terms = harmonics.filter(|all| !all.is_empty()).map_or(String::new(), |all| format!("({})", list(all)));
    let seasons = if seasons.is_empty() { String::new() } else { format!("[{}]", list(seasons)) };
    format!("harmonic{terms}{seasons}")
}

impl Forecaster for Harmonic {
    fn name(&self) -> String {
        name(&self.seasons, self.harmonics.as_deref())
    }

    fn needs(&self) -> Needs {
        Needs { observations: 2 * self.seasons.last().copied().unwrap_or(1).max(2), positive: false }
    }

    fn supports_missing(&self) -> bool {
        true
    }

    fn fit(&self, y: &Series) -> Result<Box<dyn Fitted>, FitError> {
        let plain = events::without_events(y);
        let seasons = if self.seasons.is_empty() { shown(&plain) } else { self.seasons.clone() };
        let needed = 2 * seasons.last().copied().unwrap_or(1).max(2);
        if y.len() < needed {
            let model = name(&seasons, None);
            return Err(FitError::TooShort { model, needed, got: y.len() });
        }
        if self.harmonics.as_ref().is_some_and(|harmonics| harmonics.len() != seasons.len()) {
            let reason = format!("the data show {} seasons; name as many as there are numbers of terms", seasons.len());
            return Err(FitError::NoFit { model: self.name(), reason });
        }
        if plain.regressors().values.iter().any(|x| !x.is_finite()) {
            let reason = "a regressor has a value that is not finite".into();
            return Err(FitError::NoFit { model: self.name(), reason });
        }
        let without = Calendar::new(plain.calendar().time_zone().clone());
        let plain = plain.with_calendar(without);
        let (harmonics, coefficients) = self.terms(&plain, &seasons);
        let mut after = After {
            harmonics,
            terms: coefficients,
            widening: 1.0,
            doubt: None,
            criteria: (None, None),
            shape: plain.span(0, 1).unwrap_or_else(|| plain.clone()),
            len: 0,
            negative: false,
            seasons,
        };
        let rest = self.learn(&plain, &mut after)?;
        after.len = y.len();
        after.negative = y.may_be_negative();
        after.shape = after.shape.with_calendar_of(y.calendar());
        let residuals = rest.residuals().to_vec();
        Ok(Box::new(FittedHarmonic { rest, residuals, after, calendar: Arc::clone(y.calendar()) }))
    }
}

impl Harmonic {
    /// Harmonics of each season and the waves with their coefficients by generalized least squares.
    fn terms(&self, plain: &Series, seasons: &[usize]) -> (Vec<usize>, Vec<(Wave, f64)>) {
        let n = plain.len();
        // A power of two changes no digit and keeps squares within the range of a double.
        let scale = scale_of(plain.values());
        let middle = plain.values().iter().map(|v| v / scale / n as f64).sum::<f64>();
        let y: Vec<f64> = plain.values().iter().map(|v| v / scale - middle).collect();
        let regressors = plain.regressors().values.columns();
        let fixed: Vec<Vec<f64>> = regressors
            .into_iter()
            .map(|column| {
                let scale = scale_of(&column.to_vec());
                column.iter().map(|x| x / scale).collect()
            })
            .collect();
        let each = n / VALUES_A_COLUMN / 2 / seasons.len().max(1);
        let most = |m: usize| choice::MOST.min(m / 2).min(each) as u64;
        let looked_at: Vec<(u64, u64)> = match &self.harmonics {
            None => seasons.iter().map(|m| (*m as u64, most(*m))).collect(),
            Some(given) => seasons.iter().zip(given).map(|(m, k)| (*m as u64, (*k).min(m / 2) as u64)).collect(),
        };
        let clock = WallClock::new(plain, 0);
        let candidates = Candidates::new(&y, &fixed, &looked_at, |wave| course(wave, &clock, 0, n));
        let harmonics = match &self.harmonics {
            None => candidates.choose(),
            Some(_) => looked_at.iter().map(|(_, k)| *k as usize).collect(),
        };
        let terms = candidates.coefficients(&harmonics);
        (harmonics, terms.into_iter().map(|(wave, beta)| (wave, finite(beta * scale))).collect())
    }

    /// The model of the errors; takes better coefficients of the waves into `after`.
    fn learn(&self, plain: &Series, after: &mut After) -> Result<Box<dyn Fitted>, FitError> {
        let open = self.errors.clone().unwrap_or(Arima { season_length: Some(1), ..Arima::default() });
        let decided = open.decided(&after.adjusted(plain, 0))?;
        let mut rest = decided.fit(&after.adjusted(plain, 0))?;
        let columns = after.terms.len() + plain.regressors().names.len() + 1;
        let cheap = plain.len().saturating_mul(columns * columns) <= LARGE;
        for _ in 0..if cheap && !after.terms.is_empty() { ROUNDS } else { 0 } {
            let Some(found) = decided.columns_at(&after.with_waves(plain), &rest.parameters()) else { break };
            let before = after.terms.clone();
            for (i, (_, beta)) in after.terms.iter_mut().enumerate() {
                *beta = found.get(&wave_name(i)).copied().unwrap_or(*beta);
            }
            let next = decided.fit(&after.adjusted(plain, 0))?;
            let gain = next.log_likelihood().zip(rest.log_likelihood()).map(|(new, old)| new - old);
            if gain.is_some_and(|gain| gain < 0.0) {
                after.terms = before;
                break;
            }
            rest = next;
            if gain.is_none_or(|gain| gain < SETTLED) {
                break;
            }
        }
        let own = rest.parameters().keys().filter(|name| !name.starts_with("se(")).count();
        let all = own + after.terms.len();
        let log_likelihood = rest.log_likelihood();
        after.criteria = (log_likelihood, log_likelihood.and_then(|l| super::arima::criterion(l, all, rest.n_used())));
        after.widening = widening(rest.n_used(), own - 1, all - 1);
        if cheap {
            after.doubt = Doubt::new(&decided, &after.with_waves(plain), &rest.parameters(), after.terms.len());
        }
        Ok(rest)
    }
}

/// Factor on deviations for `all` parameters instead of `counted`.
fn widening(n_used: usize, counted: usize, all: usize) -> f64 {
    let left = |parameters: usize| n_used.saturating_sub(parameters).max(1) as f64;
    (left(counted) / left(all)).sqrt()
}

/// Name of a wave among the regressors; no user's name has a null character.
fn wave_name(index: usize) -> String {
    format!("\0wave{index}")
}

/// A wave at the steps `from..to`; seasons of whole days follow the wall clock.
fn course(wave: &Wave, clock: &WallClock, from: usize, to: usize) -> Vec<f64> {
    let mut out = Vec::with_capacity(to - from);
    for (range, shift) in clock.shifts(from, to, wave.period as usize) {
        out.extend(range.map(|t| wave.at(t as i64 + shift)));
    }
    out
}

/// What is put back, and where the series ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct After {
    seasons: Vec<usize>,
    harmonics: Vec<usize>,
    /// Waves with their coefficients, in the unit of the series.
    terms: Vec<(Wave, f64)>,
    /// Factor on deviations: the errors' model does not know how many coefficients the waves have taken.
    widening: f64,
    /// What the coefficients of the waves and the constant are not known by; `None` where it would take long.
    doubt: Option<Doubt>,
    /// Log-likelihood and AICc of the whole.
    criteria: (Option<f64>, Option<f64>),
    /// One value at the start of the series, for times and wall clock.
    shape: Series,
    len: usize,
    negative: bool,
}

impl After {
    /// The sum of the waves at the steps `from..to`.
    fn waves(&self, from: usize, to: usize) -> Vec<f64> {
        let clock = WallClock::new(&self.shape, to);
        let mut out = vec![0.0; to - from];
        for (wave, beta) in &self.terms {
            let course = course(wave, &clock, from, to);
            out.iter_mut().zip(course).for_each(|(sum, x)| *sum += beta * x);
        }
        out
    }

    /// Factors on the deviations of the rest: for the number of coefficients, and for what they are not known by.
    ///
    /// `deviations`: those that the rest gives for the next steps, knowing only of innovations of variance `sigma2`.
    fn widenings(&self, deviations: &[f64], sigma2: f64) -> Vec<f64> {
        let horizon = deviations.len();
        let added = self.doubt.as_ref().and_then(|doubt| {
            let (from, to) = (self.len - doubt.memory(self.len), self.len + horizon);
            let clock = WallClock::new(&self.shape, to);
            let columns: Vec<Vec<f64>> = self.terms.iter().map(|(wave, _)| course(wave, &clock, from, to)).collect();
            doubt.variances(&columns, horizon)
        });
        let added = added.unwrap_or_else(|| vec![0.0; horizon]);
        let factor = |(deviation, added): (&f64, f64)| {
            let share = sigma2 * added / (deviation * deviation);
            self.widening * if share.is_finite() { (1.0 + share).sqrt() } else { 1.0 }
        };
        deviations.iter().zip(added).map(factor).collect()
    }

    /// A series that begins at step `from`, less the waves.
    fn adjusted(&self, plain: &Series, from: usize) -> Series {
        let waves = self.waves(from, from + plain.len());
        let values = plain.values().iter().zip(waves).map(|(v, w)| finite(v - w)).collect();
        plain.with_values(values, plain.observed().to_vec()).signed()
    }

    /// The series with the waves as regressors after its own.
    fn with_waves(&self, plain: &Series) -> Series {
        let own = plain.regressors();
        let clock = WallClock::new(plain, 0);
        let mut columns: Vec<Vec<f64>> = own.values.columns().into_iter().map(|column| column.to_vec()).collect();
        columns.extend(self.terms.iter().map(|(wave, _)| course(wave, &clock, 0, plain.len())));
        let mut names = own.names.clone();
        names.extend((0..self.terms.len()).map(wave_name));
        let values = Array2::from_shape_fn((plain.len(), columns.len()), |(t, column)| columns[column][t]);
        plain.clone().with_regressors(Regressors { names, values }).unwrap_or_else(|_| plain.clone())
    }
}

/// A regression at the end of a series.
#[derive(Debug)]
struct FittedHarmonic {
    rest: Box<dyn Fitted>,
    residuals: Vec<f64>,
    after: After,
    calendar: Arc<Calendar>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    rest: FittedState,
    after: After,
}

/// A stored fit.
pub(super) fn restore(state: &FittedState) -> Result<Box<dyn Fitted>, RestoreError> {
    let Stored { rest, after } = state.read()?;
    if after.terms.iter().any(|(wave, _)| wave.period == 0) {
        let reason = "a season has no steps".into();
        return Err(RestoreError::State { model: state.model.clone(), reason });
    }
    let rest = rest.restore()?;
    let residuals = rest.residuals().to_vec();
    let calendar = Arc::clone(after.shape.calendar());
    Ok(Box::new(FittedHarmonic { rest, residuals, after, calendar }))
}

impl FittedHarmonic {
    /// The waves and the factor of each step of a horizon; what the rest is told.
    fn around(&self, ahead: &Ahead) -> (Vec<f64>, Vec<f64>, Ahead) {
        let after = &self.after;
        let start = after.shape.time(after.len);
        let factors = events::factors(ahead, &self.calendar, start, after.shape.step());
        let without = Calendar::new(self.calendar.time_zone().clone());
        let inner = Ahead { calendar: Some(Arc::new(without)), ..ahead.clone() };
        let waves = after.waves(after.len, after.len + ahead.horizon);
        (waves, factors.unwrap_or_else(|| vec![1.0; ahead.horizon]), inner)
    }

    /// Medians of the rest, and factors on distances from them.
    fn spread(&self, inner: &Ahead) -> Result<(Vec<f64>, Vec<f64>), ForecastError> {
        // One deviation up: what is cut at zero is cut below.
        let up = Level::new(normal_cdf(1.0)).expect("a probability within bounds");
        let rest = self.rest.forecast(inner, &[up])?;
        let upper = rest.quantiles.column(0);
        let deviations: Vec<f64> = upper.iter().zip(&rest.point).map(|(upper, point)| upper - point).collect();
        let sigma2 = self.rest.parameters().get("sigma2").copied().unwrap_or(0.0);
        Ok((rest.point, self.after.widenings(&deviations, sigma2)))
    }

    /// A value of the rest, whose median there is `middle`, as one of the series.
    fn whole(&self, value: f64, middle: f64, widening: f64, wave: f64, factor: f64) -> f64 {
        let raw = finite((middle + (value - middle) * widening + wave) * factor);
        floored(raw, self.after.negative)
    }
}

impl Fitted for FittedHarmonic {
    fn name(&self) -> String {
        name(&self.after.seasons, Some(&self.after.harmonics))
    }

    fn forecast(&self, ahead: &Ahead, levels: &[Level]) -> Result<Forecast, ForecastError> {
        let (waves, factors, inner) = self.around(ahead);
        let rest = self.rest.forecast(&inner, levels)?;
        let (_, widenings) = self.spread(&inner)?;
        let middle = |k: usize| self.whole(rest.point[k], rest.point[k], 1.0, waves[k], factors[k]);
        let point: Vec<f64> = (0..ahead.horizon).map(middle).collect();
        let column = |p: f64| rest.levels.iter().position(|l| l.probability() == p);
        Ok(Forecast::from_quantiles(rest.start, rest.step, point, levels, |k, p| {
            let value = column(p).map_or(rest.point[k], |c| rest.quantiles[(k, c)]);
            self.whole(value, rest.point[k], widenings[k], waves[k], factors[k])
        }))
    }

    fn paths(&self, ahead: &Ahead, n: usize, seed: u64) -> Result<Paths, ForecastError> {
        let (waves, factors, inner) = self.around(ahead);
        let (middle, widenings) = self.spread(&inner)?;
        let mut paths = self.rest.paths(&inner, n, seed)?;
        for ((_, k), value) in paths.values.indexed_iter_mut() {
            *value = self.whole(*value, middle[k], widenings[k], waves[k], factors[k]);
        }
        Ok(paths)
    }

    fn update(&mut self, new: &Series) -> Result<(), UpdateError> {
        let after = &self.after;
        after.shape.check_follows(after.len, new)?;
        let plain = events::without_events(&new.clone().with_calendar_of(&self.calendar));
        let without = Calendar::new(self.calendar.time_zone().clone());
        self.rest.update(&after.adjusted(&plain.with_calendar(without), after.len))?;
        self.residuals = self.rest.residuals().to_vec();
        self.after.len += new.len();
        self.after.negative |= new.may_be_negative();
        Ok(())
    }

    fn state(&self) -> FittedState {
        FittedState::new(Fitted::name(self), &Stored { rest: self.rest.state(), after: self.after.clone() })
    }

    fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    /// Those of the errors' model by R's names, and the waves: `S3-24` is the sine of the third harmonic of 24 steps.
    fn parameters(&self) -> BTreeMap<String, f64> {
        let mut out = self.rest.parameters();
        let sigma2 = out.get("sigma2").map(|own| finite(own * self.after.widening * self.after.widening));
        out.extend(sigma2.map(|sigma2| ("sigma2".to_owned(), sigma2)));
        for (wave, beta) in &self.after.terms {
            let kind = if wave.sine { "S" } else { "C" };
            out.insert(format!("{kind}{}-{}", wave.harmonic, wave.period), *beta);
        }
        out
    }

    fn log_likelihood(&self) -> Option<f64> {
        self.after.criteria.0
    }

    fn n_used(&self) -> usize {
        self.rest.n_used()
    }

    fn aicc(&self) -> Option<f64> {
        self.after.criteria.1
    }

    fn differences(&self) -> Option<(usize, usize)> {
        self.rest.differences()
    }

    fn likelihood(&self) -> Option<&'static str> {
        self.rest.likelihood()
    }
}

#[cfg(test)]
mod tests;
