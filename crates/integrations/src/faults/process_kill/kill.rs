//! Ending processes by handles that cannot become another process.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open, pidfd_send_signal};
use serde_json::{Value, json};
use stormglass_chaos::{Class, Fault, FaultError, Injected, Touch};

use super::start::start;
use super::{NAME, ProcessKill, Signal};
use crate::faults::targets::{Identity, data, listed, of_data, resolve, targets};

/// Time that processes have to end.
const PATIENCE: Duration = Duration::from_secs(10);

impl Fault for ProcessKill {
    fn class(&self) -> Class {
        Class::SelfHealing
    }

    fn resolve(&self) -> Result<Touch, FaultError> {
        let found = resolve(&self.selector)?;
        let then = if self.start.is_empty() { String::new() } else { format!(", then run {:?}", self.start) };
        let plan = format!("send SIG{} to {}{then}", self.signal.word(), listed(&found));
        let undo = data(&found);
        Ok(Touch { targets: targets(&self.selector, found), plan, undo })
    }

    fn inject(&self, touch: &Touch) -> Result<Box<dyn Injected>, FaultError> {
        let processes = of_data(&touch.undo)?;
        // All are looked at before the first is touched.
        let handles = processes.iter().map(|p| handle(*p)).collect::<Result<Vec<_>, _>>()?;
        for (process, handle) in processes.iter().zip(&handles) {
            self.send(*process, handle)?;
        }
        let until = Instant::now() + PATIENCE;
        let running = handles.iter().zip(&processes).find(|(handle, _)| !ended(handle, until));
        if let Some((_, process)) = running {
            return Err(FaultError::System {
                step: format!("ending process {}", process.pid),
                reason: format!(
                    "it still runs {} s after the signal; `signal: KILL` cannot be refused",
                    PATIENCE.as_secs()
                ),
            });
        }
        let started = if self.start.is_empty() { None } else { Some(start(&self.start)?) };
        Ok(Box::new(Killed { killed: processes.len(), started }))
    }
}

impl ProcessKill {
    fn send(&self, process: Identity, handle: &OwnedFd) -> Result<(), FaultError> {
        let signal = match self.signal {
            Signal::Kill => rustix::process::Signal::KILL,
            Signal::Term => rustix::process::Signal::TERM,
        };
        match pidfd_send_signal(handle, signal) {
            // One that ended with another, its parent, has ended as it was asked to.
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(FaultError::System {
                step: format!("ending process {}", process.pid),
                reason: format!("{error}; it belongs to another user, it seems"),
            }),
        }
    }
}

/// A handle of exactly this process.
fn handle(process: Identity) -> Result<OwnedFd, FaultError> {
    let what = || format!("process {}", process.pid);
    let raw = i32::try_from(process.pid).ok().filter(|pid| *pid > 1).and_then(Pid::from_raw);
    let pid = raw.ok_or_else(|| FaultError::Target { what: what(), reason: "is never touched".to_owned() })?;
    let handle = pidfd_open(pid, PidfdFlags::empty());
    match handle {
        // The handle is of whatever has the id now; the start time, read after it, tells whether that is the one meant.
        Ok(handle) if process.alive() => Ok(handle),
        Ok(_) | Err(Errno::SRCH) => Err(FaultError::Target {
            what: what(),
            reason: "has ended since it was found; nothing was killed".to_owned(),
        }),
        Err(Errno::NOSYS) => Err(FaultError::Unsupported {
            what: format!("`{NAME}`"),
            needs: "Linux 5.3 or newer (pidfd_open)".to_owned(),
        }),
        Err(error) => {
            Err(FaultError::System { step: format!("opening process {}", process.pid), reason: error.to_string() })
        }
    }
}

/// Whether the process of this handle ends in time; a handle becomes readable then.
fn ended(handle: &OwnedFd, until: Instant) -> bool {
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let limit = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(handle, PollFlags::IN)], Some(&limit)) {
            Err(Errno::INTR) => {}
            answer => return answer.is_ok_and(|ready| ready > 0),
        }
    }
}

/// Processes that have ended.
struct Killed {
    killed: usize,
    started: Option<i32>,
}

impl Injected for Killed {
    fn counts(&self) -> Value {
        json!({ "killed": self.killed, "started_pid": self.started })
    }

    fn undo(self: Box<Self>) -> Result<(), FaultError> {
        Ok(())
    }
}
