//! Compaction: no more changes than the target can hold, at least cost.
//!
//! Merging runs only raises, so the cheapest timetable of at most k runs over the given one has a subset of its
//! changes: dynamic programming over runs and counts, O(n^2 k) at worst and far less with the bound below.

use super::dwell::{integral, merged};
use super::runs::{Runs, Why, seconds_between};

/// Cheapest timetables over `runs` by number of runs: position k - 1 has at most k of them, up to `most`.
pub(crate) struct Compaction<'a> {
    runs: &'a Runs,
    /// For each count, the begin of the last segment of the cheapest way to cover the runs before a position.
    begins: Vec<Vec<usize>>,
}

impl<'a> Compaction<'a> {
    /// Solves for all counts up to `most`, which is at least one.
    pub(crate) fn new(runs: &'a Runs, most: usize) -> Self {
        let units: Vec<u32> = runs.as_slice().iter().map(|r| r.units).collect();
        let mut times: Vec<i64> = runs.as_slice().iter().map(|r| r.from).collect();
        times.push(runs.end());
        let (n, floor) = (units.len(), integral(&times, &units));
        let mut costs: Vec<Option<u64>> = vec![None; n + 1];
        costs[0] = Some(0);
        let mut begins: Vec<Vec<usize>> = Vec::new();
        for _ in 0..most.clamp(1, n) {
            // Covering nothing takes no segment, so that fewer segments are always among the choices.
            let mut next: Vec<Option<u64>> = vec![None; n + 1];
            let mut begin = vec![0; n + 1];
            next[0] = Some(0);
            for j in 1..=n {
                let mut top = 0;
                for i in (0..j).rev() {
                    top = units[i].max(top);
                    let segment = u64::from(top) * seconds_between(times[i], times[j]);
                    if next[j].is_some_and(|cost| floor[i] + segment > cost) {
                        break;
                    }
                    let Some(cost) = costs[i] else { continue };
                    // Of equal cost the earliest begin: the longest last segment.
                    if next[j].is_none_or(|best| cost + segment <= best) {
                        next[j] = Some(cost + segment);
                        begin[j] = i;
                    }
                }
            }
            begins.push(begin);
            costs = next;
        }
        Self { runs, begins }
    }

    /// The cheapest timetable of at most `count` runs.
    pub(crate) fn at_most(&self, count: usize) -> Runs {
        let mut k = count.clamp(1, self.begins.len());
        let (mut cuts, mut at) = (Vec::new(), self.runs.as_slice().len());
        while at > 0 {
            at = if k == 0 { 0 } else { self.begins[k - 1][at] };
            k = k.saturating_sub(1);
            cuts.push(self.runs.as_slice()[at].from);
        }
        cuts.reverse();
        merged(self.runs, &cuts, &Why::MaxChanges)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::runs::tests::{points, runs};
    use super::*;

    #[test]
    fn gives_up_the_cheapest_changes_first() {
        let base = runs(&[(0, 2), (100, 9), (200, 8), (300, 2), (310, 3)], 1_000);
        let compaction = Compaction::new(&base, 9);
        assert_eq!(compaction.at_most(9), base);
        assert_eq!(points(&compaction.at_most(4)), [(0, 2), (100, 9), (200, 8), (300, 3)]);
        assert_eq!(points(&compaction.at_most(3)), [(0, 2), (100, 9), (300, 3)]);
        assert_eq!(points(&compaction.at_most(2)), [(0, 9), (300, 3)]);
        assert_eq!(points(&compaction.at_most(1)), [(0, 9)]);
        assert_eq!(compaction.at_most(2).as_slice()[0].why, Why::MaxChanges);
    }

    /// Every subset of changes, tried out.
    fn cheapest_by_trial(base: &Runs, most: usize) -> u64 {
        let later: Vec<i64> = base.as_slice().iter().skip(1).map(|r| r.from).collect();
        let subsets = (0..1u32 << later.len()).filter(|set| (set.count_ones() as usize) < most);
        subsets
            .map(|set| {
                let kept = later.iter().enumerate().filter(|(i, _)| set & (1 << i) != 0).map(|(_, t)| *t);
                let cuts: Vec<i64> = [base.start()].into_iter().chain(kept).collect();
                merged(base, &cuts, &Why::MaxChanges).unit_seconds()
            })
            .min()
            .unwrap()
    }

    proptest! {
        #[test]
        fn nothing_is_cheaper(steps in proptest::collection::vec((1i64..50, 0u32..9), 1..9), most in 1usize..9) {
            let mut at = 0;
            let points: Vec<(i64, u32)> = steps.iter().map(|(gap, units)| { at += gap; (at, *units) }).collect();
            let base = runs(&points, at + 20);
            let compacted = Compaction::new(&base, most).at_most(most);
            prop_assert!(compacted.as_slice().len() <= most);
            prop_assert!((base.start()..base.end()).all(|t| compacted.at(t) >= base.at(t)));
            prop_assert_eq!(compacted.unit_seconds(), cheapest_by_trial(&base, most));
        }
    }
}
