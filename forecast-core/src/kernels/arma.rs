//! Exact Gaussian innovations of ARMA processes, several candidates at once.
//!
//! Chandrasekhar recursions (Morf, Sidhu & Kailath 1974, IEEE Transactions on Automatic Control 19, 315-323; for ARMA
//! likelihoods Pearlman 1980, Biometrika 67, 232-233). With the gain written as K = phi + c / F the autoregressive part
//! drops out of them: for k = L[1] / F,
//!
//! c'[i] = c[i] - k L[i+1], L'[i] = L[i+1] - k c[i], F' = F (1 - k^2),
//!
//! and the innovation is v = (phi(B) w)[t] less the sum of c[i] v / F of earlier steps. Memory: O(n + r) a candidate.
//! Two steps share a pass over c, L and the column: storing them takes longer than the arithmetic. Lanes are candidates,
//! of one series or of several; each lane has the bits of one alone, one step after the other.

use super::{dispatched, keep_lanes};

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
    for (t, f) in inverses.iter().enumerate() {
        let root = each(|i| f[i].sqrt());
        for column in columns.iter_mut() {
            column[t] = each(|i| column[t][i] * root[i]);
        }
        keep_lanes();
    }
    logs
}

#[inline(always)]
fn innovations_inner(start: &Start, columns: &mut [Vec<Lane>], inverses: &mut [Lane]) -> Gains {
    let n = inverses.len();
    let q = start.gain.len();
    let (mut here, mut there) = (Pair::new(start), Pair::new(start));
    let mut both = if columns.len() > 1 { vec![[[0.0; LANES]; 2]; q] } else { Vec::new() };
    let mut variance = start.variance;
    let mut quiet = [0.0; LANES];
    let mut moving = LANES;
    let mut t = 0;
    while t < n && moving > 0 {
        let inverse = each(|i| 1.0 / variance[i]);
        inverses[t] = inverse;
        let k = each(|i| here.generator[0][i] * inverse[i]);
        variance = each(|i| variance[i] * (1.0 - k[i] * k[i]));
        quiet = counted(quiet, k);
        if q == 0 || t + 1 == n {
            one_step(&here, &mut there, k, inverse, t, columns);
            t += 1;
        } else {
            let next = each(|i| 1.0 / variance[i]);
            inverses[t + 1] = next;
            let later = each(|i| (here.generator[1][i] - k[i] * here.gain[0][i]) * next[i]);
            variance = each(|i| variance[i] * (1.0 - later[i] * later[i]));
            quiet = counted(quiet, later);
            two_steps(&here, &mut there, [k, later], [inverse, next], t, columns, &mut both);
            t += 2;
        }
        std::mem::swap(&mut here, &mut there);
        if quiet.iter().any(|steps| *steps > q as f64) {
            moving -= here.settle(&mut quiet, &variance);
        }
    }
    let Pair { gain, generator } = here;
    if t < n {
        // The variances stand still: what is left is the recursion with the few coefficients that are not zero.
        let inverse = each(|i| 1.0 / variance[i]);
        inverses[t..].fill(inverse);
        let taps: Vec<(usize, Lane)> =
            gain.iter().copied().enumerate().filter(|(_, c)| c.iter().any(|c| *c != 0.0)).collect();
        for column in columns.iter_mut() {
            for t in t..n {
                let vg = each(|i| column[t][i] * inverse[i]);
                for (at, c) in &taps {
                    let e = &mut column[t + 1 + at];
                    *e = each(|i| e[i] - c[i] * vg[i]);
                    keep_lanes();
                }
            }
        }
    }
    Gains { variance, gain, generator }
}

/// How many steps in a row have had a small gain; of lanes that have settled minus infinity.
#[inline(always)]
fn counted(quiet: Lane, k: Lane) -> Lane {
    each(|i| if k[i].abs() < STEADY { quiet[i] + 1.0 } else { 0.0 })
}

/// c and L of one step.
struct Pair {
    gain: Vec<Lane>,
    generator: Vec<Lane>,
}

impl Pair {
    fn new(start: &Start) -> Self {
        Self { gain: start.gain.clone(), generator: start.generator.clone() }
    }

    /// Lanes that have been quiet for long enough stand still from here on, whatever the others do; returns how many.
    #[cold]
    #[inline(never)]
    fn settle(&mut self, quiet: &mut Lane, variance: &Lane) -> usize {
        let q = self.gain.len() as f64;
        let settled: Vec<usize> = (0..LANES).filter(|lane| quiet[*lane] > q).collect();
        for &lane in &settled {
            quiet[lane] = f64::NEG_INFINITY;
            self.generator.iter_mut().for_each(|l| l[lane] = 0.0);
            for c in self.gain.iter_mut().filter(|c| c[lane].abs() <= NEGLIGIBLE * variance[lane]) {
                c[lane] = 0.0;
            }
        }
        settled.len()
    }
}

/// Step `t` alone.
#[inline(always)]
fn one_step(here: &Pair, there: &mut Pair, k: Lane, inverse: Lane, t: usize, columns: &mut [Vec<Lane>]) {
    let q = here.gain.len();
    for column in columns {
        let vg = each(|i| column[t][i] * inverse[i]);
        for (e, c) in column[t + 1..t + 1 + q].iter_mut().zip(&here.gain) {
            *e = each(|i| e[i] - c[i] * vg[i]);
        }
    }
    let next = there.gain.iter_mut().zip(&mut there.generator);
    for ((c, l), (next_c, next_l)) in here.gain.iter().zip(&here.generator[1..]).zip(next) {
        *next_c = each(|i| c[i] - k[i] * l[i]);
        *next_l = each(|i| l[i] - k[i] * c[i]);
    }
    there.generator[q] = [0.0; LANES];
}

/// Steps `t` and `t + 1`, with k and 1 / F of each; there is a gain. `both` is scratch for more than one column.
#[inline(always)]
fn two_steps(
    here: &Pair,
    there: &mut Pair,
    [k, later]: [Lane; 2],
    inverses: [Lane; 2],
    t: usize,
    columns: &mut [Vec<Lane>],
    both: &mut [[Lane; 2]],
) {
    let q = here.gain.len();
    let Some((column, others)) = columns.split_first_mut() else { return };
    let first = here.gain[0];
    let [share, next_share] = shares(column, t, first, inverses);
    // c of the entry before after step t.
    let mut before = each(|i| first[i] - k[i] * here.generator[1][i]);
    let next = there.gain[..q - 1].iter_mut().zip(&mut there.generator[..q - 1]);
    let old = here.gain[1..].iter().zip(&here.generator[2..]);
    for (((c, l), e), (next_c, next_l)) in old.zip(&mut column[t + 2..t + 1 + q]).zip(next) {
        let c_half = each(|i| c[i] - k[i] * l[i]);
        let l_half = each(|i| l[i] - k[i] * c[i]);
        *e = each(|i| (e[i] - c[i] * share[i]) - before[i] * next_share[i]);
        *next_c = each(|i| before[i] - later[i] * l_half[i]);
        *next_l = each(|i| l_half[i] - later[i] * before[i]);
        before = c_half;
        keep_lanes();
    }
    let last = before;
    column[t + 1 + q] = each(|i| column[t + 1 + q][i] - last[i] * next_share[i]);
    there.gain[q - 1] = last;
    there.generator[q - 1] = each(|i| 0.0 - later[i] * last[i]);
    there.generator[q] = [0.0; LANES];
    if others.is_empty() {
        return;
    }
    for ((both, c), l) in both.iter_mut().zip(&here.gain).zip(&here.generator[1..]) {
        *both = [*c, each(|i| c[i] - k[i] * l[i])];
    }
    for column in others {
        let [share, next_share] = shares(column, t, first, inverses);
        for (pair, e) in both.windows(2).zip(&mut column[t + 2..t + 1 + q]) {
            let ([_, before], [c, _]) = (pair[0], pair[1]);
            *e = each(|i| (e[i] - c[i] * share[i]) - before[i] * next_share[i]);
            keep_lanes();
        }
        column[t + 1 + q] = each(|i| column[t + 1 + q][i] - last[i] * next_share[i]);
    }
}

/// v / F of steps `t` and `t + 1` of a column, the first of which is taken from the second on the way.
#[inline(always)]
fn shares(column: &mut [Lane], t: usize, c: Lane, [inverse, next]: [Lane; 2]) -> [Lane; 2] {
    let vg = each(|i| column[t][i] * inverse[i]);
    column[t + 1] = each(|i| column[t + 1][i] - c[i] * vg[i]);
    [vg, each(|i| column[t + 1][i] * next[i])]
}

#[inline(always)]
fn each(f: impl Fn(usize) -> f64) -> Lane {
    std::array::from_fn(f)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    /// The recursions of one candidate as they are written above, a step at a time and without an end to them.
    fn written_out(start: &Start, lane: usize, columns: &mut [Vec<f64>], n: usize) -> Vec<f64> {
        let mut c: Vec<f64> = start.gain.iter().map(|c| c[lane]).collect();
        let mut l: Vec<f64> = start.generator.iter().map(|l| l[lane]).collect();
        let mut variance = start.variance[lane];
        let mut inverses = Vec::new();
        for t in 0..n {
            let inverse = 1.0 / variance;
            inverses.push(inverse);
            for column in columns.iter_mut() {
                let share = column[t] * inverse;
                for (i, c) in c.iter().enumerate() {
                    column[t + 1 + i] -= c * share;
                }
            }
            let k = l[0] * inverse;
            for i in 0..c.len() {
                let (old_c, old_l) = (c[i], l[i + 1]);
                c[i] = old_c - k * old_l;
                l[i] = old_l - k * old_c;
            }
            l[c.len()] = 0.0;
            variance *= 1.0 - k * k;
        }
        inverses
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn two_steps_in_lanes_have_the_bits_of_one_after_the_other(n in 1usize..80, r in 1usize..9, count in 1usize..4, seed: u64) {
            let mut dice = crate::paths::Dice::new(seed);
            // Moving averages, that of the last lane at a unit root.
            let mut theta = |j: usize| -> Lane {
                match j {
                    0 => [1.0; LANES],
                    _ if j + 1 == r => [dice.unit() - 0.5, dice.unit(), 0.1, -1.0],
                    _ => [dice.unit() - 0.5, dice.unit() - 0.5, 0.0, 0.0],
                }
            };
            let thetas: Vec<Lane> = (0..r).map(&mut theta).collect();
            let covariance = |lag: usize| each(|i| (lag..r).map(|j| thetas[j][i] * thetas[j - lag][i]).sum());
            let gain: Vec<Lane> = (1..r).map(covariance).collect();
            let mut generator = gain.clone();
            generator.push([0.0; LANES]);
            let start = Start { variance: covariance(0), gain, generator };
            let mut column = || -> Vec<Lane> {
                (0..n + r).map(|t| if t < n { [(); LANES].map(|()| dice.unit() - 0.5) } else { [0.0; LANES] }).collect()
            };
            let given: Vec<Vec<Lane>> = (0..count).map(|_| column()).collect();
            for path in [Dispatch::Portable, Dispatch::Avx2] {
                force(path);
                let (mut columns, mut inverses) = (given.clone(), vec![[0.0; LANES]; n]);
                innovations(&start, &mut columns, &mut inverses);
                for lane in 0..LANES {
                    let mut alone: Vec<Vec<f64>> =
                        given.iter().map(|column| column.iter().map(|v| v[lane]).collect()).collect();
                    let twin = written_out(&start, lane, &mut alone, n);
                    let settled = inverses.windows(2 * r + 2).any(|w| w.iter().all(|f| f[lane] == w[0][lane]));
                    let same = |found: f64, expected: f64| if settled { (found - expected).abs() < 1e-6 } else { found == expected };
                    for t in 0..n {
                        prop_assert!(same(inverses[t][lane], twin[t]), "1 / F of step {t}, lane {lane}");
                        for (found, alone) in columns.iter().zip(&alone) {
                            prop_assert!(same(found[t][lane], alone[t]), "innovation {t}, lane {lane}");
                        }
                    }
                }
            }
            force(Dispatch::Avx2);
        }
    }

    #[test]
    fn when_a_lane_settles_does_not_depend_on_the_others() {
        // The first settles after some steps, the second at once, the third never.
        let thetas = [0.3, 0.0, 0.99, 0.1];
        let together = run(Dispatch::Avx2, thetas, 300);
        for (lane, theta) in thetas.into_iter().enumerate() {
            let alone = run(Dispatch::Avx2, [theta; LANES], 300);
            for t in 0..300 {
                assert_eq!(together.0[t][lane], alone.0[t][0], "innovation {t}");
                assert_eq!(together.1[t][lane].to_bits(), alone.1[t][0].to_bits(), "1 / F of step {t}");
            }
        }
    }

    #[test]
    fn the_variance_settles_at_that_of_the_innovations() {
        let (_, inverses) = run(Dispatch::Avx2, [0.3, -0.2, 0.25, 0.1], 400);
        assert!(inverses[399].iter().all(|f| (f - 1.0).abs() < 1e-9), "{:?}", inverses[399]);
    }
}
