//! What a fault would touch, in a form that the blast radius can be held against.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that a fault touches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// A socket address `host:port` that is listened on or connected to.
    Address(String),
    /// A process: its id, when it started (clock ticks since boot, from `/proc/PID/stat`, so that a reused id is another
    /// process), its user, its executable, and what in the experiment named it.
    Process {
        /// Process id.
        pid: u32,
        /// Clock ticks since boot when it started.
        started: u64,
        /// User id.
        uid: u32,
        /// Path of the executable, empty where it cannot be read.
        executable: String,
        /// `pid_file:PATH`, `executable:PATH`, `port:N`, `cgroup:PATH` or `own` (started by the experiment itself).
        named_by: String,
    },
    /// A folder that is written to.
    Folder(String),
    /// A network namespace, by name.
    Namespace(String),
    /// Processor time and memory of this host, taken by a child of the experiment's own.
    Host,
}

/// As people read it.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "address {address}"),
            Self::Process { pid, executable, .. } => write!(f, "process {pid} (`{executable}`)"),
            Self::Folder(path) => write!(f, "folder {path}"),
            Self::Namespace(name) => write!(f, "namespace {name}"),
            Self::Host => f.write_str("this host's processor and memory"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_told_in_words() {
        let process = Target::Process {
            pid: 7,
            started: 9,
            uid: 0,
            executable: "/usr/bin/web".to_owned(),
            named_by: "port:8080".to_owned(),
        };
        assert_eq!(process.to_string(), "process 7 (`/usr/bin/web`)");
        assert_eq!(Target::Address("127.0.0.1:1".to_owned()).to_string(), "address 127.0.0.1:1");
    }
}
