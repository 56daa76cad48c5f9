//! Freeze windows: no change inside, and what they need is there before they begin.

use super::runs::{Runs, Stretch, Why};
use crate::settings::FreezeWindow;

/// A change at the first instant of a window would be inside it, so it comes a minute earlier.
const BEFORE: i64 = 60;

/// Windows in seconds, joined where one begins before the last change ahead of it could be made.
pub(crate) fn windows(windows: &[FreezeWindow]) -> Vec<(i64, i64)> {
    let mut all: Vec<(i64, i64)> = windows.iter().map(|w| (w.from.as_second(), w.to.as_second())).collect();
    all.retain(|(from, to)| from < to);
    all.sort_unstable();
    let mut joined: Vec<(i64, i64)> = Vec::new();
    for (from, to) in all {
        match joined.last_mut() {
            Some(last) if from - BEFORE < last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// Whether a change at this second is forbidden.
pub(crate) fn forbids(windows: &[(i64, i64)], second: i64) -> bool {
    windows.iter().any(|(from, to)| *from <= second && second < *to)
}

/// Through each window the most units needed in it; `prior` is there when the timetable begins inside one.
pub(crate) fn held(runs: &Runs, windows: &[(i64, i64)], prior: Option<u32>) -> Vec<Stretch> {
    let inside = windows.iter().filter(|(from, to)| *from < runs.end() && *to > runs.start());
    inside
        .map(|&(from, to)| {
            let changes = runs.as_slice().iter().filter(|r| r.from > from && r.from < to).map(|r| r.units);
            let most = changes.fold(runs.at(from), u32::max);
            let there = prior.filter(|_| from <= runs.start()).unwrap_or_default();
            Stretch { from: from - BEFORE, to, units: most.max(there), why: Why::Freeze }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::runs::tests::{points, runs};
    use super::*;

    fn check_held(base: &[(i64, u32)], window: (i64, i64), prior: Option<u32>, expected: &[(i64, u32)]) {
        let base = runs(base, 10_000);
        let frozen = base.raised(held(&base, &[window], prior));
        assert_eq!(points(&frozen), expected);
        assert!(frozen.as_slice().iter().skip(1).all(|r| !forbids(&[window], r.from)));
    }

    #[test]
    fn enough_is_there_before() {
        check_held(&[(0, 2), (3_000, 7), (4_000, 3)], (2_000, 5_000), None, &[(0, 2), (1_940, 7), (5_000, 3)]);
        check_held(&[(0, 2), (2_000, 7)], (2_000, 5_000), None, &[(0, 2), (1_940, 7)]);
    }

    #[test]
    fn what_is_there_stays_in_a_window_that_has_begun() {
        check_held(&[(0, 2), (3_000, 4)], (-100, 5_000), Some(9), &[(0, 9), (5_000, 4)]);
        check_held(&[(0, 2), (3_000, 4)], (-100, 5_000), None, &[(0, 4)]);
    }

    #[test]
    fn neighbors_are_joined() {
        let window = |from: i64, to: i64| FreezeWindow {
            from: jiff::Timestamp::from_second(from).unwrap(),
            to: jiff::Timestamp::from_second(to).unwrap(),
        };
        let all = [window(500, 900), window(0, 100), window(130, 200), window(300, 300)];
        assert_eq!(windows(&all), [(0, 200), (500, 900)]);
    }
}
