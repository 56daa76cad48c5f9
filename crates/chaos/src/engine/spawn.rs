//! Starts this executable again as a holder or a watchdog, and what both do first.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::process::Identity;

/// First argument of a holder; a program that has it as a command of its own does not exist.
pub(super) const HOLDER: &str = "__stormglass-chaos-holder";
/// First argument of a watchdog.
pub(super) const WATCHDOG: &str = "__stormglass-chaos-watchdog";
/// Longest time that injecting or undoing one fault may take.
pub(super) const BOUND: Duration = Duration::from_secs(20);

/// Lease of a helper that has not been told one yet.
pub(super) const UNTOLD: Duration = Duration::from_secs(5);

/// A helper process, seen from the runner.
pub(super) struct Helper {
    /// Who it is.
    pub(super) identity: Identity,
    /// For its messages; [`Helper::messages`] takes it.
    child: Option<Child>,
    lease: UnixStream,
}

impl Helper {
    /// Starts one; `journal` and `fault` stand in its command line, where [`super::undo`] finds it without any journal.
    pub(super) fn start(role: &str, journal: &Path, fault: Option<usize>) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_write_timeout(Some(Duration::from_secs(1)))?;
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(beside(journal, "log"))
            .map_or_else(|_| Stdio::null(), Stdio::from);
        let mut command = Command::new("/proc/self/exe");
        command.arg(role).arg(journal).args(fault.map(|i| i.to_string()));
        command.stdin(Stdio::from(OwnedFd::from(theirs))).stdout(Stdio::null()).stderr(log);
        let child = command.spawn()?;
        let identity = Identity::of(child.id()).unwrap_or(Identity { pid: child.id(), started: 0 });
        Ok(Self { identity, child: Some(child), lease: ours })
    }

    /// Says something. That nobody listens any more is noticed by the reader of messages.
    pub(super) fn say(&mut self, message: &impl Serialize) -> io::Result<()> {
        self.lease.write_all(line(message).as_bytes())
    }

    /// Calls `each` for every message and `end` when the process is gone, from a thread of its own.
    pub(super) fn messages<M: DeserializeOwned>(
        &mut self,
        mut each: impl FnMut(M) + Send + 'static,
        end: impl FnOnce() + Send + 'static,
    ) -> io::Result<()> {
        let reader = BufReader::new(self.lease.try_clone()?);
        let child = self.child.take();
        std::thread::Builder::new().name("chaos-lease".to_owned()).spawn(move || {
            for line in reader.lines().map_while(Result::ok) {
                if let Ok(message) = serde_json::from_str(&line) {
                    each(message);
                }
            }
            end();
            if let Some(mut child) = child {
                let _ = child.wait();
            }
        })?;
        Ok(())
    }
}

/// What came over the lease.
pub(super) enum Word<M> {
    /// A message.
    Said(M),
    /// The runner is gone.
    End,
}

/// A helper's own side of the lease.
pub(super) struct Lease<M> {
    stream: UnixStream,
    /// What the runner says.
    pub(super) words: Receiver<Word<M>>,
}

impl<M: DeserializeOwned + Send + 'static> Lease<M> {
    /// Leaves the session of whoever started this process, keeps no descriptor but the lease, and listens to it.
    pub(super) fn take() -> io::Result<Self> {
        close_inherited();
        let stream = UnixStream::from(rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3)?);
        rustix::stdio::dup2_stdin(&File::open("/dev/null")?)?;
        // Fails for the leader of a group, which no freshly started child is.
        let _ = rustix::process::setsid();
        let (sender, words) = channel();
        let reader = BufReader::new(stream.try_clone()?);
        std::thread::Builder::new().name("chaos-lease".to_owned()).spawn(move || listen(reader, &sender))?;
        Ok(Self { stream, words })
    }

    /// Answers; a runner that is gone hears nothing, and needs not.
    pub(super) fn say(&mut self, message: &impl Serialize) {
        let _ = self.stream.write_all(line(message).as_bytes());
    }
}

/// The file that tells everyone of a run to undo and end.
pub(super) fn stop_file(journal: &Path) -> PathBuf {
    beside(journal, "stop")
}

/// `JOURNAL.suffix`.
pub(super) fn beside(journal: &Path, suffix: &str) -> PathBuf {
    let mut path = journal.as_os_str().to_owned();
    path.push(".");
    path.push(suffix);
    PathBuf::from(path)
}

fn listen<M: DeserializeOwned>(reader: BufReader<UnixStream>, sender: &Sender<Word<M>>) {
    for line in reader.lines().map_while(Result::ok) {
        if let Ok(message) = serde_json::from_str(&line)
            && sender.send(Word::Said(message)).is_err()
        {
            return;
        }
    }
    let _ = sender.send(Word::End);
}

/// Closes what a parent leaked: a pipe of Terraform's that stays open would keep Terraform waiting.
fn close_inherited() {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return };
    let open: Vec<i32> = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
    for fd in open.into_iter().filter(|fd| *fd > 2) {
        // The listing's own descriptor is closed already.
        let _ = nix::unistd::close(fd);
    }
}

fn line(message: &impl Serialize) -> String {
    let mut text = serde_json::to_string(message).expect("messages have text keys alone");
    text.push('\n');
    text
}
