//! Waiting finer than a millisecond: tokio rounds up to the next one, which is a tenth of a latency of 10 ms.
//!
//! One thread sleeps until the next time that somebody waits for, and wakes its task. No descriptor is taken, as a
//! `timerfd` a connection would, so that a proxy serves as many connections as its limit of descriptors has room for.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
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
}

#[derive(Debug, Default)]
struct State {
    /// By time, and by a number that sets those of the same time apart.
    waiting: BTreeMap<(Instant, u64), Waker>,
    number: u64,
    over: bool,
}

/// A wait; dropped early, it waits for nothing.
pub(super) struct Wait<'a> {
    shared: &'a Shared,
    at: Instant,
    key: Option<(Instant, u64)>,
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
        Wait { shared: &self.shared, at, key: None }
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

impl Future for Wait<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.at <= Instant::now() {
            return Poll::Ready(());
        }
        let mut state = self.shared.lock();
        let key = self.key.unwrap_or((self.at, state.number));
        if self.key.is_none() {
            state.number += 1;
        }
        state.waiting.insert(key, cx.waker().clone());
        // The thread sleeps until the first time: only an earlier one concerns it.
        if self.key.is_none() && state.waiting.first_key_value().is_some_and(|(first, _)| *first == key) {
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
}
