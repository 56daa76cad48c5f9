//! Seasons by local regression (MSTL), learned now and then, on a level that follows each step.
//!
//! Profiles and smoothing give every past week a fixed share in the season. Here the season is fitted at all times of the
//! history together, the slow course taken out first, and only its last cycle is kept: of a smooth load that is the best
//! single account of what a day looks like now. A decomposition at each past origin would cost too much, so it is
//! learned along with the regressions; in between the level alone moves, by simple exponential smoothing of what is left.
//! Sources: as [`crate::stl`]; the smoothing constant is chosen by the squared one-step errors.

use serde::{Deserialize, Serialize};

use super::history::History;
use crate::stl;

/// Weeks that are decomposed: the week's season at its end is a local fit over the last fifteen.
const WEEKS: usize = 16;
/// Weeks that are needed: a week's season of two cycles is half noise, and another one after each learning.
const FEWEST_WEEKS: usize = 3;
/// Smoothing constants that the level's is chosen from: half powers of two from 1 down.
const CONSTANTS: usize = 14;

/// Seasons, and the level after the steps seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Decomposed {
    /// The last cycle of each season, by place in it; empty before three weeks were seen.
    cycles: Vec<Vec<f64>>,
    alpha: f64,
    level: f64,
}

impl Decomposed {
    /// Name in the grammar of model names.
    pub(crate) fn name(history: &History) -> String {
        format!("mstl[{},{}]", history.day, history.week)
    }

    /// Whether it has seasons.
    pub(crate) fn learned(&self) -> bool {
        !self.cycles.is_empty()
    }

    /// Learns seasons, smoothing constant and level anew, if more than three weeks are there.
    pub(crate) fn learn(&mut self, history: &History) {
        let n = history.len();
        let first = n - n.min(WEEKS * history.week);
        let offset = history.clock(first);
        let mut values: Vec<f64> = Vec::with_capacity(n - first);
        for t in first..n {
            // Where the wall clock skips an hour the last value stands in, of an hour that is there twice the first counts.
            let place = history.clock(t) - offset;
            while values.len() < place {
                values.push(history.clipped[t - 1]);
            }
            if values.len() == place {
                values.push(history.clipped[t]);
            }
        }
        let seasons = [history.day, history.week];
        if values.len() <= FEWEST_WEEKS * history.week {
            return;
        }
        let Some(parts) = stl::mstl(&values, &seasons, false) else { return };
        for part in &parts.seasonals {
            values.iter_mut().zip(part).for_each(|(value, season)| *value -= season);
        }
        (self.alpha, self.level) = smoothed(&values);
        let cycle = |(m, part): (&usize, &Vec<f64>)| {
            let mut cycle = vec![0.0; *m];
            for place in values.len() - m..values.len() {
                cycle[(offset + place) % m] = part[place];
            }
            cycle
        };
        self.cycles = seasons.iter().zip(&parts.seasonals).map(cycle).collect();
    }

    /// Moves the level by the newest step.
    pub(crate) fn push(&mut self, history: &History) {
        let newest = history.len() - 1;
        if history.observed[newest] {
            let error = history.clipped[newest] - self.level - self.season(history, newest);
            self.level += self.alpha * error;
        }
    }

    /// Forecasts of the steps from `origin` on, one a lead; it is known at the newest step alone.
    pub(crate) fn forecast(&self, history: &History, origin: usize, out: &mut [f64]) {
        debug_assert_eq!(origin, history.len(), "the level is that of the newest step");
        for (k, out) in out.iter_mut().enumerate() {
            *out = self.level + self.season(history, origin + k);
        }
    }

    fn season(&self, history: &History, t: usize) -> f64 {
        let clock = history.clock(t);
        self.cycles.iter().map(|cycle| cycle[clock % cycle.len()]).sum()
    }
}

/// The smoothing constant of the least squared one-step errors, and the level that it ends at.
fn smoothed(values: &[f64]) -> (f64, f64) {
    let alphas: [f64; CONSTANTS] = std::array::from_fn(|i| libm::exp2(-0.5 * i as f64));
    let mut levels = [values[0]; CONSTANTS];
    let mut losses = [0.0; CONSTANTS];
    for value in values {
        for ((level, loss), alpha) in levels.iter_mut().zip(&mut losses).zip(alphas) {
            let error = value - *level;
            *loss += error * error;
            *level += alpha * error;
        }
    }
    let best = (1..CONSTANTS).fold(0, |best, i| if losses[i] < losses[best] { i } else { best });
    (alphas[best], levels[best])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::history::Unit;
    use super::*;
    use crate::calendar::Calendar;
    use crate::paths::Dice;
    use crate::series::Series;

    /// A day's wave that is lower on two days of the week.
    fn shape(t: usize) -> f64 {
        let day = ((t % 24) as f64 - 11.5).abs();
        100.0 + 3.0 * day - if t / 24 % 7 >= 5 { 40.0 } else { 0.0 }
    }

    fn history_of(y: &Series) -> History {
        let mut history = History::new(y);
        (0..y.len()).for_each(|_| history.push(y, Unit::Plain(1.0)));
        history
    }

    fn hours(start: &str, zone: &str, values: Vec<Option<f64>>) -> Series {
        let zone = Calendar::new(jiff::tz::TimeZone::get(zone).unwrap());
        Series::from_options(start.parse().unwrap(), Duration::from_secs(3600), values).unwrap().with_calendar(zone)
    }

    /// Learns from the first `learn` values, moves on to their end, and looks a week ahead.
    fn week_ahead(y: &Series, learn: usize) -> Vec<f64> {
        let mut history = history_of(&y.span(0, learn).unwrap());
        let mut decomposed = Decomposed::default();
        decomposed.learn(&history);
        for _ in learn..y.len() {
            history.push(y, Unit::Plain(1.0));
            decomposed.push(&history);
        }
        let mut out = vec![0.0; 168];
        decomposed.forecast(&history, y.len(), &mut out);
        out
    }

    fn check_near(got: &[f64], truth: impl Fn(usize) -> f64, within: f64) {
        for (k, value) in got.iter().enumerate() {
            assert!((value - truth(k)).abs() < within, "lead {k}: {value}, expected {}", truth(k));
        }
    }

    #[test]
    fn seasons_go_on_at_the_present_level() {
        let n = 168 * 6 + 50;
        let slow = |t: usize| shape(t) + 0.05 * t as f64;
        let y = hours("2026-03-02T00:00:00Z", "UTC", (0..n).map(|t| Some(slow(t))).collect());
        for learn in [168 * 6, n] {
            check_near(&week_ahead(&y, learn), |k| shape(n + k) + 0.05 * n as f64, 6.0);
        }
    }

    #[test]
    fn a_gap_moves_no_level() {
        let n = 168 * 6;
        let whole: Vec<_> = (0..n).map(|t| Some(shape(t))).collect();
        let gapped = whole.iter().copied().chain([None; 30]).collect();
        let (whole, gapped) =
            (hours("2026-03-02T00:00:00Z", "UTC", whole), hours("2026-03-02T00:00:00Z", "UTC", gapped));
        let (before, after) = (week_ahead(&whole, n), week_ahead(&gapped, n));
        assert_eq!(before[30..], after[..138]);
    }

    #[test]
    fn seasons_follow_the_wall_clock() {
        // Both nights on which New York changes its clock, learned from on the one side and forecast on the other.
        for start in ["2026-02-09T05:00:00Z", "2026-10-05T04:00:00Z"] {
            let n = 168 * 6;
            let empty = hours(start, "America/New_York", vec![Some(1.0); n + 168]);
            let local = |t: usize| {
                let at = empty.calendar().local(empty.time(t));
                let day = at.weekday().to_monday_zero_offset() as usize;
                shape(24 * day + at.hour() as usize)
            };
            let y = hours(start, "America/New_York", (0..n).map(|t| Some(local(t))).collect());
            for learn in [168 * 3 + 1, n] {
                check_near(&week_ahead(&y, learn), |k| local(n + k), 6.0);
            }
        }
    }

    #[test]
    fn three_weeks_are_too_few() {
        let mut decomposed = Decomposed::default();
        for (n, learned) in [(1, false), (504, false), (505, true)] {
            let y = hours("2026-03-02T00:00:00Z", "UTC", (0..n).map(|t| Some(shape(t))).collect());
            decomposed.learn(&history_of(&y));
            assert_eq!(decomposed.learned(), learned, "{n}");
        }
    }

    #[test]
    fn the_constant_fits_the_noise() {
        let mut dice = Dice::new(4);
        let noise: Vec<f64> = (0..500).map(|_| dice.unit()).collect();
        let walk: Vec<f64> = noise
            .iter()
            .scan(0.0, |at, x| {
                *at += x - 0.5;
                Some(*at)
            })
            .collect();
        let ((still, level), (moving, end)) = (smoothed(&noise), smoothed(&walk));
        assert!(still < 0.05 && (level - 0.5).abs() < 0.1, "{still} {level}");
        assert!(moving > 0.7 && (end - walk[499]).abs() < 0.3, "{moving} {end}");
    }
}
