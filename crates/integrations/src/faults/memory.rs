//! Fault `memory`: takes memory of this host, up to a share in use or a number of bytes.
//!
//! The holder touches real pages and makes itself the first that the kernel would end when memory runs out
//! (`oom_score_adj` 1000). What is left is watched in the host and in each cgroup that limits the holder; near the floor it
//! gives back. Where the host swaps, the kernel may swap the pages out. The kernel takes all back with the holder.

#[cfg(target_os = "linux")]
mod room;
#[cfg(target_os = "linux")]
mod taker;

use serde_json::Value;
use stormglass_chaos::{Ending, Fault, FaultError, FaultKind, Problem, Setting, Settings};

use super::goal::{Asked, BYTES, KEEP_FREE, SHARE};

const NAME: &str = "memory";

/// The kind `memory`.
pub(super) struct MemoryKind;

impl FaultKind for MemoryKind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "Takes memory of this host and leaves a floor free; a ramp raises what is taken from nought."
    }

    fn settings(&self) -> &'static [Setting] {
        const SETTINGS: &[Setting] = &[SHARE, BYTES, KEEP_FREE];
        SETTINGS
    }

    fn ending(&self) -> Ending {
        Ending::WithHolder
    }

    fn read(&self, mut settings: Settings<'_>) -> Result<Box<dyn Fault>, Vec<Problem>> {
        let fault = Asked::read(&mut settings).map(|asked| Memory { asked });
        settings.finish(fault).map(|f| Box::new(f) as Box<dyn Fault>)
    }

    fn undo(&self, _: &Value) -> Result<(), FaultError> {
        // Memory of a process is gone with the process; nothing else was touched.
        Ok(())
    }
}

/// How much to take.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux takes"))]
struct Memory {
    asked: Asked,
}

#[cfg(not(target_os = "linux"))]
super::linux_only!(Memory, NAME, stormglass_chaos::Class::Reversible);
