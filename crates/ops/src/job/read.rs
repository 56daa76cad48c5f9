//! Reading: which window of the past is asked for, and what came.

use forecast_core::RawSeries;
use jiff::Timestamp;
use serde::Serialize;

use super::{JobError, JobInputs};
use crate::duration::Span;
use crate::ports::{MetricSource, SourceError, Window};
use crate::settings::JobSettings;

/// What was measured, and the clock that it was measured by.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measured {
    /// The metric as the source has it.
    pub load: RawSeries,
    /// The unit count, where it is measured.
    pub units: Option<RawSeries>,
    /// The metric of a similar service.
    pub similar: Option<RawSeries>,
    /// The window asked for; `None` for all that a stored source has.
    pub window: Option<Window>,
    /// Whether the data are stored and do not grow.
    pub stored: bool,
    /// The source, in words.
    pub source: String,
}

/// Reads load and units for the window that `now`, or `settings.as_of`, falls into.
///
/// A stored source is read whole, up to `as_of` where that is set; a live one of a similar service then for the history that
/// ends with it.
/// # Errors
/// Settings that contradict each other, a source that cannot be read, or a refresh interval of zero.
pub async fn read(inputs: JobInputs<'_>, settings: &JobSettings, now: Timestamp) -> Result<Measured, JobError> {
    super::check::check(settings)?;
    let stored = inputs.source.is_stored();
    let window = if stored { None } else { Some(window(settings, settings.as_of.unwrap_or(now))?) };
    let load = inputs.source.fetch(window).await.map_err(JobError::Source)?;
    // A stored count is read whole; what lies outside of the load's time finds no sample to go with.
    let units = beside(inputs.units, || window.or_else(|| around(&load))).await.map_err(JobError::Units)?;
    let history = || window.or_else(|| history_of(&load, settings));
    let similar = beside(inputs.borrow_from, history).await.map_err(JobError::Similar)?;
    Ok(Measured { load, units, similar, window, stored, source: inputs.source.describe() })
}

/// What a source beside that of the load has: all that is stored, else what lies in the window.
async fn beside(
    source: Option<&dyn MetricSource>,
    window: impl FnOnce() -> Option<Window>,
) -> Result<Option<RawSeries>, SourceError> {
    match source {
        Some(source) => source.fetch(if source.is_stored() { None } else { window() }).await.map(Some),
        None => Ok(None),
    }
}

/// The window of history that belongs to an instant: start and end at multiples of the refresh interval, both less the
/// settling time.
pub(crate) fn window(settings: &JobSettings, now: Timestamp) -> Result<Window, JobError> {
    let interval = seconds(settings.refresh_interval);
    if interval == 0 {
        return Err(JobError::Setting {
            setting: "refresh_interval".into(),
            found: settings.refresh_interval.to_string(),
            expected: "at least 1s, for example `6h`".into(),
        });
    }
    let snap = |at: i64| at.div_euclid(interval).saturating_mul(interval);
    let refresh = snap(now.as_second());
    let start = snap(refresh.saturating_sub(seconds(settings.forecast.history)));
    let at = |second: i64| {
        let settled = second.saturating_sub(seconds(settings.settling));
        Timestamp::from_second(settled).unwrap_or(if settled < 0 { Timestamp::MIN } else { Timestamp::MAX })
    };
    Ok(Window { from: at(start), to: at(refresh) })
}

/// From the first to after the last sample.
fn around(load: &RawSeries) -> Option<Window> {
    let times = || load.samples.iter().map(|s| s.time);
    let last = times().max()?.as_second().saturating_add(1);
    Some(Window { from: times().min()?, to: Timestamp::from_second(last).unwrap_or(Timestamp::MAX) })
}

/// As much as `forecast.history` up to the last sample.
fn history_of(load: &RawSeries, settings: &JobSettings) -> Option<Window> {
    let to = around(load)?.to;
    let from = to.as_second().saturating_sub(seconds(settings.forecast.history));
    Some(Window { from: Timestamp::from_second(from).unwrap_or(Timestamp::MIN), to })
}

pub(crate) fn seconds(span: Span) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX / 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_window(now: &str, from: &str, to: &str) {
        let mut settings = JobSettings::default();
        settings.forecast.history = "2d".parse().unwrap();
        let found = window(&settings, now.parse().unwrap()).unwrap();
        assert_eq!((found.from.to_string(), found.to.to_string()), (from.to_owned(), to.to_owned()), "{now}");
    }

    #[test]
    fn both_ends_snap_to_the_interval_less_settling() {
        for now in ["2026-11-24T06:00:00Z", "2026-11-24T08:30:00Z", "2026-11-24T11:59:59Z"] {
            check_window(now, "2026-11-22T05:55:00Z", "2026-11-24T05:55:00Z");
        }
        check_window("2026-11-24T12:00:00Z", "2026-11-22T11:55:00Z", "2026-11-24T11:55:00Z");
    }

    #[test]
    fn an_interval_of_zero_is_refused() {
        let settings = JobSettings { refresh_interval: Span::seconds(0), ..JobSettings::default() };
        let error = window(&settings, Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(error.setting(), "refresh_interval");
    }
}
