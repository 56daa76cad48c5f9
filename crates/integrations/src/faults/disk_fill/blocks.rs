//! Blocks of a file without a name.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{CWD, FallocateFlags, Mode, OFlags, ResolveFlags, fallocate, fstatvfs, openat2};
use rustix::io::Errno;
use serde_json::json;
use stormglass_chaos::{Class, Fault, FaultError, Injected, Target, Touch};

use super::{DiskFill, NAME};
use crate::faults::fill::{Filling, Scope, Store, plan};

/// Bytes taken between two looks at what is left.
const STEP: u64 = 64 << 20;

impl Fault for DiskFill {
    fn class(&self) -> Class {
        Class::Reversible
    }

    fn resolve(&self) -> Result<Touch, FaultError> {
        let what = || format!("`folder` {}", self.folder);
        let target = |reason: String| FaultError::Target { what: what(), reason };
        let folder =
            std::fs::canonicalize(&self.folder).map_err(|e| target(format!("{e}; expected a folder that exists")))?;
        let Some(folder) = folder.to_str() else {
            return Err(target("is not UTF-8, as a path in a journal has to be".to_owned()));
        };
        // Opened and closed at once, without a byte in it: whether the file system has files without a name.
        let blocks = Blocks::open(folder)?;
        let plan = plan(&self.asked, &blocks.scopes().map_err(|e| target(e.to_string()))?, "disk space")?;
        Ok(Touch { targets: vec![Target::Folder(folder.to_owned())], plan, undo: json!({}) })
    }

    fn inject(&self, touch: &Touch) -> Result<Box<dyn Injected>, FaultError> {
        let [Target::Folder(folder)] = touch.targets.as_slice() else {
            let reason = "expected one folder in the journal's entry".to_owned();
            return Err(FaultError::Target { what: format!("{:?}", touch.targets), reason });
        };
        let mut blocks = Blocks::open(folder)?;
        blocks.try_out()?;
        Filling::start(NAME, blocks, self.asked)
    }
}

/// A file without a name.
#[derive(Debug)]
struct Blocks {
    folder: String,
    file: File,
    held: u64,
}

impl Blocks {
    /// `folder` has no link in it, and is not followed if one has come since.
    fn open(folder: &str) -> Result<Self, FaultError> {
        // `EXCL` keeps anybody from giving it a name later.
        let flags = OFlags::TMPFILE | OFlags::EXCL | OFlags::RDWR | OFlags::CLOEXEC;
        match openat2(CWD, Path::new(folder), flags, Mode::RUSR | Mode::WUSR, ResolveFlags::NO_SYMLINKS) {
            Ok(file) => Ok(Self { folder: folder.to_owned(), file: file.into(), held: 0 }),
            Err(error @ (Errno::OPNOTSUPP | Errno::ISDIR | Errno::NOSYS)) => Err(FaultError::Unsupported {
                what: format!("`{NAME}` in {folder}"),
                needs: format!(
                    "a kernel and a file system with files without a name (O_TMPFILE, openat2), for example ext4, XFS, \
                     Btrfs or tmpfs, so that nothing can be left; the system says: {error}"
                ),
            }),
            Err(error) => Err(FaultError::Target {
                what: format!("`folder` {folder}"),
                reason: format!("no file can be made there: {error}; expected a folder that this user may write to"),
            }),
        }
    }

    /// Takes a little and gives it back: whether blocks are real here.
    fn try_out(&mut self) -> Result<(), FaultError> {
        const LITTLE: u64 = 1 << 20;
        let needs = |reason: String| FaultError::Unsupported {
            what: format!("`{NAME}` in {}", self.folder),
            needs: format!("a file system that reserves blocks (fallocate): {reason}"),
        };
        fallocate(&self.file, FallocateFlags::empty(), 0, LITTLE).map_err(|e| needs(e.to_string()))?;
        let blocks = self.file.metadata().map_err(|e| needs(e.to_string()))?.blocks();
        if blocks * 512 < LITTLE {
            return Err(needs(format!("it made {} blocks of 512 bytes for {LITTLE} bytes", blocks)));
        }
        self.file.set_len(0).map_err(|e| needs(e.to_string()))
    }
}

impl Store for Blocks {
    fn scopes(&self) -> io::Result<Vec<Scope>> {
        let system = fstatvfs(&self.file)?;
        // What is kept for the administrator is neither in use nor left, as `df` counts.
        let used = system.f_blocks.saturating_sub(system.f_bfree);
        let available = system.f_bavail * system.f_frsize;
        let total = (used + system.f_bavail) * system.f_frsize;
        Ok(vec![Scope { name: format!("the file system of {}", self.folder), total, available }])
    }

    fn held(&self) -> u64 {
        self.held
    }

    fn resize(&mut self, bytes: u64) -> io::Result<()> {
        if bytes < self.held {
            self.file.set_len(bytes)?;
            self.held = bytes;
        } else {
            let step = (bytes - self.held).min(STEP);
            fallocate(&self.file, FallocateFlags::empty(), self.held, step)?;
            self.held += step;
        }
        Ok(())
    }
}
