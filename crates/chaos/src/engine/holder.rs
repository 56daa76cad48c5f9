//! The holder: a process that injects one fault and undoes it, by itself if need be.
//!
//! It undoes at the first of: the runner says so, the runner is gone, the runner was silent for the lease, the fault's time is
//! over, a stop file lies beside the journal.

use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::journal::{Journal, Record};
use super::spawn::{BOUND, Lease, UNTOLD, Word, stop_file};
use crate::catalogue::Catalogue;
use crate::fault::{FaultError, Injected, Touch};
use crate::settings::Settings;

/// What a runner says to a holder.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(super) enum ToHolder {
    /// Inject this.
    Inject(Box<Order>),
    /// The runner lives; a silence of the lease says the opposite.
    Beat { lease: Duration },
    /// Undo now.
    Undo,
}

/// What to inject.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) kind: String,
    pub(super) settings: Map<String, Value>,
    pub(super) touch: Touch,
    pub(super) duration: Duration,
    pub(super) ramp: Duration,
    pub(super) lease: Duration,
}

/// What a holder says to its runner.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(super) enum FromHolder {
    /// The fault is in force.
    Injected,
    /// It could not be injected, and nothing is left.
    InjectFailed { reason: String },
    /// It is undone.
    Undone { counts: Value },
    /// It could not be undone.
    UndoFailed { reason: String },
}

/// How often a holder looks around.
const TICK: Duration = Duration::from_millis(50);

/// The process.
pub(super) fn main(catalogue: &Catalogue, journal: &Path, fault: usize) -> ExitCode {
    let mut lease = match Lease::take() {
        Ok(lease) => lease,
        Err(error) => {
            eprintln!("holder {fault}: no lease: {error}");
            return ExitCode::from(2);
        }
    };
    let guard = Guard::start();
    let Some(order) = first_order(&lease.words) else { return ExitCode::SUCCESS };
    guard.begin();
    let injected = caught(|| inject(catalogue, &order));
    guard.end();
    let mut injected = match injected {
        Ok(injected) => injected,
        Err(reason) => {
            eprintln!("holder {fault}: {reason}");
            lease.say(&FromHolder::InjectFailed { reason });
            return ExitCode::from(1);
        }
    };
    lease.say(&FromHolder::Injected);
    hold(&lease, &order, journal, injected.as_mut());
    let counts = injected.counts();
    guard.begin();
    let undone = caught(|| injected.undo());
    guard.end();
    let by = "holder".to_owned();
    let (message, record, code) = match undone {
        Ok(()) => (FromHolder::Undone { counts }, Record::Undone { fault, by }, ExitCode::SUCCESS),
        Err(reason) => {
            eprintln!("holder {fault}: {reason}");
            let record = Record::UndoFailed { fault, by, reason: reason.clone() };
            (FromHolder::UndoFailed { reason }, record, ExitCode::from(1))
        }
    };
    // A full disk keeps nobody from undoing; the runner or the watchdog will undo once more, which harms nothing.
    if let Err(error) = Journal::open(journal).and_then(|mut journal| journal.append(record)) {
        eprintln!("holder {fault}: the journal cannot be written: {error}");
    }
    lease.say(&message);
    code
}

/// Waits for the order to inject; a runner that dies or falls silent before leaves nothing to do.
fn first_order(words: &Receiver<Word<ToHolder>>) -> Option<Order> {
    let mut length = UNTOLD;
    loop {
        match words.recv_timeout(length) {
            Ok(Word::Said(ToHolder::Inject(order))) => return Some(*order),
            Ok(Word::Said(ToHolder::Beat { lease })) => length = lease,
            Ok(Word::Said(ToHolder::Undo) | Word::End) | Err(_) => return None,
        }
    }
}

fn inject(catalogue: &Catalogue, order: &Order) -> Result<Box<dyn Injected>, FaultError> {
    let told = |reason: String| FaultError::System { step: format!("reading `{}`", order.kind), reason };
    let kind = catalogue.fault(&order.kind).ok_or_else(|| told("this program does not know it".to_owned()))?;
    let settings = Settings::new("fault", kind.settings(), &order.settings, &[]);
    let fault =
        kind.read(settings).map_err(|p| told(p.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")))?;
    fault.inject(&order.touch)
}

/// Holds the fault until there is a reason to end it.
fn hold(lease: &Lease<ToHolder>, order: &Order, journal: &Path, injected: &mut dyn Injected) {
    let stop = stop_file(journal);
    let begin = Instant::now();
    let mut heard = begin;
    let mut strength = if order.ramp.is_zero() { 1.0 } else { 0.0 };
    injected.ramp(strength);
    for turn in 0_u64.. {
        let left = order.duration.saturating_sub(begin.elapsed());
        match lease.words.recv_timeout(TICK.min(left)) {
            Ok(Word::Said(ToHolder::Undo) | Word::End) | Err(RecvTimeoutError::Disconnected) => return,
            Ok(Word::Said(_)) => heard = Instant::now(),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let over = begin.elapsed() >= order.duration || heard.elapsed() >= order.lease;
        if over || (turn.is_multiple_of(4) && stop.exists()) {
            return;
        }
        if strength < 1.0 {
            strength = (begin.elapsed().as_secs_f64() / order.ramp.as_secs_f64()).min(1.0);
            injected.ramp(strength);
        }
    }
}

/// Runs a fault's own code; a panic is an error of that fault.
fn caught<T>(work: impl FnOnce() -> Result<T, FaultError>) -> Result<T, String> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)) {
        Ok(result) => result.map_err(|e| e.to_string()),
        Err(panic) => {
            let text =
                panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
            Err(format!("it panicked: {}; this is a bug, please report it", text.unwrap_or("no message")))
        }
    }
}

/// Ends the process when injecting or undoing takes longer than [`BOUND`]: what the kernel ends with its holder ends then,
/// and whoever is alive undoes the rest from data.
struct Guard {
    /// Milliseconds since [`ORIGIN`] when the work has to be over; 0 is no work.
    until: Arc<AtomicU64>,
}

static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Guard {
    fn start() -> Self {
        let until = Arc::new(AtomicU64::new(0));
        let watched = Arc::clone(&until);
        std::thread::spawn(move || {
            loop {
                std::thread::sleep(TICK);
                let limit = watched.load(Ordering::Relaxed);
                if limit != 0 && now() > limit {
                    eprintln!("holder: gave up after {} s", BOUND.as_secs());
                    std::process::exit(3);
                }
            }
        });
        Self { until }
    }

    fn begin(&self) {
        self.until.store(now() + BOUND.as_millis() as u64, Ordering::Relaxed);
    }

    fn end(&self) {
        self.until.store(0, Ordering::Relaxed);
    }
}

fn now() -> u64 {
    ORIGIN.elapsed().as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_of_the_lease_ends_the_wait_for_the_order() {
        let (runner, words) = std::sync::mpsc::channel();
        let begun = Instant::now();
        runner.send(Word::Said(ToHolder::Beat { lease: Duration::from_millis(20) })).unwrap();
        assert!(first_order(&words).is_none());
        assert!(begun.elapsed() < UNTOLD, "what holds is the lease that it was told");
        drop(runner);
    }
}
