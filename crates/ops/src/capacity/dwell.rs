//! Dwell: two changes are never closer than so much time, and no instant has fewer units for it.
//!
//! Among all timetables that cover the given one and keep the distance, the one of fewest unit-seconds: dynamic
//! programming over the possible changes, which are the present ones and those one dwell before and after them.

use super::runs::{Run, Runs, Why, seconds_between};

/// The cheapest timetable over `runs` whose changes are at least `spacing` seconds apart.
///
/// `allowed` says where a change may be; the last run may be shorter, as something else follows it.
pub(crate) fn spaced(runs: &Runs, spacing: i64, allowed: impl Fn(i64) -> bool) -> Runs {
    if runs.as_slice().windows(2).all(|pair| pair[1].from - pair[0].from >= spacing) {
        return runs.clone();
    }
    let (start, end) = (runs.start(), runs.end());
    let changes = runs.as_slice().iter().skip(1).map(|r| r.from);
    let mut times: Vec<i64> = changes
        .flat_map(|t| [t.saturating_sub(spacing), t, t.saturating_add(spacing)])
        .filter(|t| *t > start && *t < end && allowed(*t))
        .collect();
    times.extend([start, end]);
    times.sort_unstable();
    times.dedup();
    // The most units from one possible change to the next.
    let most: Vec<u32> = times.windows(2).map(|pair| most_within(runs, pair[0], pair[1])).collect();
    let cuts = cheapest(&times, &most, |from, to| to == end || to - from >= spacing);
    merged(runs, &cuts, &Why::Dwell)
}

/// Runs that begin at the cuts, each with the most units of those it covers.
///
/// A run that has its units from its first instant on keeps its reason; one that was raised there gets `raised`.
pub(crate) fn merged(runs: &Runs, cuts: &[i64], raised: &Why) -> Runs {
    let ends = cuts.iter().skip(1).copied().chain([runs.end()]);
    let mut all = cuts.iter().zip(ends).map(|(&from, end)| {
        let first = &runs.as_slice()[runs.position(from)];
        let units = most_within(runs, from, end);
        let why = if first.units == units { first.why.clone() } else { raised.clone() };
        Run { from, units, why }
    });
    match all.next() {
        Some(first) => Runs::new(first, all, runs.end()),
        None => runs.clone(),
    }
}

fn most_within(runs: &Runs, from: i64, to: i64) -> u32 {
    let covered = runs.as_slice()[runs.position(from)..].iter().take_while(|r| r.from < to || r.from <= from);
    covered.map(|r| r.units).max().unwrap_or_default()
}

/// Begins of the segments with the least sum of length times most units; of equal cost, the fewest segments.
fn cheapest(times: &[i64], most: &[u32], fits: impl Fn(i64, i64) -> bool) -> Vec<i64> {
    let n = most.len();
    let floor = integral(times, most);
    // Cost, number of segments and begin of the last segment of the cheapest way to cover everything up to a time.
    let mut best: Vec<Option<(u64, usize, usize)>> = vec![None; n + 1];
    best[0] = Some((0, 0, 0));
    for j in 1..=n {
        let mut units = 0;
        for i in (0..j).rev() {
            units = most[i].max(units);
            let segment = u64::from(units) * seconds_between(times[i], times[j]);
            // The way up to `i` costs at least what it covers, and this bound only grows as `i` falls.
            if best[j].is_some_and(|(cost, ..)| floor[i] + segment > cost) {
                break;
            }
            let Some((cost, count, _)) = best[i].filter(|_| fits(times[i], times[j])) else { continue };
            let way = (cost + segment, count + 1, i);
            if best[j].is_none_or(|b| (way.0, way.1) < (b.0, b.1)) {
                best[j] = Some(way);
            }
        }
    }
    let (mut cuts, mut at) = (Vec::new(), n);
    while at > 0 {
        at = best[at].map_or(0, |(_, _, begin)| begin);
        cuts.push(times[at]);
    }
    cuts.reverse();
    cuts
}

/// Unit-seconds before each time.
pub(crate) fn integral(times: &[i64], units: &[u32]) -> Vec<u64> {
    let mut sums = vec![0];
    for (pair, units) in times.windows(2).zip(units) {
        sums.push(sums[sums.len() - 1] + u64::from(*units) * seconds_between(pair[0], pair[1]));
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::super::runs::tests::{points, runs};
    use super::*;

    fn check_spaced(base: &[(i64, u32)], spacing: i64, expected: &[(i64, u32)]) {
        let base = runs(base, 10_000);
        let spaced = spaced(&base, spacing, |_| true);
        assert_eq!(points(&spaced), expected);
        assert!((0..10_000).all(|t| spaced.at(t) >= base.at(t)));
    }

    #[test]
    fn distant_changes_stay() {
        check_spaced(&[(0, 1), (2_000, 4), (4_000, 2)], 2_000, &[(0, 1), (2_000, 4), (4_000, 2)]);
    }

    #[test]
    fn a_short_spike_lasts_one_dwell() {
        check_spaced(&[(0, 1), (3_000, 9), (3_300, 1)], 900, &[(0, 1), (3_000, 9), (3_900, 1)]);
    }

    #[test]
    fn a_climb_in_two_comes_at_once_or_apart() {
        check_spaced(&[(0, 1), (3_000, 5), (3_300, 9)], 900, &[(0, 1), (3_000, 9)]);
        check_spaced(&[(0, 1), (3_000, 8), (3_850, 9)], 900, &[(0, 1), (2_950, 8), (3_850, 9)]);
    }

    #[test]
    fn a_short_dip_is_filled() {
        check_spaced(&[(0, 9), (3_000, 1), (3_300, 9)], 900, &[(0, 9)]);
    }

    #[test]
    fn reasons_say_what_was_raised() {
        let base = runs(&[(0, 1), (3_000, 5), (3_300, 9)], 10_000);
        let reasons: Vec<Why> = spaced(&base, 900, |_| true).as_slice().iter().map(|r| r.why.clone()).collect();
        assert_eq!(reasons, [Why::Forecast, Why::Dwell]);
    }
}
