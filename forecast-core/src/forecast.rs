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
#[derive(Debug, Clone, PartialEq)]
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
