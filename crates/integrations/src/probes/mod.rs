//! Probes: one file each, one line each in the list.

mod command;
mod file;
mod http;
mod process;
mod prometheus;
mod tcp;

use stormglass_chaos::ProbeKind;

/// Every probe, in the order in which documentation lists them.
pub const PROBES: &[&dyn ProbeKind] =
    &[&http::Http, &tcp::Tcp, &command::Command, &prometheus::Prometheus, &file::File, &process::Process];

/// Most bytes of an answer that are read; the rest is not looked at.
const LONGEST: usize = 1 << 20;
