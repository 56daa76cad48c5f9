//! Why the main job made no capacity plan.

use forecast_core::{CleanError, FitError, ForecastError};
use jiff::Timestamp;

use crate::capacity::CapacityError;
use crate::load::LoadError;
use crate::models::ModelError;
use crate::ports::SourceError;
use crate::replay::ReplayError;

/// Why the main job made no capacity plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The load cannot be had.
    #[error(transparent)]
    Source(SourceError),
    /// The unit count cannot be had.
    #[error("load.units: {0}")]
    Units(SourceError),
    /// The load of the similar service cannot be had.
    #[error("load.borrow_from: {0}")]
    Similar(SourceError),
    /// Its samples make no series.
    #[error("load.borrow_from: {0}")]
    SimilarClean(CleanError),
    /// A setting is wrong, or needed and not there.
    #[error("{setting} is {found}; expected {expected}")]
    Setting {
        /// Its path, for example `capacity.per_unit`.
        setting: String,
        /// What it is.
        found: String,
        /// What it may be, and what to do.
        expected: String,
    },
    /// A name that is no model's.
    #[error("forecast.model: {0}")]
    Model(ModelError),
    /// Units and load do not go together.
    #[error(transparent)]
    Load(LoadError),
    /// The samples make no series.
    #[error("{what}: {reason}")]
    Clean {
        /// The source.
        what: String,
        /// What is wrong.
        reason: CleanError,
    },
    /// The source has stopped.
    #[error(
        "{what} has no sample after {last}, {hours} hours before {until}; check that it is still written, or set `as_of` for stored data"
    )]
    Stale {
        /// The source.
        what: String,
        /// Its last sample.
        last: Timestamp,
        /// Hours without any.
        hours: i64,
        /// End of the window that was read.
        until: Timestamp,
    },
    /// The model learned nothing.
    #[error("forecast.model: {0}")]
    Fit(FitError),
    /// The model said nothing.
    #[error("forecast.model: {0}")]
    Forecast(ForecastError),
    /// No timetable could be made.
    #[error("capacity.{0}")]
    Capacity(CapacityError),
    /// The replay failed.
    #[error(transparent)]
    Replay(ReplayError),
    /// The forecast is worse than the user allows.
    #[error(
        "{reason}; use a longer `forecast.history`, another `forecast.model`, a lower bound, or `forecast.on_low_accuracy = \"reactive_floor\"`"
    )]
    LowAccuracy {
        /// Path of the bound that was missed.
        setting: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("the forecast was cancelled")]
    Cancelled,
}

impl JobError {
    /// Path of the setting at fault, for example `capacity.per_unit`; `source` where it is the source.
    pub fn setting(&self) -> String {
        match self {
            Self::Source(SourceError::Setting { setting, .. }) => format!("source.{setting}"),
            Self::Units(SourceError::Setting { setting, .. }) => format!("load.units.{setting}"),
            Self::Similar(SourceError::Setting { setting, .. }) => format!("load.borrow_from.{setting}"),
            Self::Similar(_) | Self::SimilarClean(_) => "load.borrow_from".into(),
            Self::Source(_) | Self::Clean { .. } | Self::Stale { .. } => "source".into(),
            Self::Units(_) | Self::Load(_) => "load.units".into(),
            Self::Setting { setting, .. } | Self::LowAccuracy { setting, .. } => setting.clone(),
            Self::Model(_) | Self::Fit(_) | Self::Forecast(_) => "forecast.model".into(),
            Self::Capacity(CapacityError::Setting { setting, .. }) => format!("capacity.{setting}"),
            Self::Capacity(CapacityError::PerUnit { .. }) => "capacity.per_unit".into(),
            Self::Capacity(_) | Self::Replay(_) | Self::Cancelled => "capacity".into(),
        }
    }
}
