//! Terraform provider `stormglass`: load forecasts in the plan, capacity schedules on apply.
//!
//! It joins `tfplugin` with the main job of `stormglass-ops` and the sources and targets of `stormglass-integrations`.
//! Data sources compute; the policy's planning is a pure function of configuration and prior state.

mod actions;
mod attributes;
mod chaos;
mod data_sources;
pub mod docs;
mod errors;
mod functions;
mod hex;
mod provider;
mod resources;
mod sources;
mod targets;

pub use provider::Stormglass;
