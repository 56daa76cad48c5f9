//! Real Terraform against the built provider: a folder with HCL, commands run in it, and what they printed.
//!
//! `STORMGLASS_TERRAFORM` names another core than the `terraform` on PATH, `STORMGLASS_BINARIES` a folder with the built
//! provider and command; without it they are built. A component that is missing fails the test that needs it.

mod binaries;
mod cores;
pub mod hcl;
mod workspace;

pub use binaries::{provider, stormglass};
pub use cores::{Core, embedded_core, terraform};
pub use workspace::{REQUIRED, Run, Workspace};
