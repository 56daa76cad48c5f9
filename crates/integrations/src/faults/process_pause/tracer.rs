//! A thread that traces: seizes all threads of a process, keeps them stopped, lets them go.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use stormglass_chaos::FaultError;

use crate::faults::targets::Identity;
use crate::processes::stat;

/// Time that a thread has to stop. One in an uninterruptible call stops when the call is over, before it runs on.
const PATIENCE: Duration = Duration::from_secs(2);
/// Time between two looks at what the traced threads report.
const TICK: Duration = Duration::from_millis(10);

/// What is traced by this thread.
#[derive(Default)]
pub(super) struct Tracer {
    threads: BTreeMap<u32, Held>,
}

/// A traced thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    /// It was told to stop.
    Told,
    /// It stands; a signal that it was about to take is handed on when it is let go.
    Stands(Option<Signal>),
}

impl Tracer {
    /// Stops all threads of a process.
    ///
    /// # Errors
    /// It is another process by now, it may not be traced, or it is traced already. Some threads may be held then.
    pub(super) fn seize(&mut self, process: Identity) -> Result<(), FaultError> {
        let gone = || FaultError::Target {
            what: format!("process {}", process.pid),
            reason: "has ended since it was found; nothing was paused".to_owned(),
        };
        if !process.alive() {
            return Err(gone());
        }
        let until = Instant::now() + PATIENCE;
        loop {
            let new: Vec<u32> =
                stat::threads(process.pid).into_iter().filter(|t| !self.threads.contains_key(t)).collect();
            for thread in &new {
                self.seize_thread(process.pid, *thread)?;
            }
            // An id that is traced is not given to another process: from here on the start time is the tracee's.
            if !process.alive() {
                return Err(gone());
            }
            self.look();
            let all_stand = self.threads.values().all(|held| matches!(held, Held::Stands(_)));
            // Only a thread that runs can start another.
            if new.is_empty() && (all_stand || Instant::now() >= until) {
                return Ok(());
            }
            if !all_stand {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }

    fn seize_thread(&mut self, process: u32, thread: u32) -> Result<(), FaultError> {
        let id = Pid::from_raw(thread.cast_signed());
        match ptrace::seize(id, ptrace::Options::empty()).and_then(|()| {
            self.threads.insert(thread, Held::Told);
            ptrace::interrupt(id)
        }) {
            // It has ended between being listed and being seized.
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(error) => Err(FaultError::System {
                step: format!("pausing thread {thread} of process {process}"),
                reason: format!("{error}; it is traced already, or this user may not trace it (CAP_SYS_PTRACE)"),
            }),
        }
    }

    /// Takes in what the threads report.
    pub(super) fn look(&mut self) {
        // Of this thread's tracees only: what the process has for children is somebody else's.
        let flags = WaitPidFlag::WNOHANG | WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD;
        loop {
            match waitpid(None, Some(flags)) {
                Ok(WaitStatus::PtraceEvent(id, ..)) => self.stands(id, None),
                Ok(WaitStatus::Stopped(id, signal)) => self.stands(id, Some(signal)),
                // It was killed; having been reported here it is reported to its parent.
                Ok(WaitStatus::Exited(id, _) | WaitStatus::Signaled(id, ..)) => {
                    self.threads.remove(&id.as_raw().cast_unsigned());
                }
                Err(Errno::EINTR) => {}
                Ok(WaitStatus::StillAlive) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    fn stands(&mut self, id: Pid, signal: Option<Signal>) {
        self.threads.insert(id.as_raw().cast_unsigned(), Held::Stands(signal));
    }

    /// How many threads are held.
    pub(super) fn threads(&self) -> usize {
        self.threads.len()
    }

    /// Lets all run; what cannot be let go here goes with this thread's end.
    pub(super) fn let_go(&mut self) {
        self.look();
        for (thread, held) in std::mem::take(&mut self.threads) {
            let signal = if let Held::Stands(signal) = held { signal } else { None };
            let _ = ptrace::detach(Pid::from_raw(thread.cast_signed()), signal);
        }
    }
}

/// Keeps what is traced until the other end of `ended` is dropped.
pub(super) fn trace(tracer: &mut Tracer, ended: &Receiver<()>) {
    while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
        tracer.look();
    }
}
