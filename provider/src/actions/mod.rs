//! Actions: one file each.

pub(crate) mod run_chaos_experiment;
