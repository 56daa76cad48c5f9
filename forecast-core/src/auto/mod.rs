//! `auto`: a pool of experts run through the past and mixed online.
//!
//! No single method is best on all loads, and picking the winner of last week gives half of the gain away. So every
//! expert forecasts at each past origin from what it could know there, is scored once the truth is in, and gets a
//! weight for each group of leads; the mixture's own errors calibrate the intervals. The design and what it was
//! measured to bring are in the project's design page on the online mixture.

mod decomposed;
mod engine;
mod experts;
mod fitted;
mod history;
mod kinds;
mod reason;
mod regression;
mod smoothing;
#[cfg(test)]
mod tests;
mod weeks;
pub(crate) mod weights;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::events::without_events;
use crate::model::{FitError, Fitted, Forecaster, Needs};
use crate::series::Series;
use decomposed::Decomposed;
use engine::{Engine, Setup};
use experts::{Season, Simple};
use fitted::FittedAuto;
use regression::{Base, Regression};
use weights::Tuning;

pub(crate) use fitted::restore;

/// How much work goes into a mixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Naive methods, profiles and smoothing with fixed rates.
    Fast,
    /// Direct regressions and MSTL besides; the default.
    #[default]
    Standard,
    /// More regressions, learned more often while running through the past.
    Thorough,
}

/// The online mixture with its settings. Quantiles are known between the levels 0.005 and 0.995; those beyond are these.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Auto {
    /// Steps that the weights are trained for; `None` is a day, or a week of data coarser than half a day.
    pub horizon: Option<usize>,
    /// How much work goes into it.
    pub preset: Preset,
}

impl Auto {
    /// A mixture trained for this many steps ahead.
    pub fn for_horizon(horizon: usize) -> Self {
        Self { horizon: Some(horizon), ..Self::default() }
    }

    fn setup(&self, y: &Series) -> Setup {
        let day = y.steps_in(Duration::from_secs(86_400));
        let has_day = day > 1 && y.step() <= Duration::from_secs(43_200);
        Setup {
            horizon: self.horizon.unwrap_or(if has_day { day } else { 7 }).max(1),
            simple: simple(has_day),
            regressions: self.regressions(y, day),
            decomposed: self.decomposed(y, has_day),
            tuning: Tuning { half_life_days: [3.0, 20.0], share: 0.02 },
            growth: if self.preset == Preset::Thorough { 16 } else { 8 },
        }
    }

    fn decomposed(&self, y: &Series, has_day: bool) -> Vec<Decomposed> {
        // Of data without a day the mixture was none the better for it.
        if !has_day || self.preset == Preset::Fast {
            return Vec::new();
        }
        vec![Decomposed::of_level(), Decomposed::of_regressions(has_logarithms(y))]
    }

    fn regressions(&self, y: &Series, day: usize) -> Vec<Regression> {
        // Coarse data have few rows a day and need a longer memory for as many of them.
        let window_days = if day <= 48 { 120.0 } else { 42.0 };
        let plain = |base, ridge| Regression::new(base, ridge, window_days);
        let positive = has_logarithms(y);
        let log = |base, ridge| if positive { plain(base, ridge).on_logs() } else { plain(base, ridge) };
        match self.preset {
            Preset::Fast => Vec::new(),
            _ if day <= 1 => {
                let mut all = vec![plain(Base::Last, 0.01), log(Base::Week, 0.01)];
                all.extend(positive.then(|| log(Base::Last, 0.01)));
                all
            }
            preset => {
                let mut all = vec![plain(Base::Kind, 0.05), plain(Base::Last, 0.02), log(Base::Week, 0.003)];
                all.extend(positive.then(|| log(Base::Kind, 0.05)));
                if preset == Preset::Thorough {
                    all.extend([plain(Base::Day, 0.003), plain(Base::Week, 0.05)]);
                }
                all
            }
        }
    }
}

impl Forecaster for Auto {
    fn name(&self) -> String {
        "auto".into()
    }

    fn needs(&self) -> Needs {
        Needs { observations: 2, positive: false }
    }

    fn supports_missing(&self) -> bool {
        true
    }

    fn fit(&self, y: &Series) -> Result<Box<dyn Fitted>, FitError> {
        if y.len() < 2 {
            return Err(FitError::TooShort { model: self.name(), needed: 2, got: y.len() });
        }
        let plain = without_events(y).without_regressors();
        let mut engine = Engine::new(&plain, self.setup(&plain));
        engine.advance(&plain, true);
        engine.relearn();
        Ok(Box::new(FittedAuto::new(self.clone(), plain, engine)))
    }
}

/// Whether a load has logarithms: one below zero has none.
fn has_logarithms(y: &Series) -> bool {
    y.values().iter().all(|v| *v >= 0.0)
}

/// The simple experts, in the order in which ties go.
fn simple(has_day: bool) -> Vec<Simple> {
    let mut pool = vec![Simple::Last];
    if has_day {
        pool.extend([Simple::Season(Season::Day), Simple::Levelled(Season::Day), Simple::Recent(3600)]);
        pool.extend([Simple::KindProfile, Simple::LevelledKind]);
        pool.extend([Simple::LevelledWeeks(Season::Day), Simple::LevelledWeeks(Season::Week)]);
    } else {
        pool.extend([
            Simple::Recent(7 * 86_400),
            Simple::Recent(28 * 86_400),
            Simple::KindProfile,
            Simple::LevelledKind,
        ]);
    }
    pool.extend([Simple::Smoothed, Simple::Season(Season::Week), Simple::Levelled(Season::Week)]);
    pool
}
