//! One experiment a target at a time, and what a dead one left is undone by the next.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use super::journal::Contents;
use super::process::Identity;
use super::stat::Stat;
use super::undo::{Undone, undo_run};
use crate::catalogue::Catalogue;
use crate::target::Target;

/// The locks of an experiment; dropping lets go.
#[derive(Debug, Default)]
pub(super) struct Locks {
    files: Vec<File>,
}

/// Why a lock cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum LockError {
    /// Another experiment has it.
    #[error(
        "another experiment touches {target} (journal {holder}); it was waited for {waited}; raise `lock_timeout`, or end it with `stormglass chaos undo --all`{stopped}"
    )]
    Taken { target: String, holder: String, waited: String, stopped: String },
    /// What a dead experiment left cannot be undone.
    #[error("an earlier experiment left something that cannot be undone: {0}")]
    Left(String),
    /// No lock file.
    #[error("the lock {path}: {source}")]
    Io { path: String, source: io::Error },
}

impl Locks {
    /// Takes the locks of all targets, waiting for them until then; in one order everywhere, so that two that wait for each
    /// other do not exist.
    pub(super) async fn take(targets: &[Target], until: Instant, catalogue: &Catalogue) -> Result<Self, LockError> {
        let names: BTreeSet<String> = targets.iter().map(name).collect();
        let folder = folder().map_err(|source| LockError::Io { path: "folder".to_owned(), source })?;
        let begun = Instant::now();
        let mut files = Vec::new();
        for target in names {
            let path = folder.join(file_name(&target));
            let io = |source| LockError::Io { path: path.display().to_string(), source };
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path)
                .map_err(io)?;
            while let Err(error) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
                if error != rustix::io::Errno::WOULDBLOCK && error != rustix::io::Errno::INTR {
                    return Err(io(error.into()));
                }
                if Instant::now() >= until {
                    let holder = content(&mut file).unwrap_or_else(|_| "unknown".to_owned());
                    let waited = crate::span::Span(Duration::from_secs(begun.elapsed().as_secs())).to_string();
                    let stopped = stopped(Path::new(&holder));
                    return Err(LockError::Taken { target, holder, waited, stopped });
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let before = content(&mut file).map_err(io)?;
            if !before.is_empty() {
                let catalogue = *catalogue;
                let undo = move || {
                    let mut undone = Undone::default();
                    undo_run(Path::new(&before), &catalogue, &mut undone);
                    undone
                };
                let undone = tokio::task::spawn_blocking(undo).await.map_err(|e| LockError::Left(e.to_string()))?;
                if !undone.failed.is_empty() {
                    return Err(LockError::Left(undone.failed.join("; ")));
                }
            }
            files.push(file);
        }
        Ok(Self { files })
    }

    /// Writes into each lock where the journal is.
    pub(super) fn name(&mut self, journal: &Path) -> io::Result<()> {
        for file in &mut self.files {
            file.set_len(0)?;
            file.seek(SeekFrom::Start(0))?;
            file.write_all(journal.as_os_str().as_encoded_bytes())?;
        }
        Ok(())
    }

    /// Empties the locks: nothing is left to undo.
    pub(super) fn clear(&mut self) {
        for file in &mut self.files {
            // Whoever comes next reads a journal that says the same.
            let _ = file.set_len(0);
        }
    }
}

/// What to do where the program that has a lock stands still: nothing that others do takes the lock from it.
fn stopped(journal: &Path) -> String {
    let runner = Contents::read(journal).ok().and_then(|contents| contents.runner()).filter(|r| r.alive());
    match runner.filter(|runner| Stat::of(runner.pid).is_some_and(Stat::stopped)) {
        Some(Identity { pid, .. }) => {
            format!("; its program, process {pid}, is stopped: let it go on (`kill -CONT {pid}`), or kill it")
        }
        None => String::new(),
    }
}

/// The target's name among the locks: a process by the time at which it started too, however it is called by now.
fn name(target: &Target) -> String {
    match target {
        Target::Process { pid, started, .. } => format!("process {pid} {started}"),
        other => other.to_string(),
    }
}

/// A name as a file's name: readable, and one of its own by a checksum.
fn file_name(target: &str) -> String {
    let plain: String =
        target.chars().map(|c| if c.is_ascii_alphanumeric() || ".:".contains(c) { c } else { '-' }).take(100).collect();
    format!("{plain}-{:08x}.lock", crc32fast::hash(target.as_bytes()))
}

/// `/run/stormglass` for root, `$XDG_RUNTIME_DIR/stormglass` or a folder of the user's own among the temporary files.
fn folder() -> io::Result<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|p| p.is_absolute());
    let folder = match runtime {
        _ if uid == 0 => PathBuf::from("/run/stormglass"),
        Some(runtime) => runtime.join("stormglass"),
        None => std::env::temp_dir().join(format!("stormglass-{uid}")),
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
    let found = fs::symlink_metadata(&folder)?;
    if !found.is_dir() || found.uid() != uid {
        return Err(io::Error::other(format!("{} is not a folder of this user's own", folder.display())));
    }
    Ok(folder)
}

fn content(file: &mut File) -> io::Result<String> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0))?;
    file.take(8_192).read_to_string(&mut text)?;
    Ok(text.trim().to_owned())
}
