//! Fault `cpu_burn`: keeps cores of this host busy for a share of the time.
//!
//! Threads of the holder spin by a duty cycle that is held against the processor time that the kernel says they got, so
//! that the share is true also where somebody else wants the core. They end with the holder.
//!
//! So that the host survives, a core is never asked for more than [`MOST`] of its time, and never more cores than the holder
//! may use (affinity and cgroup quota count).

#[cfg(target_os = "linux")]
mod burner;

use serde_json::Value;
use stormglass_chaos::{Ending, Fault, FaultError, FaultKind, Kind, Problem, Setting, Settings};

/// The largest share of a core that is burnt, whatever is asked: the rest is what a shell needs to end the experiment.
const MOST: f64 = 0.95;

const NAME: &str = "cpu_burn";

/// The kind `cpu_burn`.
pub(super) struct CpuBurnKind;

impl FaultKind for CpuBurnKind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "Keeps cores of this host busy for a share of the time; a ramp raises the share from nought."
    }

    fn settings(&self) -> &'static [Setting] {
        const SETTINGS: &[Setting] = &[
            Setting::required(
                "share",
                Kind::Share,
                "Share of each core's time to burn, above 0; at most 0.95 is burnt, so that the host stays usable.",
            ),
            Setting::open(
                "cores",
                Kind::Integer,
                "How many cores, at least 1; all that this process may use by default.",
            ),
        ];
        SETTINGS
    }

    fn ending(&self) -> Ending {
        Ending::WithHolder
    }

    fn read(&self, mut settings: Settings<'_>) -> Result<Box<dyn Fault>, Vec<Problem>> {
        let share = settings.number("share");
        if share == Some(0.0) {
            settings.problem("share", "is `0`; expected a share above 0 and at most 1");
        }
        let cores = settings.integer("cores");
        if cores == Some(0) {
            settings.problem("cores", "is `0`; expected at least 1");
        }
        let fault = share.map(|share| CpuBurn { share, cores });
        settings.finish(fault).map(|f| Box::new(f) as Box<dyn Fault>)
    }

    fn undo(&self, _: &Value) -> Result<(), FaultError> {
        // The threads are gone with their process; nothing else was touched.
        Ok(())
    }
}

/// How much to burn.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux burns"))]
struct CpuBurn {
    share: f64,
    cores: Option<u64>,
}

#[cfg(not(target_os = "linux"))]
super::linux_only!(CpuBurn, NAME, stormglass_chaos::Class::Reversible);
