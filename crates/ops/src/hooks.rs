//! What long work tells its caller, and how it is stopped.

use std::fmt;

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Reading the load.
    Read,
    /// Learning from it.
    Fit,
    /// Forecasting the past to see how good such forecasts are.
    Backtest,
    /// Running ways to scale over the past.
    Replay,
    /// Making the timetable.
    Plan,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "read",
            Self::Fit => "fit",
            Self::Backtest => "backtest",
            Self::Replay => "replay",
            Self::Plan => "plan",
        })
    }
}

/// The caller of long work; `()` looks on at nothing and never stops it.
pub trait Hooks: Sync {
    /// Told that `done` of `total` parts of a stage are done.
    fn progress(&self, _stage: Stage, _done: usize, _total: usize) {}

    /// Asked again and again whether to stop.
    fn cancelled(&self) -> bool {
        false
    }
}

impl Hooks for () {}
