//! The shape of the week from a handful of weeks, at the present level.
//!
//! A median of past weeks is off by what the level has moved since, and the last week alone carries all of its noise. Here
//! each of the last four weeks is counted in its own mean, the median of those shapes is taken, and it is scaled to the
//! last week's mean, to how the last day compares with the same day of the weeks before, and, fading with the lead, to how
//! the last hours do. The present is one of the values that it is compared with: so one odd day among few moves the
//! level less than it is odd.

use super::experts::{LEVEL_DECAY, LEVEL_WINDOW, seasonal};
use super::history::History;

/// Weeks that the shape is taken from.
const WEEKS: usize = 4;
/// Most that a level or a ratio of levels may differ from one.
const MOST: f64 = 4.0;

/// The weeks before an origin that are whole.
struct Weeks {
    /// Steps just after each week, the newest first.
    ends: [usize; WEEKS],
    /// Mean of each.
    levels: [f64; WEEKS],
    count: usize,
}

impl Weeks {
    fn before(history: &History, origin: usize) -> Self {
        let (mut ends, mut levels, mut count) = ([0; WEEKS], [0.0; WEEKS], 0);
        while count < WEEKS {
            let end = history.days_before(origin, count * history.week / history.day);
            let Some(end) = end.filter(|end| *end >= history.week) else { break };
            (ends[count], levels[count]) = (end, history.mean(end, history.week));
            count += 1;
        }
        Self { ends, levels, count }
    }

    /// Whether sizes can be compared by their ratio.
    fn positive(&self) -> bool {
        self.levels[..self.count].iter().all(|level| *level > 0.0)
    }

    /// What the newest `steps` are in their week's mean, over the median of that in all weeks.
    fn ratio(&self, history: &History, steps: usize) -> f64 {
        let mut shares = [0.0; WEEKS];
        for (share, (end, level)) in shares.iter_mut().zip(self.ends.iter().zip(&self.levels)).take(self.count) {
            *share = history.mean(*end, steps) / level;
        }
        let (now, usual) = (shares[0], median(&mut shares[..self.count]));
        if now >= 0.0 && usual > 0.0 { (now / usual).clamp(1.0 / MOST, MOST) } else { 1.0 }
    }
}

/// Forecasts of the steps from `origin` on, one a lead; `long` steps tell the level that lasts.
///
/// With no whole week, the value a day ago; of a load that is not above zero, the plain median of the weeks.
pub(super) fn forecast(history: &History, origin: usize, long: usize, out: &mut [f64]) {
    let weeks = Weeks::before(history, origin);
    let positive = weeks.positive();
    let scale = |j: usize| if positive { (weeks.levels[0] / weeks.levels[j]).clamp(1.0 / MOST, MOST) } else { 1.0 };
    let scales: Vec<f64> = (0..weeks.count).map(scale).collect();
    let mut values = [0.0; WEEKS];
    for (k, out) in out.iter_mut().enumerate() {
        let mut count = 0;
        for (j, scale) in scales.iter().enumerate() {
            if let Some(at) = history.season_before(origin + k, origin, history.week, j) {
                values[count] = scale * history.smoothed(at, origin);
                count += 1;
            }
        }
        *out = if count > 0 { median(&mut values[..count]) } else { seasonal(history, origin, k, history.week) };
    }
    if weeks.count == 0 || !positive {
        return;
    }
    let (long, short) = (weeks.ratio(history, long), weeks.ratio(history, history.steps_in(LEVEL_WINDOW)));
    let decay = libm::exp(-(history.step as f64) / LEVEL_DECAY);
    let mut fade = 1.0;
    for out in out.iter_mut() {
        *out *= long + (short - long) * fade;
        fade *= decay;
    }
}

/// Median of one value or more.
fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let n = values.len();
    0.5 * (values[n / 2] + values[(n - 1) / 2])
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::history::Unit;
    use super::*;
    use crate::series::Series;

    /// A day's wave that is lower on two days of the week.
    fn shape(t: usize) -> f64 {
        let day = ((t % 24) as f64 - 11.5).abs();
        100.0 + 3.0 * day - if t / 24 % 7 >= 5 { 40.0 } else { 0.0 }
    }

    fn ahead(n: usize, long: usize, value: impl Fn(usize) -> f64) -> Vec<f64> {
        let start = "2026-03-02T00:00:00Z".parse().unwrap();
        let values = (0..n).map(value).collect();
        let y = Series::new(start, Duration::from_secs(3600), values).unwrap();
        let mut history = History::new(&y);
        (0..n).for_each(|_| history.push(&y, Unit::Plain(1.0)));
        let mut out = vec![0.0; 200];
        forecast(&history, n, long, &mut out);
        out
    }

    fn check_near(got: &[f64], truth: impl Fn(usize) -> f64, n: usize, within: f64) {
        for (k, value) in got.iter().enumerate() {
            let share = value / truth(n + k);
            assert!((share - 1.0).abs() < within, "lead {k} is {share} of the truth");
        }
    }

    #[test]
    fn each_week_counts_in_its_own_level() {
        let n = 168 * 5 + 30;
        let grows = |t: usize| shape(t) * libm::pow(1.2, (t / 168) as f64);
        check_near(&ahead(168 * 5, 168, grows), |t| shape(t) * libm::pow(1.2, 4.0), 168 * 5, 1e-9);
        check_near(&ahead(n, 168, shape), shape, n, 1e-9);
    }

    #[test]
    fn an_odd_week_is_left_out() {
        let n = 168 * 5;
        let odd = |t: usize| if (168 * 3..168 * 4).contains(&t) { 200.0 - shape(t) } else { shape(t) };
        check_near(&ahead(n, 168, odd), shape, n, 0.02);
    }

    #[test]
    fn the_last_day_raises_the_level() {
        let n = 168 * 5;
        let raised = |t: usize| shape(t) * if t >= n - 24 { 1.5 } else { 1.0 };
        let (by_day, by_week) = (ahead(n, 24, raised), ahead(n, 168, raised));
        let far = |v: &[f64]| v[60] / shape(n + 60);
        assert!((far(&by_day) - 1.5).abs() < 0.01 && far(&by_week) < 1.1, "{} {}", far(&by_day), far(&by_week));
    }

    #[test]
    fn before_a_week_it_is_the_day_before() {
        let got = ahead(60, 24, shape);
        assert!((0..24).all(|k| got[k] == shape(36 + k)), "{:?}", &got[..24]);
    }

    #[test]
    fn a_load_below_zero_is_not_scaled() {
        let n = 168 * 5;
        let negative = |t: usize| -shape(t);
        check_near(&ahead(n, 24, negative), negative, n, 1e-9);
    }
}
