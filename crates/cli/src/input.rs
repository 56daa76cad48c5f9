//! What commands read: series and panels from files, steps from durations, time zones from names.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use forecast_core::{Calendar, CleanOptions, RawSeries, Sample, Series};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use stormglass_ops::duration::Span;

use crate::error::CliError;

/// A series file and how to read it.
#[derive(Debug, Args)]
pub(crate) struct SeriesArgs {
    /// Series file with the columns `timestamp,value`; gzip by suffix
    #[arg(value_name = "FILE", required_unless_present = "panel")]
    pub(crate) file: Option<PathBuf>,
    /// Time between two values, for example 5m; finer data are averaged, coarser ones keep their own
    #[arg(long, value_name = "SPAN")]
    pub(crate) step: Option<Span>,
    /// Time zone whose days and weeks the seasons follow
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    pub(crate) timezone: String,
}

impl SeriesArgs {
    /// Reads the file and puts it on a grid.
    pub(crate) fn series(&self, step: Option<Span>) -> Result<Series, CliError> {
        let path = self.file.as_deref().ok_or_else(|| CliError::usage("no file; expected a series file"))?;
        let zone = zone(&self.timezone)?;
        let options = CleanOptions {
            step: self.step.or(step).map(|s| s.0),
            calendar: Calendar::new(zone),
            ..CleanOptions::default()
        };
        let cleaned = forecast_core::clean(&read_series(path)?, &options)
            .map_err(|error| CliError::Usage(format!("{}: {error}", path.display())))?;
        Ok(cleaned.series)
    }
}

fn read_series(path: &Path) -> Result<RawSeries, CliError> {
    let text = std::fs::read_to_string(path).map_err(|e| CliError::Usage(format!("{}: {e}", path.display())))?;
    let mut samples = Vec::new();
    for (n, line) in text.lines().enumerate().skip(1) {
        let wrong = || CliError::Usage(format!("{}, line {}: `{line}`", path.display(), n + 1));
        let (time, value) = line.split_once(',').ok_or_else(wrong)?;
        let value = if value.is_empty() { None } else { Some(value.parse().map_err(|_| wrong())?) };
        samples.push(Sample { time: time.parse().map_err(|_| wrong())?, value });
    }
    Ok(RawSeries { name: path.display().to_string(), samples })
}

/// One series of a panel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PanelRow {
    pub(crate) id: String,
    pub(crate) values: Vec<Option<f64>>,
}

/// Reads a panel: `id,v1,v2,…` a row, without a header.
pub(crate) fn read_panel(path: &Path) -> Result<Vec<PanelRow>, CliError> {
    let text = std::fs::read_to_string(path).map_err(|e| CliError::Usage(format!("{}: {e}", path.display())))?;
    text.lines()
        .enumerate()
        .map(|(n, line)| {
            let wrong = || CliError::Usage(format!("{}, line {}: no number", path.display(), n + 1));
            let mut cells = line.split(',');
            let id = cells.next().unwrap_or_default().to_owned();
            let value =
                |cell: &str| if cell.is_empty() { Ok(None) } else { cell.parse().map(Some).map_err(|_| wrong()) };
            Ok(PanelRow { id, values: cells.map(value).collect::<Result<_, _>>()? })
        })
        .collect()
}

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

/// Time between two values of a panel, which has no times: a season is a day; without a season the step is a week.
///
/// So that what knows the clock (days, weeks) finds the panel's season where it looks for it.
pub(crate) fn panel_step(season: usize) -> Result<Duration, CliError> {
    match season as u64 {
        0 => Err(CliError::usage("--season is 0; expected a number of steps, 1 for no season")),
        1 => Ok(Duration::from_secs(7 * 86_400)),
        7 => Ok(Duration::from_secs(86_400)),
        season if season <= 86_400 => Ok(Duration::from_secs((86_400 + season / 2) / season)),
        season => Err(CliError::Usage(format!("--season is {season}; expected at most 86400 steps"))),
    }
}
