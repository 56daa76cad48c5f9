//! Normal equations of the start states: X' X x = -X' r, for the responses X and the errors r from zero states.
//!
//! Columns of the season are shifts of one response, so that X' X comes from one correlation: its next diagonal element
//! is the one before less a product of two tails. A short season is solved by a factor of the whole matrix. A long one
//! needs the square of the season in time and a few vectors in place of its cube and square: sums over all columns come
//! from one pass backward, and [`shifts`] factorizes without the matrix. A trend is one more
//! column, eliminated last.

use crate::kernels::ets_linear::{Chain, Responses, against};
use crate::kernels::matrix::{cholesky, correlate, dot, solve, solve_lower};
use crate::kernels::shifts::{self, Vectors};

/// Longest season whose matrix is factorized whole.
pub(super) const LONGEST_WHOLE: usize = 64;
/// Curvature of the trend, relative to that before the season was eliminated, below which it is held.
const FLAT: f64 = 1e-14;

/// The equations at one point, and what is kept of their solution.
pub(super) struct Normal {
    /// Positions in the season; 1 without one.
    positions: usize,
    trend: bool,
    kind: Kind,
}

enum Kind {
    /// Factor of X' X.
    Whole(Vec<f64>),
    Shifts(Shifts),
}

/// What [`shifts::eliminate`] works on.
#[derive(Default)]
struct Shifts {
    vectors: Vectors,
    row: Vec<f64>,
    cut: Vec<f64>,
    /// The trend's column after elimination, and its pivot; infinite if it is held.
    trend: (Vec<f64>, f64),
}

impl Normal {
    /// For `positions` in the season, 1 without one.
    pub(super) fn new(positions: usize, trend: bool) -> Self {
        let kind = if positions > LONGEST_WHOLE { Kind::Shifts(Shifts::default()) } else { whole(positions, trend) };
        Self { positions, trend, kind }
    }

    /// Finds the states of least squares: the season, or the level without one, then the trend.
    ///
    /// `responses`: `n` values each and zeros behind, of the point with this chain.
    pub(super) fn solve(&mut self, chain: &Chain<f64>, responses: &Responses, n: usize, states: &mut [f64]) {
        if let Kind::Shifts(long) = &mut self.kind {
            if long.solve(chain, responses, n, self.positions, states) {
                return;
            }
            // Where the matrix is too flat for it, the whole one can hold a direction.
            self.kind = whole(self.positions, self.trend);
        }
        if let Kind::Whole(factor) = &mut self.kind {
            solve_whole(factor, responses, n, self.positions, states);
        }
    }

    /// What columns have in common with those of the states: inv(L) X' of each, for X' X = L L'.
    ///
    /// `columns`: `n` values each and zeros behind; the point is that of the last [`Normal::solve`].
    pub(super) fn whiten(
        &mut self,
        chain: &Chain<f64>,
        responses: &Responses,
        n: usize,
        columns: &[&[f64]],
    ) -> Vec<Vec<f64>> {
        match &mut self.kind {
            Kind::Whole(factor) => {
                let k = self.positions + usize::from(self.trend);
                columns.iter().map(|column| whiten_whole(factor, responses, n, self.positions, k, column)).collect()
            }
            Kind::Shifts(long) => long.whiten(chain, responses, n, self.positions, self.trend, columns),
        }
    }
}

fn whole(positions: usize, trend: bool) -> Kind {
    let unknown = positions + usize::from(trend);
    Kind::Whole(vec![0.0; unknown * unknown])
}

fn solve_whole(factor: &mut [f64], responses: &Responses, n: usize, m: usize, states: &mut [f64]) {
    let k = states.len();
    let Responses { data, first, trend, .. } = responses;
    correlate(data, &first[..n], &mut states[..m]);
    let mut row = vec![0.0; m];
    correlate(first, &first[..n], &mut row);
    for (i, value) in row.iter().enumerate() {
        factor[i * k] = *value;
    }
    for i in 1..m {
        for j in 1..=i {
            factor[i * k + j] = factor[(i - 1) * k + j - 1] - first[n - i] * first[n - j];
        }
    }
    if k > m {
        correlate(trend, &first[..n], &mut row);
        factor[m * k..m * k + m].copy_from_slice(&row);
        factor[m * k + m] = dot(&trend[..n], &trend[..n]);
        states[m] = dot(&data[..n], &trend[..n]);
    }
    states.iter_mut().for_each(|x| *x = -*x);
    cholesky(factor, k);
    solve(factor, k, states);
}

fn whiten_whole(factor: &[f64], responses: &Responses, n: usize, m: usize, k: usize, column: &[f64]) -> Vec<f64> {
    let mut along = vec![0.0; k];
    correlate(column, &responses.first[..n], &mut along[..m]);
    if k > m {
        along[m] = dot(&column[..n], &responses.trend[..n]);
    }
    solve_lower(factor, k, &mut along);
    along
}

impl Shifts {
    /// False if the matrix is too flat.
    fn solve(&mut self, chain: &Chain<f64>, responses: &Responses, n: usize, m: usize, states: &mut [f64]) -> bool {
        let Responses { data, first, trend, .. } = responses;
        let sums = |values: &[f64]| {
            let mut out = vec![0.0; m];
            against(chain, &values[..n], &mut out);
            out
        };
        self.row = sums(first);
        self.cut = (0..m).map(|i| if i == 0 { 0.0 } else { first[n - i] }).collect();
        let with_trend = states.len() > m;
        let mut right = vec![sums(data)];
        if with_trend {
            right.push(sums(trend));
        }
        let mut solved = vec![vec![0.0; m]; right.len()];
        if !shifts::eliminate(&self.row, &self.cut, &mut self.vectors, &mut right, &mut solved) {
            return false;
        }
        states.iter_mut().zip(&solved[0]).for_each(|(state, x)| *state = -x);
        if let (Some(column), Some(season)) = (right.get(1), solved.get(1)) {
            let all = dot(&trend[..n], &trend[..n]);
            let left = all - dot(column, column);
            let curved = left > FLAT * all && left.is_finite();
            let slope = if curved { (dot(column, &right[0]) - dot(&data[..n], &trend[..n])) / left } else { 0.0 };
            states.iter_mut().zip(season).for_each(|(state, x)| *state -= slope * x);
            states[m] = slope;
            self.trend = (column.clone(), if curved { left.sqrt() } else { f64::INFINITY });
        }
        true
    }

    fn whiten(
        &mut self,
        chain: &Chain<f64>,
        responses: &Responses,
        n: usize,
        m: usize,
        with_trend: bool,
        columns: &[&[f64]],
    ) -> Vec<Vec<f64>> {
        let mut right: Vec<Vec<f64>> = vec![vec![0.0; m]; columns.len()];
        for (sums, column) in right.iter_mut().zip(columns) {
            against(chain, &column[..n], sums);
        }
        // The same turns as before, which found a curvature everywhere.
        shifts::eliminate(&self.row, &self.cut, &mut self.vectors, &mut right, &mut []);
        if with_trend {
            for (sums, column) in right.iter_mut().zip(columns) {
                let (trend, pivot) = &self.trend;
                let rest = dot(&column[..n], &responses.trend[..n]) - dot(trend, sums);
                sums.push(rest / pivot);
            }
        }
        right
    }
}

#[cfg(test)]
mod tests {
    use super::super::form::Form;
    use super::super::linear::chains;
    use super::*;
    use crate::kernels::ets_linear::responses;
    use crate::kernels::matrix::LAGS;
    use crate::paths::Dice;

    /// A day's wave and noise, `n` values with zeros behind.
    fn load(n: usize, m: usize) -> Vec<f64> {
        let mut dice = Dice::new(8);
        let wave = |t: usize| libm::sin(t as f64 / m as f64 * core::f64::consts::TAU);
        (0..n + LAGS).map(|t| if t < n { wave(t) + dice.unit() - 0.5 } else { 0.0 }).collect()
    }

    /// States of both ways and what a column has in common with the states, at one point of a form.
    fn check_alike(letters: [&str; 3], at: [f64; 4], m: usize) {
        let form = Form::from_letters(letters[0], letters[1], letters[2]).unwrap();
        let (n, trend) = (3 * m + 5, letters[1] != "n");
        let y = load(n, m);
        let (chain, _) = chains(form, &at);
        let mut all = Responses::zeros(n + LAGS);
        responses(&chain, &y[..n], &mut vec![[0.0; 4]; m], &mut all);
        let mut ways =
            [Kind::Shifts(Shifts::default()), whole(m, trend)].map(|kind| Normal { positions: m, trend, kind });
        let [(left, near), (right, far)] = ways.each_mut().map(|way| {
            let mut states = vec![0.0; m + usize::from(trend)];
            way.solve(&chain, &all, n, &mut states);
            let column = way.whiten(&chain, &all, n, &[&y]).swap_remove(0);
            (states, dot(&column, &column))
        });
        let alone = matches!(ways[0].kind, Kind::Shifts(_));
        assert!(alone, "{letters:?} {at:?} {m}");
        let size = right.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        for (i, (left, right)) in left.iter().zip(&right).enumerate() {
            assert!(
                (left - right).abs() < 1e-7 * size,
                "{letters:?} {at:?} {m}: state {i} is {left}, expected {right}"
            );
        }
        assert!((near - far).abs() < 1e-7 * far, "{letters:?} {at:?} {m}: {near}, expected {far}");
    }

    #[test]
    fn both_ways_give_the_same_states() {
        // To the edges of the region: a level that learns all or nothing, a season that lasts or goes at once.
        for at in [[0.3, 0.1, 0.2, 1.0], [1e-4, 0.5, 0.0, 1.0], [0.9999, 0.9, 0.5, 1.0], [0.01, 1.0, 1.0, 1.0]] {
            for m in [65, 168, 288] {
                check_alike(["a", "n", "a"], at, m);
                check_alike(["a", "a", "a"], at, m);
            }
        }
        check_alike(["a", "ad", "a"], [0.3, 0.1, 0.2, 0.9], 168);
    }

    #[test]
    fn a_matrix_without_curvature_is_factorized_whole() {
        let (n, m) = (140, 66);
        let all = Responses { data: load(n, m), ..Responses::zeros(n + LAGS) };
        let chain = Chain { phi: 1.0, c1: 0.0, c2: 0.3, c3: 0.1 };
        let (mut normal, mut states) = (Normal::new(m, true), vec![1.0; m + 1]);
        normal.solve(&chain, &all, n, &mut states);
        assert!(matches!(normal.kind, Kind::Whole(_)));
        assert_eq!(states, vec![0.0; m + 1]);
    }
}
