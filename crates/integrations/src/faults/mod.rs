//! Faults that act on one machine: one file each, one line each in the list.

use stormglass_chaos::{Catalogue, FaultKind};

use crate::probes::PROBES;

/// Every fault, in the order in which documentation lists them.
pub const FAULTS: &[&dyn FaultKind] = &[];

/// All faults and probes of this program.
pub const CATALOGUE: Catalogue = Catalogue { faults: FAULTS, probes: PROBES };
