//! Waiting finer than a millisecond: tokio rounds up to the next one, which is a tenth of a latency of 10 ms.
//!
//! One thread sleeps until the next time that somebody waits for, and wakes its task. No descriptor is taken, as a
//! `timerfd` a connection would, so that a proxy serves as many connections as its limit of descriptors has room for.
//!
//! From the thread's time to the task's turn some 0.1 ms go by, a twentieth of a latency of 2 ms. How much they usually are
//! is learned, and the thread wakes that much earlier; a task whose turn comes before its time waits for the rest.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Wakes tasks at their time, until it is dropped.
#[derive(Debug)]
pub(super) struct Clock {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    lead: Lead,
}

/// Nanoseconds by which tasks are woken before their time: a low quantile of what passes until their turn, so that few of
/// them have to wait once more.
#[derive(Debug, Default)]
struct Lead(AtomicU64);

/// Longest lead: on a host that is so busy that turns come later, their times vary by more.
const LONGEST: u64 = 300_000;
/// What a turn that came late adds to the lead, and one that came early takes off, in nanoseconds: at a quarter of the
/// turns early, the lead stays as it is.
const LATE: u64 = 1_000;
const EARLY: u64 = 3 * LATE;
/// Rest of a wait for which a task does not sleep once more, as it would come later than by waiting on its thread.
const REST: Duration = Duration::from_micros(40);

#[derive(Debug, Default)]
struct State {
    /// By the time at which they are woken, and by a number that sets those of the same time apart.
    waiting: BTreeMap<(Instant, u64), Waker>,
    number: u64,
    over: bool,
}

/// A wait; dropped early, it waits for nothing.
pub(super) struct Wait<'a> {
    shared: &'a Shared,
    at: Instant,
    key: Option<(Instant, u64)>,
    /// Its task was woken once, too early.
    again: bool,
}

impl Clock {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives none.
    pub(super) fn start() -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let of_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("proxy-clock".to_owned()).spawn(move || of_thread.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Waits until then.
    pub(super) fn until(&self, at: Instant) -> Wait<'_> {
        Wait { shared: &self.shared, at, key: None, again: false }
    }

    /// Waits for this long.
    pub(super) fn sleep(&self, time: Duration) -> Wait<'_> {
        self.until(later(Instant::now(), time))
    }
}

/// A time from then on, as far as a clock is sure to go: some thirty years.
pub(super) fn later(at: Instant, time: Duration) -> Instant {
    at + time.min(Duration::from_secs(1_000_000_000))
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // One that panicked wakes nobody either.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        // Sleeps of a thread last up to 50 us longer than asked for, unless it says otherwise: prctl(2). A system that
        // refuses is a little later.
        #[cfg(target_os = "linux")]
        let _ = rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1));
        let mut state = self.lock();
        while !state.over {
            let Some((&key, _)) = state.waiting.first_key_value() else {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = key.0.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let waker = state.waiting.remove(&key);
                drop(state);
                if let Some(waker) = waker {
                    waker.wake();
                }
                state = self.lock();
            } else {
                state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }
}

impl Lead {
    fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }

    /// A task had its turn, before its time or behind it. What another thread learns meanwhile may be lost.
    fn learn(&self, early: bool) {
        let lead = self.0.load(Ordering::Relaxed);
        let next = if early { lead.saturating_sub(EARLY) } else { (lead + LATE).min(LONGEST) };
        self.0.store(next, Ordering::Relaxed);
    }
}

impl Future for Wait<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let now = Instant::now();
        if self.key.is_none() && self.at <= now {
            return Poll::Ready(());
        }
        let mut state = self.shared.lock();
        // The entry is still there where something else woke the task.
        let entry = self.key.filter(|key| state.waiting.contains_key(key));
        if self.key.is_some() && entry.is_none() && !std::mem::replace(&mut self.again, true) {
            self.shared.lead.learn(now < self.at);
        }
        if self.at.saturating_duration_since(now) <= REST {
            drop(state);
            while Instant::now() < self.at {
                std::hint::spin_loop();
            }
            return Poll::Ready(());
        }
        let key = entry.unwrap_or_else(|| {
            state.number += 1;
            let lead = if self.again { Duration::ZERO } else { self.shared.lead.get() };
            (self.at.checked_sub(lead).unwrap_or(self.at), state.number)
        });
        state.waiting.insert(key, cx.waker().clone());
        // The thread sleeps until the first time: only an earlier one concerns it.
        if entry.is_none() && state.waiting.first_key_value().is_some_and(|(first, _)| *first == key) {
            self.shared.changed.notify_one();
        }
        drop(state);
        self.key = Some(key);
        Poll::Pending
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.shared.lock().waiting.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn waits_end_in_order_and_never_early() {
        let clock = Clock::start().unwrap();
        let begin = Instant::now();
        let ended = Mutex::new(Vec::new());
        let wait = |ms| {
            let (clock, ended) = (&clock, &ended);
            async move {
                clock.sleep(Duration::from_millis(ms)).await;
                assert!(begin.elapsed() >= Duration::from_millis(ms));
                ended.lock().unwrap().push(ms);
            }
        };
        tokio::join!(wait(90), wait(30), wait(0), wait(60));
        assert_eq!(*ended.lock().unwrap(), [0, 30, 60, 90]);
        assert!(clock.shared.lock().waiting.is_empty());
    }

    #[tokio::test]
    async fn a_wait_that_is_dropped_is_forgotten() {
        let clock = Clock::start().unwrap();
        tokio::select! {
            biased;
            () = clock.sleep(Duration::from_secs(3600)) => panic!("an hour"),
            () = clock.sleep(Duration::from_millis(1)) => {}
        }
        assert!(clock.shared.lock().waiting.is_empty());
    }

    #[tokio::test]
    async fn a_wait_that_is_woken_early_waits_for_the_rest() {
        let clock = Clock::start().unwrap();
        // More than any turn takes to come, so that every one comes early.
        const LEAD: u64 = 10_000_000_000;
        for _ in 0..3 {
            clock.shared.lead.0.store(LEAD, Ordering::Relaxed);
            let at = Instant::now() + Duration::from_millis(500);
            clock.until(at).await;
            assert!(Instant::now() >= at);
            assert_eq!(clock.shared.lead.0.load(Ordering::Relaxed), LEAD - EARLY, "one turn, one lesson");
        }
        assert!(clock.shared.lock().waiting.is_empty());
    }

    #[test]
    fn the_lead_settles_where_a_quarter_of_the_turns_come_early() {
        // Turns come 50 to 150 us behind the time at which the thread was to wake.
        let (lead, mut rng) = (Lead::default(), fastrand::Rng::with_seed(1));
        let mut turn = || Duration::from_micros(rng.u64(50..150)) < lead.get();
        for _ in 0..1_000 {
            lead.learn(turn());
        }
        let mut early = 0;
        for _ in 0..10_000 {
            let is_early = turn();
            lead.learn(is_early);
            early += u32::from(is_early);
        }
        assert!((2_200..2_800).contains(&early), "{early}");
        (0..1_000_000).for_each(|_| lead.learn(false));
        assert_eq!(lead.get(), Duration::from_nanos(LONGEST));
    }
}
