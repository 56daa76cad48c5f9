//! The trend: a line whose slope changes at some points, and what it may do later on.
//!
//! Change points lie evenly over the first part of the history; later ones come as often, at random, with changes as large
//! as those learned were on average (Taylor & Letham 2018, The American Statistician 72, 37-45, section 3.1.4).

use serde::{Deserialize, Serialize};

use crate::paths::Dice;

/// A piecewise linear trend over scaled time: 0 at the first value, 1 at the last one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Trend {
    /// Change points in scaled time, ascending.
    pub(super) points: Vec<f64>,
    /// Level at zero.
    pub(super) level: f64,
    /// Slope before the first change point.
    pub(super) slope: f64,
    /// Changes of the slope.
    pub(super) changes: Vec<f64>,
}

impl Trend {
    /// The value at a scaled time.
    pub(super) fn at(&self, time: f64) -> f64 {
        let bends = self.points.iter().zip(&self.changes).map(|(s, delta)| delta * (time - s).max(0.0));
        self.level + self.slope * time + bends.sum::<f64>()
    }

    /// One course of what later changes add, at ascending scaled times from 1 on.
    pub(super) fn course(&self, times: &[f64], dice: &mut Dice) -> Vec<f64> {
        let rate = self.points.len() as f64;
        let size = self.changes.iter().map(|d| d.abs()).sum::<f64>() / rate.max(1.0) + 1e-8;
        let (mut slope, mut value, mut now) = (0.0, 0.0, 1.0);
        let mut next = now + gap(rate, dice);
        let mut out = Vec::with_capacity(times.len());
        for time in times {
            while next < *time {
                value += slope * (next - now);
                now = next;
                slope += laplace(size, dice);
                next = now + gap(rate, dice);
            }
            value += slope * (time - now).max(0.0);
            now = now.max(*time);
            out.push(value);
        }
        out
    }
}

/// The change points of a history: `count` evenly over its first part, at times of values.
///
/// `times`: scaled times of the values, ascending.
pub(super) fn points(times: &[f64], count: usize, range: f64) -> Vec<f64> {
    let history = (times.len() as f64 * range.clamp(0.0, 1.0)).floor() as usize;
    let count = count.min(history.saturating_sub(1));
    // Half to even, as numpy rounds.
    let at = |i: usize| libm::rint((history - 1) as f64 * i as f64 / count as f64) as usize;
    (1..=count).map(|i| times[at(i)]).collect()
}

/// Time to the next of events that come `rate` times a unit of time.
fn gap(rate: f64, dice: &mut Dice) -> f64 {
    if rate > 0.0 { -libm::log(1.0 - dice.unit()) / rate } else { f64::INFINITY }
}

/// A draw of a Laplace distribution around zero.
fn laplace(size: f64, dice: &mut Dice) -> f64 {
    let u = dice.unit() - 0.5;
    -size * u.signum() * libm::log((1.0 - 2.0 * u.abs()).max(f64::MIN_POSITIVE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bend_changes_the_slope_from_there_on() {
        let trend = Trend { points: vec![0.5], level: 1.0, slope: 2.0, changes: vec![-3.0] };
        assert_eq!([0.0, 0.5, 1.0].map(|t| trend.at(t)), [1.0, 2.0, 1.5]);
    }

    #[test]
    fn change_points_lie_where_prophet_has_them() {
        let times: Vec<f64> = (0..100).map(|t| f64::from(t) / 99.0).collect();
        let found: Vec<f64> = points(&times, 25, 0.8).iter().map(|s| (s * 99.0).round()).collect();
        // numpy.linspace(0, 79, 26).round()[1:]
        let expected =
            [3, 6, 9, 13, 16, 19, 22, 25, 28, 32, 35, 38, 41, 44, 47, 51, 54, 57, 60, 63, 66, 70, 73, 76, 79];
        assert_eq!(found, expected.map(f64::from));
        assert_eq!(points(&times[..3], 25, 0.8).len(), 1);
        assert!(points(&times[..1], 25, 0.8).is_empty());
    }

    #[test]
    fn courses_spread_as_the_variance_of_their_changes_says() {
        let trend =
            Trend { points: vec![0.2, 0.4, 0.6, 0.8], level: 0.0, slope: 0.0, changes: vec![0.1, -0.1, 0.1, 0.1] };
        let mut dice = Dice::new(1);
        let n = 20_000;
        let ends: Vec<f64> = (0..n).map(|_| trend.course(&[1.5, 2.0], &mut dice)[1]).collect();
        // Four changes a unit of time, variance 2 * 0.1^2 each, times (2 - s)^2 over s from 1 to 2: 4 * 0.02 / 3.
        let variance = ends.iter().map(|x| x * x).sum::<f64>() / f64::from(n);
        assert!((variance / (0.08 / 3.0) - 1.0).abs() < 0.05, "{variance}");
    }
}
