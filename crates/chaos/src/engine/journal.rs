//! The journal of one run: a file of lines, each synced before what it announces, each with a checksum of its own.
//!
//! A line is a JSON object whose last member is `crc`, the CRC-32 of the text before that member. Whoever reads takes every
//! whole line and counts the others: a torn or overwritten line hides nothing that other lines say.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::process::Identity;
use crate::report::Report;
use crate::state::Outcome;

/// Ending of a journal's name.
pub const SUFFIX: &str = "jsonl";
/// Longest journal that is read; a run of a day with ten probes stays far below.
const LONGEST: u64 = 256 << 20;

/// One thing that happened, or is about to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// The run begins.
    Started {
        /// Who runs it.
        runner: Identity,
        /// The experiment's title.
        title: String,
        /// Seconds that a holder lives without a word of the runner.
        lease_seconds: f64,
        /// The experiment as it was written.
        experiment: Value,
    },
    /// What a fault would touch, and how it is undone; before anything is touched.
    Planned {
        /// Index in the method.
        fault: usize,
        /// Its name.
        name: String,
        /// Its kind.
        kind: String,
        /// Whether somebody has to undo it when its holder has died.
        needs_undo: bool,
        /// What it does.
        plan: String,
        /// Data for the undo.
        undo: Value,
    },
    /// Somebody stands by to undo.
    Watchdog {
        /// Who.
        watchdog: Identity,
    },
    /// The steady state was looked at before the faults.
    Steady {
        /// Whether it was there.
        held: bool,
    },
    /// A holder is about to inject.
    Injecting {
        /// Index in the method.
        fault: usize,
        /// Who.
        holder: Identity,
    },
    /// A fault is in force.
    Injected {
        /// Index in the method.
        fault: usize,
        /// When the holder ends it by itself.
        deadline: Timestamp,
    },
    /// A fault is undone.
    Undone {
        /// Index in the method.
        fault: usize,
        /// By whom: holder, runner, watchdog or undo.
        by: String,
    },
    /// A fault could not be undone.
    UndoFailed {
        /// Index in the method.
        fault: usize,
        /// By whom.
        by: String,
        /// What is still broken.
        reason: String,
    },
    /// The run is over.
    Finished {
        /// How.
        outcome: Outcome,
        /// Its report; a watchdog and `chaos undo` have none.
        report: Option<Box<Report>>,
    },
}

/// A line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was written.
    pub at: Timestamp,
    /// What it says.
    #[serde(flatten)]
    pub record: Record,
}

/// A journal open for writing.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// A new journal in `folder`, which is made if it is not there, readable by its owner alone.
    ///
    /// # Errors
    /// The folder or the file cannot be made or synced.
    pub fn create(folder: &Path, title: &str) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let folder = folder.canonicalize()?;
        let stamp = Timestamp::now().strftime("%Y%m%dT%H%M%S%.3fZ");
        let path = folder.join(format!("{stamp}-{}-{}.{SUFFIX}", slug(title), std::process::id()));
        let file = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(&path)?;
        File::open(&folder)?.sync_all()?;
        Ok(Self { path, file })
    }

    /// A journal that is there already, to add lines to.
    ///
    /// # Errors
    /// It cannot be opened for writing.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().read(true).append(true).open(path)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds a line and syncs it. A line that was torn before it is closed first.
    ///
    /// # Errors
    /// The disk is full or the file cannot be written; the record then counts as unwritten.
    pub fn append(&mut self, record: Record) -> io::Result<()> {
        let mut line = written(&Entry { at: Timestamp::now(), record });
        if self.torn()? {
            line.insert(0, '\n');
        }
        line.push('\n');
        self.file.write_all(line.as_bytes())?;
        self.file.sync_data()
    }

    fn torn(&mut self) -> io::Result<bool> {
        if self.file.metadata()?.len() == 0 {
            return Ok(false);
        }
        self.file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        self.file.read_exact(&mut last)?;
        Ok(last != *b"\n")
    }
}

/// What a journal says.
#[derive(Debug, Clone, PartialEq)]
pub struct Contents {
    /// Its whole lines, in order.
    pub entries: Vec<Entry>,
    /// How many lines could not be read.
    pub damaged: usize,
}

/// Where a fault of a journal stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// Index in the method.
    pub fault: usize,
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Data for the undo.
    pub undo: Value,
    /// Who injects it; `None` where nobody was about to.
    pub holder: Option<Identity>,
    /// When its holder ends it.
    pub deadline: Option<Timestamp>,
    /// Whether it was undone after it was last injected.
    pub undone: bool,
}

impl Standing {
    /// Whether something may be left of it.
    pub fn open(&self) -> bool {
        self.holder.is_some() && !self.undone
    }
}

impl Contents {
    /// Reads a journal.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read(path: &Path) -> io::Result<Self> {
        let mut bytes = Vec::new();
        File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
        Ok(Self::parse(&bytes))
    }

    /// The whole lines among any bytes.
    pub fn parse(bytes: &[u8]) -> Self {
        let mut contents = Self { entries: Vec::new(), damaged: 0 };
        for line in bytes.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
            match std::str::from_utf8(line).ok().and_then(entry) {
                Some(entry) => contents.entries.push(entry),
                None => contents.damaged += 1,
            }
        }
        contents
    }

    /// The experiment's title.
    pub fn title(&self) -> Option<&str> {
        self.records().find_map(|r| if let Record::Started { title, .. } = r { Some(title.as_str()) } else { None })
    }

    /// Who runs it.
    pub fn runner(&self) -> Option<Identity> {
        self.records().find_map(|r| if let Record::Started { runner, .. } = r { Some(*runner) } else { None })
    }

    /// How it ended, with the report if there is one.
    pub fn finished(&self) -> Option<(Outcome, Option<&Report>)> {
        let mut found = None;
        for record in self.records() {
            if let Record::Finished { outcome, report } = record {
                found = Some((*outcome, report.as_deref()));
            }
        }
        found
    }

    /// Each planned fault.
    pub fn standings(&self) -> Vec<Standing> {
        let mut all: Vec<Standing> = Vec::new();
        for record in self.records() {
            match record {
                Record::Planned { fault, name, kind, undo, .. } => all.push(Standing {
                    fault: *fault,
                    name: name.clone(),
                    kind: kind.clone(),
                    undo: undo.clone(),
                    holder: None,
                    deadline: None,
                    undone: false,
                }),
                Record::Injecting { fault, holder } => change(&mut all, *fault, |s| {
                    s.holder = Some(*holder);
                    s.undone = false;
                }),
                Record::Injected { fault, deadline } => change(&mut all, *fault, |s| s.deadline = Some(*deadline)),
                Record::Undone { fault, .. } => change(&mut all, *fault, |s| s.undone = true),
                _ => {}
            }
        }
        all
    }

    fn records(&self) -> impl Iterator<Item = &Record> {
        self.entries.iter().map(|e| &e.record)
    }
}

/// Every journal in a folder, oldest first; none where there is no folder.
///
/// # Errors
/// The folder cannot be read.
pub fn journals(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths: Vec<PathBuf> =
        entries.flatten().map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == SUFFIX)).collect();
    paths.sort();
    Ok(paths)
}

/// Where the users of this machine keep journals: `$XDG_STATE_HOME/stormglass/chaos`, or `~/.local/state/stormglass/chaos`.
pub fn default_folder() -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_else(|| PathBuf::from("/")).join(".local/state");
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    state.unwrap_or_else(home).join("stormglass/chaos")
}

fn change(all: &mut [Standing], fault: usize, change: impl FnOnce(&mut Standing)) {
    if let Some(standing) = all.iter_mut().find(|s| s.fault == fault) {
        change(standing);
    }
}

const CRC: &str = ",\"crc\":\"";

fn written(entry: &Entry) -> String {
    let mut text = serde_json::to_string(entry).expect("records have text keys and finite numbers alone");
    text.pop();
    let crc = crc32fast::hash(text.as_bytes());
    format!("{text}{CRC}{crc:08x}\"}}")
}

fn entry(line: &str) -> Option<Entry> {
    let at = line.rfind(CRC)?;
    let (text, crc) = (&line[..at], line[at + CRC.len()..].strip_suffix("\"}")?);
    if crc.len() != 8 || u32::from_str_radix(crc, 16).ok()? != crc32fast::hash(text.as_bytes()) {
        return None;
    }
    serde_json::from_str(&format!("{text}}}")).ok()
}

/// A title as part of a file's name.
fn slug(title: &str) -> String {
    let mapped: String =
        title.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect();
    let words: Vec<&str> = mapped.split('-').filter(|w| !w.is_empty()).collect();
    let joined: String = words.join("-").chars().take(40).collect();
    if joined.is_empty() { "experiment".to_owned() } else { joined }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn planned(fault: usize) -> Record {
        let (name, kind, plan) = (format!("f{fault}"), "x".to_owned(), "breaks".to_owned());
        Record::Planned { fault, name, kind, needs_undo: true, plan, undo: json!({"n": fault, "f": 0.1}) }
    }

    #[test]
    fn what_is_written_is_read_and_a_torn_line_hides_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create(&folder.path().join("a/b"), "Böse \"Tage\"").unwrap();
        journal.append(planned(0)).unwrap();
        fs::OpenOptions::new().append(true).open(journal.path()).unwrap().write_all(b"{\"at\":\"2026").unwrap();
        let holder = Identity { pid: 7, started: 8 };
        journal.append(Record::Injecting { fault: 0, holder }).unwrap();
        let contents = Contents::read(journal.path()).unwrap();
        assert_eq!((contents.entries.len(), contents.damaged), (2, 1));
        assert!(contents.standings()[0].open());
        journal.append(Record::Undone { fault: 0, by: "undo".to_owned() }).unwrap();
        assert!(!Contents::read(journal.path()).unwrap().standings()[0].open());
        assert_eq!(journals(&folder.path().join("a/b")).unwrap(), [journal.path()]);
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(journal.path()).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let text = written(&Entry { at: Timestamp::UNIX_EPOCH, record: planned(3) });
        assert_eq!(Contents::parse(text.as_bytes()).entries.len(), 1);
        for i in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[i] ^= 1;
            assert!(Contents::parse(&bytes).entries.is_empty(), "byte {i} of {text}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let contents = Contents::parse(&bytes);
            prop_assert!(contents.entries.is_empty());
        }
    }
}
