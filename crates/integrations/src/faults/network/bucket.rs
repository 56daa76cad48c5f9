//! A token bucket on a device, in force and undone.

use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use stormglass_chaos::{Class, Fault, FaultError, Injected, Target, Touch};

use super::bandwidth::{Bandwidth, NAME};
use super::namespace::{Namespace, permitted, program};
use crate::faults::bytes::shown;

/// Least size of the bucket, bytes: some packets of the usual size.
const LEAST_BURST: u64 = 16 << 10;
/// Handles of ours: out of the way of those that people choose, which are small.
const HANDLES: std::ops::Range<u16> = 0x4000..0x8000;
/// Strength of a ramp below which nothing is limited in practice.
const WEAKEST: f64 = 0.001;

/// What names a bucket in the journal.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Named {
    namespace: String,
    inode: u64,
    device: String,
    handle: u16,
}

impl Fault for Bandwidth {
    fn class(&self) -> Class {
        Class::Reversible
    }

    fn resolve(&self) -> Result<Touch, FaultError> {
        permitted(NAME)?;
        let namespace = self.open()?;
        let roots = roots(&namespace, &self.device)?;
        if let Some(root) = roots.iter().find(|root| root.handle != 0) {
            let reason = format!(
                "has a `{}` with the handle {:x}: at its root already, which is somebody's own; remove it first, or name another device",
                root.kind, root.handle
            );
            return Err(FaultError::Target { what: format!("`device` {}", self.device), reason });
        }
        let named = Named {
            namespace: self.namespace.clone(),
            inode: namespace.inode,
            device: self.device.clone(),
            handle: fastrand::u16(HANDLES),
        };
        let undo = serde_json::to_value(&named).map_err(|e| FaultError::System {
            step: "writing the journal's entry".to_owned(),
            reason: e.to_string(),
        })?;
        let plan = format!(
            "let the device {} of the network namespace {} send {} a second at most",
            self.device,
            self.namespace,
            shown(self.rate)
        );
        Ok(Touch { targets: vec![Target::Namespace(self.namespace.clone())], plan, undo })
    }

    fn inject(&self, touch: &Touch) -> Result<Box<dyn Injected>, FaultError> {
        let named = named(&touch.undo)?;
        let namespace = self.open()?;
        if namespace.inode != named.inode || self.device != named.device {
            let reason = "is another one since it was looked at; nothing was injected".to_owned();
            return Err(FaultError::Target { what: format!("`namespace` {}", self.namespace), reason });
        }
        let limited = Limited { fault: self.clone(), named, namespace };
        // Without `replace` this fails where somebody has put something there since.
        limited.set("add", 1.0)?;
        Ok(Box::new(limited))
    }
}

impl Bandwidth {
    fn open(&self) -> Result<Namespace, FaultError> {
        Namespace::open(&self.namespace)?.ok_or_else(|| FaultError::Target {
            what: format!("`namespace` {}", self.namespace),
            reason: "does not exist; expected a name that `ip netns list` shows".to_owned(),
        })
    }
}

fn named(undo: &Value) -> Result<Named, FaultError> {
    let wrong = |reason: String| FaultError::Target { what: "the journal's entry".to_owned(), reason };
    let named: Named = serde_json::from_value(undo.clone())
        .map_err(|e| wrong(format!("has `{undo}`; expected `namespace`, `inode`, `device` and `handle`: {e}")))?;
    // Nothing that could be another's is ever removed, whatever a journal says.
    if HANDLES.contains(&named.handle) {
        Ok(named)
    } else {
        Err(wrong(format!("names the handle {:x}:, which is none of ours", named.handle)))
    }
}

/// Removes the bucket, if it is still there.
pub(super) fn undo(undo: &Value) -> Result<(), FaultError> {
    let named = named(undo)?;
    // With a namespace its devices are gone.
    match Namespace::open(&named.namespace)?.filter(|n| n.inode == named.inode) {
        Some(namespace) => remove(&namespace, &named),
        None => Ok(()),
    }
}

fn remove(namespace: &Namespace, named: &Named) -> Result<(), FaultError> {
    let stands = || match roots(namespace, &named.device) {
        Ok(roots) => Ok(roots.iter().any(|root| root.handle == named.handle)),
        // With the device all on it is gone.
        Err(FaultError::Target { .. }) => Ok(false),
        Err(error) => Err(error),
    };
    if !stands()? {
        return Ok(());
    }
    let handle = format!("{:x}:", named.handle);
    let removed = tc(namespace, &["qdisc", "del", "dev", &named.device, "root", "handle", &handle]);
    // Two may undo at once: what counts is that it is gone.
    if stands()? { removed.map(drop) } else { Ok(()) }
}

/// What stands at the root of a device.
struct Root {
    kind: String,
    handle: u16,
}

/// What stands at the root of the device; 0 is the handle of what the kernel puts there by itself.
///
/// # Errors
/// `Target` where there is no such device.
fn roots(namespace: &Namespace, device: &str) -> Result<Vec<Root>, FaultError> {
    // Asked for all devices, `tc` answers also where one is gone.
    let text = tc(namespace, &["-j", "qdisc", "show"])?;
    let all: Vec<Value> = serde_json::from_str(&text).map_err(|e| failed("reading what it shows", &e.to_string()))?;
    let of_device: Vec<&Value> = all.iter().filter(|q| q["dev"] == device).collect();
    if of_device.is_empty() {
        let mut known: Vec<&str> = all.iter().filter_map(|q| q["dev"].as_str()).collect();
        known.dedup();
        let reason = format!("is none in the namespace, or is down; there is {}", known.join(", "));
        return Err(FaultError::Target { what: format!("`device` {device}"), reason });
    }
    let root = |q: &&Value| q["root"] == true;
    Ok(of_device
        .into_iter()
        .filter(root)
        .map(|q| Root { kind: q["kind"].as_str().unwrap_or("unknown").to_owned(), handle: major(&q["handle"]) })
        .collect())
}

/// The number of a handle such as `5a17:`; one that cannot be read is not the kernel's default.
fn major(handle: &Value) -> u16 {
    let number = handle.as_str().and_then(|h| h.split(':').next()).and_then(|h| u16::from_str_radix(h, 16).ok());
    number.unwrap_or(u16::MAX)
}

fn tc(namespace: &Namespace, arguments: &[&str]) -> Result<String, FaultError> {
    let mut command = Command::new(program(NAME, "tc", "iproute2")?);
    command.args(arguments).env("LC_ALL", "C").stdin(Stdio::null());
    let output = namespace.output(&mut command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(failed(&arguments.join(" "), &String::from_utf8_lossy(&output.stderr)))
}

fn failed(step: &str, said: &str) -> FaultError {
    let reason = said.split_whitespace().collect::<Vec<_>>().join(" ");
    FaultError::System { step: format!("tc {step}"), reason }
}

/// A bucket in force.
struct Limited {
    fault: Bandwidth,
    named: Named,
    namespace: Namespace,
}

impl Limited {
    /// A weaker fault lets more through: at half the strength twice the rate.
    fn set(&self, verb: &str, strength: f64) -> Result<(), FaultError> {
        let rate = (self.fault.rate as f64 / strength.max(WEAKEST)) as u64;
        // A hundredth of a second: the kernel's clock ticks at least that often.
        let burst = (rate / 100).clamp(LEAST_BURST, 64 << 20);
        let (handle, rate) = (format!("{:x}:", self.named.handle), format!("{rate}bps"));
        let (burst, queue) = (format!("{burst}b"), format!("{}ms", self.fault.queue_ms));
        let bucket = ["tbf", "rate", &rate, "burst", &burst, "latency", &queue];
        let at = ["qdisc", verb, "dev", &self.named.device, "root", "handle", &handle];
        tc(&self.namespace, &[&at[..], &bucket[..]].concat()).map(drop)
    }
}

impl Injected for Limited {
    fn ramp(&mut self, strength: f64) {
        // A step that fails leaves the rate of the step before.
        let _ = self.set("change", strength);
    }

    fn counts(&self) -> Value {
        let shown = tc(&self.namespace, &["-j", "-s", "qdisc", "show", "dev", &self.named.device]).unwrap_or_default();
        let all: Vec<Value> = serde_json::from_str(&shown).unwrap_or_default();
        let own = all.iter().find(|q| major(&q["handle"]) == self.named.handle);
        own.map_or_else(|| json!({}), |q| json!({ "bytes": q["bytes"], "packets": q["packets"], "drops": q["drops"] }))
    }

    fn undo(self: Box<Self>) -> Result<(), FaultError> {
        remove(&self.namespace, &self.named)
    }
}
