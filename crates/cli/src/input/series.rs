//! A series file on the command line: where it is, how it is written, and the grid that it is put on.

use std::path::{Path, PathBuf};

use clap::Args;
use forecast_core::clean::{Aggregation, Report};
use forecast_core::{Borrowing, Calendar, CleanOptions, Forecaster, RawSeries, Series, borrow};
use stormglass_integrations::sources::csv;
use stormglass_integrations::sources::table::Format;
use stormglass_ops::SourceError;
use stormglass_ops::duration::Span;

use crate::error::CliError;
use crate::output;

/// How a series file is written.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "How the file is written")]
pub(crate) struct FormatArgs {
    /// Name of the column with times
    #[arg(long, default_value = "timestamp", value_name = "NAME")]
    time_column: String,
    /// Name of the column with values
    #[arg(long, default_value = "value", value_name = "NAME")]
    value_column: String,
    /// `rfc3339`, `unix`, `unix_ms`, or a pattern such as `%d.%m.%Y %H:%M`
    #[arg(long, default_value = "rfc3339", value_name = "FORMAT")]
    time_format: String,
    /// Time zone of stamps that carry no offset
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    stamps_timezone: String,
    /// Character between columns
    #[arg(long, default_value_t = ',', value_name = "CHAR")]
    separator: char,
    /// Character before the fraction
    #[arg(long, default_value_t = '.', value_name = "CHAR")]
    decimal: char,
}

impl FormatArgs {
    /// The settings of the source `csv` that these are.
    pub(crate) fn format(&self) -> Format {
        Format {
            time_column: self.time_column.clone(),
            value_column: self.value_column.clone(),
            time_format: self.time_format.clone(),
            time_zone: self.stamps_timezone.clone(),
            separator: self.separator,
            decimal: self.decimal,
        }
    }
}

/// A series file and the grid that it is put on.
#[derive(Debug, Clone, Args)]
pub(crate) struct SeriesArgs {
    /// Series file with the columns `timestamp,value`, or JSON; gzip by suffix
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Time between two values, for example 5m; finer data are aggregated, coarser ones keep their own
    #[arg(long, value_name = "SPAN")]
    step: Option<Span>,
    /// How finer data are aggregated
    #[arg(long, default_value = "mean", value_name = "HOW", value_parser = aggregation)]
    aggregation: Aggregation,
    /// Time zone whose days and weeks the seasons follow
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    timezone: String,
    #[command(flatten)]
    format: FormatArgs,
}

impl SeriesArgs {
    /// Reads the file and puts it on a grid; what a person should know of it is told on standard error.
    pub(crate) fn series(&self, quiet: bool) -> Result<Series, CliError> {
        let path = self.file.as_deref().ok_or_else(|| CliError::usage("the series file is missing; expected FILE"))?;
        self.on_grid(path, quiet)
    }

    /// A model that learns from a similar series, too, whose file is written and put on a grid as this one.
    pub(crate) fn borrowing(
        &self,
        from: Option<&Path>,
        y: &Series,
        model: Box<dyn Forecaster>,
        quiet: bool,
    ) -> Result<Box<dyn Forecaster>, CliError> {
        let Some(path) = from else { return Ok(model) };
        let similar = self.on_grid(path, quiet)?;
        borrow(y, &similar).map_err(|e| CliError::Usage(format!("--borrow-from {}: {e}", path.display())))?;
        Ok(Box::new(Borrowing::new(model, similar)))
    }

    fn on_grid(&self, path: &Path, quiet: bool) -> Result<Series, CliError> {
        let options = CleanOptions {
            step: self.step.map(|s| s.0),
            aggregation: self.aggregation,
            calendar: Calendar::new(super::zone(&self.timezone)?),
            ..CleanOptions::default()
        };
        let raw = read(path, &self.format.format())?;
        let cleaned = forecast_core::clean(&raw, &options).map_err(CliError::usage)?;
        if !quiet {
            for line in remarks(&cleaned.report) {
                output::warn(&format!("{}: {line}", path.display()));
            }
        }
        Ok(cleaned.series)
    }
}

/// Reads a series file; what is wrong with it is wrong use.
pub(crate) fn read(path: &Path, format: &Format) -> Result<RawSeries, CliError> {
    csv::read_file(path, format).map_err(|error| match error {
        SourceError::Invalid { what, reason } if looks_wide(path) => CliError::Usage(format!(
            "{what}: {reason}; rows of `id,v1,v2,…` are a panel: see `stormglass panel` and `backtest --panel`"
        )),
        SourceError::Invalid { what, reason } => CliError::Usage(format!("{what}: {}", as_options(reason))),
        other => CliError::usage(other),
    })
}

/// The reader's advice with the names that its settings have on the command line.
fn as_options(reason: String) -> String {
    let names = [("time_column", "time-column"), ("value_column", "value-column"), ("time_format", "time-format")];
    let names = names.into_iter().chain([("separator", "separator"), ("decimal", "decimal")]);
    let names = names.chain([("time_zone", "stamps-timezone")]);
    names.fold(reason, |text, (setting, option)| text.replace(&format!("`{setting}`"), &format!("`--{option}`")))
}

/// Whether the first line holds more than a few cells, most of them numbers.
fn looks_wide(path: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(path) else { return false };
    let first = text.lines().next().unwrap_or_default();
    let cells: Vec<&str> = first.split(',').skip(1).collect();
    !cells.is_empty() && cells.iter().filter(|cell| cell.trim().parse::<f64>().is_ok()).count() * 2 > cells.len()
}

/// What was done to the data that a person should know.
fn remarks(report: &Report) -> Vec<String> {
    let mut out = Vec::new();
    let mut tell = |noted: &forecast_core::clean::Noted, what: &str| {
        if let Some(first) = noted.first.first() {
            out.push(format!("{} {what}, the first at {first}", noted.count));
        }
    };
    tell(&report.duplicates, "samples of an instant that another sample has; the last one counts");
    tell(&report.not_finite, "samples that are no finite number; they are missing");
    tell(&report.snapped, "samples off the grid; they were moved to its nearest step");
    out
}

fn aggregation(text: &str) -> Result<Aggregation, String> {
    match text {
        "mean" => Ok(Aggregation::Mean),
        "sum" => Ok(Aggregation::Sum),
        "max" => Ok(Aggregation::Max),
        "last" => Ok(Aggregation::Last),
        _ => Err("expected `mean`, `sum`, `max` or `last`".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remarks_tell_what_was_done() {
        let mut report = Report::default();
        assert!(remarks(&report).is_empty());
        report.duplicates.count = 3;
        report.duplicates.first = vec![jiff::Timestamp::UNIX_EPOCH];
        assert_eq!(
            remarks(&report),
            ["3 samples of an instant that another sample has; the last one counts, the first at 1970-01-01T00:00:00Z"]
        );
    }

    #[test]
    fn advice_names_options() {
        let reason = "name it with `time_column`, or check `separator`".to_owned();
        assert_eq!(as_options(reason), "name it with `--time-column`, or check `--separator`");
    }

    #[test]
    fn ways_to_aggregate() {
        assert_eq!(aggregation("max"), Ok(Aggregation::Max));
        assert!(aggregation("median").unwrap_err().contains("mean"));
    }
}
