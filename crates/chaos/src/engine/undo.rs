//! Undoes what a run may have left, from its journal and from the processes that carry its name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::journal::{Contents, Journal, Record, Standing, journals};
use super::process::{Identity, command_lines};
use super::spawn::{BOUND, HOLDER, WATCHDOG, stop_file};
use crate::catalogue::Catalogue;
use crate::fault::Ending;
use crate::state::Outcome;

/// What undoing came to.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Undone {
    /// Faults that may have been left and are not any more, as `TITLE: FAULT`.
    pub undone: Vec<String>,
    /// Faults that are left, with the reason.
    pub failed: Vec<String>,
}

/// A fault in force.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Active {
    /// The experiment's title.
    pub experiment: String,
    /// The fault's name.
    pub fault: String,
    /// Its holder; the process may be dead where the fault needs somebody to undo it.
    pub holder_pid: u32,
    /// When the holder ends it; null where it has not said yet.
    pub deadline: Option<Timestamp>,
    /// Whether the holder lives.
    pub held: bool,
    /// Path of the journal.
    pub journal: String,
}

/// Longest time that a run gets to end by itself, beside its lease.
const PATIENCE: Duration = Duration::from_secs(3);

/// Undoes everything that the journals of a folder, and processes of theirs, name.
///
/// # Errors
/// The folder cannot be read.
pub fn undo_all(folder: &Path, catalogue: &Catalogue) -> io::Result<Undone> {
    let mut undone = Undone::default();
    for path in every_run(folder)? {
        undo_run(&path, catalogue, &mut undone);
    }
    Ok(undone)
}

/// Ends one run and undoes what it may have left.
pub fn undo_run(path: &Path, catalogue: &Catalogue, undone: &mut Undone) {
    let contents = Contents::read(path).unwrap_or(Contents { entries: Vec::new(), damaged: 0 });
    let strays = helpers(path);
    let runner = contents.runner().filter(|r| r.alive() && r.pid != std::process::id());
    let open: Vec<Standing> = contents.standings().into_iter().filter(Standing::open).collect();
    let over = contents.finished().is_some() || (runner.is_none() && contents.damaged == 0);
    if strays.is_empty() && runner.is_none() && open.is_empty() {
        if contents.finished().is_none() && over && !contents.entries.is_empty() {
            close(path);
        }
        return;
    }
    let title = contents.title().unwrap_or("experiment").to_owned();
    // Everyone of the run undoes by itself first: a holder knows its fault even where the journal is torn.
    let stop = stop_file(path);
    let told = fs::write(&stop, b"");
    let until = Instant::now() + lease(&contents) + PATIENCE;
    while Instant::now() < until && (runner.is_some_and(Identity::alive) || strays.iter().any(|s| s.1.alive())) {
        std::thread::sleep(Duration::from_millis(20));
    }
    for (_, stray) in helpers(path).into_iter().chain(strays) {
        if let Err(reason) = stray.end() {
            undone.failed.push(format!("{title}: `{}`: {reason}", path.display()));
        }
    }
    if told.is_ok() {
        let _ = fs::remove_file(&stop);
    }
    let failed = undone.failed.len();
    for standing in open {
        let name = format!("{title}: {}", standing.name);
        let by = "undo".to_owned();
        let fault = standing.fault;
        let record = match undo_from_data(catalogue, standing.holder, &standing.kind, &standing.undo) {
            Ok(()) => {
                undone.undone.push(name);
                Record::Undone { fault, by }
            }
            Err(reason) => {
                undone.failed.push(format!("{name}: {reason}"));
                Record::UndoFailed { fault, by, reason }
            }
        };
        let _ = Journal::open(path).and_then(|mut journal| journal.append(record));
    }
    if undone.failed.len() == failed {
        close(path);
    }
}

/// Ends a fault's holder with all that it runs, then undoes from the fault's data, within [`BOUND`]. It undoes also where the
/// holder cannot be ended, and tells of that.
pub(super) fn undo_from_data(
    catalogue: &Catalogue,
    holder: Option<Identity>,
    kind: &str,
    undo: &Value,
) -> Result<(), String> {
    let ended = holder.map_or(Ok(()), Identity::end);
    let fault = catalogue.fault(kind).ok_or_else(|| format!("this program does not know the fault `{kind}`"))?;
    let (sender, done) = channel();
    let undo = undo.clone();
    let thread = std::thread::Builder::new().name("chaos-undo".to_owned()).spawn(move || {
        let _ = sender.send(fault.undo(&undo));
    });
    thread.map_err(|e| format!("no thread can be started: {e}"))?;
    match done.recv_timeout(BOUND) {
        Ok(result) => result.map_err(|e| e.to_string())?,
        Err(_) => return Err(format!("undoing gave no answer within {} s", BOUND.as_secs())),
    }
    ended.map_err(|reason| format!("it was undone, but of its holder {reason}, which may inject it again"))
}

/// The faults in force, by journal and by living holders.
///
/// # Errors
/// The folder cannot be read.
pub fn active(folder: &Path, catalogue: &Catalogue) -> io::Result<Vec<Active>> {
    let mut all = Vec::new();
    for path in every_run(folder)? {
        let contents = Contents::read(&path).unwrap_or(Contents { entries: Vec::new(), damaged: 0 });
        let mut holders: Vec<(Option<usize>, Identity)> =
            helpers(&path).into_iter().filter(|h| h.0.is_some()).collect();
        let experiment = contents.title().unwrap_or("unknown").to_owned();
        let journal = path.display().to_string();
        for standing in contents.standings().into_iter().filter(Standing::open) {
            let Some(holder) = standing.holder else { continue };
            holders.retain(|h| h.1 != holder);
            let held = holder.alive();
            let stays = catalogue.fault(&standing.kind).is_none_or(|k| k.ending() == Ending::BySomebody);
            if held || stays {
                let (experiment, fault, journal) = (experiment.clone(), standing.name, journal.clone());
                all.push(Active {
                    experiment,
                    fault,
                    holder_pid: holder.pid,
                    deadline: standing.deadline,
                    held,
                    journal,
                });
            }
        }
        // Holders that no readable line names.
        for (fault, holder) in holders {
            let known = contents.standings().into_iter().find(|s| Some(s.fault) == fault);
            if known.as_ref().is_some_and(|s| s.holder.is_none()) {
                continue;
            }
            let fault = known.map_or_else(|| format!("number {}", fault.unwrap_or_default()), |s| s.name);
            let (experiment, journal) = (experiment.clone(), journal.clone());
            all.push(Active { experiment, fault, holder_pid: holder.pid, deadline: None, held: true, journal });
        }
    }
    Ok(all)
}

/// Every journal of a folder, and every one that a living helper names in that folder although it is gone.
fn every_run(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = journals(folder)?.into_iter().map(|p| p.canonicalize().unwrap_or(p)).collect::<Vec<_>>();
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    for (_, words) in command_lines() {
        if let Some(path) = helper_of(&words)
            && path.parent() == Some(&folder)
            && !paths.contains(&path)
        {
            paths.push(path);
        }
    }
    Ok(paths)
}

/// Living helpers of a run: holders with the index of their fault, and watchdogs.
fn helpers(journal: &Path) -> Vec<(Option<usize>, Identity)> {
    let lines = command_lines().into_iter().filter(|(_, words)| helper_of(words).is_some_and(|path| path == journal));
    lines.filter_map(|(pid, words)| Some((words.get(3).and_then(|w| w.parse().ok()), Identity::of(pid)?))).collect()
}

fn helper_of(words: &[String]) -> Option<PathBuf> {
    let role = words.get(1)?;
    (role == HOLDER || role == WATCHDOG).then(|| words.get(2).map(PathBuf::from)).flatten()
}

fn lease(contents: &Contents) -> Duration {
    let seconds = contents.entries.iter().find_map(|e| match &e.record {
        Record::Started { lease_seconds, .. } => Some(*lease_seconds),
        _ => None,
    });
    Duration::try_from_secs_f64(seconds.unwrap_or(5.0)).unwrap_or(Duration::from_secs(5)).min(Duration::from_mins(10))
}

/// Notes that the run is over, unless that is noted already.
fn close(path: &Path) {
    if Contents::read(path).is_ok_and(|c| c.finished().is_none()) {
        let record = Record::Finished { outcome: Outcome::Interrupted, report: None };
        let _ = Journal::open(path).and_then(|mut journal| journal.append(record));
    }
}
