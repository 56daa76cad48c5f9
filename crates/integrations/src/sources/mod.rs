//! Where load is measured: one file a source, one entry in the one list.

pub mod csv;
pub mod exec;
pub mod table;

use serde::{Deserialize, Serialize};
use stormglass_ops::{MetricSource, SourceError};

/// Settings of a source, under its name: `{csv: {path: load.csv}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceConfig {
    /// A stored series.
    Csv(csv::CsvConfig),
    /// A program that prints a series.
    Exec(exec::ExecConfig),
}

impl SourceConfig {
    /// The source of these settings.
    ///
    /// # Errors
    /// `Setting` for settings that cannot work.
    pub fn source(self) -> Result<Box<dyn MetricSource>, SourceError> {
        Ok(match self {
            Self::Csv(config) => Box::new(csv::Csv::new(config)),
            Self::Exec(config) => Box::new(exec::Exec::new(config)?),
        })
    }
}
