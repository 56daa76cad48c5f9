//! What Terraform reads while it plans.

pub(crate) mod backtest;
pub(crate) mod capacity_forecast;
