//! Pausing, and seeing that the pause is over.

use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stormglass_chaos::{Class, Fault, FaultError, Injected, Touch};

use super::tracer::{Tracer, trace};
use super::{NAME, ProcessPause};
use crate::faults::targets::{Identity, data, listed, of_data, resolve, targets};
use crate::processes::stat;

/// Time that processes have to run again.
const PATIENCE: Duration = Duration::from_secs(2);
/// The capability to trace any process of this user namespace, capability(7).
const CAP_SYS_PTRACE: u32 = 19;

impl Fault for ProcessPause {
    fn class(&self) -> Class {
        Class::Reversible
    }

    fn resolve(&self) -> Result<Touch, FaultError> {
        may_trace()?;
        let found = resolve(&self.selector)?;
        for process in &found {
            if let Some(tracer) = tracer(process.pid) {
                let reason = format!("process {} is traced by process {tracer} already; end that first", process.pid);
                return Err(FaultError::Target { what: self.selector.to_string(), reason });
            }
        }
        let plan = format!("pause {}", listed(&found));
        let undo = data(&found);
        Ok(Touch { targets: targets(&self.selector, found), plan, undo })
    }

    fn inject(&self, touch: &Touch) -> Result<Box<dyn Injected>, FaultError> {
        let processes = of_data(&touch.undo)?;
        // A tracer is a thread, not a process: only the one that seized may detach, and with its end all are let go.
        let (end, ended) = channel::<()>();
        let (tell, told) = channel();
        let wanted = processes.clone();
        let thread = std::thread::Builder::new()
            .name("tracer".to_owned())
            .spawn(move || {
                let mut tracer = Tracer::default();
                let answer = wanted.iter().try_for_each(|process| tracer.seize(*process));
                let failed = answer.is_err();
                if tell.send(answer.map(|()| tracer.threads())).is_ok() && !failed {
                    trace(&mut tracer, &ended);
                }
                tracer.let_go();
            })
            .map_err(|e| FaultError::System { step: "starting a thread".to_owned(), reason: e.to_string() })?;
        match told.recv() {
            Ok(Ok(threads)) => Ok(Box::new(Paused { processes, threads, end, thread })),
            Ok(Err(error)) => {
                // What was seized before the error is let go with the thread; what others trace is not ours to wait for.
                let _ = thread.join();
                Err(error)
            }
            Err(_) => Err(FaultError::System {
                step: format!("`{NAME}`"),
                reason: "the tracing thread panicked, which let all run; this is a bug, please report it".to_owned(),
            }),
        }
    }
}

/// Processes that are paused.
struct Paused {
    processes: Vec<Identity>,
    threads: usize,
    end: Sender<()>,
    thread: JoinHandle<()>,
}

impl Injected for Paused {
    fn counts(&self) -> Value {
        json!({ "processes": self.processes.len(), "threads": self.threads })
    }

    fn undo(self: Box<Self>) -> Result<(), FaultError> {
        let Self { processes, end, thread, .. } = *self;
        drop(end);
        // With the thread the kernel lets go whatever it still traced.
        let _ = thread.join();
        verify(&processes)
    }
}

/// Waits until none of them is stopped by a tracer; one that has ended, or whose id is another process by now, is not.
///
/// # Errors
/// One still is.
pub(super) fn verify(processes: &[Identity]) -> Result<(), FaultError> {
    let until = Instant::now() + PATIENCE;
    for process in processes {
        while let Some(thread) = paused(*process) {
            if Instant::now() >= until {
                let tracer =
                    tracer(process.pid).map_or_else(String::new, |pid| format!(", process {pid}; end that one"));
                return Err(FaultError::System {
                    step: format!("letting process {} run", process.pid),
                    reason: format!("its thread {thread} is still stopped by its tracer{tracer}"),
                });
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    Ok(())
}

/// A thread of the process that a tracer stops.
fn paused(process: Identity) -> Option<u32> {
    let is_stopped = |t: &u32| stat::Stat::of_thread(process.pid, *t).is_some_and(|s| s.state == 't');
    process.alive().then(|| stat::threads(process.pid).into_iter().find(is_stopped)).flatten()
}

/// The process that traces this one. The kernel names the thread that does.
fn tracer(pid: u32) -> Option<u32> {
    let thread = stat::status(pid, "TracerPid")?.parse().ok().filter(|t| *t != 0)?;
    stat::status(thread, "Tgid").and_then(|t| t.parse().ok()).or(Some(thread))
}

/// Whether this system lets this process trace another that is not its child.
fn may_trace() -> Result<(), FaultError> {
    let text = std::fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    let scope = text.trim().parse().unwrap_or(0);
    allowed(scope, stat::has_capability(CAP_SYS_PTRACE))
}

/// Source: the kernel's Documentation/admin-guide/LSM/Yama.rst.
fn allowed(scope: u32, capable: bool) -> Result<(), FaultError> {
    let needs = match (scope, capable) {
        (0, _) | (1 | 2, true) => return Ok(()),
        (1 | 2, false) => "root or CAP_SYS_PTRACE",
        _ => "a boot with another setting, for nobody may trace",
    };
    Err(FaultError::Unsupported {
        what: format!("`{NAME}`"),
        needs: format!("{needs}: kernel.yama.ptrace_scope is {scope} on this host"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_host_forbids_is_said_before_anything_is_touched() {
        assert!(allowed(0, false).is_ok() && allowed(1, true).is_ok() && allowed(2, true).is_ok());
        assert_eq!(
            allowed(1, false).unwrap_err().to_string(),
            "`process_pause` needs root or CAP_SYS_PTRACE: kernel.yama.ptrace_scope is 1 on this host"
        );
        assert!(allowed(3, true).is_err());
    }

    #[test]
    fn what_never_was_paused_is_not_broken() {
        let own = std::process::id();
        let started = stat::Stat::of(own).unwrap().started;
        let identities = [
            Identity { pid: own, started },
            Identity { pid: own, started: 1 },
            Identity { pid: 4_000_000_000, started },
        ];
        assert_eq!(verify(&identities), Ok(()));
    }
}
