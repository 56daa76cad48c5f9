//! Fault `network_bandwidth`: a network device of a namespace sends no faster than a rate.
//!
//! A token bucket (`tc` with `tbf`) becomes the root of what the device sends; what comes in is limited at the other end of the
//! cable. It is made only where the device has the kernel's own default there, under a handle of our own, and only that handle is
//! ever removed. The kernel does not end it with anybody: whoever has the journal can. Source: tc-tbf(8).

use serde_json::Value;
use stormglass_chaos::{Ending, Fault, FaultError, FaultKind, Kind, Problem, Setting, Settings};

use super::{NAMESPACE, namespace_name};

pub(super) const NAME: &str = "network_bandwidth";
/// The lowest rate, bytes a second: below it not even a handshake comes through in time.
const LOWEST: u64 = 1_000;

/// The kind `network_bandwidth`.
pub(in crate::faults) struct BandwidthKind;

impl FaultKind for BandwidthKind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "Lets a device of a network namespace send no faster than a rate; a ramp lowers it step by step; needs root."
    }

    fn settings(&self) -> &'static [Setting] {
        const SETTINGS: &[Setting] = &[
            NAMESPACE,
            Setting::required("device", Kind::Text, "Network device in the namespace, for example `eth0`."),
            Setting::required(
                "rate",
                Kind::Bytes,
                "Bytes a second, at least 1000, that the device sends; what it receives is not limited.",
            ),
            Setting::optional(
                "queue",
                Kind::Duration,
                "50ms",
                "How long a packet may wait for its turn before it is lost, at most 10 s.",
            ),
        ];
        SETTINGS
    }

    fn ending(&self) -> Ending {
        Ending::BySomebody
    }

    fn read(&self, mut settings: Settings<'_>) -> Result<Box<dyn Fault>, Vec<Problem>> {
        let namespace = namespace_name(&mut settings);
        let device = if settings.has("device") { settings.text("device") } else { None };
        // The kernel's own rule, and nothing that could be an option of `tc`.
        let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '/' | ':');
        if let Some(device) =
            device.as_deref().filter(|d| d.len() > 15 || d.starts_with(['-', '.']) || !d.chars().all(plain))
        {
            settings.problem("device", format!("is `{device}`; expected a name as `ip link` shows it"));
        }
        let rate = if settings.has("rate") { settings.bytes("rate") } else { None };
        if rate.is_some_and(|rate| rate < LOWEST) {
            settings.problem("rate", format!("is below {LOWEST} bytes a second; expected at least that"));
        }
        let queue = settings.duration("queue").map(|q| q.0.as_millis() as u64);
        if queue.is_some_and(|ms| ms == 0 || ms > 10_000) {
            settings.problem("queue", "is not between 1ms and 10s");
        }
        let fault = namespace.zip(device).zip(rate.zip(queue));
        let fault =
            fault.map(|((namespace, device), (rate, queue_ms))| Bandwidth { namespace, device, rate, queue_ms });
        settings.finish(fault).map(|f| Box::new(f) as Box<dyn Fault>)
    }

    #[cfg(target_os = "linux")]
    fn undo(&self, undo: &Value) -> Result<(), FaultError> {
        super::bucket::undo(undo)
    }

    #[cfg(not(target_os = "linux"))]
    fn undo(&self, _: &Value) -> Result<(), FaultError> {
        // Never injected on this system.
        Ok(())
    }
}

/// How fast which device may send.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux has namespaces"))]
pub(super) struct Bandwidth {
    pub(super) namespace: String,
    pub(super) device: String,
    /// Bytes a second.
    pub(super) rate: u64,
    pub(super) queue_ms: u64,
}

#[cfg(not(target_os = "linux"))]
crate::faults::linux_only!(Bandwidth, NAME, stormglass_chaos::Class::Reversible);
