//! What the probes measured over the time of a run: limits, detection, recovery.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::experiment::{AbortWhen, Check, Limit};
use crate::report::{Measurement, ProbeReport};

/// Passes in a row after which a check counts as recovered: one may be luck.
pub(super) const PASSES: usize = 3;
/// Fewest measurements that a share of errors is told from.
const FEWEST: usize = 5;

/// Measures a check once, within its time-out.
pub(super) async fn measure(check: &Check, before: Option<f64>) -> (Measurement, Option<f64>) {
    let (at, begin) = (Timestamp::now(), Instant::now());
    let (judged, number, compared) = match tokio::time::timeout(check.timeout, check.probe.measure()).await {
        Ok(Ok(reading)) => {
            let judged = check.tolerance.judge(&reading, before).map(|()| reading.summary.clone());
            (judged, reading.number, check.tolerance.number(&reading))
        }
        Ok(Err(error)) => (Err(error.reason), None, None),
        Err(_) => (Err(format!("no answer within {}", crate::span::Span(check.timeout))), None, None),
    };
    let seconds = begin.elapsed().as_secs_f64();
    let ok = judged.is_ok();
    let summary = judged.unwrap_or_else(|why| why);
    (Measurement { at, seconds, ok, number: number.filter(|n| n.is_finite()), summary }, compared)
}

/// The measurements of every check of a run.
pub(super) struct Timelines {
    checks: Vec<ProbeReport>,
    streaks: Vec<Streak>,
}

/// From a check's first failure to the first pass after which it counts as recovered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outage {
    pub(super) from: Instant,
    pub(super) to: Instant,
}

/// Where a check stands.
#[derive(Debug, Clone, Copy)]
struct Streak {
    /// Passes in a row up to now.
    passes: usize,
    /// Failures in a row up to now.
    failures: usize,
    /// When the first of the passes in a row was answered.
    since: Instant,
    /// Passes in a row that began to be measured after the faults.
    passes_after: usize,
    /// First failure of its last outage since the first fault; an outage lasts until it counts as recovered.
    away: Option<Instant>,
}

impl Timelines {
    /// Without any measurement yet.
    pub(super) fn new(checks: &[Check]) -> Self {
        let since = Instant::now();
        let streak = Streak { passes: 0, failures: 0, since, passes_after: 0, away: None };
        let report = |c: &Check| ProbeReport {
            name: c.name.clone(),
            asked: c.probe.describe(),
            passed: 0,
            failed: 0,
            timeline: Vec::new(),
        };
        Self { checks: checks.iter().map(report).collect(), streaks: vec![streak; checks.len()] }
    }

    /// Notes a measurement that was asked at `asked`; `counts` tells whether faults have begun, `after` when they had ended.
    pub(super) fn note(
        &mut self,
        check: usize,
        measurement: Measurement,
        asked: Instant,
        counts: bool,
        after: Option<Instant>,
    ) {
        let streak = &mut self.streaks[check];
        if measurement.ok {
            self.checks[check].passed += 1;
            if streak.passes == 0 {
                streak.since = asked + Duration::from_secs_f64(measurement.seconds);
            }
            streak.passes += 1;
            streak.failures = 0;
            streak.passes_after += usize::from(after.is_some_and(|after| asked >= after));
        } else {
            self.checks[check].failed += 1;
            if counts && (streak.away.is_none() || streak.passes >= PASSES) {
                streak.away = Some(asked);
            }
            streak.failures += 1;
            streak.passes = 0;
            streak.passes_after = 0;
        }
        self.checks[check].timeline.push(measurement);
    }

    /// The last outage of the check that came back last, once each check has passed often enough after the faults.
    /// The inner value is `None` where nothing ever broke.
    pub(super) fn recovered(&self) -> Option<Option<Outage>> {
        let back = self.streaks.iter().all(|s| s.passes_after >= PASSES);
        let outage = |s: &Streak| s.away.map(|from| Outage { from, to: s.since });
        back.then(|| self.streaks.iter().filter_map(outage).max_by_key(|outage| outage.to))
    }

    /// The condition that a check's measurements meet, in words.
    pub(super) fn exceeded(&self, checks: &[Check], limits: &[AbortWhen]) -> Option<String> {
        limits.iter().find_map(|limit| {
            let i = checks.iter().position(|c| c.name == limit.probe)?;
            let last = self.checks[i].timeline.last()?;
            match limit.limit {
                Limit::Failures(most) if self.streaks[i].failures as u64 >= most => Some(format!(
                    "`{}` failed {} times in a row, lastly: {}",
                    limit.probe, self.streaks[i].failures, last.summary
                )),
                Limit::Budget { share, window } => {
                    let recent = self.recent(i, window);
                    let failed = recent.iter().filter(|m| !m.ok).count();
                    (recent.len() >= FEWEST && failed as f64 > share * recent.len() as f64).then(|| {
                        let (all, window) = (recent.len(), crate::span::Span(window));
                        format!(
                            "`{}` failed {failed} of {all} times within {window}, more than the budget of {share}",
                            limit.probe
                        )
                    })
                }
                Limit::Failures(_) => None,
            }
        })
    }

    /// The checks that do not pass now, with what was last measured.
    pub(super) fn failing(&self) -> String {
        let failing = self.checks.iter().zip(&self.streaks).filter(|(_, s)| s.passes_after < PASSES);
        let words = failing.map(|(c, _)| {
            let last = c.timeline.last().map_or("never measured", |m| m.summary.as_str());
            format!("`{}`: {last}", c.name)
        });
        words.collect::<Vec<_>>().join("; ")
    }

    /// The reports of all checks.
    pub(super) fn into_reports(self) -> Vec<ProbeReport> {
        self.checks
    }

    /// Measurements of the last `window`, of those since the faults began the caller has no others.
    fn recent(&self, check: usize, window: Duration) -> VecDeque<&Measurement> {
        let mut recent = VecDeque::new();
        let now = Timestamp::now();
        for measurement in self.checks[check].timeline.iter().rev() {
            if now.duration_since(measurement.at).unsigned_abs() > window {
                break;
            }
            recent.push_front(measurement);
        }
        recent
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A measurement each 100 ms, answered after 10 ms, `true` where it passed.
    fn noted(timelines: &mut Timelines, begin: Instant, passed: &[bool], ended: usize) {
        for (i, ok) in passed.iter().enumerate() {
            let asked = begin + Duration::from_millis(100) * i as u32;
            let measurement =
                Measurement { at: Timestamp::UNIX_EPOCH, seconds: 0.01, ok: *ok, number: None, summary: String::new() };
            timelines.note(
                0,
                measurement,
                asked,
                true,
                (i >= ended).then(|| begin + Duration::from_millis(100) * ended as u32),
            );
        }
    }

    fn of_one_check() -> Timelines {
        let now = Instant::now();
        let streak = Streak { passes: 0, failures: 0, since: now, passes_after: 0, away: None };
        let report = ProbeReport { name: "a".into(), asked: String::new(), passed: 0, failed: 0, timeline: Vec::new() };
        Timelines { checks: vec![report], streaks: vec![streak] }
    }

    #[test]
    fn an_outage_ends_with_passes_enough_and_only_the_last_one_is_told() {
        let (mut timelines, begin) = (of_one_check(), Instant::now());
        let (up, down) = (true, false);
        // The second outage has two passes in it, one too few for its end.
        noted(&mut timelines, begin, &[up, down, up, up, up, down, up, up, down, up, up], 9);
        assert_eq!(timelines.recovered(), None, "two passes after the faults are not enough");
        let mut timelines = of_one_check();
        noted(&mut timelines, begin, &[up, down, up, up, up, down, up, up, down, up, up, up], 9);
        let at = |ms| begin + Duration::from_millis(ms);
        assert_eq!(timelines.recovered(), Some(Some(Outage { from: at(500), to: at(910) })));
    }

    #[test]
    fn what_never_failed_has_no_outage() {
        let mut timelines = of_one_check();
        noted(&mut timelines, Instant::now(), &[true; 3], 0);
        assert_eq!(timelines.recovered(), Some(None));
    }
}
