//! A network namespace by name, and programs that run in it.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use stormglass_chaos::FaultError;
use stormglass_chaos::engine::process::run_for_fault;

use crate::processes::stat;

/// Where `ip netns` keeps names.
const FOLDER: &str = "/run/netns";
/// Capabilities, capability(7): to change a network, and to enter a namespace.
const NEEDED: [u32; 2] = [12, 21];

/// An open namespace.
#[derive(Debug)]
pub(super) struct Namespace {
    name: String,
    file: File,
    /// Number that the kernel gave it.
    pub(super) inode: u64,
}

impl Namespace {
    /// `None` where there is none of this name.
    ///
    /// # Errors
    /// It is the host's own, or cannot be opened.
    pub(super) fn open(name: &str) -> Result<Option<Self>, FaultError> {
        let what = || format!("`namespace` {name}");
        let file = match File::open(Path::new(FOLDER).join(name)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(FaultError::Target { what: what(), reason: format!("{FOLDER}/{name}: {error}") }),
        };
        let inode = file.metadata().map_err(|e| FaultError::Target { what: what(), reason: e.to_string() })?.ino();
        for own in ["/proc/self/ns/net", "/proc/1/ns/net"] {
            if std::fs::metadata(own).is_ok_and(|m| m.ino() == inode) {
                let reason =
                    "is the host's own network, where a fault could lock out whoever has to end it; name another";
                return Err(FaultError::Target { what: what(), reason: reason.to_owned() });
            }
        }
        Ok(Some(Self { name: name.to_owned(), file, inode }))
    }

    /// Runs a program in it to its end.
    ///
    /// # Errors
    /// It cannot be entered, or the program cannot be run.
    pub(super) fn output(&self, command: &mut Command) -> Result<Output, FaultError> {
        self.inside(command, Command::output)
    }

    /// Starts a program in it.
    ///
    /// # Errors
    /// It cannot be entered, or the program cannot be run.
    pub(super) fn spawn(&self, command: &mut Command) -> Result<Child, FaultError> {
        self.inside(command, Command::spawn)
    }

    /// A namespace belongs to a thread: one of its own enters, and what it starts is inside. It works for the fault alone.
    fn inside<T: Send>(
        &self,
        command: &mut Command,
        run: impl FnOnce(&mut Command) -> io::Result<T> + Send,
    ) -> Result<T, FaultError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let entered = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                move_into_link_name_space(self.file.as_fd(), Some(LinkNameSpaceType::Network))?;
                run(run_for_fault(command))
            });
            thread
                .join()
                .unwrap_or_else(|_| Err(io::Error::other("the thread panicked; this is a bug, please report it")))
        });
        let step = || format!("running {program} in the network namespace {}", self.name);
        entered.map_err(|e| FaultError::System { step: step(), reason: e.to_string() })
    }
}

/// Whether this process may do what the fault `what` does.
pub(super) fn permitted(what: &str) -> Result<(), FaultError> {
    if NEEDED.iter().all(|capability| stat::has_capability(*capability)) {
        return Ok(());
    }
    let needs = "root (CAP_NET_ADMIN and CAP_SYS_ADMIN)".to_owned();
    Err(FaultError::Unsupported { what: format!("`{what}`"), needs })
}

/// A program of the system's administration, which may be off a user's PATH.
pub(super) fn program(what: &str, name: &str, package: &str) -> Result<PathBuf, FaultError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|p| p.is_file()).ok_or_else(|| FaultError::Unsupported {
        what: format!("`{what}`"),
        needs: format!("the program `{name}`; install it (package `{package}`)"),
    })
}
