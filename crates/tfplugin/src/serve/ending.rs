//! What ends the process besides go-plugin's `Shutdown`: signals, and the loss of Terraform itself.
//!
//! Terraform killed outright sends nothing. The parent-death signal of Linux is no help, since it fires at the end of
//! the parent's *thread*, and Go ends threads at will; so the parent process is watched, by a pidfd where there is one,
//! and together with the end of the connection counts as lost.

use std::io;

use tokio::sync::watch;

/// Why the process takes its leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Shutdown,
    Signal(&'static str),
    TerraformLost,
}

/// Signals, registered before Terraform learns of this process.
pub(super) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
    /// On the developer's terminal Ctrl-C means this process; under Terraform it means Terraform, which then calls
    /// `StopProvider`, and the signal that the whole process group got is swallowed.
    interrupt_ends: bool,
}

impl Signals {
    #[cfg(unix)]
    pub(super) fn register(interrupt_ends: bool) -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            interrupt: signal(SignalKind::interrupt())?,
            interrupt_ends,
        })
    }

    #[cfg(windows)]
    pub(super) fn register(interrupt_ends: bool) -> io::Result<Self> {
        Ok(Self { interrupt: tokio::signal::windows::ctrl_c()?, interrupt_ends })
    }

    #[cfg(unix)]
    pub(super) async fn end(&mut self) -> Ending {
        loop {
            tokio::select! {
                Some(()) = self.terminate.recv() => return Ending::Signal("SIGTERM"),
                Some(()) = self.hangup.recv() => return Ending::Signal("SIGHUP"),
                Some(()) = self.interrupt.recv() => if self.interrupt_ends {
                    return Ending::Signal("SIGINT");
                },
                else => std::future::pending().await,
            }
        }
    }

    #[cfg(windows)]
    pub(super) async fn end(&mut self) -> Ending {
        loop {
            match self.interrupt.recv().await {
                Some(()) if self.interrupt_ends => return Ending::Signal("Ctrl-C"),
                Some(()) => {}
                None => std::future::pending().await,
            }
        }
    }
}

/// The process that started this one, known before anything else is done.
#[cfg(unix)]
pub(super) struct Parent {
    id: Option<rustix::process::Pid>,
    #[cfg(target_os = "linux")]
    pidfd: Option<std::os::fd::OwnedFd>,
}

#[cfg(unix)]
impl Parent {
    pub(super) fn find() -> Self {
        let id = rustix::process::getppid();
        Self {
            id,
            // Missing on kernels before 5.3 and in some sandboxes; the parent's id is then polled.
            #[cfg(target_os = "linux")]
            pidfd: id.and_then(|id| rustix::process::pidfd_open(id, rustix::process::PidfdFlags::empty()).ok()),
        }
    }

    async fn gone(&mut self) {
        #[cfg(target_os = "linux")]
        if let Some(pidfd) = self.pidfd.take() {
            // Had the parent ended before its pidfd was opened, that would be some later process's.
            if rustix::process::getppid() == self.id && end_of(pidfd).await.is_ok() {
                return;
            }
        }
        let mut second = tokio::time::interval(std::time::Duration::from_secs(1));
        while rustix::process::getppid() == self.id {
            second.tick().await;
        }
    }

    /// Resolves when the parent has ended and no connection is open any more.
    pub(super) async fn lost(mut self, mut open: watch::Receiver<usize>) -> Ending {
        self.gone().await;
        // An error would mean that the count itself is gone, and so every connection.
        let _ = open.wait_for(|count| *count == 0).await;
        Ending::TerraformLost
    }
}

/// Without parent ids that can be watched: a client that was there and has been away for long is taken for lost.
#[cfg(not(unix))]
pub(super) struct Parent;

#[cfg(not(unix))]
impl Parent {
    pub(super) fn find() -> Self {
        Self
    }

    pub(super) async fn lost(self, mut open: watch::Receiver<usize>) -> Ending {
        const AWAY: std::time::Duration = std::time::Duration::from_secs(30);
        let _ = open.wait_for(|count| *count > 0).await;
        loop {
            let _ = open.wait_for(|count| *count == 0).await;
            match tokio::time::timeout(AWAY, open.wait_for(|count| *count > 0)).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => return Ending::TerraformLost,
            }
        }
    }
}

/// Resolves when the process of this pidfd has ended. A thread waits for it: readiness of a foreign descriptor can be
/// had from the runtime by unsafe code only.
#[cfg(target_os = "linux")]
async fn end_of(pidfd: std::os::fd::OwnedFd) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, poll};

    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::Builder::new().name("parent-watch".into()).spawn(move || {
        let mut waited = [PollFd::new(&pidfd, PollFlags::IN)];
        let ended = loop {
            match poll(&mut waited, None) {
                Err(rustix::io::Errno::INTR) => {}
                ended => break ended,
            }
        };
        // Nobody receives once the process ends for another reason.
        let _ = sender.send(ended);
    })?;
    receiver.await.map_err(io::Error::other)??;
    Ok(())
}
