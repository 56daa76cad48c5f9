//! Which step was at the same time by the wall clock some days earlier.
//!
//! Load follows people, and people follow the wall clock: over a clock change a day has 23 or 25 hours, and "the same
//! time a week ago" is not a fixed number of steps ago. In a zone without changes the lookups are plain subtractions.

use crate::series::Series;

/// Seconds of a day.
const DAY: u64 = 86_400;

/// Wall-clock lookups on the grid of a series.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WallClock {
    step: u64,
    /// Steps from which on the wall clock is this many steps ahead of UTC; the first entry starts at 0.
    shifts: Vec<(usize, i64)>,
}

impl WallClock {
    /// Lookups for the steps of a series and `ahead` steps after it.
    pub(crate) fn new(y: &Series, ahead: usize) -> Self {
        let step = y.step().as_secs();
        let (calendar, end) = (y.calendar(), y.time(y.len().saturating_add(ahead)));
        let shift = |seconds: i64| seconds / step as i64;
        let mut shifts = vec![(0, shift(calendar.utc_offset(y.start())))];
        for change in calendar.time_zone().following(y.start()).take_while(|change| change.timestamp() < end) {
            let since = change.timestamp().as_second() - y.start().as_second();
            let from = (since.max(0) as u64).div_ceil(step) as usize;
            shifts.push((from, shift(i64::from(change.offset().seconds()))));
        }
        Self { step, shifts }
    }

    /// The step at the same time by the wall clock `lag` steps before `t`, if the series reaches back so far.
    ///
    /// Only a lag of whole days follows the clock; any other is counted in steps.
    pub(crate) fn before(&self, t: usize, lag: usize) -> Option<usize> {
        let plain = t.checked_sub(lag)?;
        if self.shifts.len() == 1 || !(lag as u64 * self.step).is_multiple_of(DAY) {
            return Some(plain);
        }
        plain.checked_add_signed((self.shift(t) - self.shift(plain)) as isize)
    }

    /// The same time in the latest season of `season` steps that lies before `origin`; `extra` goes back further.
    pub(crate) fn season_before(&self, t: usize, origin: usize, season: usize, extra: usize) -> Option<usize> {
        let season = season.max(1);
        let back = if t < origin { 0 } else { (t - origin) / season };
        let seasons = back + 1 + extra;
        let at = self.before(t, seasons * season)?;
        if at < origin { Some(at) } else { self.before(t, (seasons + 1) * season).filter(|at| *at < origin) }
    }

    /// Stretches of the steps `from..to` over which a season runs on without a jump: their ends, and the position in
    /// the season of the first step of each. Seasons of whole days follow the wall clock.
    pub(crate) fn stretches(&self, from: usize, to: usize, season: usize) -> Vec<(std::ops::Range<usize>, usize)> {
        let position = |t: usize, shift: i64| (t as i64 + shift).rem_euclid(season.max(1) as i64) as usize;
        let shifts = self.shifts(from, to, season).into_iter();
        shifts.map(|(range, shift)| (range.clone(), position(range.start, shift))).collect()
    }

    /// The same stretches with the steps that the wall clock is ahead of where it was at step 0.
    pub(crate) fn shifts(&self, from: usize, to: usize, season: usize) -> Vec<(std::ops::Range<usize>, i64)> {
        let whole_days = (season as u64 * self.step).is_multiple_of(DAY);
        let first = self.shifts[0].1;
        let changes = self.shifts.iter().map(|(at, _)| *at).filter(|at| whole_days && *at > from && *at < to);
        let mut ends: Vec<usize> = changes.collect();
        ends.push(to);
        let mut start = from;
        let mut out = Vec::with_capacity(ends.len());
        for end in ends {
            out.push((start..end, if whole_days { self.shift(start) - first } else { 0 }));
            start = end;
        }
        out
    }

    fn shift(&self, t: usize) -> i64 {
        let after = self.shifts.partition_point(|(from, _)| *from <= t);
        self.shifts[after.saturating_sub(1)].1
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::tz::TimeZone;

    use super::*;
    use crate::calendar::Calendar;

    fn hours(start: &str, n: usize, zone: &str) -> Series {
        let start = start.parse().unwrap();
        let calendar = Calendar::new(TimeZone::get(zone).unwrap());
        Series::new(start, Duration::from_secs(3600), vec![1.0; n]).unwrap().with_calendar(calendar)
    }

    fn check_wall_time(y: &Series, t: usize, lag: usize) {
        let at = WallClock::new(y, 400).before(t, lag).unwrap();
        let (now, then) = (y.calendar().local(y.time(t)), y.calendar().local(y.time(at)));
        assert_eq!(now.time(), then.time(), "step {t} and step {at}");
        assert_eq!(now.weekday(), then.weekday());
    }

    #[test]
    fn the_same_hour_a_week_ago_survives_both_clock_changes() {
        for start in ["2026-03-20T00:00:00Z", "2026-10-16T00:00:00Z"] {
            let y = hours(start, 500, "Europe/Berlin");
            // The night hours that a change skips or repeats have no counterpart.
            let steady = |t: &usize| !(0..4).contains(&y.calendar().local(y.time(*t)).hour());
            for t in (200..500).filter(steady) {
                check_wall_time(&y, t, 168);
            }
            for t in (510..560).filter(steady) {
                check_wall_time(&y, t, 336);
            }
        }
    }

    #[test]
    fn without_clock_changes_lookups_are_plain() {
        let y = hours("2026-03-20T00:00:00Z", 500, "UTC");
        let clock = WallClock::new(&y, 100);
        assert_eq!(clock.before(400, 168), Some(232));
        assert_eq!(clock.before(100, 168), None);
        assert_eq!(clock.season_before(500, 500, 24, 0), Some(476));
        assert_eq!(clock.season_before(523, 500, 24, 0), Some(499));
        assert_eq!(clock.season_before(524, 500, 24, 0), Some(476));
        assert_eq!(clock.season_before(524, 500, 24, 2), Some(428));
    }

    #[test]
    fn the_hour_spring_skips_is_a_jump_in_the_season() {
        let y = hours("2026-03-20T00:00:00Z", 500, "Europe/Berlin");
        let stretches = WallClock::new(&y, 0).stretches(0, 500, 24);
        assert_eq!(stretches, [(0..217, 0), (217..500, 2)]);
        let plain = WallClock::new(&y, 0).stretches(10, 500, 7);
        assert_eq!(plain, [(10..500, 3)]);
    }

    #[test]
    fn lags_of_no_whole_day_are_counted_in_steps() {
        let y = hours("2026-03-20T00:00:00Z", 500, "Europe/Berlin");
        let clock = WallClock::new(&y, 100);
        assert!((0..500).filter_map(|t| Some((t, clock.before(t, 5)?))).all(|(t, at)| t - at == 5));
    }

    #[test]
    fn a_season_before_is_never_at_or_after_the_origin() {
        let y = hours("2026-03-20T00:00:00Z", 500, "Europe/Berlin");
        let clock = WallClock::new(&y, 400);
        for origin in 150..500 {
            for k in 0..60 {
                assert!(clock.season_before(origin + k, origin, 24, 0).is_none_or(|at| at < origin));
            }
        }
    }
}
