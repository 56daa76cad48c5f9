//! Least squares on columns that are shifts of one response, in the square of their number and with memory for a few.
//!
//! M = X' X, where column j of X is the first one, j steps later and cut at the end, is a Toeplitz matrix but for the cut:
//! M - Z M Z' = v v' - w w' - g g', with Z the shift by one place. The generalized Schur algorithm keeps these three
//! vectors instead of M: in step k rotations leave the pivot to v, which then is column k of the Cholesky factor L.
//! Run on [M, I; I, 0], whose vectors are twice as long, it gives column k of inv(L') as well, so that no factor is kept for
//! substitution backward. Sources: Kailath & Sayed (1995), SIAM Review 37, 297-386; the hyperbolic rotation in the mixed
//! form that Stewart & Van Dooren (1997), SIAM Journal on Matrix Analysis and Applications 18, 104-118, show to be stable.

use super::dispatched;

/// Curvature, relative to that of the first column, below which a pivot is none.
const FLAT: f64 = 1e-14;

/// The three vectors, upper halves of `m` values behind lower ones.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Vectors {
    v: Vec<f64>,
    w: Vec<f64>,
    g: Vec<f64>,
}

dispatched! {
    /// Turns each right side b into inv(L) b, for M = L L' given by its first row and the values that shifts cut off.
    ///
    /// `cut[i]`: what the first column has at the `i`-th last step, nothing at 0. `solved`: filled with inv(M) b of as many
    /// right sides as there are places. False, and nothing of use, if M has a direction without curvature.
    eliminate = eliminate_inner, (row: &[f64], cut: &[f64], vectors: &mut Vectors, right: &mut [Vec<f64>], solved: &mut [Vec<f64>]) -> bool
}

#[inline(always)]
fn eliminate_inner(
    row: &[f64],
    cut: &[f64],
    vectors: &mut Vectors,
    right: &mut [Vec<f64>],
    solved: &mut [Vec<f64>],
) -> bool {
    let m = row.len();
    let root = row[0].sqrt();
    if !(root > 0.0 && root.is_finite()) {
        return false;
    }
    let Vectors { v, w, g } = vectors;
    for vector in [&mut *v, &mut *w, &mut *g] {
        vector.clear();
        vector.resize(2 * m, 0.0);
    }
    // v is shifted in each step; it stands still here, and what it meets moves.
    for (i, value) in row.iter().enumerate() {
        v[m + i] = value / root;
        w[m + i] = value / root;
    }
    w[m] = 0.0;
    (v[m - 1], w[0]) = (1.0 / root, 1.0 / root);
    g[m..].copy_from_slice(cut);
    g[m] = 0.0;
    solved.iter_mut().for_each(|x| x.fill(0.0));
    for k in 0..m {
        if k > 0 {
            let Some(turn) = Turn::new(v[m], w[m + k], g[m + k], row[0]) else { return false };
            turn.apply(&mut v[m..2 * m - k], &mut w[m + k..], &mut g[m + k..]);
            if !solved.is_empty() {
                turn.apply(&mut v[m - 1 - k..m], &mut w[..=k], &mut g[..=k]);
            }
        }
        for b in right.iter_mut() {
            let y = b[k] / v[m];
            b[k] = y;
            subtract(&mut b[k + 1..], &v[m + 1..2 * m - k], y);
        }
        for (x, b) in solved.iter_mut().zip(right.iter()) {
            subtract(&mut x[..=k], &v[m - 1 - k..m], -b[k]);
        }
    }
    true
}

#[inline(always)]
fn subtract(from: &mut [f64], of: &[f64], times: f64) {
    from.iter_mut().zip(of).for_each(|(x, v)| *x -= times * v);
}

/// A rotation of w and g, and a hyperbolic one of v and w, after which v alone has anything at the pivot.
struct Turn {
    cos: f64,
    sin: f64,
    ratio: f64,
    shrink: f64,
    stretch: f64,
}

impl Turn {
    /// From the values at the pivot; `None` if they leave no curvature.
    #[inline(always)]
    fn new(v: f64, w: f64, g: f64, scale: f64) -> Option<Self> {
        let length = (w * w + g * g).sqrt();
        let (cos, sin) = if length > 0.0 { (w / length, g / length) } else { (1.0, 0.0) };
        let ratio = length / v;
        let rest = (1.0 - ratio) * (1.0 + ratio);
        let curved = v * v * rest > FLAT * scale;
        curved.then(|| Self { cos, sin, ratio, shrink: rest.sqrt(), stretch: 1.0 / rest.sqrt() })
    }

    #[inline(always)]
    fn apply(&self, v: &mut [f64], w: &mut [f64], g: &mut [f64]) {
        for ((v, w), g) in v.iter_mut().zip(w).zip(g) {
            let turned = self.cos * *w + self.sin * *g;
            *g = self.cos * *g - self.sin * *w;
            *v = (*v - self.ratio * turned) * self.stretch;
            *w = self.shrink * turned - self.ratio * *v;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::matrix::{cholesky, solve, solve_lower};
    use crate::kernels::{Dispatch, force};
    use crate::paths::Dice;

    /// The first row of M, what shifts cut off, and M itself, of a response that fades and comes back.
    fn shifts(n: usize, m: usize) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let mut dice = Dice::new(3);
        let first: Vec<f64> = (0..n).map(|t| (dice.unit() - 0.5) * libm::exp(-(t as f64) / 40.0)).collect();
        let at = |i: usize, j: usize| (i.max(j)..n).map(|t| first[t - i] * first[t - j]).sum::<f64>();
        let row = (0..m).map(|j| at(0, j)).collect();
        let cut = (0..m).map(|i| if i == 0 { 0.0 } else { first[n - i] }).collect();
        (row, cut, (0..m * m).map(|ij| at(ij / m, ij % m)).collect())
    }

    #[test]
    fn what_a_factor_gives_on_every_path() {
        for (n, m) in [(9, 1), (40, 7), (90, 40), (130, 60)] {
            let (row, cut, mut matrix) = shifts(n, m);
            let mut dice = Dice::new(4);
            let sides: Vec<Vec<f64>> = (0..3).map(|_| (0..m).map(|_| dice.unit() - 0.5).collect()).collect();
            let on = |path| {
                force(path);
                let (mut right, mut solved) = (sides.clone(), vec![vec![0.0; m]; 2]);
                assert!(eliminate(&row, &cut, &mut Vectors::default(), &mut right, &mut solved));
                let mut alone = sides.clone();
                assert!(eliminate(&row, &cut, &mut Vectors::default(), &mut alone, &mut []));
                assert_eq!(alone, right);
                (right, solved)
            };
            let (right, solved) = on(Dispatch::Portable);
            assert_eq!((right.clone(), solved.clone()), on(Dispatch::Avx2));
            cholesky(&mut matrix, m);
            for (i, side) in sides.iter().enumerate() {
                let mut expected = side.clone();
                solve_lower(&matrix, m, &mut expected);
                check_close(&right[i], &expected);
                if let Some(solved) = solved.get(i) {
                    expected.clone_from(side);
                    solve(&matrix, m, &mut expected);
                    check_close(solved, &expected);
                }
            }
        }
    }

    fn check_close(found: &[f64], expected: &[f64]) {
        let size = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-10 * size, "{found}, expected {expected}");
        }
    }

    #[test]
    fn a_direction_without_curvature_is_told() {
        // A response that lasts one step, and columns beyond the end.
        let (row, mut cut) = (vec![1.0, 0.0, 0.0], vec![0.0; 3]);
        assert!(eliminate(&row, &cut, &mut Vectors::default(), &mut [], &mut []));
        cut[2] = 1.0;
        assert!(!eliminate(&row, &cut, &mut Vectors::default(), &mut [], &mut []));
        assert!(!eliminate(&[0.0], &[0.0], &mut Vectors::default(), &mut [], &mut []));
    }
}
