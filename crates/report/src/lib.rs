//! Values in, one self-contained HTML page out.
//!
//! This crate knows nothing of forecasting, files or clocks: the caller hands over plain values and receives the text
//! of a page that needs no network, no script and no second file, and that reads in light and dark, on a phone and on
//! paper. The same values always give the same bytes.
//!
//! - [`page`] is the shell of every report: escaping, sections, key figures, tables.
//! - [`chart`] draws time series as inline SVG.
//! - [`experiment`] is the report of a chaos experiment.
//! - [`forecast`] joins both into the report of a capacity forecast; [`render`] is its one entry.

mod axis;
pub mod chart;
pub mod experiment;
pub mod forecast;
mod format;
pub mod page;
mod series;

pub use forecast::{ForecastReport, render};
pub use series::TimeSeries;
