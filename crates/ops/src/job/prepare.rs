//! From what was measured to the series that is learned from: load of all units, on a grid, up to the clock.

use std::time::Duration;

use forecast_core::clean::{CleanOptions, clean};
use forecast_core::{Calendar, RawSeries, Sample, Series, borrow};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::read::{Measured, seconds};
use super::{JobError, words};
use crate::duration::Span;
use crate::load::{TotalLoad, total_load};
use crate::schedule;
use crate::settings::JobSettings;

/// Step that finer data are averaged to, where none is set.
const LEAST_STEP: Duration = Duration::from_secs(300);
/// A live source without a sample for longer than this has stopped.
const STALE_SECONDS: i64 = 86_400;
/// Steps without a sample at the end after which a person should know.
const LATE_STEPS: i64 = 3;

/// A series with what was found on the way to it.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The load on its grid; a step that was not over at the end of the window is left out.
    pub series: Series,
    /// The load of the similar service on a grid of the same step.
    pub similar: Option<Series>,
    /// The load of all units, sample by sample.
    pub load: TotalLoad,
    /// The time zone that its seasons follow.
    pub zone: TimeZone,
    /// What a person should know of the data.
    pub warnings: Vec<String>,
}

/// Makes the series that is learned from, the same for whatever is done with it: load of all units, cleaned, on the grid
/// of `forecast.step`, with the calendar of `time_zone` and `events`, up to the end of the window.
///
/// # Errors
/// `Setting` for an unknown time zone, `Load` where units and load do not go together, `Clean` for samples that make no
/// series, `SimilarClean` for those of the similar service, `Stale` for a live source that has stopped.
pub fn prepare(measured: &Measured, settings: &JobSettings) -> Result<Prepared, JobError> {
    let zone = schedule::time_zone(&settings.time_zone).map_err(|_| JobError::Setting {
        setting: "time_zone".into(),
        found: format!("`{}`", settings.time_zone),
        expected: "the IANA name of a time zone, for example `Europe/Berlin`".into(),
    })?;
    let load = total_load(&measured.load, measured.units.as_ref(), &settings.load).map_err(JobError::Load)?;
    let mut raw = load.series.clone();
    let until = measured.window.map(|w| w.to).or(settings.as_of);
    if let Some(until) = until {
        raw.samples.retain(|s| s.time < until);
    }
    let times = || load.series.samples.iter().map(|s| s.time);
    if let (Some(as_of), true, Some(first), Some(last)) =
        (settings.as_of, raw.samples.is_empty(), times().min(), times().max())
    {
        let expected =
            format!("a time after the first sample of {}, which is at {first}; the last is at {last}", measured.source);
        return Err(JobError::Setting { setting: "as_of".into(), found: as_of.to_string(), expected });
    }
    let step = settings.forecast.step.map_or(LEAST_STEP, |s| s.0);
    let mut warnings: Vec<String> = late(measured, settings, &raw.samples, step)?.into_iter().collect();
    if let Some(window) = measured.window {
        raw.samples.push(Sample { time: window.to, value: None });
    }
    let options = CleanOptions {
        step: Some(step),
        lower_bound: Some(0.0),
        saturated_at: None,
        flag_level_shifts: true,
        calendar: Calendar::new(zone.clone()).with_events(settings.events.clone()),
        ..CleanOptions::default()
    };
    let cleaned = clean(&raw, &options).map_err(|reason| JobError::Clean { what: measured.source.clone(), reason })?;
    let series = whole_steps(cleaned.series, measured);
    warnings.extend(words::about_data(&load, &cleaned.report, &series));
    let similar = match &measured.similar {
        Some(raw) => Some(similar(raw, until, &options, series.step())?),
        None => None,
    };
    warnings.extend(similar.as_ref().and_then(|similar| words::about_borrowing(&borrow(&series, similar), &series)));
    Ok(Prepared { series, similar, load, zone, warnings })
}

/// The load of the similar service, up to the end of the window, in steps of the own one.
fn similar(
    raw: &RawSeries,
    until: Option<Timestamp>,
    options: &CleanOptions,
    step: Duration,
) -> Result<Series, JobError> {
    let mut raw = raw.clone();
    if let Some(until) = until {
        raw.samples.retain(|s| s.time < until);
    }
    let options = CleanOptions { step: Some(step), ..options.clone() };
    Ok(clean(&raw, &options).map_err(JobError::SimilarClean)?.series)
}

/// Whether a live source is late, in words; one that has stopped is an error.
fn late(
    measured: &Measured,
    settings: &JobSettings,
    samples: &[Sample],
    step: Duration,
) -> Result<Option<String>, JobError> {
    let last = samples.iter().filter(|s| s.value.is_some()).map(|s| s.time).max();
    let (Some(window), Some(last)) = (measured.window, last) else { return Ok(None) };
    let silent = window.to.as_second() - last.as_second();
    if silent > STALE_SECONDS.max(2 * seconds(settings.refresh_interval)) {
        let (what, until) = (measured.source.clone(), window.to);
        return Err(JobError::Stale { what, last, hours: silent / 3_600, until });
    }
    let patience = LATE_STEPS * seconds(Span(step)).max(usual_gap(samples));
    Ok((silent > patience)
        .then(|| format!("the last sample is of {last}, {} minutes before the end of the window", silent / 60)))
}

/// The series without the step that begins at the window's end or before and is not over yet.
fn whole_steps(y: Series, measured: &Measured) -> Series {
    let Some(window) = measured.window else { return y };
    let whole = (window.to.as_second() - y.start().as_second()).div_euclid(seconds(Span(y.step())));
    let whole = usize::try_from(whole).unwrap_or(0).clamp(1, y.len());
    y.slice(0, whole).unwrap_or(y)
}

/// The most common time between two samples, in seconds.
fn usual_gap(samples: &[Sample]) -> i64 {
    let mut times: Vec<i64> = samples.iter().map(|s| s.time.as_second()).collect();
    times.sort_unstable();
    let mut gaps: Vec<i64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    gaps.sort_unstable();
    gaps.get(gaps.len() / 2).copied().unwrap_or_default()
}
