//! Structural models: a level that wanders (local level), and with it a slope that wanders, too (local linear trend).
//!
//! Model: y[t] = level[t] + e[t]; level[t+1] = level[t] + slope[t] + u[t]; slope[t+1] = slope[t] + w[t]; e, u and w
//! normal and independent. Source: Harvey (1989), Forecasting, Structural Time Series Models and the Kalman Filter, chapter 4;
//! Durbin & Koopman (2012), Time Series Analysis by State Space Methods, sections 2.2, 2.9 and 3.2. Exact likelihood: the
//! first value, two with a slope, start the filter without any prior; the variance of e is concentrated out. Golden test
//! against R's `StructTS`, within 1e-6.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::gridded::{Core, Criteria, Grid, Gridded};
use super::least_squares::{self, Differences, Stop};
use super::smoothing_fit::scale_of;
use crate::events;
use crate::model::{FitError, Fitted, FittedState, Forecaster, Needs, RestoreError};
use crate::series::Series;

/// Bounds of the logarithm of a variance relative to that of e: at either end one of the two is as good as nothing.
const BOUNDS: (f64, f64) = (-30.0, 15.0);
/// Starting points for the logarithms of the variances of level and slope.
const STARTS: [(f64, f64); 4] = [(-2.0, -6.0), (0.0, -10.0), (-6.0, -12.0), (3.0, -4.0)];
/// When a search ends.
const STOP: Stop = Stop { iterations: 60, tolerance: 1e-12 };
const LN_2_PI: f64 = 1.837_877_066_409_345_3;

/// Local level, or local linear trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Structural {
    /// Whether there is a slope.
    pub slope: bool,
}

impl Forecaster for Structural {
    fn name(&self) -> String {
        if self.slope { "local_linear_trend".into() } else { "local_level".into() }
    }

    fn needs(&self) -> Needs {
        Needs { observations: if self.slope { 5 } else { 3 }, positive: false }
    }

    fn supports_missing(&self) -> bool {
        true
    }

    fn fit(&self, y: &Series) -> Result<Box<dyn Fitted>, FitError> {
        let (model, needed) = (Forecaster::name(self), self.needs().observations);
        let got = y.observed().iter().filter(|o| **o).count();
        if got < needed {
            return Err(FitError::TooShort { model, needed, got });
        }
        let grid = Grid::new(&events::without_events(y), 1);
        let scale = scale_of(&grid.values);
        let values: Vec<Option<f64>> =
            grid.values.iter().zip(&grid.observed).map(|(v, seen)| seen.then_some(v / scale)).collect();
        let (ratios, likelihood) =
            learn(self.slope, &values).ok_or_else(|| FitError::NoFit { model, reason: "no finite error".into() })?;
        let filter = Filter::new(self.slope, ratios);
        let log_likelihood =
            Some(likelihood.log - likelihood.count as f64 * libm::log(scale)).filter(|l| l.is_finite());
        let free = if self.slope { 3.0 } else { 2.0 };
        let n = likelihood.count as f64;
        let aicc = log_likelihood
            .filter(|_| n - free - 1.0 > 0.0)
            .map(|l| -2.0 * l + 2.0 * free + 2.0 * free * (free + 1.0) / (n - free - 1.0));
        let criteria = Criteria { n_used: likelihood.count, log_likelihood, sse: None, aicc };
        let mut core = FittedStructural { filter, scale, sigma2: likelihood.sigma2, criteria };
        let errors: Vec<f64> = values.iter().map(|v| core.push(v.map(|v| v * scale))).collect();
        Ok(Box::new(Gridded::new(core, y, &grid, &errors, 1)))
    }
}

/// The Kalman filter, all variances relative to that of e.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Filter {
    slope: bool,
    /// Variances of the steps of level and slope.
    ratios: [f64; 2],
    /// Level and slope after the last value.
    state: [f64; 2],
    /// Their variances and covariance: level, both, slope.
    spread: [f64; 3],
    /// Values that started the filter.
    started: usize,
    /// Steps since the first of them, until the second came.
    apart: f64,
}

impl Filter {
    fn new(slope: bool, ratios: [f64; 2]) -> Self {
        Self { slope, ratios, state: [0.0; 2], spread: [0.0; 3], started: 0, apart: 0.0 }
    }

    /// One step ahead.
    fn predict(&mut self) {
        let [level, both, slope] = self.spread;
        self.state[0] += self.state[1];
        self.spread = [level + 2.0 * both + slope + self.ratios[0], both + slope, slope + self.ratios[1]];
    }

    /// Takes in the value of the next step; the error of its forecast and its variance, `None` for a gap and a start.
    fn push(&mut self, value: Option<f64>) -> Option<(f64, f64)> {
        if self.started > 0 {
            self.predict();
            self.apart += 1.0;
        }
        let value = value?;
        match self.started {
            0 => {
                (self.state, self.spread, self.started) = ([value, 0.0], [1.0, 0.0, 0.0], 1);
                None
            }
            // The second value gives the slope; what both have wandered since the first is in the spread.
            1 if self.slope => {
                let (before, steps) = (self.state[0], self.apart);
                let [level, both, slope] = self.spread;
                self.state = [value, (value - before) / steps];
                self.spread = [1.0, 1.0 / steps, (level + 1.0) / (steps * steps) - 2.0 * both / steps + slope];
                self.started = 2;
                None
            }
            _ => {
                let [level, both, slope] = self.spread;
                let variance = level + 1.0;
                let error = value - self.state[0];
                self.state[0] += level / variance * error;
                self.state[1] += both / variance * error;
                self.spread = [level / variance, both / variance, slope - both * both / variance];
                Some((error, variance))
            }
        }
    }
}

/// Likelihood at the best variance of e.
#[derive(Debug, Clone, Copy)]
struct Likelihood {
    log: f64,
    sigma2: f64,
    /// Errors that it is made of.
    count: usize,
}

/// Errors over the roots of their variances, and the mean of the logarithms of these.
fn standardized(filter: &mut Filter, y: &[Option<f64>], out: &mut Vec<f64>) -> f64 {
    out.clear();
    let (mut logs, mut product) = (0.0, 1.0_f64);
    for value in y {
        if let Some((error, variance)) = filter.push(*value) {
            out.push(error / variance.sqrt());
            product *= variance;
            // One logarithm for many factors, before the product overflows: a factor is at most exp(15) or so.
            if product > 1e200 {
                logs += libm::log(product);
                product = 1.0;
            }
        }
    }
    (logs + libm::log(product)) / out.len().max(1) as f64
}

/// The variances of greatest likelihood.
fn learn(slope: bool, y: &[Option<f64>]) -> Option<([f64; 2], Likelihood)> {
    let ratios = |at: &[f64]| [libm::exp(at[0]), at.get(1).map_or(0.0, |w| libm::exp(*w))];
    let free = if slope { 2 } else { 1 };
    // As many values start the filter as there are states, and variances to learn.
    let count = y.iter().flatten().count().checked_sub(free).filter(|count| *count > 0)?;
    let mut errors = Vec::with_capacity(count);
    // Errors times the root of the geometric mean of their variances: least squares of these is greatest likelihood.
    let residuals = |at: &[f64], out: &mut [f64]| {
        let mean = standardized(&mut Filter::new(slope, ratios(at)), y, &mut errors);
        let factor = libm::exp(0.5 * mean);
        out.iter_mut().zip(&errors).for_each(|(o, e)| *o = e * factor);
    };
    let mut problem = Differences::new(residuals, count, vec![BOUNDS; free], vec![1.0; free]);
    let found =
        STARTS.iter().map(|(level, drift)| least_squares::descend(&mut problem, &[*level, *drift][..free], STOP));
    let (at, _) = found.filter(|(_, sse)| sse.is_finite()).min_by(|a, b| a.1.total_cmp(&b.1))?;
    let ratios = ratios(&at);
    let mut errors = Vec::with_capacity(count);
    let mean = standardized(&mut Filter::new(slope, ratios), y, &mut errors);
    let n = count as f64;
    let sigma2 = errors.iter().map(|e| e * e).sum::<f64>() / n;
    let log = -0.5 * n * (LN_2_PI + libm::log(sigma2) + 1.0 + mean);
    Some((ratios, Likelihood { log, sigma2, count }))
}

/// The model at the end of a sequence.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct FittedStructural {
    filter: Filter,
    /// Power of two that values inside are divided by.
    scale: f64,
    /// Variance of e, in the unit inside.
    sigma2: f64,
    criteria: Criteria,
}

/// A stored fit.
pub(super) fn restore(state: &FittedState) -> Result<Box<dyn Fitted>, RestoreError> {
    super::gridded::restore::<FittedStructural>(state)
}

impl Core for FittedStructural {
    fn name(&self) -> String {
        Forecaster::name(&Structural { slope: self.filter.slope })
    }

    fn push(&mut self, value: Option<f64>) -> f64 {
        let mut next = self.filter.clone();
        let error = next.push(value.map(|v| v / self.scale)).map_or(0.0, |(error, _)| error * self.scale);
        if next.state.iter().chain(&next.spread).all(|x| x.is_finite()) {
            self.filter = next;
            return error;
        }
        // A value beyond all measure is taken for a gap.
        self.filter.push(None);
        0.0
    }

    fn moments(&self, horizon: usize) -> Vec<(f64, f64)> {
        let mut filter = self.filter.clone();
        let mut next = || {
            filter.predict();
            let deviation = (self.sigma2 * (filter.spread[0] + 1.0)).sqrt();
            (filter.state[0] * self.scale, deviation * self.scale)
        };
        (0..horizon).map(|_| next()).collect()
    }

    fn parameters(&self) -> BTreeMap<String, f64> {
        let variance = |ratio: f64| ratio * self.sigma2 * self.scale * self.scale;
        let [level, slope] = self.filter.ratios;
        let mut all =
            BTreeMap::from([("sigma2".to_owned(), variance(1.0)), ("sigma2_level".to_owned(), variance(level))]);
        if self.filter.slope {
            all.insert("sigma2_slope".to_owned(), variance(slope));
        }
        all
    }

    fn criteria(&self) -> Criteria {
        self.criteria
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_fitted_traits, hourly};
    use super::*;
    use crate::model::Ahead;
    use crate::paths::Dice;

    #[test]
    fn both_forecast_update_and_are_restored() {
        let mut dice = Dice::new(4);
        let y = hourly(&(0..60).map(|t| 20.0 + 0.5 * f64::from(t) + dice.unit()).collect::<Vec<_>>());
        for slope in [false, true] {
            check_fitted_traits(&Structural { slope }, &y);
        }
    }

    #[test]
    fn a_straight_line_goes_on() {
        let y = hourly(&(0..40).map(|t| 5.0 + 2.0 * f64::from(t)).collect::<Vec<_>>());
        let ahead = Structural { slope: true }.fit(&y).unwrap().forecast(&Ahead::steps(3), &[]).unwrap();
        for (k, point) in ahead.point.iter().enumerate() {
            assert!((point - (85.0 + 2.0 * k as f64)).abs() < 1e-6, "{point}");
        }
    }

    /// The filter against the joint normal distribution of all values with a start that nothing is known of.
    #[test]
    fn the_start_is_the_limit_of_ever_wider_priors() {
        let whole = [3.0, 4.5, 4.0, 6.5, 6.0, 9.0].map(Some);
        let gaps = [Some(3.0), None, None, Some(6.5), None, Some(9.0), Some(8.0)];
        let ratios = [0.7, 0.2];
        for y in [&whole[..], &gaps[..]] {
            let mut exact = Filter::new(true, ratios);
            let mut wide = Filter { spread: [1e9, 0.0, 1e9], started: 2, ..Filter::new(true, ratios) };
            let mut compared = 0;
            for value in y {
                let (a, b) = (exact.push(*value), wide.push(*value));
                if let (Some((error, variance)), Some((other, width))) = (a, b) {
                    assert!((error - other).abs() < 1e-4 && (variance - width).abs() < 1e-4, "{y:?}");
                    compared += 1;
                }
            }
            assert_eq!(compared, y.iter().flatten().count() - 2);
            assert!((exact.state[1] - wide.state[1]).abs() < 1e-4, "{y:?}");
        }
    }
}
