//! From load to the units that serve it.

use jiff::Timestamp;

use super::runs::{Stretch, Why};
use super::{CapacityError, Load};
use crate::settings::{CapacitySettings, Strategy};

/// Slack of the ceiling, so that 0.7 * 10 / 0.7 is ten units and not eleven.
const TOLERANCE: f64 = 1e-9;

/// Units that serve `load` with each at `utilization` of `per_unit`, at least zero.
///
/// `load` in the unit of the metric; `per_unit`: load that one unit serves at full utilization, above zero;
/// `utilization`: 0 to 1. The ceiling of load / (per_unit utilization), as autoscalers take it, with a slack of 1e-9.
pub fn units_for_load(load: f64, per_unit: f64, utilization: f64) -> u32 {
    let units = (load / (per_unit * utilization) - TOLERANCE).ceil();
    // A cast of a float saturates; NaN gives zero, and the callers hand finite loads in.
    units.max(0.0) as u32
}

/// The units needed in each forecast step, as stretches of time.
pub(crate) fn needs(load: &Load<'_>, settings: &CapacitySettings) -> Result<Vec<Stretch>, CapacityError> {
    let per_unit = load.per_unit;
    if !(per_unit.is_finite() && per_unit > 0.0) {
        return Err(CapacityError::PerUnit { got: per_unit });
    }
    let quantile = at_level(load, settings.level)?;
    let units = match settings.strategy {
        Strategy::TargetUtilization => {
            quantile.iter().map(|q| units_for_load(*q, per_unit, settings.target_utilization)).collect()
        }
        Strategy::Threshold => {
            let window = (settings.dwell.as_secs() / load.forecast.step.as_secs().max(1)) as usize + 1;
            by_threshold(&highest_ahead(&quantile, window), per_unit, settings)
        }
    };
    let seconds = |time: Timestamp| time.as_second();
    let stretches = units.into_iter().enumerate().map(|(i, units)| Stretch {
        from: seconds(load.forecast.time(i)),
        to: seconds(load.forecast.time(i + 1)),
        units,
        why: Why::Forecast,
    });
    Ok(stretches.collect())
}

/// The quantile of the level to provision for; the next higher level where it was not forecast.
fn at_level(load: &Load<'_>, level: f64) -> Result<Vec<f64>, CapacityError> {
    let forecast = load.forecast;
    let column = forecast.levels.iter().position(|l| l.probability() >= level - TOLERANCE).ok_or_else(|| {
        let levels = forecast.levels.iter().map(|l| l.probability()).collect();
        CapacityError::Level { wanted: level, levels }
    })?;
    let quantile = forecast.quantiles.column(column).to_vec();
    match quantile.iter().position(|q| !q.is_finite()) {
        Some(lead) => Err(CapacityError::NotFinite { lead: lead + 1, value: quantile[lead] }),
        None => Ok(quantile),
    }
}

/// The highest of each value and the `window - 1` after it.
fn highest_ahead(values: &[f64], window: usize) -> Vec<f64> {
    (0..values.len())
        .map(|i| values[i..values.len().min(i + window)].iter().copied().fold(f64::NEG_INFINITY, f64::max))
        .collect()
}

/// Units change only when the predicted maximum leaves the band between the two shares of capacity; they are then
/// sized for the middle of the band, so that the next change is far.
fn by_threshold(peaks: &[f64], per_unit: f64, settings: &CapacitySettings) -> Vec<u32> {
    let middle = (settings.scale_up_at + settings.scale_down_at) / 2.0;
    let size = |peak: f64| units_for_load(peak, per_unit, middle).max(1);
    let mut units = size(peaks.first().copied().unwrap_or_default());
    let step = |peak: &f64| {
        let capacity = f64::from(units) * per_unit;
        if *peak > settings.scale_up_at * capacity || *peak < settings.scale_down_at * capacity {
            units = size(*peak);
        }
        units
    };
    peaks.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_up_with_a_little_slack() {
        let cases = [
            (0.0, 0),
            (0.1, 1),
            (7.0, 1),
            (7.000_000_000_1, 1),
            (7.01, 2),
            (70.0, 10),
            (-3.0, 0),
            (f64::INFINITY, u32::MAX),
        ];
        for (load, units) in cases {
            assert_eq!(units_for_load(load, 10.0, 0.7), units, "{load}");
        }
    }

    #[test]
    fn holds_within_the_band() {
        let settings = CapacitySettings::default();
        // Middle of the band is 0.55: 55 needs 10 units of 10.
        assert_eq!(by_threshold(&[55.0, 80.0, 30.0, 81.0, 29.0], 10.0, &settings), [10, 10, 10, 15, 6]);
        assert_eq!(by_threshold(&[0.0, 0.0], 10.0, &settings), [1, 1]);
    }

    #[test]
    fn sees_the_highest_ahead() {
        assert_eq!(highest_ahead(&[1.0, 5.0, 2.0, 3.0], 2), [5.0, 5.0, 3.0, 3.0]);
        assert_eq!(highest_ahead(&[1.0, 5.0], 9), [5.0, 5.0]);
    }
}
