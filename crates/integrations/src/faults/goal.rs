//! How much of memory or disk is asked for: settings that `memory` and `disk_fill` share.

use std::fmt;

use stormglass_chaos::{Kind, Setting, Settings};

use super::bytes::shown;

/// The setting `share`.
pub(super) const SHARE: Setting =
    Setting::open("share", Kind::Share, "Share in use to reach, what others use included; or `bytes`.");
/// The setting `bytes`.
pub(super) const BYTES: Setting = Setting::open("bytes", Kind::Bytes, "Bytes to take; or `share`.");
/// The setting `keep_free`.
pub(super) const KEEP_FREE: Setting = Setting::open(
    "keep_free",
    Kind::Bytes,
    "What stays free whatever is asked; never less than 256MiB and 5 % of the whole, which is the default.",
);

/// How much.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Goal {
    /// The share that is in use then, 0 to 1.
    Share(f64),
    /// So many bytes of our own.
    Bytes(u64),
}

/// How much, and what stays free.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Asked {
    pub(super) goal: Goal,
    /// Bytes; 0 where nothing beyond the least is asked.
    pub(super) keep_free: u64,
}

impl Asked {
    /// Reads `share`, `bytes` and `keep_free`.
    pub(super) fn read(settings: &mut Settings<'_>) -> Option<Self> {
        let keep_free = if settings.has("keep_free") { settings.bytes("keep_free")? } else { 0 };
        let goal = match (settings.has("share"), settings.has("bytes")) {
            (true, false) => Goal::Share(settings.number("share")?),
            (false, true) => Goal::Bytes(settings.bytes("bytes")?),
            (true, true) => {
                settings.problem("bytes", "is set beside `share`; set one of them");
                return None;
            }
            (false, false) => {
                settings.problem("share", "is not set, and `bytes` is not either; set one of them");
                return None;
            }
        };
        match goal {
            Goal::Share(share) if share <= 0.0 => {
                settings.problem("share", "is `0`; expected a share above 0 and at most 1");
            }
            Goal::Bytes(0) => settings.problem("bytes", "is 0; expected at least `1B`"),
            _ => {}
        }
        Some(Self { goal, keep_free })
    }
}

impl fmt::Display for Goal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Share(share) => write!(f, "share {share}"),
            Self::Bytes(bytes) => write!(f, "bytes {}", shown(*bytes)),
        }
    }
}
