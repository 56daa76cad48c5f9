//! Exact Gaussian innovations of ARMA processes, several candidates at once.
//!
//! Chandrasekhar recursions (Morf, Sidhu & Kailath 1974, IEEE Transactions on Automatic Control 19, 315-323; for ARMA
//! likelihoods Pearlman 1980, Biometrika 67, 232-233). With the gain written as K = phi + c / F the autoregressive part
//! drops out of them: for k = L[1] / F,
//!
//! c'[i] = c[i] - k L[i+1], L'[i] = L[i+1] - k c[i], F' = F (1 - k^2),
//!
//! and the innovation is v = (phi(B) w)[t] less the sum of c[i] v / F of earlier steps. Memory: O(n + r) a candidate.
//! Lanes are candidates; each lane does the same operations in the same order as a candidate alone would.

use super::dispatched;

/// Candidates that are evaluated together.
pub(crate) const LANES: usize = 4;
/// A value of each candidate.
pub(crate) type Lane = [f64; LANES];

/// Gain below which a step counts toward the steady state, where variances have stopped to change.
const STEADY: f64 = 1e-9;
/// Part of the variance below which a covariance is taken for zero in the steady state.
const NEGLIGIBLE: f64 = 1e-16;

/// Where the recursions start: the first column of the stationary state covariance, in units of sigma2.
#[derive(Debug, Clone, Default)]
pub(crate) struct Start {
    /// Variance of the process.
    pub(crate) variance: Lane,
    /// Covariances c of the state with the process, lags 1 to r - 1.
    pub(crate) gain: Vec<Lane>,
    /// Generator L of the change of the state covariance, 1 to r.
    pub(crate) generator: Vec<Lane>,
}

impl Start {
    /// White noise with a state of `r` entries.
    pub(crate) fn zeros(r: usize) -> Self {
        Self { variance: [1.0; LANES], gain: vec![[0.0; LANES]; r - 1], generator: vec![[0.0; LANES]; r] }
    }
}

/// Gains where the recursions have arrived, to go on from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gains {
    /// Variance F of the next innovation.
    pub(crate) variance: Lane,
    /// c of the next step.
    pub(crate) gain: Vec<Lane>,
    /// L of the next step.
    pub(crate) generator: Vec<Lane>,
}

dispatched! {
    /// Turns AR-filtered columns into innovations and gives their variances.
    ///
    /// `columns`: each n + r long, phi(B) w in the first n, zeros after; on return the innovations are in the first n.
    /// `inverses` (n long) gets 1 / F of each step. r is the length of `start.generator`, one more than that of
    /// `start.gain`.
    innovations = innovations_inner, (start: &Start, columns: &mut [Vec<Lane>], inverses: &mut [Lane]) -> Gains
}

dispatched! {
    /// Divides innovations by their standard deviations, in place; returns the sums of ln F.
    standardize = standardize_inner, (inverses: &[Lane], columns: &mut [Vec<Lane>]) -> Lane
}

/// Factors of a product before its logarithm is taken.
const FACTORS: usize = 16;

#[inline(always)]
fn standardize_inner(inverses: &[Lane], columns: &mut [Vec<Lane>]) -> Lane {
    let mut logs = [0.0; LANES];
    for chunk in inverses.chunks(FACTORS) {
        let mut product = [1.0; LANES];
        for inverse in chunk {
            product = each(|i| product[i] * inverse[i]);
        }
        logs = each(|i| logs[i] - libm::log(product[i]));
    }
    let roots: Vec<Lane> = inverses.iter().map(|f| each(|i| f[i].sqrt())).collect();
    for column in columns {
        for (v, root) in column.iter_mut().zip(&roots) {
            *v = each(|i| v[i] * root[i]);
        }
    }
    logs
}

#[inline(always)]
fn innovations_inner(start: &Start, columns: &mut [Vec<Lane>], inverses: &mut [Lane]) -> Gains {
    let n = inverses.len();
    let q = start.gain.len();
    let mut c = start.gain.clone();
    // The window of L moves one place a step, so that nothing has to be shifted.
    let mut generator = vec![[0.0; LANES]; n + q + 1];
    let filled = start.generator.len().min(n + q + 1);
    generator[..filled].copy_from_slice(&start.generator[..filled]);
    let mut variance = start.variance;
    let mut quiet = 0;
    let mut done = n;
    for t in 0..n {
        let inverse = each(|i| 1.0 / variance[i]);
        inverses[t] = inverse;
        for column in columns.iter_mut() {
            let vg = each(|i| column[t][i] * inverse[i]);
            for (e, c) in column[t + 1..t + 1 + q].iter_mut().zip(&c) {
                *e = each(|i| e[i] - c[i] * vg[i]);
            }
        }
        let k = each(|i| generator[t][i] * inverse[i]);
        for (c, l) in c.iter_mut().zip(&mut generator[t + 1..t + 1 + q]) {
            let (old_c, old_l) = (*c, *l);
            *c = each(|i| old_c[i] - k[i] * old_l[i]);
            *l = each(|i| old_l[i] - k[i] * old_c[i]);
        }
        variance = each(|i| variance[i] * (1.0 - k[i] * k[i]));
        quiet = if k.iter().all(|k| k.abs() < STEADY) { quiet + 1 } else { 0 };
        if quiet > q {
            done = t + 1;
            break;
        }
    }
    if done == n {
        return Gains { variance, gain: c, generator: generator[n..].to_vec() };
    }
    // The variance stands still: what is left is the recursion with the few coefficients that are not zero.
    let inverse = each(|i| 1.0 / variance[i]);
    inverses[done..].fill(inverse);
    let zero = each(|i| NEGLIGIBLE * variance[i]);
    let taps: Vec<(usize, Lane)> = c
        .iter()
        .enumerate()
        .filter(|(_, c)| (0..LANES).any(|i| c[i].abs() > zero[i]))
        .map(|(at, c)| (at, each(|i| c[i] * inverse[i])))
        .collect();
    for column in columns.iter_mut() {
        for t in done..n {
            let v = column[t];
            for (at, theta) in &taps {
                let e = &mut column[t + 1 + at];
                *e = each(|i| e[i] - theta[i] * v[i]);
            }
        }
    }
    Gains { variance, gain: c, generator: vec![[0.0; LANES]; q + 1] }
}

#[inline(always)]
fn each(f: impl Fn(usize) -> f64) -> Lane {
    std::array::from_fn(f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{Dispatch, force};

    /// Moving averages 1 + theta B + theta B^5: variances, gains and generators from their autocovariances.
    fn start(thetas: Lane) -> Start {
        let gain = (1..=5)
            .map(|lag| each(|i| [0.0, 1.0, 0.0, 0.0, 1.0 * thetas[i], 1.0][lag] * thetas[i]))
            .collect::<Vec<_>>();
        let mut generator = gain.clone();
        generator.push([0.0; LANES]);
        Start { variance: each(|i| 1.0 + 2.0 * thetas[i] * thetas[i]), gain, generator }
    }

    fn run(path: Dispatch, thetas: Lane, n: usize) -> (Vec<Lane>, Vec<Lane>) {
        force(path);
        let mut dice = crate::paths::Dice::new(5);
        let mut column: Vec<Lane> = (0..n).map(|_| [dice.unit() - 0.5; LANES]).collect();
        column.resize(n + 6, [0.0; LANES]);
        let mut inverses = vec![[0.0; LANES]; n];
        let mut columns = vec![column];
        innovations(&start(thetas), &mut columns, &mut inverses);
        let plain = columns[0].clone();
        let logs = standardize(&inverses, &mut columns);
        for lane in 0..LANES {
            let sum: f64 = inverses.iter().map(|f| -libm::log(f[lane])).sum();
            assert!((logs[lane] - sum).abs() < 1e-12 * (1.0 + sum.abs()));
            let twin = plain.iter().zip(&inverses).map(|(v, f)| v[lane] * f[lane].sqrt());
            assert!(columns[0].iter().zip(twin).all(|(z, twin)| z[lane].to_bits() == twin.to_bits()));
        }
        force(Dispatch::Avx2);
        (columns.remove(0), inverses)
    }

    #[test]
    fn each_path_and_each_lane_gives_the_same_bits() {
        let thetas = [0.3, -0.2, 0.45, 0.1];
        let together = run(Dispatch::Avx2, thetas, 60);
        assert_eq!(together, run(Dispatch::Portable, thetas, 60));
        for lane in 0..LANES {
            let alone = run(Dispatch::Avx2, [thetas[lane]; LANES], 60);
            for (all, one) in together.0.iter().zip(&alone.0).take(60) {
                assert_eq!(all[lane].to_bits(), one[0].to_bits());
            }
        }
    }

    #[test]
    fn the_variance_settles_at_that_of_the_innovations() {
        let (_, inverses) = run(Dispatch::Avx2, [0.3, -0.2, 0.25, 0.1], 400);
        assert!(inverses[399].iter().all(|f| (f - 1.0).abs() < 1e-9), "{:?}", inverses[399]);
    }
}
