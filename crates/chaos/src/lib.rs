//! Chaos experiments whose faults cannot outlive them.
//!
//! An experiment states a steady state, breaks something on purpose inside a declared blast radius, and proves that the
//! steady state comes back. Undo is plain data, on disk before anything is touched; a holder process of its own undoes by
//! itself when its lease is not renewed. The words are those of the Chaos Toolkit's open vocabulary.
//!
//! This crate knows no single fault and no single probe: it is handed a [`Catalogue`] of them.

pub mod catalogue;
pub mod fault;
pub mod probe;
pub mod settings;
pub mod span;
pub mod target;

pub use catalogue::Catalogue;
pub use fault::{Class, Ending, Fault, FaultError, FaultKind, Injected, Touch};
pub use probe::{Probe, ProbeError, ProbeKind, Reading};
pub use settings::{Kind, Problem, Setting, Settings};
pub use span::Span;
pub use target::Target;
