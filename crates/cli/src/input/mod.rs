//! What commands read: series from files, steps from durations, time zones from names.

mod panel;
pub(crate) mod series;

pub(crate) use panel::{PanelRow, panel_step, read_panel};
pub(crate) use series::SeriesArgs;

use forecast_core::Series;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use stormglass_ops::duration::Span;

use crate::error::CliError;

/// Most steps of a forecast: ten weeks of minutes.
const LONGEST_HORIZON: usize = 100_800;

/// The time zone of an IANA name.
pub(crate) fn zone(name: &str) -> Result<TimeZone, CliError> {
    stormglass_ops::schedule::time_zone(name).map_err(|error| CliError::Usage(format!("--timezone: {error}")))
}

/// An instant by the clock of a zone, with its offset from UTC: `2026-11-23 07:30:00+01:00`.
pub(crate) fn local(at: Timestamp, zone: &TimeZone) -> String {
    let offset = zone.to_offset(at).seconds();
    let (sign, minutes) = (if offset < 0 { '-' } else { '+' }, offset.abs() / 60);
    let time = zone.to_datetime(at).strftime("%Y-%m-%d %H:%M:%S");
    format!("{time}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// Whole steps of a series in a duration.
pub(crate) fn steps(y: &Series, span: Span, option: &str) -> Result<usize, CliError> {
    let (seconds, step) = (span.as_secs(), y.step().as_secs());
    if seconds == 0 || seconds % step != 0 {
        let step = Span(y.step());
        return Err(CliError::Usage(format!(
            "{option} is {span}, the time between two values is {step}; expected a multiple of it, at least {step}"
        )));
    }
    Ok((seconds / step) as usize)
}

/// A horizon in steps, short enough to be of use.
pub(crate) fn horizon(y: &Series, span: Span) -> Result<usize, CliError> {
    steps(y, span, "--horizon").and_then(useful_horizon)
}

/// A horizon that is given in steps.
pub(crate) fn useful_horizon(steps: usize) -> Result<usize, CliError> {
    match steps {
        0 => Err(CliError::usage("--horizon is 0 steps; expected at least 1")),
        1..=LONGEST_HORIZON => Ok(steps),
        _ => {
            let advice = "forecast less far ahead, or give a longer --step";
            Err(CliError::Usage(format!("--horizon is {steps} steps; expected at most {LONGEST_HORIZON}: {advice}")))
        }
    }
}

/// As [`steps`], but less than a step is one step: data may be coarser than the settings.
pub(crate) fn steps_or_one(y: &Series, span: Span, option: &str) -> Result<usize, CliError> {
    if span.as_secs() > 0 && span.0 <= y.step() { Ok(1) } else { steps(y, span, option) }
}

/// Number of threads: as given, else one for each processor.
pub(crate) fn threads(given: Option<usize>) -> Result<usize, CliError> {
    match given {
        Some(0) => Err(CliError::usage("--threads is 0; expected at least 1")),
        Some(n) => Ok(n),
        None => Ok(std::thread::available_parallelism().map_or(1, std::num::NonZero::get)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn hourly() -> Series {
        Series::new(Timestamp::UNIX_EPOCH, Duration::from_secs(3600), vec![1.0, 2.0]).unwrap()
    }

    #[test]
    fn durations_are_whole_steps() {
        assert_eq!(steps(&hourly(), Span::seconds(7200), "--horizon").unwrap(), 2);
        for wrong in [0, 60, 5400] {
            let error = steps(&hourly(), Span::seconds(wrong), "--horizon").unwrap_err().to_string();
            assert!(error.contains("--horizon") && error.contains("multiple"), "{error}");
        }
        assert_eq!(steps_or_one(&hourly(), Span::seconds(60), "--stride").unwrap(), 1);
        assert!(steps_or_one(&hourly(), Span::seconds(5400), "--stride").is_err());
        assert!(steps_or_one(&hourly(), Span::seconds(0), "--stride").is_err());
    }

    #[test]
    fn horizons_have_an_end() {
        assert_eq!(horizon(&hourly(), Span::seconds(86_400)).unwrap(), 24);
        assert!(horizon(&hourly(), Span::seconds(86_400 * 10_000)).unwrap_err().to_string().contains("at most"));
        assert!(useful_horizon(0).is_err());
    }

    #[test]
    fn local_times_carry_their_offset() {
        let at: Timestamp = "2026-11-23T06:30:00Z".parse().unwrap();
        assert_eq!(local(at, &zone("Europe/Berlin").unwrap()), "2026-11-23 07:30:00+01:00");
        assert_eq!(local(at, &zone("America/St_Johns").unwrap()), "2026-11-23 03:00:00-03:30");
        assert!(zone("Moon/Base").unwrap_err().to_string().starts_with("--timezone"));
    }
}
