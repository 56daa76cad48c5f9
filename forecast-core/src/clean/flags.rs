//! What is noted about values without changing them: saturation, outliers, level shifts.

use std::time::Duration;

use super::{CleanOptions, Report};
use crate::math;
use crate::series::Series;

/// Distance from the median of the last day, in median absolute deviations, of an outlier.
const OUTLIER: f64 = 12.0;
/// Distance between the levels before and after a shift, in the usual distance of one day from the next.
const SHIFT: f64 = 5.0;
/// Days before and after a level shift.
const BEFORE_AND_AFTER: (usize, usize) = (7, 3);

/// Notes what the options ask for.
pub(super) fn note(y: &Series, options: &CleanOptions, report: &mut Report) {
    if let Some(limit) = options.saturated_at {
        for t in (0..y.len()).filter(|t| y.observation(*t).is_some_and(|v| v >= limit)) {
            report.saturated.add(y.time(t));
        }
    }
    if options.flag_outliers {
        note_outliers(y, report);
    }
    if options.flag_level_shifts {
        note_level_shifts(y, report);
    }
}

/// Steps whose value is far from the last day's (from the last 20 values of daily data), and from the same time before.
fn note_outliers(y: &Series, report: &mut Report) {
    let day = y.steps_in(Duration::from_secs(86_400));
    let window = day.max(20);
    let every = (window / 4).max(1);
    let (mut middle, mut limit) = (0.0, f64::INFINITY);
    for t in 0..y.len() {
        if t >= window && t % every == 0 {
            let mut recent: Vec<f64> = (t - window..t).filter_map(|i| y.observation(i)).collect();
            if let Some(median) = math::median(&mut recent) {
                let mut off: Vec<f64> = recent.iter().map(|v| (v - median).abs()).collect();
                let mad = math::median(&mut off).unwrap_or(0.0);
                (middle, limit) = (median, if mad > 0.0 { OUTLIER * mad } else { f64::INFINITY });
            }
        }
        let Some(value) = y.observation(t) else { continue };
        let yesterday = t.checked_sub(day).map_or(middle, |before| y.values()[before]);
        if (value - middle).abs() > limit && (value - yesterday).abs() > limit {
            report.outliers.add(y.time(t));
        }
    }
}

/// Days before which a week of daily medians lies on one side of the three after it, far from them.
fn note_level_shifts(y: &Series, report: &mut Report) {
    let day = y.steps_in(Duration::from_secs(86_400));
    let days = y.len() / day;
    let medians: Vec<Option<f64>> = (0..days)
        .map(|d| math::median(&mut (d * day..(d + 1) * day).filter_map(|t| y.observation(t)).collect::<Vec<_>>()))
        .collect();
    let (before, after) = BEFORE_AND_AFTER;
    let mut d = before;
    while d + after <= days {
        let mut past: Vec<f64> = medians[d - before..d].iter().flatten().copied().collect();
        let next: Vec<f64> = medians[d..d + after].iter().flatten().copied().collect();
        let mut changes: Vec<f64> = past.windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
        let usual = math::median(&mut changes).unwrap_or(0.0).max(1e-6 * past.first().map_or(0.0, |v| v.abs()));
        let range = past.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |r, v| (r.0.min(*v), r.1.max(*v)));
        let level = math::median(&mut past);
        let shifted = level.is_some_and(|level| {
            let far = |v: &f64| (v - level).abs() > SHIFT * usual;
            let above = next.iter().all(|v| *v > range.1 && far(v));
            let below = next.iter().all(|v| *v < range.0 && far(v));
            next.len() == after && past.len() >= after && (above || below)
        });
        if shifted {
            report.level_shifts.add(y.time(d * day));
            d += after;
        } else {
            d += 1;
        }
    }
}
