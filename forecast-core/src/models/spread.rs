//! How far forecasts of a method were off at past origins, by lead: the intervals of methods without a variance.
//!
//! Errors at past origins are divided by the usual size of an error at their lead and pooled; a quantile is the pooled
//! empirical one times that size. A small normal sample is mixed in, so that few errors do not look certain.

use crate::math::{normal_quantile, quantile_of_sorted};

/// Most origins that are looked back at.
const ORIGINS: usize = 96;
/// Most errors that are pooled.
const POOL: usize = 4096;
/// Groups of leads with a size of their own.
const GROUPS: usize = 24;
/// Size of the normal sample that is mixed in.
const PRIOR: usize = 15;
/// Standard deviation of the normal sample in mean absolute errors: 1.25 for normal errors, more for caution.
const PRIOR_SPREAD: f64 = 1.5;

/// Errors of past origins and their sizes.
#[derive(Debug, Clone)]
pub(super) struct Spread {
    /// One vector an origin, oldest first; missing truth counts as no error.
    pub(super) vectors: Vec<Vec<f64>>,
    /// Usual absolute error at each lead, never falling.
    sizes: Vec<f64>,
    /// Errors in sizes, ascending.
    pool: Vec<f64>,
}

impl Spread {
    /// Looks back at up to [`ORIGINS`] origins between `first` and `n`.
    ///
    /// `error(origin, out)` fills one error a lead, `NaN` where the truth is not known.
    pub(super) fn new(n: usize, first: usize, horizon: usize, mut error: impl FnMut(usize, &mut [f64])) -> Self {
        let last = n.saturating_sub(horizon / 2).max(first + 1).min(n);
        let span = last.saturating_sub(first);
        let count = span.min(ORIGINS);
        let mut vectors: Vec<Vec<f64>> = Vec::with_capacity(count);
        for i in 0..count {
            let mut errors = vec![f64::NAN; horizon];
            error(last - 1 - (count - 1 - i) * span / count, &mut errors);
            vectors.push(errors);
        }
        let sizes = sizes(&vectors, horizon);
        let pool = pool(&vectors, &sizes);
        for errors in &mut vectors {
            let mut before = 0.0;
            for e in errors {
                before = if e.is_nan() { before } else { *e };
                *e = before;
            }
        }
        Self { vectors, sizes, pool }
    }

    /// Distance of a quantile from the point at a lead counted from 0.
    pub(super) fn quantile(&self, lead: usize, p: f64) -> f64 {
        let size = self.sizes[lead.min(self.sizes.len() - 1)];
        let centre = quantile_of_sorted(&self.pool, 0.5);
        size * (quantile_of_sorted(&self.pool, p) - centre)
    }
}

/// Mean absolute error by group of leads, made never to fall with the lead.
fn sizes(vectors: &[Vec<f64>], horizon: usize) -> Vec<f64> {
    let group = horizon.div_ceil(GROUPS).max(1);
    let mut floor = 0.0_f64;
    let mut out = Vec::with_capacity(horizon);
    for from in (0..horizon).step_by(group) {
        let to = (from + group).min(horizon);
        let (mut sum, mut count) = (0.0, 0usize);
        for e in vectors.iter().flat_map(|v| &v[from..to]).filter(|e| !e.is_nan()) {
            sum += e.abs();
            count += 1;
        }
        let mean = if count > 0 { sum / count as f64 } else { floor };
        floor = floor.max(if mean.is_finite() { mean } else { f64::MAX.sqrt() });
        out.extend(std::iter::repeat_n(floor, to - from));
    }
    out
}

fn pool(vectors: &[Vec<f64>], sizes: &[f64]) -> Vec<f64> {
    let every = (vectors.len() * sizes.len() / POOL).max(1);
    let all = vectors.iter().flat_map(|v| v.iter().zip(sizes)).filter(|(e, size)| !e.is_nan() && **size > 0.0);
    let mut pool: Vec<f64> = all.step_by(every).map(|(e, size)| (e / size).clamp(-1e6, 1e6)).collect();
    pool.extend((0..PRIOR).map(|i| PRIOR_SPREAD * normal_quantile((i as f64 + 0.5) / PRIOR as f64)));
    pool.sort_unstable_by(f64::total_cmp);
    pool
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_grow_with_the_lead_and_quantiles_with_them() {
        let spread = Spread::new(200, 10, 6, |origin, out| {
            for (k, e) in out.iter_mut().enumerate() {
                *e = (k as f64 + 1.0) * ((origin * 37 % 11) as f64 - 5.0);
            }
        });
        assert_eq!(spread.vectors.len(), 96);
        assert!(spread.quantile(5, 0.9) > spread.quantile(0, 0.9));
        assert!(spread.quantile(0, 0.1) < 0.0);
        assert_eq!(spread.quantile(3, 0.5), 0.0);
    }

    #[test]
    fn no_errors_at_all_give_no_width() {
        let spread = Spread::new(50, 5, 3, |_, out| out.fill(0.0));
        assert_eq!(spread.quantile(2, 0.95), 0.0);
    }

    #[test]
    fn the_shortest_past_is_looked_back_at_once() {
        let spread = Spread::new(2, 1, 10, |origin, out| {
            assert_eq!(origin, 1);
            out[0] = 2.0;
        });
        assert_eq!(spread.vectors, [vec![2.0; 10]]);
        assert!(spread.quantile(9, 0.9) > 0.0);
    }
}
