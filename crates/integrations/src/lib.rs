//! Metric sources, scaling targets and the caches between them: the only part that speaks to other systems.

pub mod connection;
pub mod http;
pub mod pool;
pub mod report_file;
pub mod secret;
pub mod sources;
pub mod targets;
