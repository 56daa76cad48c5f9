//! Terraform plugin protocol 6 and a small framework to write providers in Rust.
//!
//! A provider implements [`provider::Provider`] and, for each of its parts, one trait of [`provider`]; [`run`] is all of
//! its `main`. What Terraform says and hears is in [`proto`], how the process lives in [`serve`]; both can be used
//! alone.

pub mod diagnostics;
pub mod log;
pub mod model;
pub mod modifiers;
pub mod path;
pub mod proto;
pub mod provider;
mod rpc;
pub mod schema;
pub mod serve;
pub mod testing;
pub mod validators;
pub mod value;

pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub use model::Field;
pub use path::Path;
pub use rpc::{Server, problems, run};
pub use serve::ServeOptions;
pub use value::{Number, Type, Value};
