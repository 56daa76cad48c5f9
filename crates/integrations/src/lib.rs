//! Metric sources, scaling targets and the caches between them: the only part that speaks to other systems.

pub mod archive;
pub mod cache;
pub mod catalogue;
pub mod connection;
pub mod faults;
mod folders;
pub mod http;
pub mod memory;
pub mod pool;
pub mod probes;
mod process_group;
mod processes;
pub mod report_file;
pub mod secret;
pub mod sources;
pub mod targets;
