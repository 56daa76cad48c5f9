//! Processes of this machine, named by a pid file, an executable, a port or a cgroup: settings that faults and probes share.
//!
//! Each is told apart from a later one of the same id by the time it started. Source: proc(5), proc_pid_stat(5).

#[cfg(target_os = "linux")]
mod find;
#[cfg(target_os = "linux")]
pub(crate) mod stat;

use std::fmt;

use stormglass_chaos::{Kind, Setting, Settings};

#[cfg(target_os = "linux")]
pub(crate) use find::find;

/// The setting `pid_file`.
pub(crate) const PID_FILE: Setting = Setting::open(
    "pid_file",
    Kind::Text,
    "The process whose id stands in this file, by its absolute path; a file older than the process is refused.",
);
/// The setting `executable`.
pub(crate) const EXECUTABLE: Setting = Setting::open(
    "executable",
    Kind::Text,
    "All processes of this executable, by its absolute path; of a script that is its interpreter.",
);
/// The setting `port`.
pub(crate) const PORT: Setting =
    Setting::open("port", Kind::Integer, "The processes that listen on this TCP port, on any address of this network.");
/// The setting `cgroup`.
pub(crate) const CGROUP: Setting = Setting::open(
    "cgroup",
    Kind::Text,
    "All processes of this cgroup and of those below it, by its path as `/proc/PID/cgroup` has it.",
);

/// What names processes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selector {
    /// The one whose id is in the file.
    PidFile(String),
    /// Those that run the file.
    Executable(String),
    /// Those that listen on the TCP port.
    Port(u16),
    /// Those of the group and of groups below.
    Cgroup(String),
}

/// A process that runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Process {
    /// Process id.
    pub(crate) pid: u32,
    /// Clock ticks since boot when it started.
    pub(crate) started: u64,
    /// User id.
    pub(crate) uid: u32,
    /// Path of the executable, empty where it cannot be read.
    pub(crate) executable: String,
}

/// Why no process was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotFound {
    /// There is none.
    #[error("{0}")]
    None(String),
    /// Whether there is one cannot be told.
    #[error("{0}")]
    Unknown(String),
}

impl Selector {
    /// Reads the one of the four settings that is set.
    pub(crate) fn read(settings: &mut Settings<'_>) -> Option<Self> {
        const NAMES: [&str; 4] = ["pid_file", "executable", "port", "cgroup"];
        let set: Vec<&str> = NAMES.into_iter().filter(|name| settings.has(name)).collect();
        match set.as_slice() {
            ["pid_file"] => path(settings, "pid_file").map(Self::PidFile),
            ["executable"] => path(settings, "executable").map(Self::Executable),
            ["cgroup"] => path(settings, "cgroup").map(|path| path.trim_end_matches('/').to_owned()).and_then(|path| {
                if path.is_empty() {
                    settings.problem("cgroup", "is `/`, which is every process; name a group below it");
                    return None;
                }
                Some(Self::Cgroup(path))
            }),
            // The port.
            [_] => {
                let port = settings.integer("port")?;
                match u16::try_from(port) {
                    Ok(port) if port > 0 => Some(Self::Port(port)),
                    _ => {
                        settings.problem("port", format!("is {port}; expected 1 to 65535"));
                        None
                    }
                }
            }
            [] => {
                let names = "`pid_file`, `executable`, `port` or `cgroup`";
                settings.problem("pid_file", format!("is not set; set one of {names}, to name a process"));
                None
            }
            [first, second, ..] => {
                settings.problem(second, format!("is set beside `{first}`; set one of them"));
                None
            }
        }
    }
}

fn path(settings: &mut Settings<'_>, name: &'static str) -> Option<String> {
    let path = settings.text(name)?;
    if !path.starts_with('/') {
        settings.problem(name, format!("is `{path}`; expected an absolute path"));
        return None;
    }
    Some(path)
}

/// As the blast radius names it: `port:5432`.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PidFile(path) => write!(f, "pid_file:{path}"),
            Self::Executable(path) => write!(f, "executable:{path}"),
            Self::Port(port) => write!(f, "port:{port}"),
            Self::Cgroup(path) => write!(f, "cgroup:{path}"),
        }
    }
}
