//! Products and factors of small dense matrices, as least squares needs them.
//!
//! Sums run in a fixed number of lanes, so that the compiler can use vectors and each path gives the same bits.

use super::dispatched;

/// Neighbors that [`correlate`] works on at once; its first argument has as many zeros behind its values.
pub(crate) const LAGS: usize = 24;
/// Columns of [`gram`] come in multiples of this.
pub(crate) const BLOCK: usize = 8;
/// Rows of a block of [`gram`].
const TALL: usize = 4;

dispatched! {
    /// Dot product in eight lanes.
    dot = dot_inner, (a: &[f64], b: &[f64]) -> f64
}

dispatched! {
    /// `out[k]` = sum over t of `a[t + k]` `b[t]`; `a` has the length of `b` and [`LAGS`] zeros behind.
    correlate = correlate_inner, (a: &[f64], b: &[f64], out: &mut [f64]) -> ()
}

dispatched! {
    /// Lower triangle of R' R, for R of `k` columns, row by row; `k` is a multiple of [`BLOCK`].
    gram = gram_inner, (rows: &[f64], k: usize, out: &mut [f64]) -> ()
}

dispatched! {
    /// Factorizes the lower triangle of a symmetric matrix in place; directions without a curvature are frozen.
    cholesky = cholesky_inner, (matrix: &mut [f64], k: usize) -> ()
}

dispatched! {
    /// Solves with the lower triangle of a factor of [`cholesky`] alone; frozen directions get zero.
    solve_lower = solve_lower_inner, (factor: &[f64], k: usize, right: &mut [f64]) -> ()
}

#[inline(always)]
fn dot_inner(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (mut left, mut right) = (a.chunks_exact(8), b.chunks_exact(8));
    for (x, y) in left.by_ref().zip(right.by_ref()) {
        for i in 0..8 {
            sums[i] += x[i] * y[i];
        }
    }
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f64>() + rest
}

#[inline(always)]
fn correlate_inner(a: &[f64], b: &[f64], out: &mut [f64]) {
    let n = b.len();
    if let [only] = out {
        *only = dot_inner(&a[..n], b);
        return;
    }
    let mut first = 0;
    while first < out.len() {
        let out = &mut out[first..];
        // The narrowest block that takes what is left.
        first += match out.len() {
            1..=4 => lags::<4>(a, b, first, out),
            5..=8 => lags::<8>(a, b, first, out),
            9..=12 => lags::<12>(a, b, first, out),
            _ => lags::<LAGS>(a, b, first, out),
        };
    }
}

/// Sums of `W` neighboring lags from `first` on, as many as `out` takes; returns `W`.
#[inline(always)]
fn lags<const W: usize>(a: &[f64], b: &[f64], first: usize, out: &mut [f64]) -> usize {
    let mut sums = [0.0; W];
    // Behind the values are zeros.
    let windows = a.get(first..).unwrap_or_default().windows(W);
    for (window, b) in windows.zip(&b[..b.len().saturating_sub(first)]) {
        for i in 0..W {
            sums[i] += window[i] * b;
        }
    }
    let count = out.len().min(W);
    out[..count].copy_from_slice(&sums[..count]);
    W
}

#[inline(always)]
fn gram_inner(rows: &[f64], k: usize, out: &mut [f64]) {
    for from in (0..k).step_by(TALL) {
        for left in (0..from + TALL).step_by(BLOCK) {
            let mut sums = [[0.0; BLOCK]; TALL];
            for row in rows.chunks_exact(k) {
                let (tall, wide) = (&row[from..from + TALL], &row[left..left + BLOCK]);
                for (sums, x) in sums.iter_mut().zip(tall) {
                    for i in 0..BLOCK {
                        sums[i] += x * wide[i];
                    }
                }
            }
            for (r, sums) in sums.iter().enumerate() {
                let at = (from + r) * k + left;
                out[at..at + BLOCK].copy_from_slice(sums);
            }
        }
    }
}

#[inline(always)]
fn cholesky_inner(matrix: &mut [f64], k: usize) {
    for r in 0..k {
        let (before, row) = matrix.split_at_mut(r * k);
        for c in 0..r {
            let value = row[c] - dot_inner(&row[..c], &before[c * k..c * k + c]);
            row[c] = value / before[c * k + c];
        }
        let value = row[r] - dot_inner(&row[..r], &row[..r]);
        let curved = value > 1e-14 * row[r].abs() && value.is_finite();
        row[r] = if curved { value.sqrt() } else { f64::INFINITY };
    }
}

#[inline(always)]
fn solve_lower_inner(factor: &[f64], k: usize, right: &mut [f64]) {
    for r in 0..k {
        let value = right[r] - dot_inner(&factor[r * k..r * k + r], &right[..r]);
        let diagonal = factor[r * k + r];
        right[r] = if diagonal.is_finite() { value / diagonal } else { 0.0 };
    }
}

/// Solves with a factor of [`cholesky`]; frozen directions get zero.
pub(crate) fn solve(factor: &[f64], k: usize, right: &mut [f64]) {
    solve_lower(factor, k, right);
    for r in (0..k).rev() {
        let (before, row) = (&factor[r * k..r * k + r], factor[r * k + r]);
        let value = if row.is_finite() { right[r] / row } else { 0.0 };
        right[r] = value;
        for (other, x) in right[..r].iter_mut().zip(before) {
            *other -= x * value;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{Dispatch, force};
    use crate::paths::Dice;

    fn random(dice: &mut Dice, n: usize) -> Vec<f64> {
        (0..n).map(|_| dice.unit() - 0.5).collect()
    }

    /// The values of a computation, the same bits on every path.
    fn everywhere(compute: impl Fn() -> Vec<f64>) -> Vec<f64> {
        let on = |path| {
            force(path);
            compute()
        };
        let (portable, fast) = (on(Dispatch::Portable), on(Dispatch::Avx2));
        assert!(portable.iter().zip(&fast).all(|(a, b)| a.to_bits() == b.to_bits()));
        fast
    }

    #[test]
    fn dot_products() {
        let mut dice = Dice::new(5);
        for n in 0..40 {
            let (a, b) = (random(&mut dice, n), random(&mut dice, n));
            let plain: f64 = a.iter().zip(&b).map(|(x, y)| x * y).sum();
            assert!((everywhere(|| vec![dot(&a, &b)])[0] - plain).abs() < 1e-13);
        }
    }

    #[test]
    fn correlations() {
        let mut dice = Dice::new(6);
        for (n, lags) in [(5, 1), (60, 4), (60, 24), (60, 29), (130, 60)] {
            let (mut a, b) = (random(&mut dice, n), random(&mut dice, n));
            a.resize(n + LAGS, 0.0);
            let found = everywhere(|| {
                let mut out = vec![f64::NAN; lags];
                correlate(&a, &b, &mut out);
                out
            });
            for (k, found) in found.iter().enumerate() {
                let plain: f64 = (0..n - k).map(|t| a[t + k] * b[t]).sum();
                assert!((found - plain).abs() < 1e-12, "{n} values, lag {k}: {found}, expected {plain}");
            }
        }
    }

    #[test]
    fn gram_matrices() {
        let mut dice = Dice::new(7);
        for k in [8, 16, 32] {
            let rows = random(&mut dice, 50 * k);
            let found = everywhere(|| {
                let mut out = vec![0.0; k * k];
                gram(&rows, k, &mut out);
                out
            });
            for i in 0..k {
                for j in 0..=i {
                    let plain: f64 = rows.chunks(k).map(|row| row[i] * row[j]).sum();
                    assert!((found[i * k + j] - plain).abs() < 1e-12, "{k}: {i}, {j}");
                }
            }
        }
    }

    #[test]
    fn factors_solve() {
        let mut dice = Dice::new(8);
        for k in [1, 3, 9, 30] {
            let root = random(&mut dice, k * k);
            let at = |i: usize, j: usize| (0..k).map(|t| root[t * k + i] * root[t * k + j]).sum::<f64>();
            let mut matrix: Vec<f64> = (0..k * k).map(|ij| at(ij / k, ij % k)).collect();
            (0..k).for_each(|i| matrix[i * k + i] += 1.0);
            let truth = random(&mut dice, k);
            let right: Vec<f64> = (0..k).map(|i| (0..k).map(|j| matrix[i * k + j] * truth[j]).sum()).collect();
            let found = everywhere(|| {
                let (mut factor, mut right) = (matrix.clone(), right.clone());
                cholesky(&mut factor, k);
                solve(&factor, k, &mut right);
                right
            });
            assert!(found.iter().zip(&truth).all(|(a, b)| (a - b).abs() < 1e-10), "{found:?} {truth:?}");
        }
    }

    #[test]
    fn directions_without_curvature_are_frozen() {
        let mut matrix = [4.0, 0.0, 2.0, 1.0];
        cholesky(&mut matrix, 2);
        let mut right = [2.0, 7.0];
        solve(&matrix, 2, &mut right);
        assert_eq!(right, [0.5, 0.0]);
    }
}
