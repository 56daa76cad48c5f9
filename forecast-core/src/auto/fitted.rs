//! A mixture that has learned: forecasts, paths, updates and the reasons for its weights.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Auto;
use super::engine::{Engine, Outlook};
use super::reason::members;
use crate::conformal::interpolate;
use crate::events::{factors, without_events};
use crate::forecast::{Forecast, Level, Paths};
use crate::model::{Ahead, Fitted, FittedState, ForecastError, Member, RestoreError, UpdateError};
use crate::paths;
use crate::series::Series;

/// A mixture at the end of a series.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FittedAuto {
    settings: Auto,
    /// All that was seen, without the effect of events whose factor is known.
    y: Series,
    engine: Engine,
}

impl FittedAuto {
    pub(super) fn new(settings: Auto, y: Series, engine: Engine) -> Self {
        Self { settings, y, engine }
    }

    /// Factors of events on the next steps, and the outlook with them.
    fn outlook(&self, ahead: &Ahead) -> Result<Outlook, ForecastError> {
        if ahead.horizon == 0 {
            return Err(ForecastError::NoHorizon);
        }
        let mut outlook = self.engine.forecast(ahead.horizon);
        if let Some(factors) = factors(ahead, self.y.calendar(), self.y.end(), self.y.step()) {
            let both = outlook.mixed.iter_mut().zip(&mut outlook.offsets);
            for ((mixed, offsets), factor) in both.zip(factors) {
                *mixed *= factor;
                offsets.iter_mut().for_each(|x| *x *= factor);
            }
        }
        Ok(outlook)
    }

    /// The quantile of a level at lead `k` (from 0), not below zero without need.
    fn quantile(&self, outlook: &Outlook, k: usize, level: f64) -> f64 {
        let raw = outlook.mixed[k] + interpolate(&outlook.offsets[k], level);
        let raw = raw.clamp(self.engine.floor(), f64::MAX);
        if level < 0.5 { raw.min(outlook.mixed[k]) } else { raw.max(outlook.mixed[k]) }
    }
}

impl Fitted for FittedAuto {
    fn name(&self) -> String {
        "auto".into()
    }

    fn forecast(&self, ahead: &Ahead, levels: &[Level]) -> Result<Forecast, ForecastError> {
        let outlook = self.outlook(ahead)?;
        let (start, step) = (self.y.end(), self.y.step());
        let quantile = |k: usize, level: f64| self.quantile(&outlook, k, level);
        Ok(Forecast::from_quantiles(start, step, outlook.mixed.clone(), levels, quantile))
    }

    fn paths(&self, ahead: &Ahead, n: usize, seed: u64) -> Result<Paths, ForecastError> {
        let outlook = self.outlook(ahead)?;
        let quantile = |k: usize, level: f64| self.quantile(&outlook, k, level);
        let values = paths::shuffle(&self.engine.vectors(), ahead.horizon, n, seed, quantile);
        Ok(Paths { start: self.y.end(), step: self.y.step(), values })
    }

    fn update(&mut self, new: &Series) -> Result<(), UpdateError> {
        let known = new.clone().with_calendar_of(self.y.calendar());
        self.y.append(&without_events(&known))?;
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
        FittedState::new(self.name(), self)
    }

    fn residuals(&self) -> &[f64] {
        self.engine.residuals()
    }

    fn parameters(&self) -> BTreeMap<String, f64> {
        BTreeMap::from([("horizon".into(), self.engine.horizon() as f64)])
    }

    fn members(&self) -> Vec<Member> {
        members(&self.engine.standing(), &self.engine.until_lead())
    }
}

/// A stored mixture.
pub(crate) fn restore(state: &FittedState) -> Result<Box<dyn Fitted>, RestoreError> {
    let mut fitted: FittedAuto = state.read()?;
    fitted.engine.remember(&fitted.y);
    Ok(Box::new(fitted))
}
