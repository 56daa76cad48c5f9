//! One bounded pool for CPU work, apart from the async runtime: a forecast never delays a call that has to answer.

use std::sync::OnceLock;

use tokio::sync::Semaphore;

/// The work was cut off because the process ends, or it panicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the computation did not end; if it was not interrupted, this is a bug")]
pub struct Unfinished;

/// Runs CPU work on the pool, at most one piece a core at a time, and waits for its result.
///
/// # Errors
/// `Unfinished` where the work panicked or the runtime ends.
pub async fn run<T, F>(work: F) -> Result<T, Unfinished>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let _permit = permits().acquire().await.map_err(|_| Unfinished)?;
    tokio::task::spawn_blocking(work).await.map_err(|_| Unfinished)
}

fn permits() -> &'static Semaphore {
    static PERMITS: OnceLock<Semaphore> = OnceLock::new();
    PERMITS.get_or_init(|| Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_gives_its_result_and_a_panic_an_error() {
        assert_eq!(run(|| 1 + 1).await, Ok(2));
        assert_eq!(run(|| if std::hint::black_box(true) { panic!("on purpose") } else { 1 }).await, Err(Unfinished));
    }
}
