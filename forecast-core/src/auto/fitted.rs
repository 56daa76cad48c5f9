//! A mixture that has learned: forecasts, paths, updates and the reasons for its weights.

use std::collections::BTreeMap;

use ndarray::Array2;

use super::Auto;
use super::engine::{Engine, Outlook};
use crate::conformal::interpolate;
use crate::forecast::{Forecast, Level, Paths};
use crate::model::{Ahead, Fitted, FittedState, ForecastError, Member, UpdateError};
use crate::paths;
use crate::series::Series;

/// A mixture at the end of a series.
#[derive(Debug, Clone)]
pub(super) struct FittedAuto {
    settings: Auto,
    y: Series,
    engine: Engine,
}

impl FittedAuto {
    pub(super) fn new(settings: Auto, y: Series, engine: Engine) -> Self {
        Self { settings, y, engine }
    }

    /// The quantile of a level at lead `k` (from 0); on the median's side of the point and never below zero without need.
    fn quantile(&self, outlook: &Outlook, k: usize, level: f64) -> f64 {
        let score = interpolate(&outlook.tracked[self.engine.error_group(k)], level);
        let (point, raw) = (outlook.mixed[k], outlook.mixed[k] + outlook.scales[k] * score);
        let raw = if self.engine.history.negative { raw } else { raw.max(0.0) };
        if level < 0.5 {
            raw.min(point)
        } else if level > 0.5 {
            raw.max(point)
        } else {
            point
        }
    }
}

impl Fitted for FittedAuto {
    fn name(&self) -> String {
        "auto".into()
    }

    fn forecast(&self, ahead: &Ahead, levels: &[Level]) -> Result<Forecast, ForecastError> {
        if ahead.horizon == 0 {
            return Err(ForecastError::NoHorizon);
        }
        let outlook = self.engine.forecast(ahead.horizon);
        let mut levels = levels.to_vec();
        levels.sort_by(|a, b| a.probability().total_cmp(&b.probability()));
        levels.dedup();
        let quantiles = Array2::from_shape_fn((ahead.horizon, levels.len()), |(k, l)| {
            self.quantile(&outlook, k, levels[l].probability())
        });
        Ok(Forecast { start: self.y.end(), step: self.y.step(), point: outlook.mixed, levels, quantiles })
    }

    fn paths(&self, ahead: &Ahead, n: usize, seed: u64) -> Result<Paths, ForecastError> {
        if ahead.horizon == 0 {
            return Err(ForecastError::NoHorizon);
        }
        let outlook = self.engine.forecast(ahead.horizon);
        let values = paths::shuffle(&self.engine.vectors(), ahead.horizon, n, seed, |k, level| {
            self.quantile(&outlook, k, level)
        });
        Ok(Paths { start: self.y.end(), step: self.y.step(), values })
    }

    fn update(&mut self, new: &Series) -> Result<(), UpdateError> {
        self.y.append(new)?;
        self.engine.advance(&self.y, false);
        Ok(())
    }

    fn relearns(&self) -> bool {
        true
    }

    fn relearn(&mut self) {
        self.engine.relearn();
    }

    fn state(&self) -> FittedState {
        FittedState { version: 1, model: "auto".into(), state: serde_json::Value::Null }
    }

    fn residuals(&self) -> &[f64] {
        &self.engine.residuals
    }

    fn parameters(&self) -> BTreeMap<String, f64> {
        BTreeMap::from([("horizon".into(), self.engine.horizon as f64)])
    }

    fn members(&self) -> Vec<Member> {
        let weights = self.engine.present_weights();
        let until_lead: Vec<usize> =
            (1..=weights.len()).map(|g| (g * self.engine.group).min(self.engine.horizon)).collect();
        let history = &self.engine.history;
        let names = self.engine.experts.iter().map(|e| e.name(history));
        let names = names.chain(self.engine.regressions.iter().map(|r| r.name(history)));
        names
            .enumerate()
            .map(|(e, name)| Member {
                name,
                weights: weights.iter().map(|group| group[e]).collect(),
                until_lead: until_lead.clone(),
                reason: String::new(),
            })
            .collect()
    }
}
