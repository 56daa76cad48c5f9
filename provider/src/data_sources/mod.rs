//! What Terraform reads while it plans.

pub(crate) mod backtest;
pub(crate) mod capacity_forecast;
pub(crate) mod chaos_report;

/// Six significant digits: more would be noise, and state is to stay small.
fn short(x: f64) -> f64 {
    format!("{x:.5e}").parse().unwrap_or(x)
}
