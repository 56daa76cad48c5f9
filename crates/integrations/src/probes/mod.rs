//! Probes: one file each, one line each in the list.

use stormglass_chaos::ProbeKind;

/// Every probe, in the order in which documentation lists them.
pub const PROBES: &[&dyn ProbeKind] = &[];
