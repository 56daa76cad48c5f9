//! Processes by id and start time, so that a reused id is another process.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use super::stat::Stat;
use crate::radius::Caller;

/// A process that no other one can be mistaken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Process id.
    pub pid: u32,
    /// Clock ticks since boot when it started.
    pub started: u64,
}

impl Identity {
    /// The process of this id, if it lives; a zombie does not.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = Stat::of(pid)?;
        stat.runs().then_some(Self { pid, started: stat.started })
    }

    /// This process.
    pub fn own() -> Self {
        let pid = std::process::id();
        Self { pid, started: Stat::of(pid).map_or(0, |s| s.started) }
    }

    /// Whether it lives.
    pub fn alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Kills exactly this process, and says whether it is gone within two seconds.
    pub fn kill(self) -> bool {
        let handle = Pid::from_raw(self.pid.cast_signed()).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        // The handle is of whatever has the id now; the start time, read after it, tells whether that is the one meant.
        if let Some(handle) = handle
            && self.alive()
        {
            let _ = pidfd_send_signal(&handle, Signal::KILL);
        }
        self.gone_within(Duration::from_secs(2))
    }

    /// Waits for its end.
    pub fn gone_within(self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        while self.alive() {
            if Instant::now() >= until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }
}

/// This process with its ancestors and its user.
pub fn caller() -> Caller {
    let mut lineage = vec![std::process::id()];
    while let Some(parent) = lineage.last().and_then(|pid| Stat::of(*pid)).map(|s| s.parent) {
        if parent == 0 || lineage.contains(&parent) {
            break;
        }
        lineage.push(parent);
    }
    Caller { uid: rustix::process::geteuid().as_raw(), lineage }
}

/// Every process with its command line, of this user's that can be read.
pub(super) fn command_lines() -> Vec<(u32, Vec<String>)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| {
        let raw = fs::read(format!("/proc/{pid}/cmdline")).ok().filter(|raw| !raw.is_empty())?;
        let words = raw.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
        Some((pid, words))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_process_is_gone_and_another_start_is_another_process() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let identity = Identity::of(child.id()).unwrap();
        let other = Identity { started: identity.started + 1, ..identity };
        assert!(identity.alive() && !other.alive());
        assert!(other.kill() && identity.alive(), "the other one was never there");
        assert!(identity.kill() && !identity.alive());
        child.wait().unwrap();
    }

    #[test]
    fn the_lineage_ends_with_the_first_process() {
        let caller = caller();
        assert_eq!(caller.lineage.first(), Some(&std::process::id()));
        assert!(caller.lineage.len() >= 2);
    }
}
