//! Theta method: exponential smoothing of a series whose curvature is doubled, plus half of its trend.
//!
//! Standard: Assimakopoulos & Nikolopoulos (2000), International Journal of Forecasting 16, 521-530, in the form of Hyndman
//! & Billah (2003), same journal 19, 287-290, as R's `thetaf`. Optimized and dynamic (theta learned; the line learned
//! anew at each step): Fiorucci et al. (2016), same journal 32, 1151-1161, with the bounds of their package `forecTheta`.
//! Start and theta enter the errors linearly, so that only alpha is searched for. A season found by its autocorrelation is
//! taken out by classical decomposition. Golden tests against `thetaf`: within 1e-4; as there, bounds are as far from the
//! forecast at a peak as at night, also where the season is multiplied.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::decompose::{self, Seasons};
use super::ets;
use super::gridded::{Core, Criteria, Grid, Gridded};
use super::smoothing_fit::scale_of;
use crate::events;
use crate::kernels::theta::{self as kernel, CANDIDATES, NOTHING, Products};
use crate::math::finite;
use crate::model::{FitError, Fitted, FittedState, Forecaster, Needs, RestoreError};
use crate::season;
use crate::series::Series;

/// Size up to which values are taken in, so that sums of some of them are finite.
const MOST: f64 = 1e300;
/// Bounds of alpha where theta is learned, as in the source.
const ALPHA: (f64, f64) = (0.1, 0.99);
/// Largest theta.
const MOST_THETA: f64 = 1e10;
/// Rounds of the search for alpha, each within two candidates' distance around the best one before.
const ROUNDS: usize = 8;

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
    /// Of the optimized and the dynamic one the one of less mean squared error over its scored steps; a fit says which.
    Auto,
}

/// The theta method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Theta {
    /// Which one.
    pub kind: ThetaKind,
    /// Steps of a season; `None` takes [`crate::season::strongest`].
    pub season_length: Option<usize>,
}

fn name(kind: ThetaKind, season_length: Option<usize>) -> String {
    let kind = match kind {
        ThetaKind::Standard => "theta",
        ThetaKind::Optimized => "theta(optimized)",
        ThetaKind::Dynamic => "theta(dynamic)",
        ThetaKind::Auto => "theta(auto)",
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
        let start = Line::start(&adjusted, learned);
        let mut core = FittedTheta { line: start, seasons, scale, place: 0, sigma2: 0.0, sse: 0.0 };
        let errors: Vec<f64> = grid.values.iter().map(|v| core.push(Some(*v))).collect();
        // A state is stored as JSON, which knows no infinity.
        core.sse = finite(errors[unscored(learned.kind)..].iter().map(|e| e * e).sum());
        core.sigma2 = Line::variance(&adjusted, learned);
        Ok(Box::new(Gridded::new(core, y, &grid, &errors, m)))
    }
}

/// Parameters that are learned, and of which method: never [`ThetaKind::Auto`].
#[derive(Debug, Clone, Copy)]
struct Learned {
    kind: ThetaKind,
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
    fn start(y: &[f64], learned: Learned) -> Self {
        let Learned { kind, alpha, theta, level } = learned;
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
        if self.kind == ThetaKind::Dynamic {
            self.learn(y);
        }
        self.count += 1;
        self.rest *= 1.0 - self.alpha;
        if self.rest < NOTHING {
            self.rest = 0.0;
        }
    }

    /// The least squares line through one value more.
    fn learn(&mut self, y: f64) {
        let t = (self.count + 1) as f64;
        let before = self.mean;
        self.mean += (y - self.mean) / t;
        self.slope = if self.count == 0 { 0.0 } else { ((t - 2.0) * self.slope + 6.0 * (y - before) / t) / (t + 1.0) };
        self.intercept = self.mean - self.slope * (t + 1.0) / 2.0;
    }

    /// One-step errors over values, the state moved on.
    fn run(&mut self, y: &[f64], errors: &mut [f64]) {
        for (t, (y, error)) in y.iter().zip(errors).enumerate() {
            *error = if t < unscored(self.kind) { 0.0 } else { y - self.forecast(0) };
            self.push(*y);
        }
    }

    /// Variance of the one-step errors; of the standard method, of its smoothing alone, as in R.
    fn variance(y: &[f64], learned: Learned) -> f64 {
        let mut errors = vec![0.0; y.len()];
        let kind = learned.kind;
        let mut line = Self::start(y, learned);
        if kind == ThetaKind::Standard {
            line.slope = 0.0;
        }
        line.run(y, &mut errors);
        let free = if kind == ThetaKind::Standard { 2 } else { 3 };
        errors.iter().map(|e| e * e).sum::<f64>() / (y.len().saturating_sub(free)).max(1) as f64
    }
}

/// Steps whose errors say nothing: the dynamic line needs two values.
fn unscored(kind: ThetaKind) -> usize {
    if kind == ThetaKind::Dynamic { 2 } else { 0 }
}

/// Parameters of least squared one-step errors.
fn learn(kind: ThetaKind, y: &[f64]) -> Option<Learned> {
    let of = |kind| learned_theta(kind, y);
    match kind {
        ThetaKind::Standard => {
            let (alpha, level) = ets::simple_smoothing(y)?;
            Some(Learned { kind, alpha: alpha.max(1e-10), theta: 2.0, level })
        }
        ThetaKind::Auto => {
            let both = [of(ThetaKind::Optimized), of(ThetaKind::Dynamic)];
            both.into_iter().flatten().min_by(|a, b| a.1.total_cmp(&b.1)).map(|best| best.0)
        }
        _ => of(kind).map(|best| best.0),
    }
}

/// The same where theta is learned, and the mean of the squares.
///
/// Values and lines are taken relative to the first value, so that a high level costs no digits.
fn learned_theta(kind: ThetaKind, y: &[f64]) -> Option<(Learned, f64)> {
    let first = y[0];
    let relative: Vec<f64> = y.iter().map(|y| y - first).collect();
    let mut line = Line::start(&relative, Learned { kind, alpha: 1.0, theta: 1.0, level: 0.0 });
    let mut lines = Vec::with_capacity(y.len());
    for y in &relative {
        lines.push((line.intercept, line.slope));
        if kind == ThetaKind::Dynamic {
            line.learn(*y);
            line.count += 1;
        }
    }
    let scored = y.len() - unscored(kind);
    let (mut low, mut high) = ALPHA;
    let mut best: Option<(Best, f64)> = None;
    for _ in 0..ROUNDS {
        let between = (high - low) / (CANDIDATES - 1) as f64;
        let alphas: [f64; CANDIDATES] = std::array::from_fn(|i| (low + between * i as f64).min(ALPHA.1));
        let sums = kernel::products(&relative, &lines, unscored(kind), &alphas);
        for (i, alpha) in alphas.into_iter().enumerate() {
            let here = Best::at(&sums, i);
            if here.squares.is_finite() && best.is_none_or(|(best, _)| here.squares < best.squares) {
                best = Some((here, alpha));
            }
        }
        let alpha = best?.1;
        (low, high) = ((alpha - between).max(ALPHA.0), (alpha + between).min(ALPHA.1));
    }
    let (Best { start, weight, squares }, alpha) = best?;
    let learned = Learned { kind, alpha, theta: 1.0 / (1.0 - weight), level: first + start - weight * first };
    Some((learned, squares / scored as f64))
}

/// The best parameters at an alpha.
#[derive(Debug, Clone, Copy)]
struct Best {
    start: f64,
    /// 1 - 1 / theta.
    weight: f64,
    squares: f64,
}

impl Best {
    /// Least squares in start and weight, the weight within its bounds.
    fn at(sums: &Products<CANDIDATES>, i: usize) -> Self {
        let Products { ee, er, eg, rr, rg, gg } = sums;
        // Nothing is left of the start where no scored step has any.
        let share = |x: f64| if rr[i] > 0.0 { x / rr[i] } else { 0.0 };
        let (along, across) = (eg[i] - share(rg[i]) * er[i], gg[i] - share(rg[i]) * rg[i]);
        let weight = if across > 1e-12 * gg[i] { along / across } else { 0.0 };
        let weight = weight.clamp(0.0, 1.0 - 1.0 / MOST_THETA);
        let start = share(er[i] - weight * rg[i]);
        let squares: f64 = ee[i] - 2.0 * (start * er[i] + weight * eg[i])
            + start * start * rr[i]
            + 2.0 * start * weight * rg[i]
            + weight * weight * gg[i];
        Self { start, weight, squares: if squares < 0.0 { 0.0 } else { squares } }
    }
}

/// The theta method at the end of a sequence.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct FittedTheta {
    line: Line,
    seasons: Seasons,
    /// Power of two that values inside are divided by.
    scale: f64,
    /// Steps seen, gaps included.
    place: usize,
    sigma2: f64,
    /// Sum of squared one-step errors of the fit, in the unit of the series.
    #[serde(default)]
    sse: f64,
}

/// A stored fit.
pub(super) fn restore(state: &FittedState) -> Result<Box<dyn Fitted>, RestoreError> {
    super::gridded::restore::<FittedTheta>(state)
}

impl Core for FittedTheta {
    fn name(&self) -> String {
        name(self.line.kind, Some(self.seasons.length()).filter(|m| *m > 1))
    }

    fn push(&mut self, value: Option<f64>) -> f64 {
        let expected = self.line.forecast(0);
        let mut error = 0.0;
        let mut adjusted = expected;
        if let Some(value) = value {
            error = value - self.seasons.put_back(expected, self.place) * self.scale;
            adjusted = self.seasons.remove(value / self.scale, self.place);
        }
        self.line.push(finite(adjusted).clamp(-MOST, MOST));
        self.place += 1;
        error
    }

    fn moments(&self, horizon: usize) -> Vec<(f64, f64)> {
        let mut line = self.line.clone();
        (0..horizon)
            .map(|k| {
                let adjusted = if self.line.kind == ThetaKind::Dynamic {
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
        let drift = if self.line.kind == ThetaKind::Standard { 0.5 } else { 1.0 - 1.0 / self.line.theta };
        BTreeMap::from([
            ("alpha".into(), self.line.alpha),
            ("theta".into(), self.line.theta),
            ("drift".into(), drift * self.line.slope * self.scale),
            ("level".into(), self.line.level * self.scale),
        ])
    }

    fn criteria(&self) -> Criteria {
        Criteria { n_used: self.line.count, sse: Some(self.sse), ..Criteria::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_fitted_traits, hourly};
    use super::*;
    use crate::model::Ahead;
    use crate::paths::Dice;

    const KINDS: [ThetaKind; 4] = [ThetaKind::Standard, ThetaKind::Optimized, ThetaKind::Dynamic, ThetaKind::Auto];

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

    /// Sum of squared one-step errors by the recursion itself.
    fn squares(y: &[f64], learned: Learned) -> f64 {
        let mut errors = vec![0.0; y.len()];
        Line::start(y, learned).run(y, &mut errors);
        errors.iter().map(|e| e * e).sum()
    }

    #[test]
    fn no_parameters_nearby_have_less_squared_error_at_any_level() {
        for (kind, high) in [(ThetaKind::Optimized, 0.0), (ThetaKind::Dynamic, 0.0), (ThetaKind::Dynamic, 1e9)] {
            let mut dice = Dice::new(3);
            let mut level = 50.0;
            let mut value = |t: usize| {
                level += 0.3 + 0.6 * (dice.unit() - 0.5);
                high + level + 0.05 * t as f64 + 2.0 * (dice.unit() - 0.5)
            };
            let y: Vec<f64> = (0..120).map(&mut value).collect();
            let (best, mean) = learned_theta(kind, &y).unwrap();
            let least = squares(&y, best);
            let scored = (y.len() - unscored(kind)) as f64;
            assert!((mean * scored / least - 1.0).abs() < 1e-6, "{kind:?}: the sums say {mean}, the recursion {least}");
            for (alpha, theta, level) in [(1e-3, 0.0, 0.0), (0.0, 1e-2, 0.0), (0.0, 0.0, 1e-2), (5e-3, 5e-2, 0.1)] {
                for sign in [-1.0, 1.0] {
                    let other = Learned {
                        alpha: (best.alpha + sign * alpha).clamp(ALPHA.0, ALPHA.1),
                        theta: (best.theta + sign * theta).max(1.0),
                        level: best.level + sign * level,
                        ..best
                    };
                    assert!(squares(&y, other) >= least * (1.0 - 1e-9), "{kind:?}: {best:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn auto_is_the_better_of_the_two() {
        let y = wave(80);
        let fitted = Theta { kind: ThetaKind::Auto, season_length: Some(4) }.fit(&y).unwrap();
        let of = |kind| Theta { kind, season_length: Some(4) }.fit(&y).unwrap();
        let squares = |fitted: &dyn Fitted| fitted.residuals().iter().map(|e| e * e).sum::<f64>();
        let both = [of(ThetaKind::Optimized), of(ThetaKind::Dynamic)];
        let same = both.iter().find(|one| one.name() == fitted.name()).expect("a fit names the one that it is");
        assert_eq!(squares(&**same), squares(&*fitted));
    }
}
