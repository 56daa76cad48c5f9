//! Taking memory or disk up to a goal, and leaving a floor free: the loop that `memory` and `disk_fill` share.
//!
//! A thread of the holder looks every [`TICK`] at what is left and gives back at once when the floor is near, whoever else
//! takes it. The floor is at least [`LEAST_FREE`] and at least [`LEAST_FREE_SHARE`] of each scope, whatever is asked.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use stormglass_chaos::{FaultError, Injected};

use super::bytes::shown;
use super::goal::{Asked, Goal};

/// The least that stays free in each scope.
const LEAST_FREE: u64 = 256 << 20;
/// The least share that stays free in each scope.
const LEAST_FREE_SHARE: f64 = 0.05;

/// Time between two looks once the goal is reached.
const TICK: Duration = Duration::from_millis(20);
/// How far what is held for a share may be off before it is corrected: others come and go all the time.
const DEADBAND: u64 = 8 << 20;

/// Something that has a size and runs out: this host's memory, a cgroup's, a file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scope {
    /// In words.
    pub(super) name: String,
    /// Bytes in all.
    pub(super) total: u64,
    /// Bytes that can still be taken.
    pub(super) available: u64,
}

/// What is taken.
pub(super) trait Store: Send + 'static {
    /// Everything that would run out, with what is left now.
    fn scopes(&self) -> io::Result<Vec<Scope>>;
    /// Bytes held.
    fn held(&self) -> u64;
    /// Takes or gives back, towards `bytes`; a large step may be made in parts.
    fn resize(&mut self, bytes: u64) -> io::Result<()>;
}

/// What would be taken now, in a sentence.
///
/// # Errors
/// There is nothing to take: the share is reached already, or the floor.
pub(super) fn plan(asked: &Asked, scopes: &[Scope], what: &str) -> Result<String, FaultError> {
    let wanted = wanted(asked.goal, asked.keep_free, 1.0, 0, scopes);
    if wanted.bytes == 0 {
        let left: Vec<String> = scopes
            .iter()
            .map(|s| {
                let (left, floor) = (shown(s.available), shown(floor(s, asked.keep_free)));
                format!("{} has {left} left of {}, of which {floor} stay free", s.name, shown(s.total))
            })
            .collect();
        let reason = format!("there is nothing to take: {}", left.join("; "));
        return Err(FaultError::Target { what: asked.goal.to_string(), reason });
    }
    let less = if wanted.at_floor { ", less than asked, so that the floor stays free" } else { "" };
    let floors: Vec<String> =
        scopes.iter().map(|s| format!("{} of {}", shown(floor(s, asked.keep_free)), s.name)).collect();
    Ok(format!("take {} of {what}{less}; {} stay free", shown(wanted.bytes), floors.join(" and ")))
}

/// What should be held.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    bytes: u64,
    at_floor: bool,
}

fn wanted(goal: Goal, keep_free: u64, strength: f64, held: u64, scopes: &[Scope]) -> Wanted {
    let asked = match goal {
        Goal::Bytes(bytes) => bytes,
        Goal::Share(share) => scopes
            .iter()
            .map(|s| {
                let by_others = s.total.saturating_sub(s.available).saturating_sub(held);
                ((s.total as f64 * share) as u64).saturating_sub(by_others)
            })
            .min()
            .unwrap_or(0),
    };
    let asked = (asked as f64 * strength) as u64;
    let most = scopes.iter().map(|s| (s.available + held).saturating_sub(floor(s, keep_free))).min().unwrap_or(0);
    Wanted { bytes: asked.min(most), at_floor: most < asked }
}

/// What stays free of a scope.
fn floor(scope: &Scope, keep_free: u64) -> u64 {
    keep_free.max(LEAST_FREE).max((scope.total as f64 * LEAST_FREE_SHARE) as u64)
}

/// A thread that holds what it took.
pub(super) struct Filling {
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

/// What the thread and its owner tell each other.
#[derive(Default)]
struct Shared {
    /// Strength of the ramp, as bits.
    strength: AtomicU64,
    over: AtomicBool,
    held: AtomicU64,
    most: AtomicU64,
    /// How often something was given back for the floor's sake.
    given_back: AtomicU64,
    /// How often the system refused more.
    refused: AtomicU64,
}

impl Filling {
    /// Begins to take.
    ///
    /// # Errors
    /// No thread can be started.
    pub(super) fn start(name: &str, store: impl Store, asked: Asked) -> Result<Box<dyn Injected>, FaultError> {
        let begun = Self::begin(name, store, asked);
        let filling =
            begun.map_err(|e| FaultError::System { step: "starting a thread".to_owned(), reason: e.to_string() })?;
        Ok(Box::new(filling))
    }

    fn begin(name: &str, store: impl Store, asked: Asked) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        shared.strength.store(1.0_f64.to_bits(), Ordering::Relaxed);
        let inside = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || fill(store, &asked, &inside))?;
        Ok(Self { shared, thread })
    }
}

impl Injected for Filling {
    fn ramp(&mut self, strength: f64) {
        self.shared.strength.store(strength.to_bits(), Ordering::Relaxed);
    }

    fn counts(&self) -> Value {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Shared { held, most, given_back, refused, .. } = &*self.shared;
        json!({ "bytes": of(held), "most_bytes": of(most), "given_back": of(given_back), "refused": of(refused) })
    }

    fn undo(self: Box<Self>) -> Result<(), FaultError> {
        self.shared.over.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        self.thread.join().map_err(|_| FaultError::System {
            step: "giving back".to_owned(),
            reason: "the thread panicked, which gave everything back; this is a bug, please report it".to_owned(),
        })
    }
}

/// Holds the goal until it is over; dropping the store gives everything back.
fn fill(mut store: impl Store, asked: &Asked, shared: &Shared) {
    while !shared.over.load(Ordering::Relaxed) {
        let strength = f64::from_bits(shared.strength.load(Ordering::Relaxed));
        let held = store.held();
        // What cannot be seen is not risked: without a look at the scopes everything is given back.
        let wanted = store
            .scopes()
            .map_or(Wanted { bytes: 0, at_floor: true }, |s| wanted(asked.goal, asked.keep_free, strength, held, &s));
        let near = matches!(asked.goal, Goal::Share(_)) && !wanted.at_floor && wanted.bytes.abs_diff(held) < DEADBAND;
        if wanted.bytes == held || near {
            std::thread::park_timeout(TICK);
            continue;
        }
        if wanted.bytes < held && wanted.at_floor {
            shared.given_back.fetch_add(1, Ordering::Relaxed);
        }
        let answer = store.resize(wanted.bytes);
        shared.held.store(store.held(), Ordering::Relaxed);
        shared.most.fetch_max(store.held(), Ordering::Relaxed);
        if answer.is_err() {
            shared.refused.fetch_add(1, Ordering::Relaxed);
            std::thread::park_timeout(TICK);
        }
    }
    drop(store);
    shared.held.store(0, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    const GIB: u64 = 1 << 30;

    fn scope(total: u64, available: u64) -> Scope {
        Scope { name: "this host".to_owned(), total: total * GIB, available: available * GIB }
    }

    #[test]
    fn what_is_wanted_leaves_the_floor_in_every_scope() {
        let scopes = [scope(100, 60), scope(20, 10)];
        let at = |goal, strength, held: u64| wanted(goal, 0, strength, held * GIB, &scopes);
        assert_eq!(at(Goal::Bytes(4 * GIB), 1.0, 0), Wanted { bytes: 4 * GIB, at_floor: false });
        assert_eq!(at(Goal::Bytes(4 * GIB), 0.5, 0).bytes, 2 * GIB);
        // 5 % of 20 GiB stay free of the 10 GiB that are left.
        assert_eq!(at(Goal::Bytes(50 * GIB), 1.0, 0), Wanted { bytes: 9 * GIB, at_floor: true });
        assert_eq!(at(Goal::Bytes(50 * GIB), 1.0, 5).bytes, 14 * GIB);
        // 75 % of the smaller: 15 GiB, of which others have 10, or 7 beside our 3.
        assert_eq!(at(Goal::Share(0.75), 1.0, 0).bytes, 5 * GIB);
        assert_eq!(at(Goal::Share(0.75), 1.0, 3).bytes, 8 * GIB);
        assert_eq!(at(Goal::Share(0.3), 1.0, 0).bytes, 0);
        assert_eq!(wanted(Goal::Bytes(50 * GIB), 4 * GIB, 1.0, 0, &scopes).bytes, 6 * GIB);
        assert_eq!(wanted(Goal::Bytes(GIB), 0, 1.0, 0, &[]).bytes, 0);
    }

    #[test]
    fn a_plan_says_what_is_taken_and_what_stays() {
        let asked = |goal| Asked { goal, keep_free: 0 };
        let scopes = [scope(20, 10)];
        let said = plan(&asked(Goal::Bytes(4 * GIB)), &scopes, "memory").unwrap();
        assert_eq!(said, "take 4GiB of memory; 1GiB of this host stay free");
        let said = plan(&asked(Goal::Share(1.0)), &scopes, "memory").unwrap();
        assert_eq!(
            said,
            "take 9GiB of memory, less than asked, so that the floor stays free; 1GiB of this host stay free"
        );
        let said = plan(&asked(Goal::Share(0.5)), &scopes, "memory").unwrap_err().to_string();
        assert_eq!(
            said,
            "share 0.5: there is nothing to take: this host has 10GiB left of 20GiB, of which 1GiB stay free"
        );
    }

    /// A host whose others can be made to take more.
    struct Pretended {
        by_others: Arc<Mutex<u64>>,
        held: u64,
    }

    impl Store for Pretended {
        fn scopes(&self) -> io::Result<Vec<Scope>> {
            let by_others = *self.by_others.lock().unwrap();
            if by_others == u64::MAX {
                return Err(io::Error::other("nothing can be seen"));
            }
            Ok(vec![Scope { available: (20 * GIB).saturating_sub(by_others + self.held), ..scope(20, 0) }])
        }

        fn held(&self) -> u64 {
            self.held
        }

        fn resize(&mut self, bytes: u64) -> io::Result<()> {
            self.held = bytes.min(self.held + GIB);
            Ok(())
        }
    }

    #[test]
    fn it_gives_back_when_others_need_it() {
        let by_others = Arc::new(Mutex::new(0));
        let store = Pretended { by_others: Arc::clone(&by_others), held: 0 };
        let asked = Asked { goal: Goal::Bytes(15 * GIB), keep_free: 2 * GIB };
        let filling = Filling::begin("fill", store, asked).unwrap();
        let until = |bytes: u64| {
            while filling.counts()["bytes"] != bytes {
                assert!(!filling.thread.is_finished());
                std::thread::yield_now();
            }
        };
        until(15 * GIB);
        *by_others.lock().unwrap() = 10 * GIB;
        until(8 * GIB);
        *by_others.lock().unwrap() = u64::MAX;
        until(0);
        assert_eq!(filling.counts()["most_bytes"], 15 * GIB);
        assert!(filling.counts()["given_back"].as_u64() >= Some(2));
        Box::new(filling).undo().unwrap();
    }
}
