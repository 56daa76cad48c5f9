//! Joint paths over the horizon: whole past error vectors lend the order, calibrated quantiles the values.
//!
//! Each path is drawn from one past vector of errors, so that what went together then goes together now; its rank
//! among all drawn vectors at each lead picks the quantile there (Schaake shuffle). Source: Clark et al. (2004),
//! Journal of Hydrometeorology 5, 243-262.

use ndarray::Array2;

/// A small random number generator with the same numbers on every machine (SplitMix64; Steele et al. 2014, OOPSLA).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// A generator from a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A position in `0..n`; `n` is at least 1.
    pub fn below(&mut self, n: usize) -> usize {
        ((self.unit() * n as f64) as usize).min(n - 1)
    }
}

/// Errors that simulated courses draw from: all but the zeros that stand for what was not observed.
pub(crate) fn drawn_from(residuals: &[f64]) -> Vec<f64> {
    residuals.iter().copied().filter(|error| *error != 0.0).collect()
}

/// Draws `n` joint paths.
///
/// `vectors`: past error vectors in any unit, each at least one lead long (a longer horizon repeats the last error);
/// `quantile(lead, level)`: the calibrated quantile, lead from 0. Returns n rows of `horizon` values. With fewer than
/// eight vectors the order comes from a random walk that forgets slowly.
pub fn shuffle(
    vectors: &[&[f64]],
    horizon: usize,
    n: usize,
    seed: u64,
    quantile: impl Fn(usize, f64) -> f64,
) -> Array2<f64> {
    let mut dice = Dice::new(seed);
    let mut out = Array2::zeros((n, horizon));
    // A little noise breaks ties between paths drawn from the same vector.
    let mut order = Array2::from_elem((n, horizon), (0.0, 0.0));
    for mut row in order.rows_mut() {
        let vector = (vectors.len() >= 8).then(|| vectors[dice.below(vectors.len())]);
        let (mut state, tie) = (dice.unit() - 0.5, dice.unit());
        for (k, cell) in row.iter_mut().enumerate() {
            *cell = match vector {
                Some(vector) => (vector[k.min(vector.len() - 1)], tie),
                None => {
                    state = 0.9 * state + 0.4 * (dice.unit() - 0.5);
                    (state, tie)
                }
            };
        }
    }
    let mut by_rank: Vec<usize> = (0..n).collect();
    for k in 0..horizon {
        let column = order.column(k);
        by_rank.sort_by(|a, b| {
            let (x, y): ((f64, f64), (f64, f64)) = (column[*a], column[*b]);
            x.0.total_cmp(&y.0).then(x.1.total_cmp(&y.1)).then(a.cmp(b))
        });
        for (rank, path) in by_rank.iter().enumerate() {
            out[(*path, k)] = quantile(k, (rank as f64 + 0.5) / n as f64);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The quantile of a uniform distribution on (10 k, 10 k + 1).
    fn uniform(k: usize, level: f64) -> f64 {
        10.0 * k as f64 + level
    }

    #[test]
    fn marginals_are_the_quantiles() {
        let paths = shuffle(&[], 3, 100, 1, uniform);
        for k in 0..3 {
            let mut column = paths.column(k).to_vec();
            column.sort_unstable_by(f64::total_cmp);
            for (rank, value) in column.iter().enumerate() {
                assert!((value - uniform(k, (rank as f64 + 0.5) / 100.0)).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn what_went_together_goes_together() {
        let past: Vec<Vec<f64>> = (0..20).map(|i| vec![f64::from(i), f64::from(i), -f64::from(i)]).collect();
        let past: Vec<&[f64]> = past.iter().map(Vec::as_slice).collect();
        let paths = shuffle(&past, 5, 50, 2, |_, level| level);
        for row in paths.rows() {
            assert_eq!(row[0], row[1]);
            assert!((row[2] - (1.0 - row[0])).abs() < 0.2, "{row}");
            assert_eq!(row[2], row[4], "beyond the vectors the last error goes on");
        }
    }

    #[test]
    fn the_seed_decides() {
        assert_eq!(shuffle(&[], 4, 10, 7, uniform), shuffle(&[], 4, 10, 7, uniform));
        assert_ne!(shuffle(&[], 4, 10, 7, uniform), shuffle(&[], 4, 10, 8, uniform));
        assert_eq!(Dice::new(0).bits(), 0xe220_a839_7b1d_cdaf, "the published first output for seed 0");
    }
}
