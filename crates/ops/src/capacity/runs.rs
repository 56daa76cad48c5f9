//! A timetable while it is being made: runs of equal units on the axis of seconds, each with its reason.
//!
//! Every guard rail but `max` only raises: it hands over stretches of time with the fewest units there, and
//! [`Runs::raised`] takes the larger of both at each instant. So no rail can take away what another one gave.

use std::collections::BinaryHeap;

/// Why a run has its units; in the order in which ties go.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Why {
    Forecast,
    Min,
    Max,
    Override(Option<String>),
    Freeze,
    Ramp,
    Dwell,
    MaxChanges,
    Weekly,
    Paused,
    Fallback,
}

impl Why {
    /// The reason as it is shown to people and machines.
    pub(crate) fn text(&self) -> String {
        let word = match self {
            Self::Forecast => "forecast",
            Self::Min => "min",
            Self::Max => "max",
            Self::Override(Some(reason)) => return format!("override: {reason}"),
            Self::Override(None) => "override",
            Self::Freeze => "freeze",
            Self::Ramp => "ramp",
            Self::Dwell => "dwell",
            Self::MaxChanges => "max_changes",
            Self::Weekly => crate::weekly::REASON,
            Self::Paused => "paused",
            Self::Fallback => "fallback",
        };
        word.to_owned()
    }
}

/// Units from one second on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) from: i64,
    pub(crate) units: u32,
    pub(crate) why: Why,
}

/// Fewest units in a stretch of time, end excluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) units: u32,
    pub(crate) why: Why,
}

/// Runs from the first instant to the end; never empty, each with other units than the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Runs {
    runs: Vec<Run>,
    end: i64,
}

impl Runs {
    /// The same units all the time.
    pub(crate) fn constant(from: i64, end: i64, units: u32, why: Why) -> Self {
        Self { runs: vec![Run { from, units, why }], end }
    }

    /// Runs in order; neighbors of equal units become one. `first` comes before all of `later`.
    pub(crate) fn new(first: Run, later: impl IntoIterator<Item = Run>, end: i64) -> Self {
        let mut runs = vec![first];
        for run in later {
            push(&mut runs, run);
        }
        Self { runs, end }
    }

    pub(crate) fn as_slice(&self) -> &[Run] {
        &self.runs
    }

    pub(crate) fn start(&self) -> i64 {
        self.runs[0].from
    }

    pub(crate) fn end(&self) -> i64 {
        self.end
    }

    /// Each run with the second at which it ends.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Run, i64)> {
        let ends = self.runs.iter().skip(1).map(|run| run.from).chain([self.end]);
        self.runs.iter().zip(ends)
    }

    /// Units at a second; before the first run its units.
    pub(crate) fn at(&self, second: i64) -> u32 {
        self.runs[self.position(second)].units
    }

    /// Position of the run at a second.
    pub(crate) fn position(&self, second: i64) -> usize {
        self.runs.partition_point(|run| run.from <= second).saturating_sub(1)
    }

    /// Fewest units in `from..to`.
    pub(crate) fn least(&self, from: i64, to: i64) -> u32 {
        let runs = &self.runs[self.position(from)..];
        let inside = runs.iter().skip(1).take_while(|run| run.from < to).map(|run| run.units);
        inside.fold(runs[0].units, u32::min)
    }

    /// Most units of all.
    pub(crate) fn peak(&self) -> u32 {
        self.runs.iter().map(|run| run.units).max().unwrap_or_default()
    }

    /// Units times seconds.
    pub(crate) fn unit_seconds(&self) -> u64 {
        self.iter().map(|(run, end)| u64::from(run.units) * seconds_between(run.from, end)).sum()
    }

    /// At each instant the larger of these units and those of the stretches; stretches are cut to the timetable.
    pub(crate) fn raised(&self, stretches: Vec<Stretch>) -> Self {
        let (start, end) = (self.start(), self.end);
        let mut stretches: Vec<Stretch> = stretches
            .into_iter()
            .map(|s| Stretch { from: s.from.max(start), to: s.to.min(end), ..s })
            .filter(|s| s.from < s.to)
            .collect();
        stretches.sort_by(|a, b| (a.from, b.units, &a.why, b.to).cmp(&(b.from, a.units, &b.why, a.to)));
        let mut times: Vec<i64> = self.runs.iter().map(|r| r.from).collect();
        times.extend(stretches.iter().flat_map(|s| [s.from, s.to]).filter(|t| *t < end));
        times.sort_unstable();
        times.dedup();
        // The highest stretch that has begun is on top; those that have ended are dropped when they come up.
        let mut active: BinaryHeap<(u32, std::cmp::Reverse<usize>)> = BinaryHeap::new();
        let (mut next, mut runs) = (0, Vec::with_capacity(times.len()));
        for time in times {
            while next < stretches.len() && stretches[next].from <= time {
                active.push((stretches[next].units, std::cmp::Reverse(next)));
                next += 1;
            }
            while active.peek().is_some_and(|(_, top)| stretches[top.0].to <= time) {
                active.pop();
            }
            let base = &self.runs[self.position(time)];
            let run = match active.peek() {
                Some((units, top)) if *units > base.units => {
                    Run { from: time, units: *units, why: stretches[top.0].why.clone() }
                }
                _ => Run { from: time, ..base.clone() },
            };
            push(&mut runs, run);
        }
        Self { runs, end }
    }

    /// The same with no more than `max` units.
    pub(crate) fn capped(&self, max: u32) -> Self {
        let mut runs = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            let over = run.units > max;
            push(&mut runs, if over { Run { from: run.from, units: max, why: Why::Max } } else { run.clone() });
        }
        Self { runs, end: self.end }
    }
}

fn push(runs: &mut Vec<Run>, run: Run) {
    if runs.last().is_none_or(|last| last.units != run.units) {
        runs.push(run);
    }
}

/// Seconds from `from` to `to`; none if `to` is earlier.
pub(crate) fn seconds_between(from: i64, to: i64) -> u64 {
    u64::try_from(to.saturating_sub(from)).unwrap_or_default()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Runs from `(second, units)` pairs.
    pub(crate) fn runs(points: &[(i64, u32)], end: i64) -> Runs {
        let mut all = points.iter().map(|(from, units)| Run { from: *from, units: *units, why: Why::Forecast });
        Runs::new(all.next().unwrap(), all, end)
    }

    pub(crate) fn points(runs: &Runs) -> Vec<(i64, u32)> {
        runs.as_slice().iter().map(|r| (r.from, r.units)).collect()
    }

    fn stretch(from: i64, to: i64, units: u32) -> Stretch {
        Stretch { from, to, units, why: Why::Min }
    }

    #[test]
    fn the_larger_holds_at_each_instant() {
        let base = runs(&[(0, 2), (10, 8), (20, 1)], 30);
        let raised = base.raised(vec![stretch(-5, 12, 4), stretch(15, 25, 6), stretch(24, 99, 3), stretch(40, 50, 9)]);
        assert_eq!(points(&raised), [(0, 4), (10, 8), (20, 6), (25, 3)]);
        assert_eq!(raised.as_slice()[0].why, Why::Min);
        assert_eq!(raised.as_slice()[1].why, Why::Forecast);
    }

    #[test]
    fn looks_up_what_holds() {
        let base = runs(&[(0, 2), (10, 8), (20, 1)], 30);
        assert_eq!([base.at(-1), base.at(9), base.at(10), base.at(99)], [2, 2, 8, 1]);
        assert_eq!([base.least(0, 10), base.least(10, 21), base.least(10, 20)], [2, 1, 8]);
        assert_eq!(base.unit_seconds(), 20 + 80 + 10);
        assert_eq!(points(&base.capped(2)), [(0, 2), (20, 1)]);
    }
}
