//! Small dense algebra in lanes, one problem of the same shape a lane; each lane has the bits of [`super::matrix`].

use super::dispatched;

/// Problems that are worked on together.
pub(crate) const WIDE: usize = 4;
/// A value of each problem.
pub(crate) type Wide = [f64; WIDE];

/// Lags of [`correlate`] that share a pass; its first argument has as many zeros behind its values.
const LAGS: usize = 6;

dispatched! {
    /// Dot products, see [`super::matrix::dot`].
    dot = dot_inner, (a: &[Wide], b: &[Wide]) -> Wide
}

dispatched! {
    /// `out[k]` = sums over t of `a[t + k]` `b[t]`, see [`super::matrix::correlate`].
    correlate = correlate_inner, (a: &[Wide], b: &[Wide], out: &mut [Wide]) -> ()
}

dispatched! {
    /// Factorizes lower triangles in place, see [`super::matrix::cholesky`].
    cholesky = cholesky_inner, (matrix: &mut [Wide], k: usize) -> ()
}

dispatched! {
    /// Solves with lower triangles alone, see [`super::matrix::solve_lower`].
    solve_lower = solve_lower_inner, (factor: &[Wide], k: usize, right: &mut [Wide]) -> ()
}

dispatched! {
    /// Solves with factors of [`cholesky`]; frozen directions get zero.
    solve = solve_inner, (factor: &[Wide], k: usize, right: &mut [Wide]) -> ()
}

#[inline(always)]
pub(super) fn each(f: impl Fn(usize) -> f64) -> Wide {
    std::array::from_fn(f)
}

#[inline(always)]
fn dot_inner(a: &[Wide], b: &[Wide]) -> Wide {
    let (left, a_rest) = a.as_chunks::<8>();
    let (right, b_rest) = b.as_chunks::<8>();
    let mut sums = [[0.0; WIDE]; 8];
    for (x, y) in left.iter().zip(right) {
        for j in 0..8 {
            sums[j] = each(|i| sums[j][i] + x[j][i] * y[j][i]);
        }
    }
    // Sums of the standard library start from the negative zero.
    let mut rest = [-0.0; WIDE];
    for (x, y) in a_rest.iter().zip(b_rest) {
        rest = each(|i| rest[i] + x[i] * y[i]);
    }
    let mut total = [-0.0; WIDE];
    for sum in &sums {
        total = each(|i| total[i] + sum[i]);
    }
    each(|i| total[i] + rest[i])
}

#[inline(always)]
fn correlate_inner(a: &[Wide], b: &[Wide], out: &mut [Wide]) {
    if let [only] = out {
        *only = dot_inner(&a[..b.len()], b);
        return;
    }
    for (block, out) in out.chunks_mut(LAGS).enumerate() {
        let first = block * LAGS;
        let mut sums = [[0.0; WIDE]; LAGS];
        // Behind the values are zeros.
        let windows = a.get(first..).unwrap_or_default().windows(LAGS);
        for (window, b) in windows.zip(&b[..b.len().saturating_sub(first)]) {
            for j in 0..LAGS {
                sums[j] = each(|i| sums[j][i] + window[j][i] * b[i]);
            }
        }
        out.copy_from_slice(&sums[..out.len()]);
    }
}

#[inline(always)]
fn cholesky_inner(matrix: &mut [Wide], k: usize) {
    for r in 0..k {
        let (before, row) = matrix.split_at_mut(r * k);
        for c in 0..r {
            let known = dot_inner(&row[..c], &before[c * k..c * k + c]);
            let diagonal = before[c * k + c];
            row[c] = each(|i| (row[c][i] - known[i]) / diagonal[i]);
        }
        let known = dot_inner(&row[..r], &row[..r]);
        row[r] = each(|i| {
            let value = row[r][i] - known[i];
            let curved = value > 1e-14 * row[r][i].abs() && value.is_finite();
            if curved { value.sqrt() } else { f64::INFINITY }
        });
    }
}

#[inline(always)]
fn divided(value: Wide, diagonal: Wide) -> Wide {
    each(|i| if diagonal[i].is_finite() { value[i] / diagonal[i] } else { 0.0 })
}

#[inline(always)]
fn solve_lower_inner(factor: &[Wide], k: usize, right: &mut [Wide]) {
    for r in 0..k {
        let known = dot_inner(&factor[r * k..r * k + r], &right[..r]);
        right[r] = divided(each(|i| right[r][i] - known[i]), factor[r * k + r]);
    }
}

#[inline(always)]
fn solve_inner(factor: &[Wide], k: usize, right: &mut [Wide]) {
    solve_lower_inner(factor, k, right);
    for r in (0..k).rev() {
        let before = &factor[r * k..r * k + r];
        let value = divided(right[r], factor[r * k + r]);
        right[r] = value;
        for (other, x) in right[..r].iter_mut().zip(before) {
            *other = each(|i| other[i] - x[i] * value[i]);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::{Dispatch, force, matrix};
    use crate::paths::Dice;

    /// Random columns, one a lane.
    fn columns(dice: &mut Dice, n: usize) -> [Vec<f64>; WIDE] {
        [(); WIDE].map(|()| (0..n).map(|_| dice.unit() - 0.5).collect())
    }

    fn packed(columns: &[Vec<f64>; WIDE], zeros: usize) -> Vec<Wide> {
        let mut out: Vec<Wide> = (0..columns[0].len()).map(|t| each(|i| columns[i][t])).collect();
        out.resize(out.len() + zeros, [0.0; WIDE]);
        out
    }

    /// Each lane, on each path, has the bits of its twin.
    fn check(twins: [Vec<f64>; WIDE], compute: impl Fn() -> Vec<Wide>) {
        for path in [Dispatch::Portable, Dispatch::Avx2] {
            force(path);
            for (t, found) in compute().iter().enumerate() {
                for (lane, twin) in twins.iter().enumerate() {
                    assert_eq!(found[lane].to_bits(), twin[t].to_bits(), "{path:?}, lane {lane}, entry {t}");
                }
            }
        }
        force(Dispatch::Avx2);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn products_have_the_bits_of_one_alone(n in 1usize..90, lags in 1usize..40, seed: u64) {
            let mut dice = Dice::new(seed);
            let (a, b) = (columns(&mut dice, n), columns(&mut dice, n));
            let lags = lags.min(n);
            check(std::array::from_fn(|i| vec![matrix::dot(&a[i], &b[i])]), || vec![dot(&packed(&a, 0), &packed(&b, 0))]);
            let twins = std::array::from_fn(|i| {
                let mut padded = a[i].clone();
                padded.resize(n + matrix::LAGS, 0.0);
                let mut out = vec![0.0; lags];
                matrix::correlate(&padded, &b[i], &mut out);
                out
            });
            check(twins, || {
                let mut out = vec![[0.0; WIDE]; lags];
                correlate(&packed(&a, matrix::LAGS), &packed(&b, 0), &mut out);
                out
            });
        }

        #[test]
        fn factors_have_the_bits_of_one_alone(k in 1usize..30, frozen: bool, seed: u64) {
            let mut dice = Dice::new(seed);
            let roots = columns(&mut dice, k * k);
            let right = columns(&mut dice, k);
            let matrices: [Vec<f64>; WIDE] = std::array::from_fn(|i| {
                let dot = |r: usize, c: usize| (0..k).map(|t| roots[i][t * k + r] * roots[i][t * k + c]).sum::<f64>();
                let mut out: Vec<f64> = (0..k * k).map(|rc| dot(rc / k, rc % k)).collect();
                if frozen && i == 1 {
                    out[k * k - 1] = -1.0;
                }
                out
            });
            let twins = std::array::from_fn(|i| {
                let (mut factor, mut lower, mut whole) = (matrices[i].clone(), right[i].clone(), right[i].clone());
                matrix::cholesky(&mut factor, k);
                matrix::solve_lower(&factor, k, &mut lower);
                matrix::solve(&factor, k, &mut whole);
                [lower, whole].concat()
            });
            check(twins, || {
                let mut factor = packed(&matrices, 0);
                let (mut lower, mut whole) = (packed(&right, 0), packed(&right, 0));
                cholesky(&mut factor, k);
                solve_lower(&factor, k, &mut lower);
                solve(&factor, k, &mut whole);
                [lower, whole].concat()
            });
        }
    }
}
