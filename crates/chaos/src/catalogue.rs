//! The faults and probes that a program knows, in one explicit list that it hands to the engine.

use crate::fault::FaultKind;
use crate::probe::ProbeKind;

/// All faults and probes, in the order in which documentation lists them.
#[derive(Clone, Copy)]
pub struct Catalogue {
    /// Every fault.
    pub faults: &'static [&'static dyn FaultKind],
    /// Every probe.
    pub probes: &'static [&'static dyn ProbeKind],
}

impl Catalogue {
    /// The fault of this name.
    pub fn fault(&self, name: &str) -> Option<&'static dyn FaultKind> {
        self.faults.iter().find(|f| f.name() == name).copied()
    }

    /// The probe of this name.
    pub fn probe(&self, name: &str) -> Option<&'static dyn ProbeKind> {
        self.probes.iter().find(|p| p.name() == name).copied()
    }
}
