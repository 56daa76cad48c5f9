//! One bounded pool for CPU work, apart from the async runtime: a forecast never delays a call that has to answer.

use std::sync::{Arc, OnceLock};

use tokio::sync::Semaphore;

/// The work was cut off because the process ends, or it panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the computation did not end; if it was not interrupted, this is a bug")]
pub struct Unfinished;

/// Runs CPU work on the pool, at most one piece a core at a time, and waits for its result.
///
/// A caller that gives up while it waits in line takes its work with it. Work that has begun keeps its place until it
/// ends, so that there is never more of it than cores; it ends early only if it asks whether to.
///
/// # Errors
/// `Unfinished` where the work panicked or the runtime ends.
pub async fn run<T, F>(work: F) -> Result<T, Unfinished>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let permit = Arc::clone(permits()).acquire_owned().await.map_err(|_| Unfinished)?;
    let guarded = move || {
        let _permit = permit;
        work()
    };
    tokio::task::spawn_blocking(guarded).await.map_err(|_| Unfinished)
}

fn permits() -> &'static Arc<Semaphore> {
    static PERMITS: OnceLock<Arc<Semaphore>> = OnceLock::new();
    PERMITS.get_or_init(|| Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from))))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn work_gives_its_result_and_a_panic_an_error() {
        assert_eq!(run(|| 1 + 1).await, Ok(2));
        assert_eq!(run(|| if std::hint::black_box(true) { panic!("on purpose") } else { 1 }).await, Err(Unfinished));
    }

    #[tokio::test]
    async fn work_whose_caller_gave_up_keeps_its_place_and_the_runtime_goes_on() {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let running = Arc::new(AtomicUsize::new(0));
        let mut releases = Vec::new();
        let mut callers = Vec::new();
        for _ in 0..cores + 3 {
            let (release, wait) = mpsc::channel::<()>();
            let running = Arc::clone(&running);
            callers.push(tokio::spawn(run(move || {
                running.fetch_add(1, Ordering::SeqCst);
                // Ends when the test drops the other side.
                let _ = wait.recv();
            })));
            releases.push(release);
        }
        while running.load(Ordering::SeqCst) < cores {
            tokio::task::yield_now().await;
        }
        callers.iter().for_each(tokio::task::JoinHandle::abort);
        for caller in callers {
            assert!(caller.await.unwrap_err().is_cancelled());
        }
        assert_eq!(permits().available_permits(), 0, "work that runs holds its place");
        drop(releases);
        while permits().available_permits() < cores {
            tokio::task::yield_now().await;
        }
        assert_eq!(running.load(Ordering::SeqCst), cores, "work in line went with its caller");
    }
}
