//! One model over many series: threads over blocks of series, lanes over series of equal shape within a block.
//!
//! A fit depends on its series alone, so that results depend neither on the number of threads nor on what else is in the
//! panel. Memory: what is kept of each fit, and one block of series with their fits a thread.

use std::sync::{Mutex, PoisonError, mpsc};

use crate::model::{FitError, Fitted, Forecaster};
use crate::series::Series;

/// Series of a block at most.
const BLOCK: usize = 64;
/// Blocks a thread that are left when one is taken: the last ones are small, so that no thread waits long for another.
const SHARE: usize = 4;

/// Fits a model to each series and keeps of each fit what `keep` makes of it, in the order of the panel.
///
/// `panel`: the series, taken from the iterator a block at a time; `threads`: 1 or more, 0 counts as 1; `keep`: gets the
/// place in the panel, the series and its fit, on any thread; `tell`: hears on this thread how many are done. Models whose
/// likelihood runs in lanes are quickest where neighbors have the same length ([`Forecaster::fit_all`]).
///
/// ```
/// use forecast_core::{Ahead, Series, fit_panel, grammar};
///
/// let start = "2026-11-02T00:00:00Z".parse()?;
/// let load = |service: u32| (0..96).map(|t| f64::from(100 + 10 * service + (t % 24) * (t % 5))).collect();
/// let series = |service| Series::new(start, std::time::Duration::from_secs(3600), load(service));
/// let panel = (0..6).map(series).collect::<Result<Vec<_>, _>>()?;
/// let model = grammar::parse("ets(A,N,A)[24]")?;
/// let next = fit_panel(
///     model.as_ref(),
///     panel,
///     2,
///     |_, _, fit| fit.ok().and_then(|fit| Some(fit.forecast(&Ahead::steps(1), &[]).ok()?.point[0])),
///     |_| (),
/// );
/// assert!(next.iter().all(Option::is_some));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fit_panel<R: Send>(
    model: &dyn Forecaster,
    panel: impl IntoIterator<Item = Series, IntoIter: Send>,
    threads: usize,
    keep: impl Fn(usize, &Series, Result<Box<dyn Fitted>, FitError>) -> R + Sync,
    mut tell: impl FnMut(usize),
) -> Vec<R> {
    let threads = threads.max(1);
    let source = Mutex::new(panel.into_iter().enumerate());
    let take = || -> Vec<(usize, Series)> {
        // A thread that panicked ends the scope; until then the others may as well go on.
        let mut source = source.lock().unwrap_or_else(PoisonError::into_inner);
        let size = match source.size_hint() {
            (left, Some(_)) => (left / (SHARE * threads)).clamp(1, BLOCK),
            (_, None) => BLOCK,
        };
        source.by_ref().take(size).collect()
    };
    let mut kept: Vec<(usize, R)> = Vec::new();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..threads {
            let (sender, take, keep) = (sender.clone(), &take, &keep);
            scope.spawn(move || {
                loop {
                    let (places, block): (Vec<usize>, Vec<Series>) = take().into_iter().unzip();
                    if block.is_empty() {
                        break;
                    }
                    let fits = places.into_iter().zip(&block).zip(model.fit_all(&block));
                    let done: Vec<(usize, R)> = fits.map(|((at, y), fit)| (at, keep(at, y, fit))).collect();
                    // The receiver outlives all senders of this scope.
                    let _ = sender.send(done);
                }
            });
        }
        drop(sender);
        for done in receiver {
            kept.extend(done);
            tell(kept.len());
        }
    });
    kept.sort_by_key(|(at, _)| *at);
    kept.into_iter().map(|(_, one)| one).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::grammar;
    use crate::paths::Dice;

    /// Series of three lengths, some of them too short for a season.
    fn panel(count: usize) -> Vec<Series> {
        let mut dice = Dice::new(3);
        let length = |i: usize| [40, 40, 40, 40, 40, 33, 6][i % 7];
        let mut value = |t: usize| 20.0 + 3.0 * (t % 4) as f64 + 2.0 * dice.unit();
        let mut series = |i: usize| (0..length(i)).map(&mut value).collect::<Vec<f64>>();
        let start = "2026-11-02T00:00:00Z".parse().unwrap();
        (0..count).map(|i| Series::new(start, Duration::from_secs(6 * 3600), series(i)).unwrap()).collect()
    }

    /// All that a fit learned, as text.
    fn learned(fit: Result<Box<dyn Fitted>, FitError>) -> String {
        fit.map_or_else(|error| error.to_string(), |fit| serde_json::to_string(&fit.state()).unwrap())
    }

    #[test]
    fn results_depend_neither_on_threads_nor_on_neighbors() {
        let panel = panel(30);
        for name in ["ets(A,A,A)[4]", "ets[4]", "ets(A,N,N)", "holt_winters[4]", "arima(0,1,1)(0,1,1)[4]", "naive"] {
            let model = grammar::parse(name).unwrap();
            let alone: Vec<String> = panel.iter().map(|y| learned(model.fit(y))).collect();
            for threads in [0, 1, 3] {
                let mut told = Vec::new();
                let keep = |at: usize, y: &Series, fit| {
                    assert_eq!(*y, panel[at]);
                    learned(fit)
                };
                let found = fit_panel(model.as_ref(), panel.clone(), threads, keep, |done| told.push(done));
                assert_eq!(found, alone, "{name} on {threads} threads");
                assert_eq!(told.last(), Some(&30));
                // An iterator that does not know how many come takes other blocks.
                let some = fit_panel(model.as_ref(), panel.clone().into_iter().filter(|_| true), 2, keep, |_| ());
                assert_eq!(some, alone, "{name} in other blocks");
            }
        }
    }

    #[test]
    fn an_empty_panel_gives_nothing() {
        let model = grammar::parse("naive").unwrap();
        assert!(fit_panel(model.as_ref(), Vec::new(), 2, |_, _, fit| fit.is_ok(), |_| ()).is_empty());
    }
}
