//! Where load is measured: one file a source, one entry in the one list.

pub mod csv;
pub mod exec;
pub mod prometheus;
pub mod table;

use serde::{Deserialize, Serialize};
use stormglass_ops::duration::Span;
use stormglass_ops::{MetricSource, SourceError};

use crate::connection::Connections;

/// Settings of a source, under its name: `{csv: {path: load.csv}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceConfig {
    /// A stored series.
    Csv(csv::CsvConfig),
    /// A program that prints a series.
    Exec(exec::ExecConfig),
    /// A range query to Prometheus.
    Prometheus(prometheus::PrometheusConfig),
}

impl SourceConfig {
    /// The same settings, with the resolution of the forecast where a source has one and does not set it.
    #[must_use]
    pub fn or_step(mut self, step: Option<Span>) -> Self {
        if let Self::Prometheus(config) = &mut self {
            config.step = config.step.or(step);
        }
        self
    }

    /// The source of these settings; a connection that it names is looked for in `connections`.
    ///
    /// # Errors
    /// `Setting` for settings that cannot work.
    pub fn source(self, connections: &Connections) -> Result<Box<dyn MetricSource>, SourceError> {
        Ok(match self {
            Self::Csv(config) => Box::new(csv::Csv::new(config)),
            Self::Exec(config) => Box::new(exec::Exec::new(config)?),
            Self::Prometheus(config) => Box::new(prometheus::Prometheus::new(config, connections)?),
        })
    }
}
