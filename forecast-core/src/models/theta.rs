//! Theta method: exponential smoothing of a series whose curvature is doubled, plus half of its trend.
//!
//! Standard: Assimakopoulos & Nikolopoulos (2000), International Journal of Forecasting 16, 521-530, in the form of Hyndman
//! & Billah (2003), same journal 19, 287-290, as R's `thetaf`. Optimized and dynamic (theta learned; the line learned
//! anew at each step): Fiorucci et al. (2016), same journal 32, 1151-1161. A season found by its autocorrelation is
//! taken out by classical decomposition. Golden tests against `thetaf`: within 1e-4.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::decompose::{self, Seasons};
use super::ets;
use super::gridded::{Core, Criteria, Grid, Gridded};
use super::least_squares::{self, Differences, Stop};
use super::smoothing_fit::scale_of;
use crate::events;
use crate::model::{FitError, Fitted, FittedState, Forecaster, Needs, RestoreError};
use crate::season;
use crate::series::Series;

/// Bounds of alpha where theta is learned, as in the source.
const ALPHA: (f64, f64) = (0.1, 0.99);
/// Bounds of theta.
const THETA: (f64, f64) = (1.0, 50.0);
/// Starting points for alpha and theta.
const STARTS: [(f64, f64); 3] = [(0.5, 2.0), (0.2, 5.0), (0.9, 1.5)];
/// A power that adds nothing to a sum any more; further on it would be denormal, and slow.
const NOTHING: f64 = 1e-30;
/// When a search ends.
const STOP: Stop = Stop { iterations: 60, tolerance: 1e-10 };

/// Which theta method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThetaKind {
    /// Theta 2 and the line of all values.
    #[default]
    Standard,
    /// Theta learned.
    Optimized,
    /// Theta learned, and the line learned anew with each value.
    Dynamic,
}

/// The theta method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Theta {
    /// Which one.
    pub kind: ThetaKind,
    /// Steps of a season; `None` takes the stronger of day and week.
    pub season_length: Option<usize>,
}

fn name(kind: ThetaKind, season_length: Option<usize>) -> String {
    let kind = match kind {
        ThetaKind::Standard => "theta",
        ThetaKind::Optimized => "theta(optimized)",
        ThetaKind::Dynamic => "theta(dynamic)",
    };
    super::naive::with_season(kind, season_length)
}

impl Forecaster for Theta {
    fn name(&self) -> String {
        name(self.kind, self.season_length)
    }

    fn needs(&self) -> Needs {
        Needs { observations: 4, positive: false }
    }

    fn fit(&self, y: &Series) -> Result<Box<dyn Fitted>, FitError> {
        let needed = self.needs().observations;
        if y.len() < needed {
            return Err(FitError::TooShort { model: Forecaster::name(self), needed, got: y.len() });
        }
        let plain = events::without_events(y);
        let m = self.season_length.unwrap_or_else(|| season::strongest(&plain)).max(1);
        let grid = Grid::new(&plain, m);
        let scale = scale_of(&grid.values);
        let values: Vec<f64> = grid.values.iter().map(|v| v / scale).collect();
        let seasonal = m > 1 && values.len() > 2 * m && decompose::is_seasonal(&values, m);
        let seasons = if seasonal { decompose::classical(&values, m) } else { Seasons::none(m) };
        let adjusted: Vec<f64> = values.iter().enumerate().map(|(t, v)| seasons.remove(*v, t)).collect();
        let learned = learn(self.kind, &adjusted)
            .ok_or_else(|| FitError::NoFit { model: Forecaster::name(self), reason: "no finite error".into() })?;
        let start = Line::start(self.kind, &adjusted, learned);
        let mut core = FittedTheta { kind: self.kind, line: start, seasons, scale, place: 0, sigma2: 0.0 };
        let errors: Vec<f64> = grid.values.iter().map(|v| core.push(Some(*v))).collect();
        core.sigma2 = core.line.variance(&adjusted, learned);
        Ok(Box::new(Gridded::new(core, y, &grid, &errors, m)))
    }
}

/// Parameters that are learned.
#[derive(Debug, Clone, Copy)]
struct Learned {
    alpha: f64,
    theta: f64,
    level: f64,
}

/// Level, line and how far it has come, without the season.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Line {
    kind: ThetaKind,
    alpha: f64,
    theta: f64,
    level: f64,
    intercept: f64,
    slope: f64,
    /// Values taken in.
    count: usize,
    mean: f64,
    /// (1 - alpha)^count, zero once it is far below the precision of a double.
    rest: f64,
}

impl Line {
    fn start(kind: ThetaKind, y: &[f64], learned: Learned) -> Self {
        let Learned { alpha, theta, level } = learned;
        // The line through the values at 1, 2, ...; the dynamic one starts without any.
        let (intercept, slope) = if kind == ThetaKind::Dynamic { (0.0, 0.0) } else { super::smoothing_fit::line(y) };
        Self { kind, alpha, theta, level, intercept, slope, count: 0, mean: 0.0, rest: 1.0 }
    }

    /// Forecast of the step `ahead` (from 0) with the present level and line.
    fn forecast(&self, ahead: usize) -> f64 {
        let ahead = ahead as f64;
        match self.kind {
            ThetaKind::Standard => self.level + 0.5 * self.slope * (ahead + (1.0 - self.rest) / self.alpha),
            _ => {
                let next = self.rest * (1.0 - self.alpha);
                let by_line = self.rest * self.intercept + (ahead + (1.0 - next) / self.alpha) * self.slope;
                self.level + (1.0 - 1.0 / self.theta) * by_line
            }
        }
    }

    fn push(&mut self, y: f64) {
        self.level = self.alpha * y + (1.0 - self.alpha) * self.level;
        let t = (self.count + 1) as f64;
        if self.kind == ThetaKind::Dynamic {
            let before = self.mean;
            self.mean += (y - self.mean) / t;
            self.slope =
                if self.count == 0 { 0.0 } else { ((t - 2.0) * self.slope + 6.0 * (y - before) / t) / (t + 1.0) };
            self.intercept = self.mean - self.slope * (t + 1.0) / 2.0;
        }
        self.count += 1;
        self.rest *= 1.0 - self.alpha;
        if self.rest < NOTHING {
            self.rest = 0.0;
        }
    }

    /// One-step errors over values, the state moved on.
    fn run(&mut self, y: &[f64], errors: &mut [f64]) {
        for (t, (y, error)) in y.iter().zip(errors).enumerate() {
            // The dynamic line says nothing before two values.
            *error = if self.kind == ThetaKind::Dynamic && t < 2 { 0.0 } else { y - self.forecast(0) };
            self.push(*y);
        }
    }

    /// Variance of the one-step errors; of the standard method, of its smoothing alone, as in R.
    fn variance(&self, y: &[f64], learned: Learned) -> f64 {
        let mut errors = vec![0.0; y.len()];
        let kind = self.kind;
        let mut line = Self::start(kind, y, learned);
        if kind == ThetaKind::Standard {
            line.slope = 0.0;
        }
        line.run(y, &mut errors);
        let free = if kind == ThetaKind::Standard { 2 } else { 3 };
        errors.iter().map(|e| e * e).sum::<f64>() / (y.len().saturating_sub(free)).max(1) as f64
    }
}

/// Parameters of least squared one-step errors.
fn learn(kind: ThetaKind, y: &[f64]) -> Option<Learned> {
    let (alpha, level) = ets::simple_smoothing(y)?;
    if kind == ThetaKind::Standard {
        return Some(Learned { alpha: alpha.max(1e-10), theta: 2.0, level });
    }
    let bounds = vec![ALPHA, THETA, (f64::NEG_INFINITY, f64::INFINITY)];
    let errors = |at: &[f64], out: &mut [f64]| {
        let learned = Learned { alpha: at[0], theta: at[1], level: at[2] };
        Line::start(kind, y, learned).run(y, out);
    };
    let size = y.iter().fold(0.0_f64, |max, v| max.max(v.abs())).max(1e-300);
    let mut problem = Differences::new(errors, y.len(), bounds, vec![1.0, 1.0, size]);
    let all = STARTS.iter().map(|(alpha, theta)| least_squares::descend(&mut problem, &[*alpha, *theta, y[0]], STOP));
    let best = all.filter(|(_, sse)| sse.is_finite()).min_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Learned { alpha: best.0[0], theta: best.0[1], level: best.0[2] })
}

/// The theta method at the end of a sequence.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct FittedTheta {
    kind: ThetaKind,
    line: Line,
    seasons: Seasons,
    /// Power of two that values inside are divided by.
    scale: f64,
    /// Steps seen, gaps included.
    place: usize,
    sigma2: f64,
}

/// A stored fit.
pub(super) fn restore(state: &FittedState) -> Result<Box<dyn Fitted>, RestoreError> {
    super::gridded::restore::<FittedTheta>(state)
}

impl Core for FittedTheta {
    fn name(&self) -> String {
        name(self.kind, Some(self.seasons.length()).filter(|m| *m > 1))
    }

    fn push(&mut self, value: Option<f64>) -> f64 {
        let expected = self.line.forecast(0);
        let mut error = 0.0;
        if let Some(value) = value {
            error = value - self.seasons.put_back(expected, self.place) * self.scale;
            self.line.push(self.seasons.remove(value / self.scale, self.place));
        } else {
            self.line.push(expected);
        }
        self.place += 1;
        error
    }

    fn moments(&self, horizon: usize) -> Vec<(f64, f64)> {
        let mut line = self.line.clone();
        (0..horizon)
            .map(|k| {
                let adjusted = if self.kind == ThetaKind::Dynamic {
                    // The line of the future is learned from the forecasts themselves.
                    let next = line.forecast(0);
                    line.push(next);
                    next
                } else {
                    line.forecast(k)
                };
                let variance = self.sigma2 * (1.0 + k as f64 * self.line.alpha * self.line.alpha);
                (self.seasons.put_back(adjusted, self.place + k) * self.scale, variance.sqrt() * self.scale)
            })
            .collect()
    }

    fn parameters(&self) -> BTreeMap<String, f64> {
        let drift = if self.kind == ThetaKind::Standard { 0.5 } else { 1.0 - 1.0 / self.line.theta };
        BTreeMap::from([
            ("alpha".into(), self.line.alpha),
            ("theta".into(), self.line.theta),
            ("drift".into(), drift * self.line.slope * self.scale),
            ("level".into(), self.line.level * self.scale),
        ])
    }

    fn criteria(&self) -> Criteria {
        Criteria { n_used: self.line.count, ..Criteria::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_fitted_traits, hourly};
    use super::*;
    use crate::model::Ahead;
    use crate::paths::Dice;

    const KINDS: [ThetaKind; 3] = [ThetaKind::Standard, ThetaKind::Optimized, ThetaKind::Dynamic];

    fn wave(n: usize) -> Series {
        let mut dice = Dice::new(9);
        let value = |t: usize| (50.0 + 0.2 * t as f64) * [1.2, 0.9, 0.8, 1.1][t % 4];
        hourly(&(0..n).map(|t| value(t) + dice.unit()).collect::<Vec<_>>())
    }

    #[test]
    fn every_kind_forecasts_updates_and_is_restored() {
        for kind in KINDS {
            check_fitted_traits(&Theta { kind, season_length: Some(4) }, &wave(80));
            check_fitted_traits(&Theta { kind, season_length: None }, &wave(20));
        }
    }

    #[test]
    fn trend_and_season_go_on() {
        for kind in KINDS {
            let fitted = Theta { kind, season_length: Some(4) }.fit(&wave(100)).unwrap();
            let ahead = fitted.forecast(&Ahead::steps(8), &[]).unwrap();
            for (k, point) in ahead.point.iter().enumerate() {
                let truth = 0.5 + (50.0 + 0.2 * (100 + k) as f64) * [1.2, 0.9, 0.8, 1.1][k % 4];
                assert!((point - truth).abs() < 3.0, "{kind:?} lead {k}: {point}, expected {truth}");
            }
        }
    }
}
