//! What a model says about the future: quantiles a step, or joint paths over the whole horizon.

use std::time::Duration;

use jiff::Timestamp;
use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// Probability of a quantile, strictly between 0 and 1; 0.9 is the 90 % quantile.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Level(f64);

/// A probability outside (0, 1).
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[error("level {0} is no probability of a quantile; expected a number between 0 and 1, both excluded")]
pub struct LevelError(pub f64);

impl Level {
    /// The median.
    pub const MEDIAN: Self = Self(0.5);

    /// A level from its probability.
    /// # Errors
    /// Unless 0 < `probability` < 1.
    pub fn new(probability: f64) -> Result<Self, LevelError> {
        if probability > 0.0 && probability < 1.0 { Ok(Self(probability)) } else { Err(LevelError(probability)) }
    }

    /// The probability, between 0 and 1.
    pub fn probability(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Level {
    type Error = LevelError;
    fn try_from(value: f64) -> Result<Self, LevelError> {
        Self::new(value)
    }
}

impl From<Level> for f64 {
    fn from(level: Level) -> f64 {
        level.0
    }
}

/// Quantile forecasts over a horizon, in the unit of the series.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Forecast {
    /// Time of the first step forecast (lead 1).
    pub start: Timestamp,
    /// Time between steps.
    pub step: Duration,
    /// Point forecast: the median, one a lead.
    pub point: Vec<f64>,
    /// Levels asked for, ascending.
    pub levels: Vec<Level>,
    /// One row a lead, one column a level; never crossing.
    pub quantiles: Array2<f64>,
}

impl Forecast {
    /// A forecast from its medians and a rule for its quantiles.
    ///
    /// `levels` in any order; `quantile(index, probability)` with the lead counted from 0. Quantiles that cross are
    /// made level, those below the median kept below the point.
    pub fn from_quantiles(
        start: Timestamp,
        step: Duration,
        point: Vec<f64>,
        levels: &[Level],
        quantile: impl Fn(usize, f64) -> f64,
    ) -> Self {
        let mut levels = levels.to_vec();
        levels.sort_by(|a, b| a.0.total_cmp(&b.0));
        levels.dedup();
        let mut quantiles = Array2::zeros((point.len(), levels.len()));
        for (k, (&point, mut row)) in point.iter().zip(quantiles.rows_mut()).enumerate() {
            let mut floor = f64::NEG_INFINITY;
            for (cell, level) in row.iter_mut().zip(&levels) {
                let raw = if level.0 == 0.5 { point } else { quantile(k, level.0) };
                let sided = if level.0 < 0.5 { raw.min(point) } else { raw.max(point) };
                floor = floor.max(sided);
                *cell = floor;
            }
        }
        Self { start, step, point, levels, quantiles }
    }

    /// A forecast with normal errors: mean and variance of each lead, variances not negative.
    pub fn gaussian(start: Timestamp, step: Duration, moments: &[(f64, f64)], levels: &[Level]) -> Self {
        let point = moments.iter().map(|(mean, _)| *mean).collect();
        Self::from_quantiles(start, step, point, levels, |k, p| {
            let (mean, variance) = moments[k];
            mean + variance.sqrt() * crate::math::normal_quantile(p)
        })
    }

    /// Number of steps forecast.
    pub fn horizon(&self) -> usize {
        self.point.len()
    }

    /// Time of a lead, counted from 0.
    pub fn time(&self, index: usize) -> Timestamp {
        let seconds = self.step.as_secs().saturating_mul(index as u64).min(i64::MAX as u64) as i64;
        let at = self.start.as_second().saturating_add(seconds).min(Timestamp::MAX.as_second());
        Timestamp::from_second(at).unwrap_or(Timestamp::MAX)
    }

    /// The quantile of one level over the horizon, if that level was asked for.
    pub fn quantile(&self, level: Level) -> Option<Vec<f64>> {
        let column = self.levels.iter().position(|l| *l == level)?;
        Some(self.quantiles.column(column).to_vec())
    }
}

/// Joint samples of the future: each row is one course that the load may take over the whole horizon.
#[derive(Debug, Clone, PartialEq)]
pub struct Paths {
    /// Time of the first step forecast (lead 1).
    pub start: Timestamp,
    /// Time between steps.
    pub step: Duration,
    /// One row a path, one column a lead, in the unit of the series.
    pub values: Array2<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(all: &[f64]) -> Vec<Level> {
        all.iter().map(|p| Level::new(*p).unwrap()).collect()
    }

    #[test]
    fn levels_are_probabilities() {
        for wrong in [0.0, 1.0, -0.1, 1.1, f64::NAN] {
            assert!(Level::new(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Level::new(0.9).unwrap().probability(), 0.9);
        let text = serde_json::to_string(&Level::MEDIAN).unwrap();
        assert_eq!(text, "0.5");
        assert!(serde_json::from_str::<Level>("1.5").is_err());
    }

    #[test]
    fn quantiles_are_sorted_and_never_cross() {
        let asked = levels(&[0.9, 0.1, 0.5, 0.9]);
        let crossing = |k: usize, p: f64| if k == 0 { 10.0 * p } else { -10.0 * p };
        let forecast =
            Forecast::from_quantiles(Timestamp::UNIX_EPOCH, Duration::from_secs(60), vec![5.0, 5.0], &asked, crossing);
        assert_eq!(forecast.levels, levels(&[0.1, 0.5, 0.9]));
        assert_eq!(forecast.quantiles.row(0).to_vec(), [1.0, 5.0, 9.0]);
        assert_eq!(forecast.quantiles.row(1).to_vec(), [-1.0, 5.0, 5.0]);
        assert_eq!(forecast.quantile(asked[0]), Some(vec![9.0, 5.0]));
        assert_eq!(forecast.time(1).as_second(), 60);
    }

    #[test]
    fn normal_quantiles_lie_around_the_mean() {
        let asked = levels(&[0.025, 0.975]);
        let forecast =
            Forecast::gaussian(Timestamp::UNIX_EPOCH, Duration::from_secs(60), &[(10.0, 4.0), (3.0, 0.0)], &asked);
        assert!((forecast.quantiles[(0, 1)] - 10.0 - 2.0 * 1.959_963_984_540_054).abs() < 1e-12);
        assert!((forecast.quantiles[(0, 0)] - 10.0 + 2.0 * 1.959_963_984_540_054).abs() < 1e-12);
        assert_eq!(forecast.quantiles.row(1).to_vec(), [3.0, 3.0]);
    }
}
