//! Faults that act on one machine: one file each, one line each in the list.
//!
//! Settings are read everywhere, so that an experiment can be checked on any machine; the faults themselves need Linux.

mod bytes;
mod cpu_burn;
mod disk_fill;
#[cfg(target_os = "linux")]
mod fill;
mod goal;
mod memory;
mod network;
mod process_kill;
mod process_pause;
#[cfg(target_os = "linux")]
mod targets;
pub mod tcp_proxy;

use stormglass_chaos::{Catalogue, FaultKind};

use crate::probes::PROBES;

/// Every fault, in the order in which documentation lists them.
pub const FAULTS: &[&dyn FaultKind] = &[
    &tcp_proxy::TcpProxyKind,
    &cpu_burn::CpuBurnKind,
    &memory::MemoryKind,
    &disk_fill::DiskFillKind,
    &process_pause::ProcessPauseKind,
    &process_kill::ProcessKillKind,
    network::PARTITION,
    network::DROP,
    network::REJECT,
    &network::BandwidthKind,
];

/// All faults and probes of this program.
pub const CATALOGUE: Catalogue = Catalogue { faults: FAULTS, probes: PROBES };

/// A fault that this system cannot inject: it says so while it is resolved, before anything is touched.
#[cfg(not(target_os = "linux"))]
macro_rules! linux_only {
    ($fault:ty, $name:expr, $class:expr) => {
        impl stormglass_chaos::Fault for $fault {
            fn class(&self) -> stormglass_chaos::Class {
                $class
            }

            fn resolve(&self) -> Result<stormglass_chaos::Touch, stormglass_chaos::FaultError> {
                let needs = "Linux; run the experiment there".to_owned();
                Err(stormglass_chaos::FaultError::Unsupported { what: format!("`{}`", $name), needs })
            }

            fn inject(
                &self,
                _: &stormglass_chaos::Touch,
            ) -> Result<Box<dyn stormglass_chaos::Injected>, stormglass_chaos::FaultError> {
                Err(self.resolve().expect_err("this system cannot resolve it"))
            }
        }
    };
}
#[cfg(not(target_os = "linux"))]
use linux_only;
