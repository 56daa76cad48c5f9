//! Metric sources, scaling targets and the caches between them: the only part that speaks to other systems.

pub mod pool;
pub mod sources;
pub mod targets;
