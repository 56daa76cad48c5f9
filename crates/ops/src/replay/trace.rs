//! A load in ticks of a minute, as every way to scale meets it.
//!
//! Samples coarser than a minute are joined linearly; a missing sample makes missing ticks: no decision, no cost, no
//! score. Scored are the last 30 %, at least 3 and at most 14 days.

use std::time::Duration;

use forecast_core::{Calendar, RawSeries, Series};
use jiff::Timestamp;

use super::ReplayError;

const DAY: usize = 1_440;
/// Most minutes, and most samples: more than thirty years, and more than any scraper keeps.
const LONGEST: i64 = 20_000_000;
/// Fewest steps that forecasts are made in, in seconds.
const DECISION_STEP: u64 = 300;
/// A bin with a smaller share of its samples is missing.
const ENOUGH: f64 = 0.8;

/// A load on its own grid and in ticks of a minute.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    start: Timestamp,
    step: u64,
    /// One a step; `NaN` is missing.
    rows: Vec<f64>,
    /// One a minute; `NaN` is missing.
    ticks: Vec<f64>,
    /// First tick that is scored.
    scored_from: usize,
}

impl Trace {
    /// A trace from samples of one constant step; of two samples of one step the later one counts.
    /// # Errors
    /// Fewer than two samples, or none with a value in the scored part.
    pub fn new(raw: &RawSeries) -> Result<Self, ReplayError> {
        let mut samples: Vec<(i64, Option<f64>)> = raw.samples.iter().map(|s| (s.time.as_second(), s.value)).collect();
        samples.sort_by_key(|(time, _)| *time);
        let mut gaps: Vec<i64> = samples.windows(2).map(|w| w[1].0 - w[0].0).filter(|gap| *gap > 0).collect();
        gaps.sort_unstable();
        let (Some(first), Some(step)) = (samples.first(), gaps.get(gaps.len() / 2)) else {
            return Err(ReplayError::TooShort { samples: samples.len() });
        };
        let (start, last) = (first.0, samples[samples.len() - 1].0);
        let minutes = (last - start) / 60;
        if minutes > LONGEST || (last - start) / step > LONGEST {
            return Err(ReplayError::TooLong { days: minutes / DAY as i64 });
        }
        let mut rows = vec![f64::NAN; usize::try_from((last - start) / step).unwrap_or_default() + 1];
        for (time, value) in &samples {
            let row = usize::try_from((time - start + step / 2) / step).unwrap_or_default();
            if let (Some(row), Some(value)) = (rows.get_mut(row), value) {
                *row = *value;
            }
        }
        let start = Timestamp::from_second(start).unwrap_or_default();
        Self::from_rows(start, step.unsigned_abs(), rows)
    }

    /// A trace from a series; steps that were not observed are missing.
    /// # Errors
    /// As [`Trace::new`].
    pub fn from_series(series: &Series) -> Result<Self, ReplayError> {
        let rows = (0..series.len()).map(|i| series.observation(i).unwrap_or(f64::NAN)).collect();
        Self::from_rows(series.start(), series.step().as_secs(), rows)
    }

    fn from_rows(start: Timestamp, step: u64, rows: Vec<f64>) -> Result<Self, ReplayError> {
        let (rows, step) = if step < 60 { (binned(&rows, (60 / step).max(1) as usize), 60) } else { (rows, step) };
        let ticks = joined(&rows, (step / 60) as usize);
        let scored = (ticks.len() * 3 / 10).clamp(3 * DAY, 14 * DAY).min(ticks.len());
        let scored_from = ticks.len() - scored;
        if ticks[scored_from..].iter().all(|x| x.is_nan()) {
            return Err(ReplayError::TooShort { samples: rows.len() });
        }
        Ok(Self { start, step, rows, ticks, scored_from })
    }

    /// The same trace scored from this time on.
    pub(crate) fn scored_since(mut self, from: Timestamp) -> Self {
        let minutes = (from.as_second() - self.start.as_second()).div_euclid(60);
        self.scored_from = usize::try_from(minutes).unwrap_or(0).min(self.ticks.len().saturating_sub(1));
        self
    }

    /// The scored ticks, none below zero; `NaN` is missing.
    pub fn scored(&self) -> Vec<f64> {
        self.ticks[self.scored_from..].iter().map(|x| if x.is_nan() { f64::NAN } else { x.max(0.0) }).collect()
    }

    /// Time of the first scored tick.
    pub fn scored_start(&self) -> Timestamp {
        self.minute(self.scored_from)
    }

    /// Days that are scored.
    pub fn scored_days(&self) -> f64 {
        (self.ticks.len() - self.scored_from) as f64 / DAY as f64
    }

    /// Seconds between two samples of the source.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// Load that one unit serves at full load if `peak_units` serve the scored part's 99th percentile.
    pub fn capacity_per_unit(&self, peak_units: f64) -> f64 {
        let mut seen: Vec<f64> = self.scored().into_iter().filter(|x| !x.is_nan()).collect();
        seen.sort_by(f64::total_cmp);
        percentile(&seen, 0.99) / peak_units
    }

    /// What a forecaster is given: steps of at least five minutes, the mean of a bin's samples.
    /// # Errors
    /// Nothing observed at all.
    pub(crate) fn series(&self, calendar: Calendar) -> Result<Series, ReplayError> {
        let samples = (DECISION_STEP / self.step).max(1);
        let rows = binned(&self.rows, samples as usize);
        let values = rows.into_iter().map(|x| Some(x).filter(|x| !x.is_nan())).collect();
        let series = Series::from_options(self.start, Duration::from_secs(self.step * samples), values);
        Ok(series.map_err(ReplayError::Series)?.with_calendar(calendar))
    }

    fn minute(&self, tick: usize) -> Timestamp {
        Timestamp::from_second(self.start.as_second() + tick as i64 * 60).unwrap_or(Timestamp::MAX)
    }
}

/// Straight lines between neighboring samples, `k` ticks each, as the last sample begins none.
fn joined(rows: &[f64], k: usize) -> Vec<f64> {
    if k <= 1 {
        return rows.to_vec();
    }
    let line = |pair: &[f64]| {
        let (a, b) = (pair[0], pair[1]);
        (0..k).map(move |i| {
            let w = i as f64 / k as f64;
            a * (1.0 - w) + b * w
        })
    };
    rows.windows(2).flat_map(line).collect()
}

/// Means of `k` rows; `NaN` with under 80 % of them.
fn binned(rows: &[f64], k: usize) -> Vec<f64> {
    let mean = |bin: &[f64]| {
        let seen: Vec<f64> = bin.iter().copied().filter(|x| !x.is_nan()).collect();
        if (seen.len() as f64) < ENOUGH * k as f64 { f64::NAN } else { seen.iter().sum::<f64>() / seen.len() as f64 }
    };
    rows.chunks(k).map(mean).collect()
}

/// Percentile by linear interpolation between order statistics, as numpy has it by default.
fn percentile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len().saturating_sub(1)) as f64;
    let below = position.floor() as usize;
    let (a, b) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    a + (b - a) * (position - below as f64)
}

#[cfg(test)]
mod tests {
    use forecast_core::Sample;

    use super::*;

    fn raw(step: i64, values: &[f64]) -> RawSeries {
        let sample = |(i, v): (usize, &f64)| Sample {
            time: Timestamp::from_second(i as i64 * step).unwrap(),
            value: (!v.is_nan()).then_some(*v),
        };
        RawSeries { name: "load".into(), samples: values.iter().enumerate().map(sample).collect() }
    }

    #[test]
    fn coarse_samples_are_joined() {
        let trace = Trace::new(&raw(180, &[0.0, 3.0, f64::NAN, 6.0, 0.0])).unwrap();
        let ticks = trace.scored();
        assert_eq!(ticks[..3], [0.0, 1.0, 2.0]);
        assert!(ticks[3..9].iter().all(|x| x.is_nan()), "{ticks:?}");
        assert_eq!(ticks[9..], [6.0, 4.0, 2.0]);
    }

    #[test]
    fn fine_samples_are_averaged() {
        let trace = Trace::new(&raw(30, &[1.0, 3.0, 5.0, 7.0])).unwrap();
        assert_eq!(trace.scored(), [2.0, 6.0]);
    }

    #[test]
    fn percentiles_interpolate() {
        assert_eq!(percentile(&[1.0, 2.0, 3.0, 5.0], 0.5), 2.5);
        assert_eq!(percentile(&[4.0], 0.99), 4.0);
    }

    #[test]
    fn the_last_part_is_scored() {
        let week = vec![1.0; 7 * DAY];
        assert_eq!(Trace::new(&raw(60, &week)).unwrap().scored().len(), 3 * DAY);
        assert_eq!(Trace::new(&raw(60, &vec![1.0; 100 * DAY])).unwrap().scored().len(), 14 * DAY);
        assert!(matches!(Trace::new(&raw(60, &[1.0])), Err(ReplayError::TooShort { samples: 1 })));
        assert!(matches!(Trace::new(&raw(2_000_000_000, &[1.0, 2.0])), Err(ReplayError::TooLong { days: 23_148 })));
    }
}
