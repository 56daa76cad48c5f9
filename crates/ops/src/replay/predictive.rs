//! Timetables as they would have been made over the past, each from what was known at its time.

use std::sync::Arc;

use forecast_core::{Ahead, Fitted, Forecast, Forecaster, Level, Series};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::ReplayError;
use crate::capacity::{self, Load, Request};
use crate::hooks::{Hooks, Stage};
use crate::ports::Limits;
use crate::settings::{AfterKind, CapacitySettings};

/// When forecasts are made and how long they wait to be in force; all in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refresh {
    /// From one forecast to the next; they are made at multiples of it.
    pub(crate) every: i64,
    /// Data end so long before.
    pub(crate) settling: i64,
    /// The timetable is in force so long after.
    pub(crate) delay: i64,
}

impl Refresh {
    /// How far a forecast has to reach: to the end of the next interval, should one refresh fail.
    pub(crate) fn reach(&self) -> i64 {
        self.settling + self.delay + 2 * self.every
    }
}

/// A forecast of the past and when its timetable was in force.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Outlook {
    pub(crate) in_force: i64,
    pub(crate) forecast: Forecast,
}

/// Forecasts at every refresh in `from..to`, each from the data that had settled then.
///
/// Parameters are learned anew once a week at most, from the data up to then.
/// # Errors
/// A fit, forecast or update that fails; cancellation.
pub(crate) fn outlooks(
    model: &dyn Forecaster,
    y: &Series,
    (from, to): (Timestamp, Timestamp),
    refresh: Refresh,
    level: Level,
    hooks: &dyn Hooks,
) -> Result<Vec<Outlook>, ReplayError> {
    let step = i64::try_from(y.step().as_secs()).unwrap_or(i64::MAX).max(1);
    let week = 7 * 86_400 / step;
    let position = |at: i64| (at - refresh.settling - y.start().as_second()).div_euclid(step);
    // The timetable of the refresh before the beginning is still in force there.
    let first = from.as_second().div_euclid(refresh.every) * refresh.every - refresh.every;
    let mut fitted: Option<(Box<dyn Fitted>, usize, i64)> = None;
    let (mut out, mut at) = (Vec::new(), first);
    let total = usize::try_from((to.as_second() - first).div_euclid(refresh.every)).unwrap_or(0) + 1;
    while at < to.as_second() {
        if hooks.cancelled() {
            return Err(ReplayError::Cancelled);
        }
        let known = usize::try_from(position(at).max(0)).unwrap_or(0).min(y.len());
        if let Some(past) = y.slice(0, known).filter(|past| past.len() >= model.needs().observations.max(2)) {
            let (mut fit, seen, learned) = match fitted.take() {
                Some(kept) => kept,
                None => (model.fit(&past).map_err(ReplayError::Fit)?, known, known as i64),
            };
            if let Some(new) = y.span(seen, known) {
                fit.update(&new).map_err(ReplayError::Update)?;
            }
            let due = known as i64 - learned >= week;
            let learned = if due { known as i64 } else { learned };
            if due && fit.relearns() {
                fit.relearn();
            } else if due {
                fit = model.fit(&past).map_err(ReplayError::Fit)?;
            }
            let ahead = Ahead {
                // The last step known may lie a step before the settled end.
                horizon: usize::try_from(refresh.reach().div_euclid(step)).unwrap_or(0) + 2,
                calendar: Some(Arc::clone(y.calendar())),
                ..Ahead::default()
            };
            let forecast = fit.forecast(&ahead, &[level]).map_err(ReplayError::Forecast)?;
            out.push(Outlook { in_force: at + refresh.delay, forecast });
            fitted = Some((fit, known, learned));
        }
        hooks.progress(Stage::Replay, (out.len()).min(total), total);
        at += refresh.every;
    }
    Ok(out)
}

/// Units of the timetables in force, one a minute from `start`; `min` before the first one.
///
/// # Errors
/// Settings that make no timetable.
pub(crate) fn timetable(
    outlooks: &[Outlook],
    start: Timestamp,
    minutes: usize,
    per_unit: f64,
    settings: &CapacitySettings,
) -> Result<Vec<u32>, ReplayError> {
    let settings = CapacitySettings { after: AfterKind::Hold, form: crate::settings::Form::Dated, ..settings.clone() };
    let mut units = vec![settings.min; minutes];
    let mut prior = None;
    for (i, outlook) in outlooks.iter().enumerate() {
        let load = Load { forecast: &outlook.forecast, paths: None, history: None, per_unit };
        let request =
            Request { loads: &[load], time_zone: &TimeZone::UTC, limits: &Limits::unlimited(), prior_units: prior };
        let table = capacity::plan(&request, &settings).map_err(ReplayError::Capacity)?;
        let minute =
            |second: i64| usize::try_from((second - start.as_second()).div_euclid(60)).unwrap_or(0).min(minutes);
        let until = outlooks.get(i + 1).map_or(i64::MAX, |next| next.in_force);
        let (from, to) = (minute(outlook.in_force), if until == i64::MAX { minutes } else { minute(until) });
        let mut step = 0;
        for (m, units) in units.iter_mut().enumerate().take(to).skip(from) {
            let now = start.as_second() + m as i64 * 60;
            while table.steps.get(step + 1).is_some_and(|s| s.from.as_second() <= now) {
                step += 1;
            }
            *units = table.steps.get(step).map_or(settings.min, |s| s.units);
        }
        prior = (to > 0).then(|| units[to - 1]);
    }
    Ok(units)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use forecast_core::Auto;

    use super::*;

    /// Hours with a day of 2 and 10, four weeks long.
    fn series() -> Series {
        let values = (0..672).map(|h| if (8..20).contains(&(h % 24)) { 10.0 } else { 2.0 }).collect();
        Series::new(
            Timestamp::from_second(1_800_000_000 / 86_400 * 86_400).unwrap(),
            Duration::from_secs(3_600),
            values,
        )
        .unwrap()
    }

    const REFRESH: Refresh = Refresh { every: 6 * 3_600, settling: 300, delay: 300 };

    #[test]
    fn forecasts_see_only_what_had_settled() {
        let y = series();
        let window = (y.time(600), y.time(672));
        let all = outlooks(&Auto::default(), &y, window, REFRESH, Level::new(0.9).unwrap(), &()).unwrap();
        assert_eq!(all.len(), 13);
        for outlook in &all {
            let known = outlook.forecast.start.as_second();
            assert!(known + REFRESH.settling <= outlook.in_force - REFRESH.delay);
            assert!(
                outlook.forecast.time(outlook.forecast.horizon()).as_second() >= outlook.in_force + 2 * REFRESH.every
            );
        }
        let mut later = y.values().to_vec();
        later[610..].fill(99.0);
        let altered = Series::new(y.start(), y.step(), later).unwrap();
        let again = outlooks(&Auto::default(), &altered, window, REFRESH, Level::new(0.9).unwrap(), &()).unwrap();
        assert_eq!(all[..2], again[..2]);
        assert_ne!(all[12], again[12]);
    }

    #[test]
    fn timetables_follow_the_day() {
        let y = series();
        let window = (y.time(600), y.time(672));
        let all = outlooks(&Auto::default(), &y, window, REFRESH, Level::new(0.9).unwrap(), &()).unwrap();
        let settings = CapacitySettings { max: 50, ..CapacitySettings::default() };
        let units = timetable(&all, y.time(600), 72 * 60, 1.0, &settings).unwrap();
        let at = |hour: usize, minute: usize| units[hour * 60 + minute];
        assert!(at(10, 0) >= 15 && at(34, 0) >= 15, "{} {}", at(10, 0), at(34, 0));
        assert!(at(3, 0) <= 4 && at(47, 0) <= 4, "{} {}", at(3, 0), at(47, 0));
        // Asked for one warm-up ahead.
        assert!(at(31, 57) >= 15 && at(31, 50) <= 4);
    }
}
