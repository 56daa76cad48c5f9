//! From a filtered series to its future: means, variances and simulated courses.
//!
//! Means follow the ARMA recursion with the innovations' last contributions, then the differences are summed up again. The
//! error at lead h is the sum of G[j][h-j] v[j] over future innovations v, whose variances F and gains c / F come from the
//! recursions run on past the end: exact also where the variance has not settled. What missing values are not known by
//! adds to it.

use super::design::{Design, difference};
use super::exact::{Filtered, filter};
use super::polynomial::{Coefficients, differencing, taps};
use super::regression::least_squares;
use crate::math::normal_quantile;
use crate::paths::Dice;

/// Part of its variance below which a generator counts as zero: gains stand still.
const STEADY: f64 = 1e-10;

/// A series with its coefficients known, at its end.
#[derive(Debug, Clone)]
pub(super) struct Outlook {
    filtered: Filtered,
    /// Lags and coefficients of phi(B) (1 - B)^d (1 - B^m)^D in the form 1 - ....
    full: Vec<(usize, f64)>,
    phi: Vec<f64>,
    delta: Vec<f64>,
    /// Undifferenced series without regressors, missing values replaced by their expectations.
    eta: Vec<f64>,
    /// What each missing value adds to the forecasts: its own undifferenced column.
    outliers: Vec<Outlier>,
    /// Innovations, one a differenced value.
    innovations: Vec<f64>,
    /// Upper triangle of the information on the missing values.
    triangle: Vec<Vec<f64>>,
}

#[derive(Debug, Clone)]
struct Outlier {
    at: usize,
    /// Index into the filtered columns.
    column: usize,
}

impl Outlook {
    /// `design` without regressors: they are taken from its values by `beta` here. `None` if the coefficients are not
    /// stationary.
    pub(super) fn new(design: &Design, coefficients: &Coefficients, beta: &[f64]) -> Option<Self> {
        let order = design.order;
        let delta = differencing(order.d, order.seasonal_d, order.season_length);
        let mut eta = design.y.clone();
        for (column, beta) in design.regressors.iter().zip(beta) {
            eta.iter_mut().zip(column).for_each(|(e, x)| *e -= beta * x);
        }
        let plain = Design {
            w: difference(&eta, &delta),
            columns: design.columns[..design.gaps.len()].to_vec(),
            regressors: Vec::new(),
            y: eta.clone(),
            ..design.clone()
        };
        let mut filtered = filter(&plain, coefficients)?;
        let n = plain.w.len();
        let roots: Vec<f64> = filtered.variances.iter().map(|f| 1.0 / f.sqrt()).collect();
        let standardized = |column: &[f64]| column.iter().zip(&roots).map(|(v, root)| v * root).collect::<Vec<f64>>();
        let columns = filtered.columns[1..].iter().map(|column| standardized(column)).collect();
        let solved = least_squares(standardized(&filtered.columns[0]), columns);
        let (values, outliers) = filtered.columns.split_at_mut(1);
        for ((gap, column), beta) in plain.gaps.iter().zip(outliers.iter()).zip(&solved.beta) {
            eta[*gap] -= beta;
            values[0].iter_mut().zip(column).for_each(|(v, x)| *v -= beta * x);
        }
        let outliers = plain.gaps.iter().enumerate().map(|(i, at)| Outlier { at: *at, column: i + 1 }).collect();
        let phi = coefficients.phi(order.season_length);
        let innovations = filtered.columns[0][..n].to_vec();
        Some(Self {
            full: times(&phi, &delta),
            phi,
            delta,
            eta,
            outliers,
            innovations,
            triangle: solved.triangle,
            filtered,
        })
    }

    /// Innovations, one a differenced value.
    pub(super) fn innovations(&self) -> &[f64] {
        &self.innovations
    }

    /// Means of the next steps, without regressors.
    pub(super) fn means(&self, horizon: usize) -> Vec<f64> {
        carried(&self.phi, &self.delta, &self.eta, &self.filtered.columns[0], horizon)
    }

    /// Forecasts of each missing value's column over what is known of it: rows that add to the variance, squared.
    fn of_outliers(&self, horizon: usize) -> Vec<Vec<f64>> {
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(self.outliers.len());
        for (i, outlier) in self.outliers.iter().enumerate() {
            let mut history = vec![0.0; self.eta.len()];
            history[outlier.at] = 1.0;
            let mut row = carried(&self.phi, &self.delta, &history, &self.filtered.columns[outlier.column], horizon);
            // R'^-1 C by forward substitution.
            for (j, known) in rows.iter().enumerate() {
                let share = self.triangle[j][i];
                row.iter_mut().zip(known).for_each(|(x, z)| *x -= share * z);
            }
            let size = self.triangle[i][i];
            row.iter_mut().for_each(|x| *x = if size > 0.0 { *x / size } else { 0.0 });
            rows.push(row);
        }
        rows
    }

    /// Variances of the errors at the next steps, over sigma2.
    pub(super) fn variances(&self, horizon: usize) -> Vec<f64> {
        let mut out = vec![0.0; horizon];
        let mut gains = Gains::new(&self.filtered);
        let mut weights: Vec<f64> = Vec::new();
        for j in 0..horizon {
            if !(gains.steady && weights.len() >= horizon - j) {
                weights = self.weights(&gains, horizon - j);
            }
            for (value, g) in out[j..].iter_mut().zip(&weights) {
                *value += gains.variance * g * g;
            }
            gains.advance();
        }
        for row in self.of_outliers(horizon) {
            out.iter_mut().zip(&row).for_each(|(value, x)| *value += x * x);
        }
        out
    }

    /// What an innovation at the next step adds to the `count` steps from it on.
    fn weights(&self, gains: &Gains, count: usize) -> Vec<f64> {
        let inverse = 1.0 / gains.variance;
        let mut out: Vec<f64> = Vec::with_capacity(count);
        for k in 0..count {
            let own = if k == 0 { 1.0 } else { gains.gain.get(k - 1).map_or(0.0, |c| c * inverse) };
            let carried: f64 = self.full.iter().take_while(|(lag, _)| *lag <= k).map(|(lag, c)| c * out[k - lag]).sum();
            out.push(own + carried);
        }
        out
    }

    /// `count` simulated courses around the means, in standard deviations sigma: one row a course.
    pub(super) fn courses(&self, horizon: usize, count: usize, seed: u64) -> Vec<Vec<f64>> {
        let mut seeds = Dice::new(seed);
        let mut dice: Vec<Dice> = (0..count).map(|_| Dice::new(seeds.bits())).collect();
        let mut left = vec![vec![0.0; horizon]; count];
        let mut gains = Gains::new(&self.filtered);
        for j in 0..horizon {
            let inverse = 1.0 / gains.variance;
            let root = gains.variance.sqrt();
            let reach: Vec<(usize, f64)> = gains
                .gain
                .iter()
                .take(horizon - j - 1)
                .enumerate()
                .filter(|(_, c)| **c != 0.0)
                .map(|(i, c)| (j + 1 + i, c * inverse))
                .collect();
            for (left, dice) in left.iter_mut().zip(&mut dice) {
                let v = root * normal(dice);
                left[j] += v;
                for (at, c) in &reach {
                    left[*at] += c * v;
                }
            }
            gains.advance();
        }
        let outliers = self.of_outliers(horizon);
        for (course, dice) in left.iter_mut().zip(&mut dice) {
            for k in 0..horizon {
                let carried: f64 =
                    self.full.iter().take_while(|(lag, _)| *lag <= k).map(|(lag, c)| c * course[k - lag]).sum();
                course[k] += carried;
            }
            for row in &outliers {
                let draw = normal(dice);
                course.iter_mut().zip(row).for_each(|(x, z)| *x += draw * z);
            }
        }
        left
    }
}

/// Goes on from an undifferenced history, less what filtering its `innovations` left for the steps ahead.
pub(super) fn carried(phi: &[f64], delta: &[f64], history: &[f64], innovations: &[f64], horizon: usize) -> Vec<f64> {
    let mut w = difference(history, delta);
    let (n, phi, delta) = (w.len(), taps(phi), taps(delta));
    for h in 0..horizon {
        let t = w.len();
        let left = innovations.get(n + h).copied().unwrap_or(0.0);
        let sum: f64 = phi.iter().take_while(|(lag, _)| *lag <= t).map(|(lag, c)| c * w[t - lag]).sum();
        w.push(sum - left);
    }
    let mut all = history.to_vec();
    for ahead in &w[n..] {
        let t = all.len();
        all.push(ahead + delta.iter().map(|(lag, c)| c * all[t - lag]).sum::<f64>());
    }
    all.split_off(history.len())
}

/// A standard normal draw.
fn normal(dice: &mut Dice) -> f64 {
    // Half a unit up, so that 0 does not come.
    normal_quantile(dice.unit() + 0.5 / (1u64 << 53) as f64)
}

/// Coefficients of (1 - a)(1 - b) in the form 1 - ..., those that are not zero.
fn times(a: &[f64], b: &[f64]) -> Vec<(usize, f64)> {
    let mut out = vec![0.0; a.len() + b.len()];
    for (i, a) in a.iter().enumerate() {
        out[i] += a;
        for (j, b) in b.iter().enumerate() {
            out[i + j + 1] -= a * b;
        }
    }
    out.iter_mut().zip(b).for_each(|(x, b)| *x += b);
    taps(&out)
}

/// Gains of future steps.
struct Gains {
    variance: f64,
    gain: Vec<f64>,
    generator: Vec<f64>,
    steady: bool,
}

impl Gains {
    fn new(filtered: &Filtered) -> Self {
        let (variance, gain, generator) = (filtered.variance, filtered.gain.clone(), filtered.generator.clone());
        let mut gains = Self { variance, gain, generator, steady: false };
        gains.steady = gains.stands_still();
        gains
    }

    fn stands_still(&self) -> bool {
        self.generator.iter().all(|l| l.abs() <= STEADY * self.variance)
    }

    fn advance(&mut self) {
        if self.steady {
            return;
        }
        let k = self.generator.first().map_or(0.0, |l| l / self.variance);
        for i in 0..self.gain.len() {
            let (c, l) = (self.gain[i], self.generator.get(i + 1).copied().unwrap_or(0.0));
            self.gain[i] = c - k * l;
            self.generator[i] = l - k * c;
        }
        if let Some(last) = self.generator.last_mut() {
            *last = 0.0;
        }
        self.variance *= 1.0 - k * k;
        self.steady = self.stands_still();
    }
}
