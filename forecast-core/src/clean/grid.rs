//! Sorting, the step, and the grid.

use std::time::Duration;

use jiff::Timestamp;

use super::{Aggregation, CleanError, CleanOptions, Duplicates, LONGEST, Report};
use crate::series::{RawSeries, Sample};

/// Share of a bin's samples below which it counts as missing.
const FEWEST: f64 = 0.8;
/// Distance from the grid, in steps, at which a stamp does not belong to it.
const OFF_GRID: f64 = 0.25;

/// Samples in order of time, one an instant, finite and within the bounds; others are missing.
pub(super) fn sorted(raw: &RawSeries, options: &CleanOptions, report: &mut Report) -> Result<Vec<Sample>, CleanError> {
    if raw.samples.is_empty() {
        return Err(CleanError::Empty { name: raw.name.clone() });
    }
    let mut samples = raw.samples.clone();
    report.unsorted = samples.windows(2).filter(|pair| pair[1].time < pair[0].time).count();
    // A stable sort: of one instant, the sample that came last stays last.
    samples.sort_by_key(|sample| sample.time);
    for sample in &mut samples {
        if sample.value.is_some_and(|v| !v.is_finite()) {
            report.not_finite.add(sample.time);
            sample.value = None;
        }
        let outside =
            |v: f64| options.lower_bound.is_some_and(|low| v < low) || options.upper_bound.is_some_and(|high| v > high);
        if sample.value.is_some_and(outside) {
            report.out_of_bounds.add(sample.time);
            sample.value = None;
        }
    }
    let mut out: Vec<Sample> = Vec::with_capacity(samples.len());
    for same in samples.chunk_by(|a, b| a.time == b.time) {
        for extra in &same[1..] {
            report.duplicates.add(extra.time);
        }
        let mut values = same.iter().filter_map(|sample| sample.value);
        let value = match options.duplicates {
            Duplicates::Last => values.next_back(),
            Duplicates::Mean => mean(values.collect()),
        };
        out.push(Sample { time: same[0].time, value });
    }
    Ok(out)
}

/// Values of the grid that begins at the first sample; sets the steps of the report.
pub(super) fn on_grid(
    name: &str,
    samples: &[Sample],
    options: &CleanOptions,
    report: &mut Report,
) -> Result<Vec<Option<f64>>, CleanError> {
    let native = native_step(samples);
    let regular = native.is_some_and(|step| is_regular(samples, step));
    let native = match (native, options.step) {
        (Some(native), _) if regular => native,
        (_, Some(step)) => step,
        (None, None) => {
            return Err(CleanError::StepUnclear { name: name.into(), found: "a single stamp".into() });
        }
        (Some(native), None) => {
            let found = format!("mostly about {native:?}, but many stamps are off that grid");
            return Err(CleanError::StepUnclear { name: name.into(), found });
        }
    };
    let step = options.step.filter(|step| *step > native).unwrap_or(native);
    (report.native_step_seconds, report.step_seconds) = (native.as_secs(), step.as_secs());
    let (first, last) = (samples[0].time, samples[samples.len() - 1].time);
    let steps = nanos_between(first, last) / step.as_nanos() + 1;
    let too_long = |steps| CleanError::TooLong { name: name.into(), from: first, to: last, steps };
    let steps = u64::try_from(steps).map_err(|_| too_long(u64::MAX))?;
    if steps > LONGEST {
        return Err(too_long(steps));
    }
    // One step more, into which a stamp just before the next one may be snapped.
    let mut bins: Vec<Vec<f64>> = vec![Vec::new(); steps as usize + 1];
    let mut end = 0;
    for same in samples.chunk_by(|a, b| regular && slot(first, a.time, native) == slot(first, b.time, native)) {
        let slot = slot(first, same[0].time, native);
        for sample in same.iter().filter(|s| regular && !nanos_between(first, s.time).is_multiple_of(native.as_nanos()))
        {
            report.snapped.add(sample.time);
        }
        let offset = if regular { slot * native.as_nanos() } else { nanos_between(first, same[0].time) };
        let bin = (offset / step.as_nanos()) as usize;
        // Two samples nearest to one step of the grid are one measurement.
        bins[bin].extend(mean(same.iter().filter_map(|s| s.value).collect()));
        end = end.max(bin + 1);
    }
    let expected = if regular { step.as_nanos() as f64 / native.as_nanos() as f64 } else { 1.0 };
    Ok(bins[..end].iter().map(|bin| aggregate(bin, expected, options.aggregation)).collect())
}

/// Most seconds that jitter is taken to move the median step.
const MOST_JITTER: u64 = 60;

/// Median time between stamps, in whole seconds; `None` of fewer than two stamps.
fn native_step(samples: &[Sample]) -> Option<Duration> {
    let mut between: Vec<u128> = samples.windows(2).map(|pair| nanos_between(pair[0].time, pair[1].time)).collect();
    if between.is_empty() {
        return None;
    }
    let middle = between.len() / 2;
    let (_, median, _) = between.select_nth_unstable(middle);
    let seconds = u64::try_from((*median + 500_000_000) / 1_000_000_000).unwrap_or(u64::MAX).max(1);
    // Jitter moves the median by a second or two off the step of a clock, on whose grid the stamps lie better.
    let jitter = (seconds / 20).min(MOST_JITTER);
    let usual = (seconds - jitter..=seconds.saturating_add(jitter))
        .filter(|s| 86_400_u64.is_multiple_of(*s) || s.is_multiple_of(86_400));
    let usual = usual.min_by_key(|s| s.abs_diff(seconds)).unwrap_or(seconds);
    let off = |seconds: u64| off_grid(samples, Duration::from_secs(seconds));
    Some(Duration::from_secs(if off(usual) < off(seconds) { usual } else { seconds }))
}

/// Mean distance of the stamps from the grid of a step, in steps.
fn off_grid(samples: &[Sample], step: Duration) -> f64 {
    let step = step.as_nanos() as f64;
    let off = |sample: &Sample| {
        let parts = nanos_between(samples[0].time, sample.time) as f64 / step;
        (parts - parts.round()).abs()
    };
    samples.iter().map(off).sum::<f64>() / samples.len() as f64
}

/// Whether most stamps lie near the grid of a step.
fn is_regular(samples: &[Sample], step: Duration) -> bool {
    let step = step.as_nanos();
    let near = |pair: &&[Sample]| {
        let parts = nanos_between(pair[0].time, pair[1].time) as f64 / step as f64;
        (parts - parts.round()).abs() <= OFF_GRID
    };
    2 * samples.windows(2).filter(near).count() > samples.len() - 1
}

/// The step of the grid nearest to a stamp.
fn slot(first: Timestamp, at: Timestamp, step: Duration) -> u128 {
    (nanos_between(first, at) + step.as_nanos() / 2) / step.as_nanos()
}

fn nanos_between(from: Timestamp, to: Timestamp) -> u128 {
    u128::try_from(to.as_nanosecond() - from.as_nanosecond()).unwrap_or(0)
}

fn mean(values: Vec<f64>) -> Option<f64> {
    let count = values.len() as f64;
    // Divided first: a sum of huge values may not be finite.
    (!values.is_empty())
        .then(|| values.iter().sum::<f64>() / count)
        .map(|mean| if mean.is_finite() { mean } else { values.iter().map(|v| v / count).sum() })
}

fn aggregate(bin: &[f64], expected: f64, how: Aggregation) -> Option<f64> {
    if bin.is_empty() || (bin.len() as f64) < FEWEST * expected {
        return None;
    }
    match how {
        Aggregation::Mean => mean(bin.to_vec()),
        Aggregation::Sum => mean(bin.to_vec()).map(|mean| mean * expected).filter(|sum| sum.is_finite()),
        Aggregation::Max => bin.iter().copied().reduce(f64::max),
        Aggregation::Last => bin.last().copied(),
    }
}
