//! Fault `process_pause`: stops all threads of processes, as if they hung.
//!
//! The holder traces them (`PTRACE_SEIZE`, `PTRACE_INTERRUPT`) instead of sending `SIGSTOP`: what a dead tracer held, the kernel
//! lets run, so that no process stays paused, whoever is killed. A process that somebody traces already is refused. Processes
//! that are started later are not paused. As after any stop, a system call such as `epoll_wait` may end with `EINTR`.
//! Source: ptrace(2).

#[cfg(target_os = "linux")]
mod pause;
#[cfg(target_os = "linux")]
mod tracer;

use serde_json::Value;
use stormglass_chaos::{Ending, Fault, FaultError, FaultKind, Problem, Setting, Settings};

use crate::processes::{CGROUP, EXECUTABLE, PID_FILE, PORT, Selector};

const NAME: &str = "process_pause";

/// The kind `process_pause`.
pub(super) struct ProcessPauseKind;

impl FaultKind for ProcessPauseKind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "Stops all threads of processes, named by one of `pid_file`, `executable`, `port`, `cgroup`, as if they hung."
    }

    fn settings(&self) -> &'static [Setting] {
        const SETTINGS: &[Setting] = &[PID_FILE, EXECUTABLE, PORT, CGROUP];
        SETTINGS
    }

    fn ending(&self) -> Ending {
        Ending::WithHolder
    }

    fn read(&self, mut settings: Settings<'_>) -> Result<Box<dyn Fault>, Vec<Problem>> {
        let fault = Selector::read(&mut settings).map(|selector| ProcessPause { selector });
        settings.finish(fault).map(|f| Box::new(f) as Box<dyn Fault>)
    }

    #[cfg(target_os = "linux")]
    fn undo(&self, undo: &Value) -> Result<(), FaultError> {
        pause::verify(&super::targets::of_data(undo)?)
    }

    #[cfg(not(target_os = "linux"))]
    fn undo(&self, _: &Value) -> Result<(), FaultError> {
        // Never injected on this system.
        Ok(())
    }
}

/// Which processes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux pauses"))]
struct ProcessPause {
    selector: Selector,
}

#[cfg(not(target_os = "linux"))]
super::linux_only!(ProcessPause, NAME, stormglass_chaos::Class::Reversible);
