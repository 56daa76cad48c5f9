//! Seasons by local regression (MSTL), learned now and then, on a level that follows each step.
//!
//! Profiles and smoothing give every past week a fixed share in the season. Here the season is fitted at all times of the
//! history together, the slow course taken out first, and only its last cycle is kept: of a smooth load that is the best
//! single account of what a day looks like now. A decomposition at each past origin would cost too much, so it is
//! learned along with the regressions; in between the level alone moves, by simple exponential smoothing of what is left.
//! Of two such members one forecasts the level, the other what direct regressions make of the last hours' distances
//! from it, and of those a day and a week before. Sources: as [`crate::stl`] and [`super::regression`]; the smoothing
//! constant is chosen by the squared one-step errors.

use serde::{Deserialize, Serialize};

use super::history::History;
use super::regression::{self, Coefficients, Plan};
use crate::stl;

/// Weeks that are decomposed: the week's season at its end is a local fit over the last fifteen.
const WEEKS: usize = 16;
/// Weeks that are needed: a week's season of two cycles is half noise, and another one after each learning.
const FEWEST_WEEKS: usize = 3;
/// Smoothing constants that the level's is chosen from: half powers of two from 1 down.
const CONSTANTS: usize = 14;
/// Strength of the shrinkage toward the level alone.
const RIDGE: f64 = 0.02;

/// Seasons, and the level after the steps seen.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Decomposed {
    /// Whether it is learned on logarithms, where seasons are factors.
    pub(crate) log: bool,
    /// Whether regressions say what is left, not the level alone.
    corrected: bool,
    /// The last cycle of each season, by place in it; empty before three weeks were seen.
    cycles: Vec<Vec<f64>>,
    alpha: f64,
    level: f64,
    /// Slopes of what is left, one set a group of leads; none where the level alone says it.
    groups: Vec<Coefficients>,
}

impl Decomposed {
    /// Seasons and a level.
    pub(crate) fn of_level() -> Self {
        Self::default()
    }

    /// Seasons and regressions.
    pub(crate) fn of_regressions(log: bool) -> Self {
        Self { log, corrected: true, ..Self::default() }
    }

    /// What it is, for people.
    pub(crate) fn name(&self, history: &History) -> String {
        let seasons = format!("mstl[{},{}]", history.day, history.week);
        if self.corrected { regression::name(self.log, &seasons, RIDGE) } else { seasons }
    }

    /// Whether it has seasons.
    pub(crate) fn learned(&self) -> bool {
        !self.cycles.is_empty()
    }

    /// Learns seasons, smoothing constant, level and slopes anew, if more than three weeks are there; `group` leads share
    /// slopes.
    pub(crate) fn learn(&mut self, history: &History, horizon: usize, group: usize) {
        let n = history.len();
        let first = n - n.min(WEEKS * history.week);
        let offset = history.clock(first);
        let mut values: Vec<f64> = Vec::with_capacity(n - first);
        let mut observed: Vec<bool> = Vec::with_capacity(n - first);
        for t in first..n {
            // Where the wall clock skips an hour the last value stands in, of an hour that is there twice the first counts.
            let place = history.clock(t) - offset;
            while values.len() < place {
                values.push(history.clipped[t - 1]);
                observed.push(false);
            }
            if values.len() == place {
                values.push(history.clipped[t]);
                observed.push(history.observed[t]);
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
        if self.corrected {
            self.groups = self.slopes(history, &Rest::new(values), &observed, horizon, group);
        }
    }

    /// Slopes of what is left, from its past.
    fn slopes(
        &self,
        history: &History,
        rest: &Rest,
        observed: &[bool],
        horizon: usize,
        group: usize,
    ) -> Vec<Coefficients> {
        let plan = Plan::new(observed.len(), history.week, horizon, group);
        let mut rows = plan.rows();
        let (mut level, mut known) = (rest.values[0], 0);
        let mut x = Vec::new();
        for (turn, origin) in plan.origins().enumerate() {
            for value in &rest.values[known..origin] {
                level += self.alpha * (value - level);
            }
            known = origin;
            let near = rest.near(history, origin, level);
            for (g, rows) in rows.iter_mut().enumerate() {
                let Some(k) = plan.lead(turn, origin, g).filter(|k| observed[origin + k]) else { continue };
                x.clear();
                x.extend(near);
                x.extend(rest.far(history, origin, k, level));
                rows.push(&x, rest.values[origin + k] - level);
            }
        }
        plan.solve(&rows, RIDGE, history)
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
    pub(crate) fn forecast(&self, history: &History, origin: usize, group: usize, out: &mut [f64]) {
        debug_assert_eq!(origin, history.len(), "the level is that of the newest step");
        for (k, out) in out.iter_mut().enumerate() {
            *out = self.level + self.season(history, origin + k);
        }
        let Some(last) = self.groups.len().checked_sub(1) else { return };
        let from = origin.saturating_sub(history.week);
        let rest = Rest::new((from..origin).map(|t| history.clipped[t] - self.season(history, t)).collect());
        let near = rest.near(history, origin - from, self.level);
        let mut x = Vec::new();
        for (k, out) in out.iter_mut().enumerate() {
            x.clear();
            x.extend(near);
            x.extend(rest.far(history, origin - from, k, self.level));
            *out += self.groups[(k / group).min(last)].of(&x);
        }
    }

    fn season(&self, history: &History, t: usize) -> f64 {
        let clock = history.clock(t);
        self.cycles.iter().map(|cycle| cycle[clock % cycle.len()]).sum()
    }
}

/// What seasons leave of a load.
struct Rest {
    values: Vec<f64>,
    /// Sums of the values up to each step, one more than there are values.
    sums: Vec<f64>,
}

impl Rest {
    fn new(values: Vec<f64>) -> Self {
        let sums = std::iter::once(0.0).chain(values.iter().scan(0.0, |sum, value| {
            *sum += value;
            Some(*sum)
        }));
        let sums = sums.collect();
        Self { values, sums }
    }

    /// Columns that depend on the origin alone: how far the last steps up to a week lie from the level.
    fn near(&self, history: &History, origin: usize, level: f64) -> [f64; 7] {
        let mean = |count: usize| {
            let from = origin.saturating_sub(count.max(1));
            (self.sums[origin] - self.sums[from]) / (origin - from) as f64
        };
        let hour = history.steps_in(3600);
        let last_hour = mean(hour);
        [
            mean(1) - last_hour,
            mean(history.steps_in(900)) - last_hour,
            last_hour - level,
            mean(3 * hour) - level,
            mean(6 * hour) - level,
            mean(history.day) - level,
            mean(history.week) - level,
        ]
    }

    /// Columns of one lead: how far a day and a week before it lie from the level.
    fn far(&self, history: &History, origin: usize, k: usize, level: f64) -> [f64; 2] {
        let before = |m: usize| (origin + k).checked_sub((k / m + 1) * m).map_or(0.0, |t| self.values[t] - level);
        [before(history.day), before(history.week)]
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

    /// Leads that share slopes.
    const GROUP: usize = 7;

    /// Learns from the first `learn` values, moves on to their end, and looks a week ahead.
    fn week_ahead(mut decomposed: Decomposed, y: &Series, learn: usize) -> Vec<f64> {
        let mut history = history_of(&y.span(0, learn).unwrap());
        decomposed.learn(&history, 168, GROUP);
        for _ in learn..y.len() {
            history.push(y, Unit::Plain(1.0));
            decomposed.push(&history);
        }
        let mut out = vec![0.0; 168];
        decomposed.forecast(&history, y.len(), GROUP, &mut out);
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
            let ahead = week_ahead(Decomposed::of_level(), &y, learn);
            check_near(&ahead, |k| shape(n + k) + 0.05 * n as f64, 6.0);
        }
    }

    #[test]
    fn a_gap_moves_no_level() {
        let n = 168 * 6;
        let whole: Vec<_> = (0..n).map(|t| Some(shape(t))).collect();
        let gapped = whole.iter().copied().chain([None; 30]).collect();
        let (whole, gapped) =
            (hours("2026-03-02T00:00:00Z", "UTC", whole), hours("2026-03-02T00:00:00Z", "UTC", gapped));
        let ahead = |y: &Series| week_ahead(Decomposed::of_level(), y, n);
        let (before, after) = (ahead(&whole), ahead(&gapped));
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
                for kind in [Decomposed::of_level(), Decomposed::of_regressions(false)] {
                    check_near(&week_ahead(kind, &y, learn), |k| local(n + k), 6.0);
                }
            }
        }
    }

    #[test]
    fn regressions_know_how_long_a_distance_from_the_season_lasts() {
        // What is left returns to its mean by a fifth an hour: a level that follows it is right for an hour, not for a day.
        let mut dice = Dice::new(8);
        let n = 168 * 17;
        let mut left = 0.0;
        let values = (0..n).map(|t| {
            left = 0.8 * left + 10.0 * (dice.unit() - 0.5);
            Some(shape(t) + left)
        });
        let y = hours("2026-03-02T00:00:00Z", "UTC", values.collect());
        let error = |kind: &Decomposed| {
            let one = |origin: usize| {
                let ahead = week_ahead(kind.clone(), &y.span(0, origin).unwrap(), 168 * 15);
                (4..24).map(|k| (ahead[k] - y.values()[origin + k]).abs()).sum::<f64>()
            };
            (168 * 15..168 * 16).step_by(5).map(one).sum::<f64>()
        };
        let (level, regressions) = (error(&Decomposed::of_level()), error(&Decomposed::of_regressions(false)));
        assert!(regressions < 0.85 * level, "{regressions}, of the level alone {level}");
    }

    #[test]
    fn three_weeks_are_too_few() {
        let mut decomposed = Decomposed::of_level();
        for (n, learned) in [(1, false), (504, false), (505, true)] {
            let y = hours("2026-03-02T00:00:00Z", "UTC", (0..n).map(|t| Some(shape(t))).collect());
            decomposed.learn(&history_of(&y), 24, 1);
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
