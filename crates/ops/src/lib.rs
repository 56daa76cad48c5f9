//! Decisions without I/O: from a measured load to a capacity plan, and the ports through which others do the I/O.
//!
//! One way, no way back: [`MetricSource::fetch`] -> `RawSeries` -> `clean` -> `Series` -> `Forecaster::fit` -> `Forecast`
//! -> [`CapacityPlan`] -> [`ScalingTarget::apply`] -> [`Applied`]. Every arrow is a plain value.

pub mod capacity;
pub mod capacity_plan;
pub mod compare;
pub mod cron;
pub mod duration;
mod fits;
pub mod hooks;
pub mod job;
pub mod load;
pub mod models;
pub mod ports;
mod quantile;
pub mod quiet;
pub mod replay;
pub mod schedule;
pub mod settings;
pub mod weekly;

pub use capacity::units_for_load;
pub use capacity_plan::{After, CapacityPlan, Savings, SavingsRow, Step, WeeklyStep};
pub use job::{JobError, JobInputs, Outcome};
pub use ports::{Applied, ApplyRequest, Limits, MetricSource, Owner, ScalingTarget, SourceError, TargetError, Window};
pub use settings::{CapacitySettings, ForecastSettings, JobSettings, LoadSettings};
