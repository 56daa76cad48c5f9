//! The HorizontalPodAutoscaler as its controller decides: every 15 s, with tolerance, unready pods and `behavior`.
//!
//! Source: Kubernetes `pkg/controller/podautoscaler`, `replica_calculator.go` (which pods count, the tolerance) and
//! `horizontal.go` (`stabilizeRecommendationWithBehaviors`, `convertDesiredReplicasWithBehaviorRate`), API
//! `autoscaling/v2`. A pod has a usable metric one metric window after it is ready. Missing metrics change nothing, but
//! `minReplicas` holds at every sync.

use std::collections::VecDeque;

use super::measure::{Course, Scored};
use super::policy::{Behavior, Rate, RateKind, Rules, Select};
use super::reference::TOLERANCE;

/// Seconds between two syncs of the controller, its default.
pub(crate) const SYNC_SECONDS: u64 = 15;
/// Settings of the autoscaler, in syncs where they are times.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Controller {
    pub(crate) target_utilization: f64,
    pub(crate) min: u32,
    pub(crate) max: u32,
    pub(crate) start_up: usize,
    pub(crate) metric_delay: usize,
    up: Direction,
    down: Direction,
}

/// Window, choice and rates of one direction, with the API's defaults filled in.
#[derive(Debug, Clone, PartialEq)]
struct Direction {
    window: usize,
    select: Select,
    rates: Vec<Rate>,
}

impl Direction {
    fn new(rules: Option<&Rules>, window: u64, rates: &[Rate]) -> Self {
        let rules = rules.cloned().unwrap_or_default();
        let window = rules.stabilization_window_seconds.unwrap_or(window) / SYNC_SECONDS;
        let rates = if rules.policies.is_empty() { rates.to_vec() } else { rules.policies };
        Self { window: window as usize, select: rules.select_policy.unwrap_or_default(), rates }
    }
}

/// Pods by the sync at which they are ready; the youngest last.
struct Pods(VecDeque<(usize, u32)>);

impl Pods {
    fn size(&self) -> u32 {
        self.0.iter().map(|(_, count)| count).sum()
    }

    /// Pods that were ready at a sync, so many syncs ago.
    fn ready(&self, sync: usize) -> u32 {
        self.0.iter().filter(|(at, _)| *at <= sync).map(|(_, count)| count).sum()
    }

    fn resize(&mut self, units: u32, ready_at: usize) {
        let size = self.size();
        if units > size {
            self.0.push_back((ready_at, units - size));
        }
        let mut drop = size.saturating_sub(units);
        while let Some((_, count)) = self.0.back_mut().filter(|_| drop > 0) {
            let gone = drop.min(*count);
            *count -= gone;
            drop -= gone;
            if *count == 0 {
                self.0.pop_back();
            }
        }
    }
}

impl Controller {
    /// A controller with this `behavior`; the window downward is the default one where it says none.
    pub(crate) fn new(
        target_utilization: f64,
        (min, max): (u32, u32),
        (startup_seconds, metric_delay_seconds): (u64, u64),
        stabilization_seconds: u64,
        behavior: Option<&Behavior>,
    ) -> Self {
        let behavior = behavior.cloned().unwrap_or_default();
        let doubled = Rate { kind: RateKind::Percent, value: 100, period_seconds: 15 };
        let four = Rate { kind: RateKind::Pods, value: 4, period_seconds: 15 };
        let syncs = |seconds: u64| seconds.div_ceil(SYNC_SECONDS) as usize;
        Self {
            target_utilization,
            min,
            max,
            start_up: syncs(startup_seconds),
            metric_delay: syncs(metric_delay_seconds),
            up: Direction::new(behavior.scale_up.as_ref(), 0, &[doubled, four]),
            down: Direction::new(behavior.scale_down.as_ref(), stabilization_seconds, &[doubled]),
        }
    }

    /// Runs over the load, one entry a sync; with a `floor` (one a sync) it is the `minReplicas` of its time.
    pub(crate) fn run(&self, scored: &Scored, floor: Option<&[u32]>) -> Course {
        let load = &scored.load;
        let capacity = scored.per_unit * self.target_utilization;
        let first = load.iter().copied().find(|x| !x.is_nan()).unwrap_or_default();
        let begin = ((first / capacity).ceil() as u32).max(self.min).max(floor.map_or(0, |f| f[0])).min(self.max);
        let mut pods = Pods([(0, begin)].into());
        let mut serving: VecDeque<u32> = vec![begin; self.metric_delay + 1].into();
        let mut wishes: VecDeque<(usize, u32)> = VecDeque::new();
        let mut events: VecDeque<(usize, i64)> = VecDeque::new();
        let mut course = Course::default();
        for t in 0..load.len() {
            let (current, ready) = (pods.size(), pods.ready(t));
            course.supply.push(ready);
            serving.pop_front();
            serving.push_back(ready);
            let least = floor.map_or(self.min, |f| f[t].max(self.min)).min(self.max);
            let metric = load[t.saturating_sub(self.metric_delay)];
            let then_serving = serving.front().copied().unwrap_or_default();
            let desired = if current < least {
                least
            } else if current > self.max {
                self.max
            } else if metric.is_nan() || load[t].is_nan() || then_serving == 0 {
                current
            } else {
                // Ready for at least one metric window, the first one after becoming ready.
                let measured = if t < self.metric_delay { begin } else { pods.ready(t - self.metric_delay) };
                let ratio = metric / (f64::from(then_serving) * capacity);
                let wish = calculated(ratio, measured, current);
                let steady = self.stabilized(t, wish, current, &mut wishes);
                self.limited(t, steady, current, (least, self.max), &events)
            };
            if desired != current {
                events.push_back((t, i64::from(desired) - i64::from(current)));
                course.changes += 1;
            }
            // No policy looks back further than half an hour, by the API.
            while events.front().is_some_and(|(at, _)| (t - at) as u64 * SYNC_SECONDS > 1_800) {
                events.pop_front();
            }
            pods.resize(desired, t + self.start_up);
            course.billed.push(pods.size());
        }
        course
    }

    /// Between the highest wish of the window upward and the lowest of the window downward nothing changes.
    fn stabilized(&self, t: usize, wish: u32, current: u32, wishes: &mut VecDeque<(usize, u32)>) -> u32 {
        let longest = self.up.window.max(self.down.window);
        while wishes.front().is_some_and(|(at, _)| at + longest <= t) {
            wishes.pop_front();
        }
        let within = |window: usize| wishes.iter().filter(move |(at, _)| at + window > t).map(|(_, w)| *w);
        let up = within(self.up.window).fold(wish, u32::min);
        let down = within(self.down.window).fold(wish, u32::max);
        wishes.push_back((t, wish));
        current.max(up).min(down)
    }

    /// What the rates allow, and the limits.
    fn limited(
        &self,
        t: usize,
        desired: u32,
        current: u32,
        (min, max): (u32, u32),
        events: &VecDeque<(usize, i64)>,
    ) -> u32 {
        // Units at the beginning of a rate's period: what was added since is taken off, what was removed put back.
        let at_begin = |rate: &Rate| {
            let since = events.iter().filter(|(at, _)| ((t - at) as u64 * SYNC_SECONDS) < rate.period_seconds);
            (i64::from(current) - since.map(|(_, change)| change).sum::<i64>()).max(0)
        };
        if desired > current {
            let allowed = |rate: &Rate| match rate.kind {
                RateKind::Pods => at_begin(rate) + i64::from(rate.value),
                RateKind::Percent => (at_begin(rate) * (100 + i64::from(rate.value)) + 99) / 100,
            };
            let all = self.up.rates.iter().map(allowed);
            let limit = match self.up.select {
                Select::Max => all.max(),
                Select::Min => all.min(),
                Select::Disabled => None,
            };
            let limit = u32::try_from(limit.unwrap_or_default()).unwrap_or(u32::MAX).max(current);
            desired.min(limit).min(max)
        } else if desired < current {
            let allowed = |rate: &Rate| match rate.kind {
                RateKind::Pods => at_begin(rate) - i64::from(rate.value),
                RateKind::Percent => at_begin(rate) * (100 - i64::from(rate.value)).max(0) / 100,
            };
            let all = self.down.rates.iter().map(allowed);
            let limit = match self.down.select {
                Select::Max => all.min(),
                Select::Min => all.max(),
                Select::Disabled => Some(i64::from(current)),
            };
            let limit = u32::try_from(limit.unwrap_or_default().max(0)).unwrap_or(u32::MAX).min(current);
            desired.max(limit).max(min)
        } else {
            desired
        }
    }
}

/// Replicas by the controller's rule: `ratio` of utilization to its target over the pods that have a metric.
fn calculated(ratio: f64, measured: u32, current: u32) -> u32 {
    let within = |ratio: f64| (ratio - 1.0).abs() <= TOLERANCE;
    let unready = current.saturating_sub(measured);
    if unready == 0 || ratio <= 1.0 {
        return if within(ratio) { current } else { (ratio * f64::from(measured)).ceil() as u32 };
    }
    // On the way up, unready pods count as idle.
    let rebalanced = ratio * f64::from(measured) / f64::from(current);
    if within(rebalanced) || rebalanced < 1.0 {
        return current;
    }
    ((rebalanced * f64::from(current)).ceil() as u32).max(current)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn controller(behavior: Option<&Behavior>) -> Controller {
        Controller::new(0.5, (1, 100), (30, 15), 60, behavior)
    }

    fn scored(load: &[f64]) -> Scored {
        Scored::new(load.to_vec(), 10.0, 0.85, SYNC_SECONDS)
    }

    fn ramp(low: usize, high: usize, after: usize) -> Vec<f64> {
        [vec![10.0; low], vec![60.0; high], vec![10.0; after]].concat()
    }

    #[test]
    fn doubles_or_adds_four_a_period() {
        let course = controller(None).run(&scored(&ramp(3, 8, 0)), None);
        // One sync late; two units become six by the rate of four pods, and those twelve by doubling.
        assert_eq!(course.billed[..6], [2, 2, 2, 2, 6, 12]);
        assert_eq!(course.supply[..8], [2, 2, 2, 2, 2, 2, 6, 12]);
        assert_eq!(*course.billed.last().unwrap(), 12);
    }

    #[test]
    fn goes_down_after_the_window() {
        let course = controller(None).run(&scored(&ramp(3, 12, 12)), None);
        let last_high = course.billed.iter().rposition(|b| *b == 12).unwrap();
        // Load falls at sync 15, is seen at 16, and the window is four syncs.
        assert_eq!((last_high, *course.billed.last().unwrap()), (18, 2));
    }

    #[test]
    fn rates_of_behavior_hold() {
        let one = Rate { kind: RateKind::Pods, value: 1, period_seconds: 30 };
        let rules = Rules { policies: vec![one], ..Rules::default() };
        let slow = Behavior {
            scale_up: Some(rules.clone()),
            scale_down: Some(Rules { select_policy: Some(Select::Disabled), ..rules }),
        };
        let course = controller(Some(&slow)).run(&scored(&ramp(3, 20, 20)), None);
        assert!(course.billed.windows(3).all(|w| w[2] <= w[0] + 1), "{:?}", course.billed);
        assert!(course.billed.windows(2).all(|w| w[1] >= w[0]), "{:?}", course.billed);
    }

    #[test]
    fn the_floor_is_min_replicas_of_its_time() {
        let floor: Vec<u32> = (0..20).map(|t| if (5..10).contains(&t) { 8 } else { 1 }).collect();
        let mut load = vec![10.0; 20];
        load[5] = f64::NAN;
        let course = controller(None).run(&scored(&load), Some(&floor));
        assert_eq!(course.billed[4..6], [2, 8]);
        assert_eq!(course.supply[5..8], [2, 2, 8]);
        assert_eq!(course.billed[19], 2);
    }

    #[test]
    fn calculates_as_the_controller_does() {
        // (ratio, measured, current) -> replicas
        let cases = [
            ((1.09, 10, 10), 10),
            ((1.11, 10, 10), 12),
            ((0.5, 10, 10), 5),
            ((2.0, 4, 10), 10),
            ((3.0, 4, 10), 12),
            ((2.0, 5, 10), 10),
            ((0.5, 5, 10), 3),
        ];
        for ((ratio, measured, current), replicas) in cases {
            assert_eq!(calculated(ratio, measured, current), replicas, "{ratio} {measured}/{current}");
        }
    }
}
