//! Chaos experiments whose faults cannot outlive them.
//!
//! An experiment states a steady state, breaks something on purpose inside a declared blast radius, and proves that the
//! steady state comes back. Undo is plain data, on disk before anything is touched; a holder process of its own undoes by
//! itself when its lease is not renewed. The words are those of the Chaos Toolkit's open vocabulary.
//!
//! This crate knows no single fault and no single probe: it is handed a [`Catalogue`] of them.

pub mod catalogue;
#[cfg(target_os = "linux")]
pub mod engine;
pub mod experiment;
pub mod fault;
pub mod probe;
pub mod radius;
pub mod report;
pub mod settings;
pub mod span;
pub mod state;
pub mod target;
pub mod tolerance;

pub use catalogue::Catalogue;
#[cfg(target_os = "linux")]
pub use engine::helper_main;
pub use experiment::Experiment;
pub use fault::{Class, Ending, Fault, FaultError, FaultKind, Injected, Touch};
pub use probe::{Probe, ProbeError, ProbeKind, Reading};
pub use radius::Allowed;
pub use report::Report;
pub use settings::{Kind, Problem, Setting, Settings};
pub use span::Span;
pub use state::Outcome;
pub use target::Target;
