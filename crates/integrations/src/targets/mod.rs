//! Where capacity is set: one file a target, one entry in the one list.

pub mod file;

use serde::{Deserialize, Serialize};
use stormglass_ops::{ScalingTarget, TargetError};

/// Settings of a target, under its name: `{file: {path: schedule.json}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetConfig {
    /// A schedule file.
    File(file::FileConfig),
}

impl TargetConfig {
    /// The target of these settings.
    ///
    /// # Errors
    /// `Setting` for settings that cannot work.
    pub fn target(self) -> Result<Box<dyn ScalingTarget>, TargetError> {
        match self {
            Self::File(config) => Ok(Box::new(file::FileTarget::new(config)?)),
        }
    }
}
