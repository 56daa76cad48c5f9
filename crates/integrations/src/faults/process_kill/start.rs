//! Starting a program that lives on without its starter.

use std::ffi::CString;
use std::os::unix::ffi::OsStringExt;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawnp};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::stat::Mode;
use stormglass_chaos::FaultError;

/// `POSIX_SPAWN_SETSID` of glibc and musl, which `nix` does not name.
const SETSID: i32 = 0x80;

/// Starts the program in a session of its own, its standard streams on `/dev/null` and no other descriptor open, with this
/// process's environment, and returns its process id.
///
/// # Errors
/// The program is not found or cannot be run.
pub(super) fn start(command: &[String]) -> Result<i32, FaultError> {
    let failed = |reason: String| FaultError::System {
        step: format!("starting {command:?} after the kill"),
        reason: format!("{reason}; the killed process has to be started by hand"),
    };
    let text = |bytes: Vec<u8>| CString::new(bytes).map_err(|e| failed(e.to_string()));
    let arguments = command.iter().map(|a| text(a.clone().into_bytes())).collect::<Result<Vec<_>, _>>()?;
    let program = arguments.first().ok_or_else(|| failed("there is no program".to_owned()))?;
    let environment = std::env::vars_os()
        .map(|(name, value)| text([name.into_vec(), value.into_vec()].join(&b'=')))
        .collect::<Result<Vec<_>, _>>()?;
    let prepared = prepared().map_err(|e| failed(e.to_string()))?;
    posix_spawnp(program, &prepared.0, &prepared.1, &arguments, &environment)
        .map(|pid| pid.as_raw())
        .map_err(|e| failed(e.to_string()))
}

fn prepared() -> Result<(PosixSpawnFileActions, PosixSpawnAttr), Errno> {
    let mut files = PosixSpawnFileActions::init()?;
    files.add_open(0, "/dev/null", OFlag::O_RDONLY, Mode::empty())?;
    for stream in [1, 2] {
        files.add_open(stream, "/dev/null", OFlag::O_WRONLY, Mode::empty())?;
    }
    // What this process inherited, such as the pipe of its lease, would stay open for as long as the program runs.
    for open in open_descriptors().into_iter().filter(|fd| *fd > 2) {
        files.add_close(open)?;
    }
    let mut attributes = PosixSpawnAttr::init()?;
    // Rust ignores SIGPIPE, and a child would inherit that.
    let mut ignored = SigSet::empty();
    ignored.add(Signal::SIGPIPE);
    attributes.set_sigdefault(&ignored)?;
    attributes.set_sigmask(&SigSet::empty())?;
    attributes.set_flags(
        PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF
            | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK
            | PosixSpawnFlags::from_bits_retain(SETSID),
    )?;
    Ok((files, attributes))
}

fn open_descriptors() -> Vec<i32> {
    let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}
