//! Load is not utilization: from what a metric says to the load of all units together.
//!
//! A scaler holds the load of one unit near its target, and overload cuts it off: a forecast of it would be a forecast
//! of the scaler. So a metric of one unit is multiplied by the unit count of its time. A saturated sample says only that
//! the load was at least so high; it stays as that lower bound, as taking it out would take the peak out, and is counted.

use forecast_core::{RawSeries, Sample};

use crate::quantile::nearest_rank;
use crate::settings::{LoadKind, LoadSettings};

/// Quantile of the load that a unit was seen to serve, taken for what it can serve.
const SERVED_LEVEL: f64 = 0.99;
/// Fewest samples to learn it from.
const LEARN_FROM: usize = 48;
/// A unit count holds until the next one, but no longer than so many of its usual intervals.
const HOLDS_INTERVALS: i64 = 12;

/// Load of all units together, with what was found on the way.
#[derive(Debug, Clone, PartialEq)]
pub struct TotalLoad {
    /// The load; samples whose unit count is unknown are missing.
    pub series: RawSeries,
    /// Samples at or above saturation.
    pub saturated: usize,
    /// Samples with a value.
    pub measured: usize,
    /// Samples with a value for whose time no unit count is known.
    pub without_units: usize,
    /// Load that one unit was seen to serve, where the unit count is known for enough samples.
    pub served_per_unit: Option<f64>,
}

/// Why the load of all units is unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A metric of one unit without the unit count.
    #[error(
        "load.kind is `per_unit`, but the unit count is unknown; set load.units, or take a metric of all units and kind `total`"
    )]
    NoUnits,
    /// Not one sample with a unit count of its time.
    #[error(
        "none of the {samples} samples of the load lies at a time for which load.units has a count; check that both cover the same time"
    )]
    NoOverlap {
        /// Samples with a value.
        samples: usize,
    },
}

/// Rebuilds the load of all units.
///
/// `metric`: as the source has it; `units`: history of the unit count, needed for `per_unit`.
/// # Errors
/// `per_unit` without a unit count, or without one at any sample's time.
pub fn total_load(
    metric: &RawSeries,
    units: Option<&RawSeries>,
    settings: &LoadSettings,
) -> Result<TotalLoad, LoadError> {
    let counts = units.map(Counts::new);
    if settings.kind == LoadKind::PerUnit && counts.is_none() {
        return Err(LoadError::NoUnits);
    }
    let saturated = |value: f64| settings.saturation.is_some_and(|bound| value >= bound);
    let mut out = TotalLoad {
        series: RawSeries { name: metric.name.clone(), samples: Vec::with_capacity(metric.samples.len()) },
        saturated: 0,
        measured: 0,
        without_units: 0,
        served_per_unit: None,
    };
    let mut served = Vec::new();
    for sample in &metric.samples {
        let count = counts.as_ref().and_then(|c| c.at(sample.time.as_second()));
        let value = sample.value.and_then(|value| {
            out.measured += 1;
            out.saturated += usize::from(saturated(value));
            out.without_units += usize::from(counts.is_some() && count.is_none());
            let total = match settings.kind {
                LoadKind::Total => Some(value),
                LoadKind::PerUnit => count.map(|count| value * count),
            };
            // What a saturated unit serves is no longer what it serves well.
            if let (Some(total), Some(count)) = (total, count.filter(|c| *c > 0.0 && !saturated(value))) {
                served.push(total / count);
            }
            total
        });
        out.series.samples.push(Sample { time: sample.time, value });
    }
    if settings.kind == LoadKind::PerUnit && out.measured > 0 && out.without_units == out.measured {
        return Err(LoadError::NoOverlap { samples: out.measured });
    }
    out.served_per_unit = served_per_unit(served);
    Ok(out)
}

/// The 99 % quantile of the load that one unit served, by the nearest rank: units that never were busier are planned as
/// if they could not be, which errs toward more units.
fn served_per_unit(served: Vec<f64>) -> Option<f64> {
    if served.len() < LEARN_FROM {
        return None;
    }
    nearest_rank(served, SERVED_LEVEL).filter(|s| s.is_finite() && *s > 0.0)
}

/// Unit counts by time, each holding until the next.
struct Counts {
    points: Vec<(i64, Option<f64>)>,
    holds: i64,
}

impl Counts {
    fn new(units: &RawSeries) -> Self {
        let mut points: Vec<(i64, Option<f64>)> = units
            .samples
            .iter()
            .map(|s| (s.time.as_second(), s.value.filter(|v| v.is_finite() && *v >= 0.0)))
            .collect();
        points.sort_by_key(|(time, _)| *time);
        let mut gaps: Vec<i64> = points.windows(2).map(|w| w[1].0 - w[0].0).filter(|gap| *gap > 0).collect();
        gaps.sort_unstable();
        let usual = gaps.get(gaps.len() / 2).copied().unwrap_or(i64::MAX / HOLDS_INTERVALS);
        Self { points, holds: usual.saturating_mul(HOLDS_INTERVALS) }
    }

    fn at(&self, second: i64) -> Option<f64> {
        let (time, count) = self.points[..self.points.partition_point(|(time, _)| *time <= second)].last()?;
        count.filter(|_| second - time <= self.holds)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn series(points: &[(i64, f64)]) -> RawSeries {
        let sample = |(minute, value): &(i64, f64)| Sample {
            time: Timestamp::from_second(minute * 60).unwrap(),
            value: value.is_finite().then_some(*value),
        };
        RawSeries { name: "load".into(), samples: points.iter().map(sample).collect() }
    }

    fn per_unit(saturation: Option<f64>) -> LoadSettings {
        LoadSettings { kind: LoadKind::PerUnit, saturation }
    }

    fn values(load: &TotalLoad) -> Vec<Option<f64>> {
        load.series.samples.iter().map(|s| s.value).collect()
    }

    #[test]
    fn the_load_of_one_unit_times_the_count_of_its_time() {
        let metric = series(&[(0, 50.0), (5, 60.0), (10, f64::NAN), (15, 70.0)]);
        let units = series(&[(10, 4.0), (0, 2.0)]);
        let load = total_load(&metric, Some(&units), &per_unit(None)).unwrap();
        assert_eq!(values(&load), [Some(100.0), Some(120.0), None, Some(280.0)]);
        assert_eq!((load.measured, load.without_units), (3, 0));
    }

    #[test]
    fn a_count_does_not_hold_forever() {
        let metric = series(&[(0, 50.0), (70, 60.0), (200, 70.0)]);
        let units = series(&[(5, 2.0), (10, 2.0), (15, 3.0)]);
        let load = total_load(&metric, Some(&units), &per_unit(None)).unwrap();
        assert_eq!(values(&load), [None, Some(180.0), None]);
        assert_eq!(load.without_units, 2);
    }

    #[test]
    fn without_a_count_there_is_no_total() {
        let metric = series(&[(0, 50.0)]);
        assert_eq!(total_load(&metric, None, &per_unit(None)), Err(LoadError::NoUnits));
        let later = series(&[(100, 2.0)]);
        assert_eq!(total_load(&metric, Some(&later), &per_unit(None)), Err(LoadError::NoOverlap { samples: 1 }));
    }

    #[test]
    fn saturated_samples_stay_as_lower_bounds_and_teach_nothing() {
        let mut points: Vec<(i64, f64)> = (0..100).map(|i| (i, 60.0 + (i % 10) as f64)).collect();
        points.extend((100..150).map(|i| (i, 99.0)));
        let units = series(&[(0, 2.0), (1, 2.0), (145, 2.0)]);
        let counts = RawSeries {
            samples: (0..150)
                .map(|i| Sample { time: Timestamp::from_second(i * 60).unwrap(), value: Some(2.0) })
                .collect(),
            ..units
        };
        let load = total_load(&series(&points), Some(&counts), &per_unit(Some(95.0))).unwrap();
        assert_eq!((load.saturated, values(&load)[120]), (50, Some(198.0)));
        assert_eq!(load.served_per_unit, Some(69.0));
    }

    #[test]
    fn a_total_stays_and_the_count_teaches_what_a_unit_serves() {
        let metric = series(&(0..60).map(|i| (i, 120.0)).collect::<Vec<_>>());
        let units = series(&(0..60).map(|i| (i, 3.0)).collect::<Vec<_>>());
        let load = total_load(&metric, Some(&units), &LoadSettings::default()).unwrap();
        assert_eq!((values(&load)[7], load.served_per_unit), (Some(120.0), Some(40.0)));
        assert_eq!(total_load(&metric, None, &LoadSettings::default()).unwrap().served_per_unit, None);
    }
}
