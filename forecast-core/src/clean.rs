//! From samples as a source hands them over to a series on a regular grid, with a report of all that was done.
//!
//! The order: drop what is no number, sort, settle duplicates, find the step, snap to the grid, check bounds, bin to
//! the step asked for. Nothing is interpolated, and nothing comes from the future: a gap stays a gap.

mod flags;
mod grid;

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;
use crate::series::{RawSeries, Series, SeriesError};

/// Positions that a report names; the rest is counted.
const NAMED: usize = 10;
/// Most steps of a series.
const LONGEST: u64 = 20_000_000;

/// How samples within one step become its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    /// Their mean: for rates and gauges.
    #[default]
    Mean,
    /// Their sum, in proportion where up to a fifth of them is missing: for counts.
    Sum,
    /// The largest.
    Max,
    /// The latest.
    Last,
}

/// Which of several samples of one instant counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// The one that came last.
    #[default]
    Last,
    /// Their mean.
    Mean,
}

/// What to do with samples.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CleanOptions {
    /// Time between values; finer samples are aggregated to it, coarser ones keep their own. `None` keeps it too.
    pub step: Option<Duration>,
    /// How samples within one step become its value.
    pub aggregation: Aggregation,
    /// Which of several samples of one instant counts.
    pub duplicates: Duplicates,
    /// Values below count as missing, for example 0 for a load that cannot be negative.
    pub lower_bound: Option<f64>,
    /// Values above count as missing.
    pub upper_bound: Option<f64>,
    /// Values at or above are flagged as saturated: demand may have been higher.
    pub saturated_at: Option<f64>,
    /// Whether to flag single values far from those before them.
    pub flag_outliers: bool,
    /// Whether to flag days from which on the level is another.
    pub flag_level_shifts: bool,
    /// Time zone and events of the series.
    pub calendar: Calendar,
}

/// A clean series and what was done to get it.
#[derive(Debug, Clone, PartialEq)]
pub struct Cleaned {
    /// The series.
    pub series: Series,
    /// What was done.
    pub report: Report,
}

/// What was found in samples and done to them.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Samples handed over.
    pub samples: usize,
    /// Seconds between samples as found.
    pub native_step_seconds: u64,
    /// Seconds between values of the series.
    pub step_seconds: u64,
    /// Samples that came out of order.
    pub unsorted: usize,
    /// Samples that are no finite number.
    pub not_finite: Noted,
    /// Samples of an instant that another sample has.
    pub duplicates: Noted,
    /// Samples off the grid, moved to its nearest step.
    pub snapped: Noted,
    /// Values outside the bounds, now missing.
    pub out_of_bounds: Noted,
    /// Stretches of the series without a value, the longest first.
    pub gaps: Vec<Gap>,
    /// Steps of the series without a value.
    pub missing: usize,
    /// Steps at saturation.
    pub saturated: Noted,
    /// Steps flagged as outliers; their values stay.
    pub outliers: Noted,
    /// Days from which on the level is another.
    pub level_shifts: Noted,
}

/// How often something was found, and where first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Noted {
    /// How often.
    pub count: usize,
    /// The first few times.
    pub first: Vec<Timestamp>,
}

impl Noted {
    fn add(&mut self, at: Timestamp) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(at);
        }
    }
}

/// Steps without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// First step without a value.
    pub from: Timestamp,
    /// First step with a value again, or the end of the series.
    pub to: Timestamp,
    /// Number of steps.
    pub steps: usize,
}

/// Why samples do not make a series.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CleanError {
    /// No sample at all.
    #[error("`{name}` has no samples; expected at least one with a value")]
    Empty {
        /// Name of the metric.
        name: String,
    },
    /// No sample with a value.
    #[error("none of the {samples} samples of `{name}` has a value within the bounds; expected at least one")]
    NothingObserved {
        /// Name of the metric.
        name: String,
        /// Samples found.
        samples: usize,
    },
    /// No step was given and none can be told from the stamps.
    #[error("the time between the samples of `{name}` is not clear ({found}); give the step")]
    StepUnclear {
        /// Name of the metric.
        name: String,
        /// What was found.
        found: String,
    },
    /// A step of zero or with a fraction of a second.
    #[error("the step is {step:?}; expected whole seconds, at least one")]
    Step {
        /// The step found.
        step: Duration,
    },
    /// Stamps so far apart that the grid would not fit.
    #[error(
        "the samples of `{name}` reach from {from} to {to}, {steps} steps; expected at most {LONGEST}: look for a wrong stamp, or give a longer step"
    )]
    TooLong {
        /// Name of the metric.
        name: String,
        /// First stamp.
        from: Timestamp,
        /// Last stamp.
        to: Timestamp,
        /// Steps between them.
        steps: u64,
    },
    /// What came out is no series.
    #[error(transparent)]
    Series(#[from] SeriesError),
}

/// Puts samples on a regular grid.
///
/// Bins of a longer step begin at the first sample, are stamped with their beginning, and are missing with under 80 %
/// of their samples.
/// # Errors
/// No sample, none with a value, a step that is neither given nor clear, or stamps that are too far apart.
pub fn clean(raw: &RawSeries, options: &CleanOptions) -> Result<Cleaned, CleanError> {
    let mut report = Report { samples: raw.samples.len(), ..Report::default() };
    if let Some(step) = options.step.filter(|step| step.as_secs() == 0 || step.subsec_nanos() != 0) {
        return Err(CleanError::Step { step });
    }
    let samples = grid::sorted(raw, options, &mut report)?;
    let values = grid::on_grid(&raw.name, &samples, options, &mut report)?;
    if !values.iter().any(Option::is_some) {
        return Err(CleanError::NothingObserved { name: raw.name.clone(), samples: report.samples });
    }
    let step = Duration::from_secs(report.step_seconds);
    let series = Series::from_options(samples[0].time, step, values)?.with_calendar(options.calendar.clone());
    note_gaps(&series, &mut report);
    flags::note(&series, options, &mut report);
    Ok(Cleaned { series, report })
}

fn note_gaps(series: &Series, report: &mut Report) {
    let mut from = 0;
    for run in series.observed().chunk_by(|a, b| a == b) {
        let to = from + run.len();
        if !run[0] {
            report.missing += run.len();
            report.gaps.push(Gap { from: series.time(from), to: series.time(to), steps: run.len() });
        }
        from = to;
    }
    report.gaps.sort_by(|a, b| b.steps.cmp(&a.steps).then(a.from.cmp(&b.from)));
    report.gaps.truncate(NAMED);
}

#[cfg(test)]
mod tests;
