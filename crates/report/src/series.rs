//! Series on a regular grid of instants, and their reduction to what a screen can show.
//!
//! Reduction keeps the smallest and the largest value of every bucket, so that no peak is lost; a bucket without any
//! value breaks the line, so that a long gap stays a gap.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Values at regular instants; a value that is `None` or not finite is a gap.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TimeSeries {
    /// Instant of the first value.
    pub start: Timestamp,
    /// Seconds from one value to the next; 0 counts as 1.
    pub step_seconds: u32,
    /// One value an instant, oldest first.
    pub values: Vec<Option<f64>>,
}

/// An instant in Unix seconds with its value; `None` breaks the line.
pub(crate) type Point = (i64, Option<f64>);

impl TimeSeries {
    /// Unix second of value `i`, which may be one past the end.
    pub(crate) fn second(&self, i: usize) -> i64 {
        let offset = i64::try_from(i).unwrap_or(i64::MAX).saturating_mul(self.step());
        self.start.as_second().saturating_add(offset)
    }

    /// Seconds from one value to the next, at least 1.
    pub(crate) fn step(&self) -> i64 {
        i64::from(self.step_seconds.max(1))
    }

    /// Unix second just after the last value's step.
    pub(crate) fn end(&self) -> i64 {
        self.second(self.values.len())
    }

    /// All values with their instants, gaps as `None`.
    pub(crate) fn points(&self) -> Vec<Point> {
        self.values.iter().enumerate().map(|(i, v)| (self.second(i), finite(*v))).collect()
    }

    /// Values from `from` on, in Unix seconds.
    pub(crate) fn points_from(&self, from: i64) -> Vec<Point> {
        let mut points = self.points();
        points.retain(|(at, _)| *at >= from);
        points
    }
}

/// The value if it can be drawn: finite, and of a size whose differences are finite too.
pub(crate) fn finite(value: Option<f64>) -> Option<f64> {
    value.filter(|v| v.is_finite() && v.abs() < 1e300)
}

/// At most about `2 * buckets` points with each bucket's smallest and largest value, in their order of time.
pub(crate) fn reduce(points: &[Point], buckets: usize) -> Vec<Point> {
    if points.len() <= 2 * buckets {
        return points.to_vec();
    }
    let mut reduced = Vec::with_capacity(2 * buckets + 2);
    for bucket in points.chunks(points.len().div_ceil(buckets)) {
        let known = || bucket.iter().filter_map(|(at, v)| v.map(|v| (*at, v)));
        let low = known().min_by(|a, b| a.1.total_cmp(&b.1));
        let high = known().max_by(|a, b| a.1.total_cmp(&b.1));
        match (low, high) {
            (Some(low), Some(high)) if low.0 == high.0 => reduced.push((low.0, Some(low.1))),
            (Some(low), Some(high)) => {
                let (first, second) = if low.0 < high.0 { (low, high) } else { (high, low) };
                reduced.extend([(first.0, Some(first.1)), (second.0, Some(second.1))]);
            }
            _ => reduced.extend(bucket.first().map(|(at, _)| (*at, None))),
        }
    }
    // The line ends where the data end: the last value matters most to its reader.
    if let (Some(last), Some(kept)) = (points.last(), reduced.last())
        && last.0 > kept.0
    {
        reduced.push(*last);
    }
    reduced
}

/// The same for a band: each bucket's lowest lower and highest upper bound.
pub(crate) fn reduce_band(points: &[(i64, f64, f64)], buckets: usize) -> Vec<(i64, f64, f64)> {
    if points.len() <= buckets {
        return points.to_vec();
    }
    let size = points.len().div_ceil(buckets);
    let mut reduced: Vec<_> = points
        .chunks(size)
        .map(|bucket| bucket.iter().skip(1).fold(bucket[0], |(at, low, high), b| (at, low.min(b.1), high.max(b.2))))
        .collect();
    if let (Some(last), Some(kept)) = (points.last(), reduced.last())
        && last.0 > kept.0
    {
        reduced.push(*last);
    }
    reduced
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize) -> Vec<Point> {
        (0..n).map(|i| (i as i64 * 300, Some((i % 288) as f64))).collect()
    }

    #[test]
    fn short_series_stay_as_they_are() {
        assert_eq!(reduce(&wave(10), 5), wave(10));
        assert_eq!(reduce(&[], 5), []);
    }

    #[test]
    fn no_peak_is_lost() {
        let mut points = wave(16_128);
        points[7_777].1 = Some(1e6);
        points[9_999].1 = Some(-1e6);
        let reduced = reduce(&points, 500);
        assert!(reduced.len() <= 1_001, "{}", reduced.len());
        assert!(reduced.contains(&(7_777 * 300, Some(1e6))));
        assert!(reduced.contains(&(9_999 * 300, Some(-1e6))));
        assert_eq!(reduced.last(), points.last());
        assert!(reduced.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn a_long_gap_breaks_the_line() {
        let mut points = wave(10_000);
        points[4_000..6_000].iter_mut().for_each(|p| p.1 = None);
        assert!(reduce(&points, 100).iter().any(|p| p.1.is_none()));
    }

    #[test]
    fn a_band_never_narrows() {
        let band: Vec<_> = (0..5_000).map(|i| (i, -((i % 97) as f64), (i % 89) as f64)).collect();
        let reduced = reduce_band(&band, 50);
        assert!(reduced.len() <= 51);
        assert!(reduced.iter().any(|b| b.1 == -96.0) && reduced.iter().any(|b| b.2 == 88.0));
    }

    #[test]
    fn what_cannot_be_drawn_is_a_gap() {
        let y = TimeSeries {
            start: Timestamp::UNIX_EPOCH,
            step_seconds: 0,
            values: vec![Some(1.0), None, Some(f64::NAN), Some(f64::INFINITY), Some(-1e305)],
        };
        assert_eq!(y.points(), [(0, Some(1.0)), (1, None), (2, None), (3, None), (4, None)]);
        assert_eq!(y.end(), 5);
    }
}
