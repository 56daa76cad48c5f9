//! Seasonal and trend decomposition by local regression (STL), and several seasons in turn (MSTL).
//!
//! Sources: Cleveland, Cleveland, McRae & Terpenning (1990), Journal of Official Statistics 6, 3-73, with the defaults of
//! R's `stl`; Bandara, Hyndman & Bergmeir (2021), arXiv 2107.13462, with those of R's `forecast::mstl`. Golden tests
//! against both, within 1e-7 and 1e-6.

use std::sync::Arc;

use crate::kernels::matrix::dot;

/// Rounds over all seasons.
const ROUNDS: usize = 2;
/// Outer rounds of a robust decomposition.
const ROBUST_ROUNDS: usize = 15;

/// Settings of a decomposition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stl {
    /// Seasons that the seasonal part is smoothed over; `None` keeps one season for all time.
    pub seasonal_window: Option<usize>,
    /// Whether odd values are weighted down.
    pub robust: bool,
}

/// The parts of a series; they add up to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decomposition {
    /// Smooth course without the season.
    pub trend: Vec<f64>,
    /// Seasonal parts, one a season, in the order of the seasons.
    pub seasonals: Vec<Vec<f64>>,
    /// What is left.
    pub remainder: Vec<f64>,
    /// Weights of a robust decomposition, 0 (ignored) to 1; all 1 without.
    pub weights: Vec<f64>,
}

/// Takes one season out of a series.
///
/// `y`: n finite values; `season_length`: 2 or more steps. `None` unless two whole seasons are there.
pub fn stl(y: &[f64], season_length: usize, settings: Stl) -> Option<Decomposition> {
    let (n, m) = (y.len(), season_length);
    if m < 2 || n < 2 * m {
        return None;
    }
    let window = odd(settings.seasonal_window.unwrap_or(10 * n + 1).max(3));
    let trend = 1.5 * m as f64 / (1.0 - 1.5 / window as f64);
    let work = Work::new(n, m, window, odd(trend.ceil().max(3.0) as usize));
    let (inner, outer) = if settings.robust { (1, ROBUST_ROUNDS) } else { (2, 0) };
    let mut out = Parts { season: vec![0.0; n], trend: vec![0.0; n] };
    let mut weights = vec![1.0; n];
    for round in 0..=outer {
        let weighted = (round > 0).then_some(weights.as_slice());
        for _ in 0..inner {
            out.improve(y, &work, weighted);
        }
        if round < outer {
            weights = robustness(y, &out);
        }
    }
    if settings.seasonal_window.is_none() {
        out.season = cycle_means(&out.season, m);
    }
    let remainder = (0..n).map(|t| y[t] - out.season[t] - out.trend[t]).collect();
    Some(Decomposition { trend: out.trend, seasonals: vec![out.season], remainder, weights })
}

/// Takes several seasons out of a series, the shortest first, two rounds.
///
/// `seasons`: ascending, 2 or more steps each; those not seen more than twice are left out of the answer's `seasonals` by an
/// empty list. `None` if none is left.
pub fn mstl(y: &[f64], seasons: &[usize], robust: bool) -> Option<Decomposition> {
    let mut parts: Vec<Vec<f64>> = seasons.iter().map(|_| Vec::new()).collect();
    let mut rest = y.to_vec();
    let mut last = None;
    for _ in 0..ROUNDS {
        for (i, m) in seasons.iter().enumerate().filter(|(_, m)| 2 * **m < y.len()) {
            for (r, s) in rest.iter_mut().zip(&parts[i]) {
                *r += s;
            }
            let one = stl(&rest, *m, Stl { seasonal_window: Some(7 + 4 * (i + 1)), robust })?;
            parts[i].clone_from(&one.seasonals[0]);
            for (r, s) in rest.iter_mut().zip(&parts[i]) {
                *r -= s;
            }
            last = Some(one);
        }
    }
    let Decomposition { trend, weights, .. } = last?;
    let remainder = rest.iter().zip(&trend).map(|(r, t)| r - t).collect();
    Some(Decomposition { trend, seasonals: parts, remainder, weights })
}

/// Widths of the smoothers, all odd, and their weights while no value is weighted down.
struct Work {
    season: usize,
    trend: usize,
    m: usize,
    plain_trend: Smoother,
    low: Smoother,
    /// Of the position in the season with the most seasons, and of those with one fewer.
    plain_cycles: [Cycle; 2],
}

impl Work {
    fn new(n: usize, m: usize, season: usize, trend: usize) -> Self {
        let most = n.div_ceil(m);
        Self {
            season,
            trend,
            m,
            plain_trend: Smoother::new(n, trend, 1, None),
            low: Smoother::new(n, odd(m.max(3)), 1, None),
            plain_cycles: [most, most - 1].map(|k| Cycle::new(k, season, None)),
        }
    }
}

struct Parts {
    season: Vec<f64>,
    trend: Vec<f64>,
}

impl Parts {
    /// One inner round: the season from the detrended values, the trend from the deseasonalized ones.
    fn improve(&mut self, y: &[f64], w: &Work, weights: Option<&[f64]>) {
        let (n, m) = (y.len(), w.m);
        let detrended: Vec<f64> = y.iter().zip(&self.trend).map(|(y, t)| y - t).collect();
        let cycles = smooth_cycles(&detrended, w, weights);
        let once = moving_mean(&cycles, m);
        let twice = moving_mean(&once, m);
        let low = w.low.smooth(&moving_mean(&twice, 3));
        self.season = (0..n).map(|t| cycles[m + t] - low[t]).collect();
        let rest: Vec<f64> = y.iter().zip(&self.season).map(|(y, s)| y - s).collect();
        self.trend = match weights {
            None => w.plain_trend.smooth(&rest),
            weights => Smoother::new(n, w.trend, 1, weights).smooth(&rest),
        };
    }
}

/// Each position of the season smoothed over the seasons, one season longer at either end: n + 2 m values.
fn smooth_cycles(y: &[f64], w: &Work, weights: Option<&[f64]>) -> Vec<f64> {
    let (n, m) = (y.len(), w.m);
    let mut out = vec![0.0; n + 2 * m];
    for j in 0..m {
        let values: Vec<f64> = y[j..].iter().step_by(m).copied().collect();
        let k = values.len();
        let weighted = weights.map(|weights| {
            let weights: Vec<f64> = weights[j..].iter().step_by(m).copied().collect();
            Cycle::new(k, w.season, Some(&weights))
        });
        let cycle = weighted.as_ref().unwrap_or(&w.plain_cycles[usize::from(k < n.div_ceil(m))]);
        let smooth = cycle.inside.smooth(&values);
        out[j] = cycle.before.as_ref().map_or(smooth[0], |row| row.of(&values));
        for (i, value) in smooth.iter().enumerate() {
            out[(i + 1) * m + j] = *value;
        }
        out[(k + 1) * m + j] = cycle.after.as_ref().map_or(smooth[k - 1], |row| row.of(&values));
    }
    out
}

/// Local means of one position of the season, one season longer at either end.
struct Cycle {
    inside: Smoother,
    before: Option<Row>,
    after: Option<Row>,
}

impl Cycle {
    /// `k`: values, at least one.
    fn new(k: usize, width: usize, weights: Option<&[f64]>) -> Self {
        let shape = Shape { n: k, width, degree: 0 };
        let first = (k + 1).saturating_sub(width).max(1);
        Self {
            inside: Smoother::new(k, width, 0, weights),
            before: shape.row(0.0, 1, width.min(k), weights),
            after: shape.row((k + 1) as f64, first, k, weights),
        }
    }
}

/// Local regression at each value, linear in between on a coarser grid: every tenth of the width.
struct Smoother {
    n: usize,
    /// Positions, counted from 1, that are regressed on, with the place of their weights; `None` keeps the value.
    knots: Vec<(usize, Option<usize>)>,
    rows: Vec<Row>,
}

/// A local regression as a weighted sum of values from position `from`, counted from 0.
struct Row {
    from: usize,
    weights: Arc<[f64]>,
}

impl Row {
    fn of(&self, y: &[f64]) -> f64 {
        dot(&self.weights, &y[self.from..self.from + self.weights.len()])
    }
}

impl Smoother {
    /// For `n` values, `weights` beside them.
    fn new(n: usize, width: usize, degree: usize, weights: Option<&[f64]>) -> Self {
        let shape = Shape { n, width, degree };
        let mut out = Self { n, knots: Vec::new(), rows: Vec::new() };
        let mut last: Option<(usize, usize)> = None;
        for (i, from, to) in shape.knots() {
            let around = (i - from, to - i);
            // The weights of neighbors with as much around them are the same, only their place is another.
            if weights.is_none() && last == Some(around) {
                let known = Arc::clone(&out.rows[out.rows.len() - 1].weights);
                out.knots.push((i, Some(out.rows.len())));
                out.rows.push(Row { from: from - 1, weights: known });
                continue;
            }
            let row = shape.row(i as f64, from, to, weights);
            last = row.as_ref().map(|_| around);
            out.knots.push((i, row.is_some().then_some(out.rows.len())));
            out.rows.extend(row);
        }
        out
    }

    fn smooth(&self, y: &[f64]) -> Vec<f64> {
        let mut out = y[..self.n].to_vec();
        for (i, row) in &self.knots {
            if let Some(row) = row {
                out[i - 1] = self.rows[*row].of(y);
            }
        }
        for pair in self.knots.windows(2) {
            between(&mut out, pair[0].0, pair[1].0);
        }
        out
    }
}

/// What a local regression is over.
struct Shape {
    n: usize,
    width: usize,
    degree: usize,
}

impl Shape {
    /// Positions that are regressed on, counted from 1, with the first and last value of each regression.
    fn knots(&self) -> Vec<(usize, usize, usize)> {
        let Self { n, width, .. } = *self;
        if n < 2 {
            return Vec::new();
        }
        let jump = width.div_ceil(10).min(n - 1);
        let half = width.div_ceil(2);
        let (mut from, mut to) = (1, width.min(n));
        let mut out = Vec::with_capacity(n / jump + 2);
        for i in (1..=n).step_by(jump) {
            if width < n {
                (from, to) = if i < half || (jump == 1 && i <= half) {
                    (1, width)
                } else if i + half > n {
                    (n - width + 1, n)
                } else {
                    (i + 1 - half, width + i - half)
                };
            }
            out.push((i, from, to));
        }
        if jump > 1 && (n - 1) % jump != 0 {
            out.push((n, from, to));
        }
        out
    }

    /// Weights of a regression on the values at `from..=to`, counted from 1, read at `x`; `None` without weight.
    fn row(&self, x: f64, from: usize, to: usize, weights: Option<&[f64]>) -> Option<Row> {
        let Self { n, width, degree } = *self;
        let mut reach = (x - from as f64).max(to as f64 - x);
        if width > n {
            reach += ((width - n) / 2) as f64;
        }
        let tricube = |j: usize| {
            let r = (j as f64 - x).abs();
            let shape = if r > 0.999 * reach {
                0.0
            } else if r <= 0.001 * reach {
                1.0
            } else {
                let ratio = r / reach;
                let rest = 1.0 - ratio * ratio * ratio;
                rest * rest * rest
            };
            shape * weights.map_or(1.0, |w| w[j - 1])
        };
        let mut all: Vec<f64> = (from..=to).map(tricube).collect();
        let sum: f64 = all.iter().sum();
        if sum <= 0.0 {
            return None;
        }
        let positions = || (from..=to).map(|j| j as f64 - x);
        // Where the values lie, seen from x.
        let center = all.iter().zip(positions()).map(|(w, at)| w * at).sum::<f64>() / sum;
        let spread: f64 = all.iter().zip(positions()).map(|(w, at)| w * (at - center) * (at - center)).sum();
        // Positions that hardly differ say nothing about a slope.
        let sloped = degree > 0 && reach > 0.0 && (spread / sum).sqrt() > 0.001 * (n - 1) as f64;
        for (w, at) in all.iter_mut().zip(positions()) {
            *w *= if sloped { 1.0 / sum - center * (at - center) / spread } else { 1.0 / sum };
        }
        Some(Row { from: from - 1, weights: all.into() })
    }
}

/// Fills what lies between two positions, counted from 1, on a straight line.
fn between(values: &mut [f64], from: usize, to: usize) {
    let slope = (values[to - 1] - values[from - 1]) / (to - from) as f64;
    for j in from + 1..to {
        values[j - 1] = values[from - 1] + slope * (j - from) as f64;
    }
}

/// Means of `width` neighbors, as many as fit.
fn moving_mean(y: &[f64], width: usize) -> Vec<f64> {
    let mut sum: f64 = y[..width].iter().sum();
    let mut out = Vec::with_capacity(y.len() + 1 - width);
    out.push(sum / width as f64);
    for (new, old) in y[width..].iter().zip(y) {
        sum = sum - old + new;
        out.push(sum / width as f64);
    }
    out
}

/// Bisquare weights from the remainders, six median deviations wide.
fn robustness(y: &[f64], parts: &Parts) -> Vec<f64> {
    let off: Vec<f64> = (0..y.len()).map(|t| (y[t] - parts.season[t] - parts.trend[t]).abs()).collect();
    let reach = 6.0 * crate::math::median(&mut off.clone()).unwrap_or(0.0);
    off.into_iter()
        .map(|r| {
            if r <= 0.001 * reach {
                1.0
            } else if r <= 0.999 * reach {
                let rest = 1.0 - (r / reach) * (r / reach);
                rest * rest
            } else {
                0.0
            }
        })
        .collect()
}

/// Each value replaced by the mean of its position in the season.
fn cycle_means(y: &[f64], m: usize) -> Vec<f64> {
    let mean = |j: usize| {
        let cycle = y[j..].iter().step_by(m);
        let count = cycle.len() as f64;
        cycle.sum::<f64>() / count
    };
    let means: Vec<f64> = (0..m).map(mean).collect();
    (0..y.len()).map(|t| means[t % m]).collect()
}

fn odd(width: usize) -> usize {
    width + usize::from(width.is_multiple_of(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(t: usize) -> f64 {
        20.0 + 0.1 * t as f64 + [3.0, -1.0, -2.0, 0.0][t % 4]
    }

    #[test]
    fn parts_add_up() {
        let y: Vec<f64> = (0..60).map(|t| wave(t) + (t * 7 % 5) as f64 * 0.1).collect();
        for settings in [Stl { seasonal_window: Some(7), robust: false }, Stl { seasonal_window: None, robust: true }] {
            let parts = stl(&y, 4, settings).unwrap();
            for (t, value) in y.iter().enumerate() {
                let sum = parts.trend[t] + parts.seasonals[0][t] + parts.remainder[t];
                assert!((sum - value).abs() < 1e-12, "{settings:?}");
            }
        }
    }

    #[test]
    fn a_line_with_a_season_leaves_nothing() {
        let y: Vec<f64> = (0..60).map(wave).collect();
        let parts = stl(&y, 4, Stl { seasonal_window: None, robust: false }).unwrap();
        assert!(parts.remainder.iter().all(|r| r.abs() < 0.02), "{:?}", parts.remainder);
    }

    #[test]
    fn a_spike_is_weighted_down() {
        let mut y: Vec<f64> = (0..144).map(|t| (t % 12) as f64 + (t * 7 % 5) as f64 * 0.1).collect();
        y[70] += 20.0;
        let parts = stl(&y, 12, Stl { seasonal_window: Some(7), robust: true }).unwrap();
        assert_eq!(parts.weights[70], 0.0);
        assert!(parts.remainder[70] > 15.0, "{}", parts.remainder[70]);
    }

    #[test]
    fn too_short_series_have_no_parts() {
        assert_eq!(stl(&[1.0; 7], 4, Stl { seasonal_window: None, robust: false }), None);
        assert_eq!(mstl(&[1.0; 7], &[4], false), None);
    }

    #[test]
    fn two_seasons_are_told_apart() {
        let y: Vec<f64> = (0..336).map(|t| (t % 4) as f64 + if t / 4 % 7 >= 5 { -5.0 } else { 0.0 }).collect();
        let parts = mstl(&y, &[4, 28], false).unwrap();
        let size = |part: &[f64]| part.iter().map(|v| v * v).sum::<f64>();
        assert!(size(&parts.seasonals[0]) > 1.0 && size(&parts.seasonals[1]) > 1.0);
        assert!(size(&parts.remainder) < 0.05 * size(&y), "{}", size(&parts.remainder));
    }
}
