//! The threads that burn.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, available_parallelism};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use stormglass_chaos::{Class, Fault, FaultError, Injected, Target, Touch};

use super::{CpuBurn, MOST};

/// Time over which the share is held: short enough for a ramp to follow, long beside a slice of the scheduler.
const WINDOW: Duration = Duration::from_millis(200);
/// Longest sleep, and so the time that a thread takes to notice its end.
const NAP: Duration = Duration::from_millis(5);
/// Rounds of arithmetic between two looks at the clocks, some hundred microseconds.
const ROUNDS: u32 = 50_000;

impl Fault for CpuBurn {
    fn class(&self) -> Class {
        Class::Reversible
    }

    fn resolve(&self) -> Result<Touch, FaultError> {
        let usable = available_parallelism()
            .map_err(|e| FaultError::System { step: "counting the cores".to_owned(), reason: e.to_string() })?
            .get() as u64;
        let cores = self.cores.unwrap_or(usable);
        if cores > usable {
            let reason = format!("this process may use {usable} on this host; ask for at most that many");
            return Err(FaultError::Target { what: format!("`cores` is {cores}"), reason });
        }
        let share = self.share.min(MOST);
        let capped = if share < self.share {
            format!(", not {}, so that the host stays usable", self.share)
        } else {
            String::new()
        };
        let plan = format!("burn {share} of the time of {cores} of {usable} cores{capped}");
        Ok(Touch { targets: vec![Target::Host], plan, undo: json!({ "cores": cores, "share": share }) })
    }

    fn inject(&self, touch: &Touch) -> Result<Box<dyn Injected>, FaultError> {
        let (Some(cores), Some(share)) = (touch.undo["cores"].as_u64(), touch.undo["share"].as_f64()) else {
            let reason = format!("has `{}`; expected `cores` and `share`", touch.undo);
            return Err(FaultError::Target { what: "the journal's entry".to_owned(), reason });
        };
        let mut burning = Burning { share, shared: Arc::new(Shared::default()), threads: Vec::new() };
        burning.ramp(1.0);
        for core in 0..cores {
            let shared = Arc::clone(&burning.shared);
            let started = std::thread::Builder::new().name(format!("burn-{core}")).spawn(move || burn(&shared));
            match started {
                Ok(thread) => burning.threads.push(thread),
                Err(error) => {
                    burning.end();
                    return Err(FaultError::System {
                        step: format!("starting thread {core}"),
                        reason: error.to_string(),
                    });
                }
            }
        }
        Ok(Box::new(burning))
    }
}

/// Threads that burn.
struct Burning {
    share: f64,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads look at.
#[derive(Default)]
struct Shared {
    /// The share at this moment, as bits.
    share: AtomicU64,
    /// Processor time of all threads, nanoseconds.
    burnt: AtomicU64,
    over: AtomicBool,
}

impl Burning {
    fn end(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A thread that panicked burns no more, which is all that is asked.
            let _ = thread.join();
        }
    }
}

impl Injected for Burning {
    fn ramp(&mut self, strength: f64) {
        self.shared.share.store((self.share * strength).to_bits(), Ordering::Relaxed);
    }

    fn counts(&self) -> Value {
        let seconds = Duration::from_nanos(self.shared.burnt.load(Ordering::Relaxed)).as_secs_f64();
        json!({ "threads": self.threads.len(), "cpu_seconds": seconds })
    }

    fn undo(mut self: Box<Self>) -> Result<(), FaultError> {
        self.end();
        Ok(())
    }
}

/// Burns until it is over. What could not be burnt in one window, because others had the core, is not made up for later.
fn burn(shared: &Shared) {
    let mut begin = Instant::now();
    let mut used = processor_time();
    while !shared.over.load(Ordering::Relaxed) {
        let share = f64::from_bits(shared.share.load(Ordering::Relaxed));
        let burnt = processor_time().saturating_sub(used);
        let passed = begin.elapsed();
        if passed >= WINDOW {
            shared.burnt.fetch_add(burnt.as_nanos() as u64, Ordering::Relaxed);
            begin += passed;
            used += burnt;
            continue;
        }
        let ahead = burnt.as_secs_f64() - share * passed.as_secs_f64();
        if ahead > 0.0 || share <= 0.0 {
            let until_due = if share > 0.0 { ahead / share } else { NAP.as_secs_f64() };
            std::thread::sleep(NAP.min(Duration::from_secs_f64(until_due.min(1.0))));
        } else {
            spin();
        }
    }
    shared.burnt.fetch_add(processor_time().saturating_sub(used).as_nanos() as u64, Ordering::Relaxed);
}

fn spin() {
    let mut x = 1_u64;
    for _ in 0..ROUNDS {
        x = black_box(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407));
    }
}

/// Processor time of this thread.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}
