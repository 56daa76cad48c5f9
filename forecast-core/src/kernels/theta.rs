//! Sums of squares of theta models at several smoothing constants in one pass.
//!
//! Simple smoothing from zero and what is left of its start, l[t+1] = alpha y[t] + (1 - alpha) l[t] and
//! r[t+1] = (1 - alpha) r[t] from r[0] = 1, know nothing of theta. The error of a step is (y - l) - r d - g w, where d is the
//! start, w = 1 - 1 / theta, and g = r A + (1 - (1 - alpha) r) / alpha B for the line A + B t that was known before the step.
//! So at a given alpha the best d and w follow from six sums. Lanes are candidates for alpha.

use super::dispatched;

/// Smoothing constants in one pass.
pub(crate) const CANDIDATES: usize = 8;
/// A power that adds nothing to a sum any more; further on it would be denormal, and slow.
pub(crate) const NOTHING: f64 = 1e-30;

/// Sums over the steps of products of e = y - l, r and g; a lane a candidate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Products<const L: usize> {
    pub(crate) ee: [f64; L],
    pub(crate) er: [f64; L],
    pub(crate) eg: [f64; L],
    pub(crate) rr: [f64; L],
    pub(crate) rg: [f64; L],
    pub(crate) gg: [f64; L],
}

dispatched! {
    /// `lines`: A and B before each step; the first `unscored` steps enter no sum.
    products = products_inner, (y: &[f64], lines: &[(f64, f64)], unscored: usize, alphas: &[f64; CANDIDATES]) -> Products<CANDIDATES>
}

#[inline(always)]
fn products_inner<const L: usize>(y: &[f64], lines: &[(f64, f64)], unscored: usize, alphas: &[f64; L]) -> Products<L> {
    let zero = [0.0; L];
    let mut sums = Products { ee: zero, er: zero, eg: zero, rr: zero, rg: zero, gg: zero };
    let (keep, inverse) = (alphas.map(|alpha| 1.0 - alpha), alphas.map(|alpha| 1.0 / alpha));
    let (mut level, mut rest) = (zero, [1.0; L]);
    for (t, (y, (a, b))) in y.iter().zip(lines).enumerate() {
        let counts = if t < unscored { 0.0 } else { 1.0 };
        for i in 0..L {
            let error = y - level[i];
            let (e, r) = (counts * error, counts * rest[i]);
            let less = rest[i] * keep[i];
            let g = counts * (rest[i] * a + (1.0 - less) * inverse[i] * b);
            sums.ee[i] += e * e;
            sums.er[i] += e * r;
            sums.eg[i] += e * g;
            sums.rr[i] += r * r;
            sums.rg[i] += r * g;
            sums.gg[i] += g * g;
            level[i] += alphas[i] * error;
            rest[i] = if less < NOTHING { 0.0 } else { less };
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::{Dispatch, force};
    use crate::paths::Dice;

    proptest! {
        #[test]
        fn each_lane_has_the_bits_of_one_alone(n in 1usize..200, unscored in 0usize..3, seed: u64) {
            let mut dice = Dice::new(seed);
            let mut draw = |n: usize| (0..n).map(|_| dice.unit() * 2.0 - 1.0).collect::<Vec<_>>();
            let (y, a, b) = (draw(n), draw(n), draw(n));
            let lines: Vec<(f64, f64)> = a.into_iter().zip(b).collect();
            let alphas: [f64; CANDIDATES] = std::array::from_fn(|i| 0.1 + 0.89 * i as f64 / 7.0);
            for path in [Dispatch::Portable, Dispatch::Avx2] {
                force(path);
                let wide = products(&y, &lines, unscored, &alphas);
                for (i, alpha) in alphas.iter().enumerate() {
                    let one = products_inner(&y, &lines, unscored, &[*alpha]);
                    let lane = |sums: [f64; CANDIDATES]| sums[i].to_bits();
                    prop_assert_eq!(lane(wide.ee), one.ee[0].to_bits());
                    prop_assert_eq!(lane(wide.er), one.er[0].to_bits());
                    prop_assert_eq!(lane(wide.eg), one.eg[0].to_bits());
                    prop_assert_eq!(lane(wide.rr), one.rr[0].to_bits());
                    prop_assert_eq!(lane(wide.rg), one.rg[0].to_bits());
                    prop_assert_eq!(lane(wide.gg), one.gg[0].to_bits());
                }
            }
            force(Dispatch::Avx2);
        }
    }
}
