//! Columns of the regression: seasons by the wall clock, events with their windows, regressors.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{EventWindow, Prophet};
use crate::calendar::{Calendar, Event};
use crate::series::{Regressors, Series};
use crate::waves::{self, Wave};

const DAY: u64 = 86_400;
const WEEK: u64 = 7 * DAY;
/// 365.25 days.
const YEAR: u64 = 31_557_600;
/// Harmonics of a season that is none of the calendar's.
const HARMONICS: u64 = 5;

/// One column with the deviation of its coefficient's prior.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Column {
    pub(super) kind: Kind,
    pub(super) scale: f64,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// A wave whose period is in seconds; whole days follow the wall clock.
    Wave(Wave),
    /// One while an event of this name is under way `days` days earlier.
    Event {
        /// Name of the event.
        name: String,
        /// Days after it, negative before it.
        days: i32,
    },
    /// A regressor less its mean, over its deviation.
    Regressor {
        /// Its name.
        name: String,
        /// What is taken from it.
        mean: f64,
        /// What it is divided by.
        deviation: f64,
    },
}

impl Column {
    /// Name as it is shown among the parameters.
    pub(super) fn name(&self) -> String {
        match &self.kind {
            Kind::Wave(wave) => {
                let kind = if wave.sine { "S" } else { "C" };
                format!("{kind}{}-{}s", wave.harmonic, wave.period)
            }
            Kind::Event { name, days: 0 } => name.clone(),
            Kind::Event { name, days } => format!("{name}{days:+}d"),
            Kind::Regressor { name, .. } => name.clone(),
        }
    }
}

/// The columns of a series, by a model's settings.
pub(super) fn of_series(model: &Prophet, y: &Series) -> Vec<Column> {
    let seasons = if model.seasons.is_empty() {
        usual(y)
    } else {
        model.seasons.iter().map(|m| (*m as u64).saturating_mul(y.step().as_secs())).collect()
    };
    let harmonics = |period: u64| {
        let usual = match period {
            DAY => 4,
            WEEK => 3,
            YEAR => 10,
            _ => HARMONICS,
        };
        // A wave of fewer than two steps is another one in disguise.
        (period, usual.min(period / y.step().as_secs() / 2))
    };
    let seasons: Vec<(u64, u64)> = seasons.into_iter().map(harmonics).collect();
    let wave = |wave| Column { kind: Kind::Wave(wave), scale: model.season_scale };
    let mut out: Vec<Column> = waves::of_seasons(&seasons).into_iter().map(wave).collect();
    out.extend(events(model, y));
    for (column, name) in y.regressors().values.columns().into_iter().zip(&y.regressors().names) {
        let (mean, deviation) = standard(&column.to_vec());
        let kind = Kind::Regressor { name: name.clone(), mean, deviation };
        out.push(Column { kind, scale: model.regressor_scale });
    }
    out
}

/// Seasons of the calendar in seconds that were seen twice, as Prophet takes them by itself.
fn usual(y: &Series) -> Vec<u64> {
    let (step, seen) = (y.step().as_secs(), y.step().as_secs().saturating_mul(y.len() as u64 - 1));
    let all = [(DAY, 2 * DAY, DAY), (WEEK, 2 * WEEK, WEEK), (YEAR, 730 * DAY, YEAR)];
    all.into_iter().filter(|(_, least, longer)| seen >= *least && step < *longer).map(|(period, ..)| period).collect()
}

/// Events whose factor is to be learned and that the series has seen.
fn events(model: &Prophet, y: &Series) -> Vec<Column> {
    let (start, end) = (y.start(), y.end());
    let learned = y.calendar().events().iter().filter(|event| event.factor.is_none());
    let mut windows: BTreeMap<&str, EventWindow> = BTreeMap::new();
    for event in learned {
        let usual = EventWindow { scale: model.event_scale, ..EventWindow::default() };
        windows.entry(&event.name).or_insert(model.windows.get(&event.name).copied().unwrap_or(usual));
    }
    let mut out = Vec::new();
    for (name, window) in windows {
        for days in -(window.before as i32)..=window.after as i32 {
            let kind = Kind::Event { name: name.to_owned(), days };
            if moved(y.calendar(), name, days).iter().any(|(from, to)| *from < end && start < *to) {
                out.push(Column { kind, scale: window.scale });
            }
        }
    }
    out
}

/// From and to of the events of a name, some days later by the wall clock.
fn moved(calendar: &Calendar, name: &str, days: i32) -> Vec<(Timestamp, Timestamp)> {
    let later = |at: Timestamp| {
        let local = calendar.local(at);
        let local = local.checked_add(jiff::Span::new().days(i64::from(days))).ok()?;
        calendar.time_zone().to_timestamp(local).ok()
    };
    let of_name = |event: &&Event| event.name == name && event.factor.is_none();
    let all = calendar.events().iter().filter(of_name);
    all.filter_map(
        |event| if days == 0 { Some((event.from, event.to)) } else { Some((later(event.from)?, later(event.to)?)) },
    )
    .collect()
}

/// Mean and deviation to standardize a regressor by; a switch between 0 and 1 and a constant stay as they are.
fn standard(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().map(|x| x / n).sum::<f64>();
    let variance = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0).max(1.0);
    let switch = values.iter().all(|x| *x == 0.0 || *x == 1.0);
    if switch || !(variance > 0.0 && variance.is_finite()) { (0.0, 1.0) } else { (mean, variance.sqrt()) }
}

/// The columns at some times; the name of a regressor that is not known there otherwise.
pub(super) fn values(
    columns: &[Column],
    times: &[Timestamp],
    calendar: &Calendar,
    regressors: &Regressors,
) -> Result<Vec<Vec<f64>>, String> {
    let universal: Vec<i64> = times.iter().map(|time| time.as_second()).collect();
    let local: Vec<i64> = times.iter().map(|time| time.as_second() + calendar.utc_offset(*time)).collect();
    let one = |column: &Column| match &column.kind {
        Kind::Wave(wave) => {
            Ok(course(wave, if wave.period.is_multiple_of(DAY) || wave.period == YEAR { &local } else { &universal }))
        }
        Kind::Event { name, days } => {
            let spans = moved(calendar, name, *days);
            let under_way = |time: &Timestamp| spans.iter().any(|(from, to)| from <= time && time < to);
            Ok(times.iter().map(|time| f64::from(u8::from(under_way(time)))).collect())
        }
        Kind::Regressor { name, mean, deviation } => {
            let at = regressors.names.iter().position(|known| known == name);
            let known = at.filter(|at| *at < regressors.values.ncols()).map(|at| regressors.values.column(at));
            let known = known.filter(|x| x.len() >= times.len() && x.iter().all(|x| x.is_finite()));
            let known = known.ok_or_else(|| name.clone())?;
            Ok(known.iter().take(times.len()).map(|x| (x - mean) / deviation).collect())
        }
    };
    columns.iter().map(one).collect()
}

/// A wave at some positions in seconds; on a regular grid each place in the season is computed once.
fn course(wave: &Wave, positions: &[i64]) -> Vec<f64> {
    let (Some(first), Some(second)) = (positions.first(), positions.get(1)) else {
        return positions.iter().map(|at| wave.at(*at)).collect();
    };
    let (period, step) = (wave.period as i64, (second - first).max(1));
    if period % step != 0 || period / step > positions.len() as i64 {
        return positions.iter().map(|at| wave.at(*at)).collect();
    }
    let known: Vec<f64> = (0..period / step).map(|i| wave.at(first + i * step)).collect();
    let place = |at: &i64| (at - first).rem_euclid(period);
    positions
        .iter()
        .map(|at| if place(at) % step == 0 { known[(place(at) / step) as usize] } else { wave.at(*at) })
        .collect()
}
