//! Terraform provider: load forecasts in the plan, capacity schedules on apply.

fn main() {}
