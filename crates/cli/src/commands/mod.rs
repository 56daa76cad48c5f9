//! One file a command: its arguments, then what it does.

pub(crate) mod backtest;
pub(crate) mod bench;
#[cfg(target_os = "linux")]
pub(crate) mod chaos;
#[cfg(not(target_os = "linux"))]
pub(crate) mod chaos_elsewhere;
pub(crate) mod completions;
pub(crate) mod forecast;
pub(crate) mod man;
pub(crate) mod models;
pub(crate) mod now;
pub(crate) mod panel;
pub(crate) mod plan;
pub(crate) mod replay;
pub(crate) mod report;
