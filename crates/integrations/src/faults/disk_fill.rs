//! Fault `disk_fill`: takes disk space of the file system that a folder is on.
//!
//! The space is held by a file without a name (`O_TMPFILE`), with real blocks (`fallocate`), so that the kernel frees it with
//! the holder and nothing can be left in the folder. A file system that has no such files is refused: a file with a name could
//! outlive everybody. Near the floor it gives back.

#[cfg(target_os = "linux")]
mod blocks;

use serde_json::Value;
use stormglass_chaos::{Ending, Fault, FaultError, FaultKind, Kind, Problem, Setting, Settings};

use super::goal::{Asked, BYTES, KEEP_FREE, SHARE};

const NAME: &str = "disk_fill";

/// The kind `disk_fill`.
pub(super) struct DiskFillKind;

impl FaultKind for DiskFillKind {
    fn name(&self) -> &'static str {
        NAME
    }

    fn summary(&self) -> &'static str {
        "Takes disk space of the file system of a folder, in a file without a name, and leaves a floor free; a ramp raises what is taken from nought."
    }

    fn settings(&self) -> &'static [Setting] {
        const SETTINGS: &[Setting] = &[
            Setting::required("folder", Kind::Text, "A folder on the file system to fill, by its absolute path."),
            SHARE,
            BYTES,
            KEEP_FREE,
        ];
        SETTINGS
    }

    fn ending(&self) -> Ending {
        Ending::WithHolder
    }

    fn read(&self, mut settings: Settings<'_>) -> Result<Box<dyn Fault>, Vec<Problem>> {
        let folder = if settings.has("folder") { settings.text("folder") } else { None };
        if let Some(folder) = folder.as_deref().filter(|f| !f.starts_with('/')) {
            settings.problem("folder", format!("is `{folder}`; expected an absolute path"));
        }
        let asked = Asked::read(&mut settings);
        let fault = folder.zip(asked).map(|(folder, asked)| DiskFill { folder, asked });
        settings.finish(fault).map(|f| Box::new(f) as Box<dyn Fault>)
    }

    fn undo(&self, _: &Value) -> Result<(), FaultError> {
        // A file without a name is gone with its last descriptor; nothing else was touched.
        Ok(())
    }
}

/// Where, and how much to take.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "only Linux takes"))]
struct DiskFill {
    folder: String,
    asked: Asked,
}

#[cfg(not(target_os = "linux"))]
super::linux_only!(DiskFill, NAME, stormglass_chaos::Class::Reversible);
