//! The likelihood with a finite variance for the values before the first one, as R and others have it.
//!
//! R's `arima` gives the `d + D m` values before the series the mean zero and the variance 1e6 sigma2, and leaves the first
//! d + D m observations out of the sum. That differs from the diffuse likelihood by what the level of the series tells
//! about those values: up to some hundredths, which matters when numbers are compared. Here those values a are columns:
//! with w the differences taken as if a were zero, w = -C a + ARMA, a ~ N(0, variance sigma2), so that
//! Q = min over a of |z(w) + z(C) a|^2 + |a|^2 / variance, once over all observations and once over the first ones.

use super::LN_2_PI;
use super::design::{Design, Units};
use super::exact::filter;
use super::fit::Estimate;
use super::optimize::dot;
use super::polynomial::{differencing, taps};
use super::regression::least_squares;

/// Most values before the first one; beyond, columns cost more than the number is worth.
const MOST: usize = 64;

/// Log-likelihood in the unit of the design; `None` without differences, with too many, or if it is not finite.
pub(super) fn log_likelihood(design: &Design, units: &Units, learned: &Estimate, variance: f64) -> Option<f64> {
    let order = design.order;
    let lost = order.lost();
    if lost == 0 || lost > MOST || !design.gaps.is_empty() {
        return None;
    }
    let mut eta: Vec<f64> = design.y.iter().map(|v| v + units.center / units.scale).collect();
    for (column, beta) in design.regressors.iter().zip(&learned.beta) {
        eta.iter_mut().zip(column).for_each(|(e, x)| *e -= beta * x);
    }
    let delta = differencing(order.d, order.seasonal_d, order.season_length);
    let lags = taps(&delta);
    let w: Vec<f64> = (0..eta.len())
        .map(|t| eta[t] - lags.iter().take_while(|(lag, _)| *lag <= t).map(|(lag, c)| c * eta[t - lag]).sum::<f64>())
        .collect();
    // The value j + 1 steps before the first enters the differences at t with lag t + j + 1.
    let entering = |j: usize| (0..eta.len()).map(|t| delta.get(t + j).map_or(0.0, |c| -c)).collect::<Vec<f64>>();
    let whole = Design { w, columns: (0..lost).map(entering).collect(), regressors: Vec::new(), ..design.clone() };
    let filtered = filter(&whole, &learned.coefficients)?;
    let roots: Vec<f64> = filtered.variances.iter().map(|f| 1.0 / f.sqrt()).collect();
    let all = quadratic(&filtered.columns, &roots, eta.len(), variance);
    let first = quadratic(&filtered.columns, &roots, lost, variance);
    let logs: f64 = filtered.variances[lost..].iter().map(|f| libm::log(*f)).sum();
    let n = learned.n_used as f64;
    let sigma2 = (all.0 - first.0) / n;
    let found = -0.5 * (n * (LN_2_PI + libm::log(sigma2)) + n + logs + all.1 - first.1);
    found.is_finite().then_some(found)
}

/// Least sum of squares over the first `n` observations, and ln det of the information on the values before.
fn quadratic(columns: &[Vec<f64>], roots: &[f64], n: usize, variance: f64) -> (f64, f64) {
    let count = columns.len() - 1;
    let prior = 1.0 / variance.sqrt();
    let extended = |column: &[f64], own: Option<usize>| -> Vec<f64> {
        let observations = column.iter().zip(roots).take(n).map(|(v, root)| v * root);
        observations.chain((0..count).map(|j| if own == Some(j) { prior } else { 0.0 })).collect()
    };
    let target = extended(&columns[0], None);
    let before = columns[1..].iter().enumerate().map(|(j, column)| extended(column, Some(j))).collect();
    let solved = least_squares(target, before);
    let determinant = solved.triangle.iter().enumerate().map(|(j, row)| 2.0 * libm::log(row[j])).sum();
    (dot(&solved.residuals, &solved.residuals), determinant)
}
