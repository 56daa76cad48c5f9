//! Classical decomposition: a season as the mean deviation from a centered moving average.
//!
//! Source: Kendall & Stuart (1983), The Advanced Theory of Statistics, volume 3, as R's `decompose`; the test for a season
//! is that of R's `thetaf`.

use serde::{Deserialize, Serialize};

use super::smoothing_fit::moving_averages;

/// Size of an autocorrelation at the season, in its standard errors, that counts: the 95 % quantile.
const SIGNIFICANT: f64 = 1.644_853_626_951_472_7;
/// Seasonal factors nearer to zero than this cannot be divided by.
const SMALLEST_FACTOR: f64 = 1e-10;

/// A season by position in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Seasons {
    multiplied: bool,
    parts: Vec<f64>,
}

impl Seasons {
    /// No season, on a grid of days of `m` steps.
    pub(super) fn none(m: usize) -> Self {
        Self { multiplied: false, parts: vec![0.0; m] }
    }

    /// Steps of the season.
    pub(super) fn length(&self) -> usize {
        self.parts.len()
    }

    /// A value without its season.
    pub(super) fn remove(&self, value: f64, t: usize) -> f64 {
        let part = self.parts[t % self.parts.len()];
        if self.multiplied { value / part } else { value - part }
    }

    /// A value with its season.
    pub(super) fn put_back(&self, value: f64, t: usize) -> f64 {
        let part = self.parts[t % self.parts.len()];
        if self.multiplied { value * part } else { value + part }
    }
}

/// Whether the autocorrelation at a season of `m` steps is larger than those before it explain; more than 2 m values.
pub(super) fn is_seasonal(y: &[f64], m: usize) -> bool {
    let n = y.len() as f64;
    let mean = y.iter().sum::<f64>() / n;
    let covariance = |lag: usize| y[lag..].iter().zip(y).map(|(a, b)| (a - mean) * (b - mean)).sum::<f64>();
    let variance = covariance(0);
    if variance.is_nan() || variance <= 1e-24 * mean * mean * n {
        return false;
    }
    let before: f64 = (1..m).map(|lag| covariance(lag) / variance).map(|r| r * r).sum();
    (covariance(m) / variance).abs() / ((1.0 + 2.0 * before) / n).sqrt() > SIGNIFICANT
}

/// The season of at least two cycles: multiplied where all values are above zero, else added.
pub(super) fn classical(y: &[f64], m: usize) -> Seasons {
    let multiplied = y.iter().all(|v| *v > 0.0);
    let (first, averages) = moving_averages(y, m);
    let mut sums = vec![(0.0, 0usize); m];
    for (i, average) in averages.iter().enumerate() {
        let part = if multiplied { y[first + i] / average } else { y[first + i] - average };
        let sum = &mut sums[(first + i) % m];
        *sum = (sum.0 + part, sum.1 + 1);
    }
    let parts: Vec<f64> = sums.into_iter().map(|(sum, count)| sum / count.max(1) as f64).collect();
    let mean = parts.iter().sum::<f64>() / m as f64;
    let parts: Vec<f64> = parts.into_iter().map(|p| if multiplied { p / mean } else { p - mean }).collect();
    if parts.iter().any(|p| !p.is_finite() || multiplied && p.abs() < SMALLEST_FACTOR) {
        return Seasons::none(m);
    }
    Seasons { multiplied, parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_season_on_a_line_is_found() {
        let season = [1.5, 0.5, 0.75, 1.25];
        let y: Vec<f64> = (0..24).map(|t| 10.0 * season[t % 4]).collect();
        assert!(is_seasonal(&y, 4));
        let found = classical(&y, 4);
        for (t, value) in y.iter().enumerate() {
            assert!((found.remove(*value, t) - 10.0).abs() < 1e-12);
            assert!((found.put_back(10.0, t) - value).abs() < 1e-12);
        }
    }

    #[test]
    fn values_at_zero_get_an_added_season() {
        let y: Vec<f64> = (0..24).map(|t| [3.0, 0.0, 1.0][t % 3]).collect();
        let found = classical(&y, 3);
        assert!((found.remove(0.0, 1) - 4.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn constants_have_no_season() {
        assert!(!is_seasonal(&[5.0; 30], 4));
        assert!(!is_seasonal(&[0.1; 30], 4));
    }
}
