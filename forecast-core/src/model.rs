//! The two traits of every model: fitting is one step, forecasting another, so that a fit can be kept and updated.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::forecast::{Forecast, Level, Paths};
use crate::series::{Regressors, Series};

/// A method of forecasting with its settings; knows no data yet.
pub trait Forecaster: std::fmt::Debug + Send + Sync {
    /// Name in the grammar of model names, for example `seasonal_naive[168]`.
    fn name(&self) -> String;

    /// What it needs of a series.
    fn needs(&self) -> Needs;

    /// Whether gaps may stay gaps; a model that says no reads the filled values.
    fn supports_missing(&self) -> bool {
        false
    }

    /// Learns from a series.
    /// # Errors
    /// `TooShort` for fewer than [`Needs::observations`] steps; a model's own reasons otherwise.
    fn fit(&self, y: &Series) -> Result<Box<dyn Fitted>, FitError>;

    /// Learns from several series, in their order: each fit is that of [`Forecaster::fit`], bit for bit.
    ///
    /// Models whose likelihood runs in lanes do series of equal shape together; [`crate::fit_panel`] spreads whole panels
    /// over threads.
    fn fit_all(&self, panel: &[Series]) -> Vec<Result<Box<dyn Fitted>, FitError>> {
        panel.iter().map(|y| self.fit(y)).collect()
    }
}

/// A model that has learned from a series.
pub trait Fitted: std::fmt::Debug + Send + Sync {
    /// Name with what was chosen while fitting, for example `ets(A,N,A)[24]`.
    fn name(&self) -> String;

    /// Quantiles of the next steps.
    ///
    /// `levels` in any order; the answer has them ascending and never crossing. The point is the median.
    /// # Errors
    /// A future regressor that the fit used and `ahead` lacks, or a horizon of zero.
    fn forecast(&self, ahead: &Ahead, levels: &[Level]) -> Result<Forecast, ForecastError>;

    /// `n` joint paths over the horizon; the same seed gives the same paths on every machine.
    /// # Errors
    /// As [`Fitted::forecast`].
    fn paths(&self, ahead: &Ahead, n: usize, seed: u64) -> Result<Paths, ForecastError>;

    /// Takes new observations in, gaps included, without learning parameters anew. Time zone and events stay those of the
    /// series learned from: what an event ahead does to new values is known to the next fit.
    /// # Errors
    /// `NotContiguous` unless they begin where the known ones end.
    fn update(&mut self, new: &Series) -> Result<(), UpdateError>;

    /// Whether [`Fitted::relearn`] does something; if not, new parameters take a new fit.
    fn relearns(&self) -> bool {
        false
    }

    /// Learns parameters anew from all that was taken in, cheaper than a new fit, for models that can.
    fn relearn(&mut self) {}

    /// All that is needed to go on later, in a versioned form.
    fn state(&self) -> FittedState;

    /// Errors on the series learned from and on what was taken in since, one a step, never `NaN`: one step ahead, of `prophet`
    /// those of the fitted curve. Zero where nothing was observed or forecast, as before a start value or between the
    /// origins of `auto`.
    fn residuals(&self) -> &[f64];

    /// Parameters learned, by name.
    fn parameters(&self) -> BTreeMap<String, f64>;

    /// Full Gaussian log-likelihood, where the model has one.
    fn log_likelihood(&self) -> Option<f64> {
        None
    }

    /// Number of observations that the likelihood is over.
    fn n_used(&self) -> usize {
        self.residuals().len()
    }

    /// Sum of squared one-step errors, where the model is fitted by it.
    fn sse(&self) -> Option<f64> {
        None
    }

    /// Corrected information criterion of Akaike, from the full likelihood.
    fn aicc(&self) -> Option<f64> {
        None
    }

    /// Differences d and seasonal differences D, where the model takes any: likelihoods compare only at the same ones.
    fn differences(&self) -> Option<(usize, usize)> {
        None
    }

    /// Which likelihood is maximized, `exact` or `css`, where there is a choice.
    fn likelihood(&self) -> Option<&'static str> {
        None
    }

    /// Members of a mixture with their weights and the reason for each; empty for a single model.
    fn members(&self) -> Vec<Member> {
        Vec::new()
    }
}

/// One member of a mixture, as it is shown to people.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// What it is, for people; members that are models of their own have their name in the grammar.
    pub name: String,
    /// Share of the mixture, by lead group, each between 0 and 1.
    pub weights: Vec<f64>,
    /// Last step of each lead group, counted from 1.
    pub until_lead: Vec<usize>,
    /// Why it has this weight, in words.
    pub reason: String,
}

/// What a model needs of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Needs {
    /// Fewest steps.
    pub observations: usize,
    /// Whether all values have to be above zero.
    pub positive: bool,
}

/// What is known about the future.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ahead {
    /// Steps to forecast.
    pub horizon: usize,
    /// Events, and for `prophet` their time zone; `None` keeps those of the series learned from. The wall clock of seasons is
    /// that of the series.
    pub calendar: Option<Arc<Calendar>>,
    /// Future values of the regressors, one row a step.
    pub regressors: Regressors,
}

impl Ahead {
    /// The next `horizon` steps, without regressors.
    pub fn steps(horizon: usize) -> Self {
        Self { horizon, ..Self::default() }
    }
}

/// A fit in a form that can be stored; [`FittedState::restore`] gives the fit back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FittedState {
    /// Version of the form.
    pub version: u32,
    /// Name of the model in the grammar of model names.
    pub model: String,
    /// The model's own state.
    pub state: serde_json::Value,
}

impl FittedState {
    /// Version of the form that this crate writes and reads.
    pub const VERSION: u32 = 1;

    /// A model's own state under its name.
    pub(crate) fn new(model: String, state: &impl Serialize) -> Self {
        // Only maps with keys that are no text fail, and no model has any.
        let state = serde_json::to_value(state).unwrap_or(serde_json::Value::Null);
        Self { version: Self::VERSION, model, state }
    }

    /// The fit that was stored.
    /// # Errors
    /// Another version, a model that is not in the catalogue, or a state that is not that model's.
    pub fn restore(&self) -> Result<Box<dyn Fitted>, RestoreError> {
        if self.version != Self::VERSION {
            return Err(RestoreError::Version { got: self.version, expected: Self::VERSION });
        }
        crate::models::restore(self)
    }

    /// Reads the model's own state.
    pub(crate) fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, RestoreError> {
        T::deserialize(&self.state)
            .map_err(|e| RestoreError::State { model: self.model.clone(), reason: e.to_string() })
    }
}

/// Why a stored fit could not be restored.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// Written by another version.
    #[error("the stored fit has version {got}, expected {expected}; fit anew")]
    Version {
        /// Version found.
        got: u32,
        /// Version that can be read.
        expected: u32,
    },
    /// A model that is not known here.
    #[error("the stored fit is of model `{model}`, which is not known; fit anew")]
    Model {
        /// Name found.
        model: String,
    },
    /// A state that is not that model's.
    #[error("the stored state is not one of {model}: {reason}; fit anew")]
    State {
        /// Name of the model.
        model: String,
        /// What is wrong.
        reason: String,
    },
}

/// Why a model could not learn from a series.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FitError {
    /// Fewer steps than needed.
    #[error("{model} needs at least {needed} observations, the series has {got}; use a longer history or `naive`")]
    TooShort {
        /// Name of the model.
        model: String,
        /// Steps needed.
        needed: usize,
        /// Steps found.
        got: usize,
    },
    /// A zero or negative value in a multiplicative model.
    #[error(
        "{model} needs values above zero, value {index} is {value}; use an additive form without a Box-Cox transformation"
    )]
    NotPositive {
        /// Name of the model.
        model: String,
        /// Position from 0.
        index: usize,
        /// Value found.
        value: f64,
    },
    /// No parameters with a finite error were found.
    #[error("{model} found no finite fit: {reason}")]
    NoFit {
        /// Name of the model.
        model: String,
        /// What happened.
        reason: String,
    },
}

/// Why a fit could not forecast.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ForecastError {
    /// A horizon of zero.
    #[error("the horizon is 0 steps; expected at least 1")]
    NoHorizon,
    /// A regressor that the fit used is unknown for the future.
    #[error("the future of regressor `{name}` is missing; give {needed} values, one a step")]
    Regressor {
        /// Its name.
        name: String,
        /// Rows needed.
        needed: usize,
    },
}

/// Why a fit could not take new observations.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UpdateError {
    /// They do not begin where the known ones end, or have another step.
    #[error(transparent)]
    Series(#[from] crate::series::SeriesError),
    /// With them the recursion leaves the range of a double; the fit is as it was.
    #[error("{model} cannot take the new values in: its recursion does not stay finite; fit anew")]
    NotTaken {
        /// Name of the model.
        model: String,
    },
}
