//! What an operation has to know of the end: one token per call, fired by Terraform's `StopProvider` and by the end of
//! the process, and a count of the operations that still run.
//!
//! Operations run in tasks of their own ([`Lifecycle::spawn`]): when Terraform is killed its connection drops, the server
//! drops the handler of the call, and only work outside of the handler can still roll back and tidy up. In a served
//! process they also have threads of their own, so that one which computes for long never keeps `StopProvider` waiting.

use std::{
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{runtime::Handle, task::JoinHandle};
pub use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Shared handle on the life of a provider's process; clones are the same handle.
#[derive(Debug, Clone, Default)]
pub struct Lifecycle {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Fired once, when the process is about to end.
    ending: CancellationToken,
    /// Parent of the tokens of the calls since the last renewal; a child of `ending`.
    session: Mutex<Option<CancellationToken>>,
    operations: TaskTracker,
    /// The runtime of the operations; without one they run on that of their caller.
    runtime: Option<Handle>,
}

impl Lifecycle {
    /// A life in which nothing has been stopped yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A life whose operations run on a runtime of their own.
    pub(super) fn with_runtime(runtime: Handle) -> Self {
        Self { inner: Arc::new(Inner { runtime: Some(runtime), ..Inner::default() }) }
    }

    /// The token of one call: fired by [`stop`](Self::stop) and by [`end`](Self::end). To be taken when the call arrives,
    /// not when its operation gets to run: a stop in between would be missed.
    pub fn token(&self) -> CancellationToken {
        self.session().get_or_insert_with(|| self.inner.ending.child_token()).child_token()
    }

    /// Fires the tokens of all calls, also of those that arrive later: what `StopProvider` asks for. A call may be on its
    /// way while Terraform asks, and must not miss it.
    pub fn stop(&self) {
        self.session().get_or_insert_with(|| self.inner.ending.child_token()).cancel();
    }

    /// Lets later calls work again after a stop; what `ConfigureProvider` means, because a provider in reattach mode
    /// outlives the run of Terraform that was interrupted.
    pub fn renew(&self) {
        self.session().take_if(|session| session.is_cancelled());
    }

    /// Fires the tokens of all calls, later ones included: the process takes its leave.
    pub fn end(&self) {
        self.inner.ending.cancel();
    }

    /// The token that [`end`](Self::end) fires.
    pub fn ending(&self) -> &CancellationToken {
        &self.inner.ending
    }

    /// Runs an operation in a task of its own, which goes on when its caller is dropped; the process waits for it, up to
    /// the grace period, before it exits.
    pub fn spawn<F>(&self, operation: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        match &self.inner.runtime {
            Some(runtime) => self.inner.operations.spawn_on(operation, runtime),
            None => self.inner.operations.spawn(operation),
        }
    }

    /// Operations that run now.
    pub fn running(&self) -> usize {
        self.inner.operations.len()
    }

    /// Resolves when no operation runs any more.
    pub async fn drained(&self) {
        self.inner.operations.close();
        self.inner.operations.wait().await;
    }

    fn session(&self) -> MutexGuard<'_, Option<CancellationToken>> {
        self.inner.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_reaches_the_calls_so_far_and_later_ones_until_a_renewal() {
        let life = Lifecycle::new();
        let (before, other) = (life.token(), life.clone().token());
        life.stop();
        assert!(before.is_cancelled() && other.is_cancelled() && life.token().is_cancelled());
        life.renew();
        let after = life.token();
        life.renew();
        assert!(before.is_cancelled() && !after.is_cancelled() && !life.token().is_cancelled());
        assert!(!life.ending().is_cancelled());
    }

    #[test]
    fn the_end_reaches_every_call() {
        let life = Lifecycle::new();
        let before = life.token();
        life.end();
        assert!(before.is_cancelled() && life.token().is_cancelled());
    }

    #[test]
    fn a_call_that_cancels_itself_disturbs_no_other() {
        let life = Lifecycle::new();
        let (one, other) = (life.token(), life.token());
        one.cancel();
        assert!(!other.is_cancelled());
    }

    #[tokio::test]
    async fn drained_waits_for_tasks_whose_callers_are_gone() {
        let life = Lifecycle::new();
        let token = life.token();
        drop(life.spawn(async move { token.cancelled().await }));
        assert_eq!(life.running(), 1);
        life.stop();
        life.drained().await;
        assert_eq!(life.running(), 0);
    }
}
