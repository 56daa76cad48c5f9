//! `auto`: a pool of experts run through the past and mixed online.
//!
//! No single method is best on all loads, and picking the winner of last week gives half of the gain away. So every
//! expert forecasts at each past origin from what it could know there, is scored once the truth is in, and gets a
//! weight for each group of leads; the mixture's own errors calibrate the intervals. The design and what it was
//! measured to bring are in the project's design page on the online mixture.

mod engine;
mod experts;
mod fitted;
mod history;
mod regression;
mod weights;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{FitError, Fitted, Forecaster, Needs};
use crate::series::Series;
use engine::Engine;
use experts::{Season, Simple};
use fitted::FittedAuto;
use regression::{Base, Regression};
use weights::Tuning;

/// How much work goes into a mixture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Naive methods and profiles.
    Fast,
    /// The default.
    #[default]
    Standard,
    /// More members and more frequent fits.
    Thorough,
}

/// The online mixture with its settings.
#[derive(Debug, Clone, PartialEq, Default)]
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

    fn horizon_for(&self, y: &Series) -> usize {
        let day = y.steps_in(Duration::from_secs(86_400));
        self.horizon.unwrap_or(if day > 1 { day } else { 7 }).max(1)
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
        let tuning = Tuning { half_life_days: 7.0, share: 0.02, prior_days: 3.0 };
        let mut engine = Engine::new(y, self.horizon_for(y), pool(y), regressions(y), tuning);
        engine.advance(y, true);
        engine.relearn();
        Ok(Box::new(FittedAuto::new(self.clone(), y.clone(), engine)))
    }
}

/// The simple experts, in the order in which ties go.
fn pool(y: &Series) -> Vec<Simple> {
    let daily = y.steps_in(Duration::from_secs(86_400)) <= 1;
    let mut pool = vec![Simple::Last];
    if !daily {
        pool.extend([Simple::Season(Season::Day), Simple::Levelled(Season::Day), Simple::Profile(Season::Day)]);
        pool.extend([Simple::Recent(3600), Simple::KindProfile]);
    }
    pool.extend([Simple::Season(Season::Week), Simple::Levelled(Season::Week), Simple::Profile(Season::Week)]);
    pool
}

fn regressions(y: &Series) -> Vec<Regression> {
    let step = y.steps_in(Duration::from_secs(86_400));
    let window = if step <= 48 { 120.0 } else { 42.0 };
    if step <= 1 {
        return vec![Regression::new(Base::Last, 0.01, window)];
    }
    vec![
        Regression::new(Base::Week, 0.003, window),
        Regression::new(Base::Day, 0.003, window),
        Regression::new(Base::Day, 0.05, window),
        Regression::new(Base::Last, 0.02, window),
    ]
}
