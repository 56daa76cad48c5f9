//! What the likelihood is computed from: differenced values and differenced columns.
//!
//! y = X beta + eta, (1 - B)^d (1 - B^m)^D eta = w, w an ARMA process. Regressors, the mean (without differences) and the
//! drift (with one) are columns whose coefficients are solved for by generalized least squares within each evaluation. A
//! missing value is a column, too: one at its step and zero elsewhere ("additive outlier"). Integrating its coefficient
//! out over a flat prior leaves exactly the density of what was observed, so that the likelihood equals that of a
//! diffuse Kalman filter. Source: Gomez, Maravall & Pena (1999), Journal of Econometrics 88, 341-363.

use serde::{Deserialize, Serialize};

use super::order::Order;
use super::polynomial::{differencing, taps};
use crate::models::smoothing_fit::scale_of;

/// What values and regressors were brought to a common size by: powers of two, so that no digit changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Units {
    /// What is taken from the values.
    pub(super) center: f64,
    /// What they are divided by after.
    pub(super) scale: f64,
    /// What each regressor is divided by.
    pub(super) regressors: Vec<f64>,
}

impl Units {
    /// Units of these data. Centering needs a model that a constant can be added to.
    pub(super) fn of(y: &[f64], regressors: &[Vec<f64>], centered: bool) -> Self {
        let n = y.len().max(1) as f64;
        let center = if centered { y.iter().map(|v| v / n).sum::<f64>() } else { 0.0 };
        let fits = center.is_finite() && y.iter().all(|v| (v - center).is_finite());
        let center = if fits { center } else { 0.0 };
        let scale = scale_of(&y.iter().map(|v| v - center).collect::<Vec<_>>());
        Self { center, scale, regressors: regressors.iter().map(|column| scale_of(column)).collect() }
    }
}

/// Differenced data of one fit.
#[derive(Debug, Clone)]
pub(super) struct Design {
    pub(super) order: Order,
    /// Differenced values, gaps filled; n long.
    pub(super) w: Vec<f64>,
    /// Differenced columns, n long each: missing values first, then regressors.
    pub(super) columns: Vec<Vec<f64>>,
    /// Steps of the series that are missing.
    pub(super) gaps: Vec<usize>,
    /// Values before differencing, gaps filled.
    pub(super) y: Vec<f64>,
    /// Regressors before differencing.
    pub(super) regressors: Vec<Vec<f64>>,
}

impl Design {
    /// `y`: finite values, gaps filled; `observed`: one flag a value; `regressors`: columns as long as `y`.
    pub(super) fn new(order: Order, y: &[f64], observed: &[bool], regressors: &[Vec<f64>], units: &Units) -> Self {
        let y: Vec<f64> = y.iter().map(|v| (v - units.center) / units.scale).collect();
        let scaled = regressors.iter().zip(&units.regressors);
        let regressors: Vec<Vec<f64>> =
            scaled.map(|(column, scale)| column.iter().map(|x| x / scale).collect()).collect();
        let gaps: Vec<usize> = (0..y.len()).filter(|t| !observed[*t]).collect();
        let delta = differencing(order.d, order.seasonal_d, order.season_length);
        let mut columns: Vec<Vec<f64>> = gaps.iter().map(|gap| outlier(*gap, y.len(), &delta)).collect();
        columns.extend(regressors.iter().map(|column| difference(column, &delta)));
        Self { w: difference(&y, &delta), order, columns, gaps, y, regressors }
    }

    /// Number of observations that the likelihood is over: those observed less those that start the differences.
    pub(super) fn n_used(&self) -> usize {
        self.w.len().saturating_sub(self.gaps.len())
    }
}

/// Differenced values, `delta.len()` fewer.
pub(super) fn difference(y: &[f64], delta: &[f64]) -> Vec<f64> {
    let taps = taps(delta);
    (delta.len()..y.len()).map(|t| y[t] - taps.iter().map(|(lag, c)| c * y[t - lag]).sum::<f64>()).collect()
}

/// A one at step `at` of `len`, differenced.
fn outlier(at: usize, len: usize, delta: &[f64]) -> Vec<f64> {
    let lost = delta.len();
    let mut out = vec![0.0; len.saturating_sub(lost)];
    if at >= lost {
        out[at - lost] = 1.0;
    }
    for (lag, c) in taps(delta) {
        if let Some(i) = (at + lag).checked_sub(lost).filter(|i| *i < out.len()) {
            out[i] = -c;
        }
    }
    out
}
