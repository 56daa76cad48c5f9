//! The watchdog: a process that does nothing while the runner lives, and undoes for dead holders when it does not.

use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::journal::{Contents, Journal, Record};
use super::process::Identity;
use super::spawn::{Lease, UNTOLD, Word};
use super::undo::undo_from_data;
use crate::catalogue::Catalogue;
use crate::state::Outcome;

/// What a runner says to the watchdog.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(super) enum ToWatchdog {
    /// A fault is about to be injected; the watchdog answers.
    Guard(Guarded),
    /// A fault is undone.
    Release { fault: usize },
    /// The runner lives; a silence of the lease says the opposite.
    Beat { lease: Duration },
    /// The run is over, with nothing to undo.
    Done,
}

/// The watchdog's answer to a guard.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Guards {
    /// Index in the method.
    pub(super) fault: usize,
}

/// A fault under guard.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Guarded {
    pub(super) fault: usize,
    pub(super) kind: String,
    pub(super) undo: Value,
    pub(super) holder: Identity,
}

/// The process.
pub(super) fn main(catalogue: &Catalogue, journal: &Path) -> ExitCode {
    let mut lease = match Lease::take() {
        Ok(lease) => lease,
        Err(error) => {
            eprintln!("watchdog: no lease: {error}");
            return ExitCode::from(2);
        }
    };
    let mut guarded: Vec<Guarded> = Vec::new();
    let mut length = UNTOLD;
    loop {
        match lease.words.recv_timeout(length) {
            Ok(Word::Said(ToWatchdog::Done)) => return ExitCode::SUCCESS,
            Ok(Word::Said(ToWatchdog::Beat { lease })) => length = lease,
            Ok(Word::Said(ToWatchdog::Release { fault })) => guarded.retain(|g| g.fault != fault),
            Ok(Word::Said(ToWatchdog::Guard(guard))) => {
                let fault = guard.fault;
                guarded.retain(|g| g.fault != fault);
                guarded.push(guard);
                lease.say(&Guards { fault });
            }
            Ok(Word::End) | Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => break,
        }
    }
    take_over(catalogue, journal, &guarded, length)
}

/// The runner is gone: holders get their lease's time to undo by themselves, then they are killed and undone for.
fn take_over(catalogue: &Catalogue, path: &Path, guarded: &[Guarded], lease: Duration) -> ExitCode {
    let mut journal =
        Journal::open(path).inspect_err(|e| eprintln!("watchdog: the journal cannot be opened: {e}")).ok();
    let mut write = |record: Record| {
        if let Some(journal) = &mut journal
            && let Err(error) = journal.append(record)
        {
            eprintln!("watchdog: the journal cannot be written: {error}");
        }
    };
    let mut failed = false;
    for guard in guarded {
        guard.holder.gone_within(lease + Duration::from_secs(2));
        let fault = guard.fault;
        match undo_from_data(catalogue, Some(guard.holder), &guard.kind, &guard.undo) {
            Ok(()) => write(Record::Undone { fault, by: "watchdog".to_owned() }),
            Err(reason) => {
                failed = true;
                write(Record::UndoFailed { fault, by: "watchdog".to_owned(), reason });
            }
        }
    }
    if !failed && Contents::read(path).is_ok_and(|c| c.finished().is_none()) {
        write(Record::Finished { outcome: Outcome::Interrupted, report: None });
    }
    ExitCode::from(u8::from(failed))
}
