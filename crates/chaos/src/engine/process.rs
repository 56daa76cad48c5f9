//! Processes by id and start time, so that a reused id is another process; and the programs that one of them runs for a fault.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};

use super::spawn::HOLDER;
use super::stat::Stat;
use crate::radius::Caller;

/// Environment variable of a program that is run for a fault: who runs it, as `PID:STARTED`.
const RUN_BY: &str = "STORMGLASS_CHAOS_RUN_BY";
/// Longest time that a process and the programs it runs are given to die.
const DEATH: Duration = Duration::from_secs(5);

/// A process that no other one can be mistaken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Process id.
    pub pid: u32,
    /// Clock ticks since boot when it started.
    pub started: u64,
}

impl Identity {
    /// The process of this id, if it lives; a zombie does not. One whose first thread has ended lives as long as another one
    /// does, which may be in the middle of a call of the system.
    pub fn of(pid: u32) -> Option<Self> {
        let stat = Stat::of(pid)?;
        (stat.runs() || a_thread_runs(pid)).then_some(Self { pid, started: stat.started })
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

    /// Kills this process and every program that it runs for a fault, and waits for their end: what such a program was about to
    /// do, it would do after the fault had been undone.
    ///
    /// # Errors
    /// One of them lives on after five seconds, as in an uninterruptible sleep.
    pub(super) fn end(self) -> Result<(), String> {
        let until = Instant::now() + DEATH;
        loop {
            // Only who is dead starts nothing any more.
            let left = if self.kill() { self.end_programs() } else { Some(self.pid) };
            match left {
                None => return Ok(()),
                Some(pid) if Instant::now() >= until => return Err(format!("process {pid} cannot be killed")),
                Some(_) => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }

    /// Kills the programs that this process, dead by now, had run for a fault; one that may be left.
    ///
    /// They stay in its session, which the kernel tells of at every moment; an id that was given away again shows no mark.
    fn end_programs(self) -> Option<u32> {
        let mark = format!("{RUN_BY}={}:{}", self.pid, self.started);
        let mut left = None;
        for pid in processes().filter(|pid| *pid != self.pid && *pid != std::process::id()) {
            if Stat::of(pid).is_none_or(|stat| !stat.runs() || stat.session != self.pid) {
                continue;
            }
            // Between `fork` and the end of `exec` it looks like the holder, or like nothing: what it becomes shows in a moment.
            let becomes = words(pid, "cmdline").is_none_or(|words| words.get(1).is_some_and(|word| word == HOLDER));
            let marked = || words(pid, "environ").is_some_and(|words| words.contains(&mark));
            if becomes || (marked() && !Self::of(pid).is_none_or(Self::kill)) {
                left = Some(pid);
            }
        }
        left
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

/// Marks a program that a fault runs for its own work: whoever undoes for a lost holder ends it first. Not for what is to outlive
/// the fault, such as a service that is started again.
pub fn run_for_fault(command: &mut Command) -> &mut Command {
    let own = Identity::own();
    command.env(RUN_BY, format!("{}:{}", own.pid, own.started))
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

/// Every process with its command line, where that can be read.
pub(super) fn command_lines() -> Vec<(u32, Vec<String>)> {
    processes().filter_map(|pid| Some((pid, words(pid, "cmdline")?))).collect()
}

fn processes() -> impl Iterator<Item = u32> {
    numbers("/proc")
}

/// Whether any thread of a process runs.
fn a_thread_runs(pid: u32) -> bool {
    numbers(&format!("/proc/{pid}/task")).any(|thread| Stat::of_thread(pid, thread).is_some_and(Stat::runs))
}

/// The names in a folder that are numbers.
fn numbers(folder: &str) -> impl Iterator<Item = u32> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().to_str()?.parse().ok())
}

/// The texts in `/proc/PID/cmdline` or `/proc/PID/environ`; `None` where there are none, or they are not to be read.
fn words(pid: u32, file: &str) -> Option<Vec<String>> {
    let raw = fs::read(format!("/proc/{pid}/{file}")).ok().filter(|raw| !raw.is_empty())?;
    Some(raw.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect())
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
    fn with_a_process_end_the_programs_that_it_runs_for_a_fault_and_no_others() {
        let script = format!(
            "started=$(cut -d' ' -f22 /proc/$$/stat); {RUN_BY}=$$:$started sleep 61 & {RUN_BY}=$$:1 sleep 62 & sleep 63"
        );
        // Of these three only the first one is the holder's own.
        let mut holder = Command::new("setsid").args(["sh", "-c", &script]).spawn().unwrap();
        let of_session = |seconds: &str| {
            let sleeps = |pid: &u32| words(*pid, "cmdline").is_some_and(|w| w[0] == "sleep" && w[1] == seconds);
            let own = |pid: &u32| Stat::of(*pid).is_some_and(|s| s.session == holder.id() && s.runs());
            processes().filter(own).find(sleeps).and_then(Identity::of)
        };
        let (until, identity) = (Instant::now() + Duration::from_secs(60), Identity::of(holder.id()).unwrap());
        while ["61", "62", "63"].iter().any(|s| of_session(s).is_none()) {
            assert!(Instant::now() < until, "its programs were not started within a minute");
            std::thread::sleep(Duration::from_millis(5));
        }
        identity.end().unwrap();
        let others = [of_session("62"), of_session("63")];
        assert!(of_session("61").is_none() && !identity.alive() && others.iter().all(Option::is_some), "{others:?}");
        others.into_iter().flatten().for_each(|other| assert!(other.kill()));
        holder.wait().unwrap();
    }

    #[test]
    fn the_lineage_ends_with_the_first_process() {
        let caller = caller();
        assert_eq!(caller.lineage.first(), Some(&std::process::id()));
        assert!(caller.lineage.len() >= 2);
    }
}
