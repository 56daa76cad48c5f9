//! The typical week: what follows the end of a timetable, or the timetable itself where its form is weekly.
//!
//! Each quarter of an hour of the local week takes the most units that the timetable has there. Where the timetable is
//! shorter than the week, the past fills in: the level's quantile of the load in that hour of the week.

use std::collections::BTreeMap;

use forecast_core::Series;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::demand::units_for_load;
use super::runs::{Run, Runs, Why};
use super::{Load, Rails, Request};
use crate::capacity_plan::WeeklyStep;
use crate::quantile::nearest_rank;
use crate::settings::CapacitySettings;
use crate::weekly;

const SLOT: i64 = 900;
const WEEK: i64 = 7 * 86_400;
const SLOTS: usize = (WEEK / SLOT) as usize;
const HOUR: i64 = 3_600;

/// A week of local time, in seconds from Monday 00:00.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Week(Runs);

/// The typical week of a timetable, with at most `most` changes; ramps and dwell hold in it, too.
///
/// With `by_forecast` the past fills in what the timetable does not reach; without, `min` does.
pub(crate) fn typical(
    runs: &Runs,
    request: &Request<'_>,
    settings: &CapacitySettings,
    rails: &Rails<'_>,
    most: usize,
    by_forecast: bool,
) -> Week {
    let zone = request.time_zone;
    let mut slots: Vec<Option<u32>> = vec![None; SLOTS];
    for (run, end) in runs.iter() {
        let mut at = run.from;
        while at < end {
            let slot = slot_of(zone, at);
            slots[slot] = slots[slot].max(Some(run.units));
            at = (at.div_euclid(SLOT) + 1) * SLOT;
        }
    }
    if by_forecast && !settings.paused && slots.contains(&None) {
        let past = from_history(request.loads, zone, settings);
        for (slot, units) in slots.iter_mut().enumerate() {
            let hour = slot / (HOUR / SLOT) as usize;
            *units = units.or(past.get(&hour).copied());
        }
    }
    let unknown = if by_forecast { runs.peak() } else { settings.min };
    let floor = if settings.paused { 0 } else { settings.min };
    let units: Vec<u32> = slots.iter().map(|u| u.unwrap_or(unknown).max(floor)).collect();
    let rails = rails.recurring();
    let week = Week(rails.compact(&rails.settle(joined(&units)), most));
    if settings.form == crate::settings::Form::Weekly { week.covering(runs, zone) } else { week }
}

fn joined(units: &[u32]) -> Runs {
    let mut all =
        units.iter().enumerate().map(|(i, units)| Run { from: i as i64 * SLOT, units: *units, why: Why::Weekly });
    let first = Run { from: 0, units: units.first().copied().unwrap_or_default(), why: Why::Weekly };
    all.next();
    Runs::new(first, all, WEEK)
}

/// Units by hour of the local week, from the past of all loads: the largest need of any.
fn from_history(loads: &[Load<'_>], zone: &TimeZone, settings: &CapacitySettings) -> BTreeMap<usize, u32> {
    let mut out: BTreeMap<usize, u32> = BTreeMap::new();
    for (load, history) in loads.iter().filter_map(|l| Some((l, l.history?))) {
        for (hour, peak) in hourly(history, zone, settings.level) {
            let units = units_for_load(peak, load.per_unit, settings.target_utilization);
            // A warm-up reaches into the hour before; longer ones do so by as many hours.
            let hours = usize::try_from(settings.warm_up.as_secs().div_ceil(HOUR as u64)).unwrap_or(0).min(24);
            for before in 0..=hours {
                let slot = (hour + 168 - before) % 168;
                let units = units.clamp(settings.min, settings.max);
                out.entry(slot).and_modify(|u| *u = (*u).max(units)).or_insert(units);
            }
        }
    }
    out
}

/// For each hour of the local week the quantile of `level` of what was observed in it, by the nearest rank.
fn hourly(history: &Series, zone: &TimeZone, level: f64) -> BTreeMap<usize, f64> {
    let mut seen: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    let hours_a_step = (history.step().as_secs() / HOUR as u64).max(1) as usize;
    for i in 0..history.len() {
        let Some(value) = history.observation(i) else { continue };
        let first = slot_of(zone, history.time(i).as_second()) / (HOUR / SLOT) as usize;
        for hour in 0..hours_a_step.min(168) {
            seen.entry((first + hour) % 168).or_default().push(value);
        }
    }
    seen.into_iter().filter_map(|(hour, values)| Some((hour, nearest_rank(values, level)?))).collect()
}

/// Position of a second in the local week, in quarters of an hour.
fn slot_of(zone: &TimeZone, second: i64) -> usize {
    let local = zone.to_datetime(Timestamp::from_second(second).unwrap_or_default());
    let day = i64::from(local.weekday().to_monday_zero_offset());
    let seconds = day * 86_400 + i64::from(local.hour()) * HOUR + i64::from(local.minute()) * 60;
    (seconds / SLOT) as usize % SLOTS
}

impl Week {
    /// Change points, Monday first; the first at 00:00.
    pub(crate) fn steps(&self) -> Vec<WeeklyStep> {
        let step = |run: &Run| {
            let (day, minute) = (run.from / 86_400, run.from % 86_400 / 60);
            let time = format!("{:02}:{:02}", minute / 60, minute % 60);
            WeeklyStep { day: day as u8 + 1, time, units: run.units }
        };
        self.0.as_slice().iter().map(step).collect()
    }

    /// The week's change points between two instants.
    pub(crate) fn expand(&self, from: i64, end: i64, zone: &TimeZone) -> Runs {
        let at = |second: i64| Timestamp::from_second(second).unwrap_or_default();
        let steps = weekly::expand(&self.steps(), at(from), at(end), zone);
        let mut runs = steps.iter().map(|s| Run { from: s.from.as_second(), units: s.units, why: Why::Weekly });
        match runs.next() {
            Some(first) => Runs::new(first, runs, end),
            None => Runs::constant(from, end, self.0.peak(), Why::Weekly),
        }
    }

    /// The week with each change point raised until its expansion nowhere has less than `runs`: on days of 25 hours a
    /// local time passes twice.
    fn covering(mut self, runs: &Runs, zone: &TimeZone) -> Self {
        loop {
            let expanded = self.expand(runs.start(), runs.end(), zone);
            let short = runs.iter().find_map(|(run, end)| {
                let there = expanded.iter().find(|(e, to)| e.from < end && *to > run.from && e.units < run.units)?;
                Some((there.0.from.max(run.from), run.units))
            });
            let Some((at, units)) = short else { return self };
            let begin = expanded.as_slice()[expanded.position(at)].from;
            let slot = slot_of(zone, begin) as i64 * SLOT;
            let position = self.0.position(slot);
            let raised = self.0.as_slice().iter().enumerate().map(|(i, run)| Run {
                units: if i == position { run.units.max(units) } else { run.units },
                ..run.clone()
            });
            let mut raised: Vec<Run> = raised.collect();
            let first = raised.remove(0);
            let next = Runs::new(first, raised, WEEK);
            if next == self.0 {
                return self;
            }
            self = Self(next);
        }
    }
}
