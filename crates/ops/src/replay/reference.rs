//! A HorizontalPodAutoscaler in ticks of a minute: the model that published figures of this project keep to.
//!
//! desired = ceil(ready utilization / target) with 10 % tolerance; starting units count as idle on the way up; down to the
//! highest wish of the window; at most sixteen times as many or 16 more a minute.
//! Source: Kubernetes documentation, "Horizontal Pod Autoscaling", section "Algorithm details".

use std::collections::VecDeque;

use super::fleet::Fleet;
use super::measure::{Course, Scored};

/// Share by which utilization may be off its target before anything is done.
pub(crate) const TOLERANCE: f64 = 0.1;
/// Slack of the ceiling.
const SLACK: f64 = 1e-9;

/// Settings of the scaler, in ticks where they are times.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reactive {
    pub(crate) target_utilization: f64,
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) start_up: usize,
    pub(crate) window: usize,
    pub(crate) metric_delay: usize,
}

impl Reactive {
    /// Runs over the load; with a `floor` (one a tick) no size is below it.
    pub(crate) fn run(&self, scored: &Scored, floor: Option<&[u32]>) -> Course {
        let (load, capacity) = (&scored.load, scored.per_unit * self.target_utilization);
        let first = load.iter().copied().find(|x| !x.is_nan()).unwrap_or_default();
        let begin = ((first / capacity).ceil() as u32).max(self.min).max(floor.map_or(0, |f| f[0]));
        let mut fleet = Fleet::new(begin, self.start_up);
        let mut readies: VecDeque<u32> = vec![begin; self.metric_delay + 1].into();
        // (tick, wish), wishes falling.
        let mut wishes: VecDeque<(usize, u32)> = VecDeque::new();
        let (mut course, mut wanted) = (Course::default(), begin);
        for t in 0..load.len() {
            fleet.advance(t);
            course.supply.push(fleet.ready());
            readies.pop_front();
            readies.push_back(fleet.ready());
            let metric = load[t.saturating_sub(self.metric_delay)];
            let size = fleet.size();
            let least = floor.map_or(self.min, |f| f[t].max(self.min)).min(self.max);
            let want = if metric.is_nan() || load[t].is_nan() {
                if floor.is_none() {
                    course.billed.push(size);
                    continue;
                }
                size
            } else {
                let then_ready = readies.front().copied().unwrap_or(1).max(1);
                let wish = self.wish(metric / capacity, then_ready, &fleet).max(self.min).min(self.max);
                while wishes.back().is_some_and(|(_, w)| *w <= wish) {
                    wishes.pop_back();
                }
                wishes.push_back((t, wish));
                while wishes.front().is_some_and(|(at, _)| at + self.window <= t) && wishes.len() > 1 {
                    wishes.pop_front();
                }
                let highest = wishes.front().map_or(wish, |(_, w)| *w);
                if self.window == 0 || wish > size { wish } else { size.min(highest) }
            };
            let want = want.max(least);
            fleet.want(t, want);
            course.changes += usize::from(want != wanted);
            wanted = want;
            course.billed.push(fleet.size());
        }
        course
    }

    /// Size wished for at a load that would keep `needed` units at the target; `then_ready` served it.
    fn wish(&self, needed: f64, then_ready: u32, fleet: &Fleet) -> u32 {
        let size = fleet.size();
        let ratio = needed / f64::from(then_ready);
        let mut wish = size;
        if ratio > 1.0 && fleet.pending() > 0 {
            let with_starting = needed / f64::from(size);
            if with_starting > 1.0 + TOLERANCE {
                wish = size.max((with_starting * f64::from(size) - SLACK).ceil() as u32);
            }
        } else if (ratio - 1.0).abs() > TOLERANCE {
            wish = (ratio * f64::from(fleet.ready()) - SLACK).ceil() as u32;
        }
        if wish > size { wish.min((16 * size).max(size + 16)) } else { wish }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HPA: Reactive =
        Reactive { target_utilization: 0.5, min: 1, max: 100, start_up: 2, window: 3, metric_delay: 1 };

    fn scored(load: &[f64]) -> Scored {
        Scored::new(load.to_vec(), 10.0, 0.85, 60)
    }

    #[test]
    fn follows_the_load_late() {
        // A metric one tick old meets the units of now: with both doubled, the model overshoots, as the published one does.
        let load = [10.0, 10.0, 40.0, 40.0, 40.0, 40.0, 40.0, 10.0, 10.0, 10.0, 10.0, 10.0];
        let course = HPA.run(&scored(&load), None);
        assert_eq!(course.billed, [2, 2, 2, 8, 8, 32, 32, 32, 32, 32, 2, 2]);
        assert_eq!(course.supply, [2, 2, 2, 2, 2, 8, 8, 32, 32, 32, 32, 2]);
        assert_eq!(course.changes, 3);
    }

    #[test]
    fn stays_within_the_tolerance() {
        let course = HPA.run(&scored(&[10.0, 10.9, 10.9, 9.1, 9.1, 9.1, 9.1, 9.1]), None);
        assert_eq!(course.changes, 0);
    }

    #[test]
    fn a_floor_is_kept_and_missing_data_change_nothing() {
        let floor = [2, 2, 6, 6, 6, 1, 1, 1, 1];
        let load = [10.0, f64::NAN, f64::NAN, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0];
        let course = HPA.run(&scored(&load), Some(&floor));
        assert_eq!(course.billed[..5], [2, 2, 6, 6, 6]);
        assert!(course.billed.iter().zip(floor).all(|(b, f)| *b >= f));
        assert_eq!(course.billed[8], 2);
    }
}
