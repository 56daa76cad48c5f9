//! Intermittent demand: sizes and intervals of the demands are smoothed apart.
//!
//! Croston (1972), Operational Research Quarterly 23, 289-303: forecast = size / interval. SBA: the same times
//! 1 - alpha / 2, which takes its bias away (Syntetos & Boylan 2005, International Journal of Forecasting 21, 303-314).
//! TSB: size times a probability that fades while nothing comes (Teunter, Syntetos & Babai 2011, European Journal of
//! Operational Research 214, 606-615). Golden test against R's `croston`: within 1e-12. The point is what comes a step in
//! the mean, as with R, and stands for the median, which is zero where most steps are.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::gridded::{Core, Criteria, Grid, Gridded};
use crate::events;
use crate::math::quantile_of_sorted;
use crate::model::{FitError, Fitted, FittedState, Forecaster, Needs, RestoreError};
use crate::series::Series;

/// Past demands whose sizes make up the intervals.
const KEPT: usize = 500;
/// Points of a distribution.
const POINTS: usize = 200;

/// Which method for intermittent demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CrostonKind {
    /// Size over interval.
    #[default]
    Plain,
    /// Without the bias of the plain one.
    Sba,
    /// Size times probability, which fades while nothing comes.
    Tsb,
}

/// Methods for load that is mostly zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Croston {
    /// Which one.
    pub kind: CrostonKind,
    /// Weight of the newest size and interval, between 0 and 1.
    pub alpha: f64,
}

impl Default for Croston {
    fn default() -> Self {
        Self { kind: CrostonKind::Plain, alpha: 0.1 }
    }
}

fn name(kind: CrostonKind) -> String {
    match kind {
        CrostonKind::Plain => "croston".into(),
        CrostonKind::Sba => "croston(sba)".into(),
        CrostonKind::Tsb => "croston(tsb)".into(),
    }
}

impl Forecaster for Croston {
    fn name(&self) -> String {
        name(self.kind)
    }

    fn needs(&self) -> Needs {
        Needs { observations: 2, positive: false }
    }

    fn supports_missing(&self) -> bool {
        true
    }

    fn fit(&self, y: &Series) -> Result<Box<dyn Fitted>, FitError> {
        let model = Forecaster::name(self);
        if y.len() < 2 {
            return Err(FitError::TooShort { model, needed: 2, got: y.len() });
        }
        if !(self.alpha > 0.0 && self.alpha < 1.0) {
            let reason = format!("alpha is {}; expected a number between 0 and 1, both excluded", self.alpha);
            return Err(FitError::NoFit { model, reason });
        }
        let plain = events::without_events(y);
        if let Some((index, &value)) = plain.values().iter().enumerate().find(|(_, v)| **v < 0.0) {
            let reason = format!("value {index} is {value}; expected demand, which is never below zero");
            return Err(FitError::NoFit { model, reason });
        }
        let grid = Grid::new(&plain, 1);
        let first = grid.values.iter().position(|v| *v > 0.0);
        let mut core = FittedCroston {
            kind: self.kind,
            alpha: self.alpha,
            size: None,
            // Until the first demand the interval is the time to it, as R counts.
            interval: first.map_or(1.0, |at| (at + 1) as f64),
            probability: first.map_or(0.0, |at| 1.0 / (at + 1) as f64),
            since: 0,
            sizes: Vec::new(),
            seen: 0,
        };
        let errors: Vec<f64> =
            grid.values.iter().zip(&grid.observed).map(|(v, seen)| core.push(seen.then_some(*v))).collect();
        Ok(Box::new(Gridded::new(core, y, &grid, &errors, 1)))
    }
}

/// Sizes and intervals at the end of a sequence.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct FittedCroston {
    kind: CrostonKind,
    alpha: f64,
    /// Smoothed size of a demand; nothing before the first.
    size: Option<f64>,
    /// Smoothed steps between demands.
    interval: f64,
    /// Smoothed probability of a demand.
    probability: f64,
    /// Steps since the last demand.
    since: usize,
    /// Sizes of past demands.
    sizes: Vec<f64>,
    seen: usize,
}

/// A stored fit.
pub(super) fn restore(state: &FittedState) -> Result<Box<dyn Fitted>, RestoreError> {
    super::gridded::restore::<FittedCroston>(state)
}

impl FittedCroston {
    /// Probability of a demand at a step.
    fn chance(&self) -> f64 {
        if self.kind == CrostonKind::Tsb { self.probability } else { 1.0 / self.interval.max(1.0) }
    }

    fn mean(&self) -> f64 {
        let Some(size) = self.size else { return 0.0 };
        match self.kind {
            CrostonKind::Plain => size / self.interval,
            CrostonKind::Sba => (1.0 - self.alpha / 2.0) * size / self.interval,
            CrostonKind::Tsb => size * self.probability,
        }
    }
}

impl Core for FittedCroston {
    fn name(&self) -> String {
        name(self.kind)
    }

    fn push(&mut self, value: Option<f64>) -> f64 {
        self.since += 1;
        let Some(value) = value else { return 0.0 };
        self.seen += 1;
        let error = value - self.mean();
        if value > 0.0 {
            if let Some(size) = self.size {
                self.size = Some(size + self.alpha * (value - size));
                self.interval += self.alpha * (self.since as f64 - self.interval);
                self.probability += self.alpha * (1.0 - self.probability);
            } else {
                self.size = Some(value);
            }
            self.since = 0;
            if self.sizes.len() == KEPT {
                self.sizes.remove(0);
            }
            self.sizes.push(value);
        } else if self.size.is_some() {
            self.probability -= self.alpha * self.probability;
        }
        error
    }

    fn moments(&self, horizon: usize) -> Vec<(f64, f64)> {
        vec![(self.mean(), 0.0); horizon]
    }

    fn shapes(&self, horizon: usize) -> Option<Vec<Vec<f64>>> {
        let mut sizes = self.sizes.clone();
        sizes.sort_unstable_by(f64::total_cmp);
        let quiet = 1.0 - self.chance();
        let mean = self.mean();
        let quantile = |p: f64| {
            if p <= quiet || sizes.is_empty() { 0.0 } else { quantile_of_sorted(&sizes, (p - quiet) / (1.0 - quiet)) }
        };
        let one: Vec<f64> = (0..POINTS).map(|i| quantile((i as f64 + 0.5) / POINTS as f64) - mean).collect();
        Some(vec![one; horizon])
    }

    fn parameters(&self) -> BTreeMap<String, f64> {
        let mut out = BTreeMap::from([("alpha".into(), self.alpha), ("size".into(), self.size.unwrap_or(0.0))]);
        if self.kind == CrostonKind::Tsb {
            out.insert("probability".into(), self.probability);
        } else {
            out.insert("interval".into(), self.interval);
        }
        out
    }

    fn criteria(&self) -> Criteria {
        Criteria { n_used: self.seen, ..Criteria::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_fitted_traits, check_point, hourly};
    use super::*;
    use crate::forecast::Level;
    use crate::model::Ahead;

    const DEMANDS: [f64; 12] = [0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 5.0, 0.0, 2.0, 0.0, 0.0, 0.0];

    fn model(kind: CrostonKind) -> Croston {
        Croston { kind, ..Croston::default() }
    }

    #[test]
    fn sizes_and_intervals_by_hand() {
        // Sizes 3, 3.2, 3.08; intervals 3, 3.1, 2.99.
        check_point(&model(CrostonKind::Plain), &hourly(&DEMANDS), &[3.08 / 2.99]);
        check_point(&model(CrostonKind::Sba), &hourly(&DEMANDS), &[0.95 * 3.08 / 2.99]);
    }

    #[test]
    fn what_is_no_longer_asked_for_fades() {
        let mut values = DEMANDS.to_vec();
        values.extend([0.0; 100]);
        let mean = |kind| model(kind).fit(&hourly(&values)).unwrap().forecast(&Ahead::steps(1), &[]).unwrap().point[0];
        assert!(mean(CrostonKind::Tsb) < 0.001);
        assert!(mean(CrostonKind::Plain) > 0.5);
    }

    #[test]
    fn every_kind_is_a_model_like_any_other() {
        let y: Vec<f64> = DEMANDS.iter().copied().cycle().take(60).collect();
        for kind in [CrostonKind::Plain, CrostonKind::Sba, CrostonKind::Tsb] {
            check_fitted_traits(&model(kind), &hourly(&y));
        }
    }

    #[test]
    fn the_upper_quantile_is_a_demand() {
        let fitted = model(CrostonKind::Plain).fit(&hourly(&DEMANDS)).unwrap();
        let high = Level::new(0.95).unwrap();
        let forecast = fitted.forecast(&Ahead::steps(1), &[high]).unwrap();
        assert!(forecast.quantiles[(0, 0)] > 4.0, "{}", forecast.quantiles);
    }

    #[test]
    fn nothing_but_zeros_stays_zero_and_a_debt_is_refused() {
        check_point(&model(CrostonKind::Plain), &hourly(&[0.0; 5]), &[0.0, 0.0]);
        let refused = model(CrostonKind::Plain).fit(&hourly(&[1.0, -1.0]));
        assert!(matches!(refused, Err(FitError::NoFit { reason, .. }) if reason.contains("value 1 is")));
    }
}
