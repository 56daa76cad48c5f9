//! The stormglass command: forecast, backtest, plan, replay and report without Terraform.

fn main() {}
