//! Ramps: no change adds or removes more than so many units; climbs begin earlier, descents end later.
//!
//! Ahead of a run of u units stands a stair: at least u - up for one spacing, u - 2 up for the one before, and so on;
//! behind it the same with the limit downward. The larger of all stairs at each instant has no higher riser than any of
//! them. What is needed at the first instant is needed then: nothing can begin before it.

use super::runs::{Runs, Stretch, Why};

/// Most units of one change in each direction, and the seconds between two changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ramp {
    pub(crate) up: Option<u32>,
    pub(crate) down: Option<u32>,
    pub(crate) spacing: i64,
}

impl Ramp {
    /// The stairs that the limits ask for around each run; `prior`: units before the first instant.
    pub(crate) fn stairs(&self, runs: &Runs, prior: Option<u32>) -> Vec<Stretch> {
        let mut out = Vec::new();
        let all = runs.as_slice();
        for (i, (run, end)) in runs.iter().enumerate() {
            let before = if i == 0 { run.units } else { all[i - 1].units };
            if let Some(up) = self.up.filter(|up| run.units > before.saturating_add(*up)) {
                self.climb(run.from, run.units, up, runs.start(), &mut out);
            }
            let after = all.get(i + 1).map_or(run.units, |next| next.units);
            if let Some(down) = self.down.filter(|down| run.units > after.saturating_add(*down)) {
                self.descend(end, run.units, down, runs.end(), &mut out);
            }
        }
        if let (Some(down), Some(prior)) = (self.down, prior) {
            self.descend(runs.start(), prior, down, runs.end(), &mut out);
        }
        out
    }

    /// Whether every change keeps to the limits.
    pub(crate) fn holds(&self, runs: &Runs) -> bool {
        runs.as_slice().windows(2).all(|pair| {
            let (before, after) = (pair[0].units, pair[1].units);
            self.up.is_none_or(|up| after <= before.saturating_add(up))
                && self.down.is_none_or(|down| before <= after.saturating_add(down))
        })
    }

    fn climb(&self, top: i64, units: u32, up: u32, start: i64, out: &mut Vec<Stretch>) {
        let (mut to, mut level) = (top, units.saturating_sub(up));
        while level > 0 && to > start {
            out.push(Stretch { from: to - self.spacing, to, units: level, why: Why::Ramp });
            to -= self.spacing;
            level = level.saturating_sub(up);
        }
    }

    fn descend(&self, top: i64, units: u32, down: u32, end: i64, out: &mut Vec<Stretch>) {
        let (mut from, mut level) = (top, units.saturating_sub(down));
        while level > 0 && from < end {
            out.push(Stretch { from, to: from + self.spacing, units: level, why: Why::Ramp });
            from += self.spacing;
            level = level.saturating_sub(down);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::runs::tests::{points, runs};
    use super::*;

    fn check_ramp(ramp: Ramp, base: &[(i64, u32)], prior: Option<u32>, expected: &[(i64, u32)]) {
        let base = runs(base, 10_000);
        let ramped = base.raised(ramp.stairs(&base, prior));
        assert_eq!(points(&ramped), expected);
        assert!(ramp.holds(&ramped));
    }

    #[test]
    fn climbs_begin_earlier() {
        let ramp = Ramp { up: Some(3), down: None, spacing: 600 };
        check_ramp(ramp, &[(0, 1), (5_000, 9)], None, &[(0, 1), (3_800, 3), (4_400, 6), (5_000, 9)]);
    }

    #[test]
    fn descents_end_later() {
        let ramp = Ramp { up: None, down: Some(3), spacing: 600 };
        check_ramp(ramp, &[(0, 9), (5_000, 1)], None, &[(0, 9), (5_000, 6), (5_600, 3), (6_200, 1)]);
        check_ramp(ramp, &[(0, 1)], Some(9), &[(0, 6), (600, 3), (1_200, 1)]);
    }

    #[test]
    fn small_changes_stay() {
        let ramp = Ramp { up: Some(3), down: Some(3), spacing: 600 };
        check_ramp(ramp, &[(0, 1), (5_000, 4), (7_000, 1)], None, &[(0, 1), (5_000, 4), (7_000, 1)]);
    }
}
