//! Forecasting of load: naive methods, exponential smoothing, ARIMA, Theta, MSTL, harmonic and Prophet-like regression,
//! structural models, intermittent demand, and `auto`, which mixes them online with calibrated intervals.
//!
//! Numbers in, numbers out: this crate does no I/O, reads no clock and starts no runtime. The way through it:
//! [`RawSeries`] -> [`clean`](clean::clean) -> [`Series`] -> [`Forecaster::fit`] -> [`Fitted::forecast`] -> [`Forecast`].

pub mod auto;
pub mod backtest;
pub mod borrow;
pub mod box_cox;
pub mod calendar;
pub mod clean;
pub(crate) mod clock;
pub mod conformal;
pub mod diagnostics;
pub(crate) mod events;
pub mod forecast;
pub mod grammar;
pub mod kernels;
pub mod math;
pub mod model;
pub mod models;
pub mod panel;
pub mod paths;
pub mod scores;
pub mod season;
pub mod series;
pub mod stl;
pub mod waves;

pub use auto::{Auto, Preset};
pub use backtest::{Backtest, BacktestError, Observer, RollingOrigin, backtest};
pub use borrow::{Borrowing, borrow};
pub use calendar::{Calendar, Event};
pub use clean::{CleanError, CleanOptions, Cleaned, clean};
pub use forecast::{Forecast, Level, Paths};
pub use grammar::GrammarError;
pub use model::{
    Ahead, FitError, Fitted, FittedState, ForecastError, Forecaster, Member, Needs, RestoreError, UpdateError,
};
pub use panel::fit_panel;
pub use series::{RawSeries, Regressors, Sample, Series, SeriesError};

/// Runs the example of the README as a test.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Readme;
