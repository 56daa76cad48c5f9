//! What the coefficients of columns are not known by, and what that adds to forecasts.
//!
//! Given the ARMA process, the coefficients of columns are those of generalized least squares: their covariance is
//! sigma2 inv(R' R), R the triangle of the columns' standardized innovations. A forecast follows the columns ahead and, by its
//! memory, what the coefficients left of the past: its error from theirs is that of the columns themselves, forecast by the
//! same process. Source: Hamilton (1994), Time Series Analysis, section 13.4; Ansley & Kohn (1985), Annals of Statistics
//! 13, 1286-1316.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::design::{Design, difference};
use super::exact::filter;
use super::order::Order;
use super::outlook::carried;
use super::polynomial::{Coefficients, differencing};
use super::regression::least_squares;
use super::settings::{Arima, Columns, constant_at};
use crate::series::Series;

/// Last steps of the columns that their own forecasts are made from at most; the process forgets sooner.
const MEMORY: usize = 400;

/// How well the coefficients of the constant and of some columns are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::models) struct Doubt {
    order: Order,
    constant: bool,
    coefficients: Coefficients,
    /// Upper triangle R by rows: the constant, then the columns.
    triangle: Vec<Vec<f64>>,
}

impl Doubt {
    /// Of the constant and the last `count` regressors of a series, whatever the other coefficients are.
    ///
    /// `decided`: orders and constant; `known`: coefficients of the ARMA process by R's names. `None` if they are not
    /// stationary or the series is too short.
    pub(in crate::models) fn new(
        decided: &Arima,
        y: &Series,
        known: &BTreeMap<String, f64>,
        count: usize,
    ) -> Option<Self> {
        let prepared = decided.prepare(y.values(), y.observed(), &Columns::of(y.regressors())).ok()?;
        let (units, design) = decided.design(&prepared).ok()?;
        let coefficients = decided.coefficients(known)?;
        let constant = decided.constant == Some(true);
        let filtered = filter(&design, &coefficients)?;
        let roots: Vec<f64> = filtered.variances.iter().map(|f| f.sqrt()).collect();
        let mut columns: Vec<Vec<f64>> = filtered.columns[1..]
            .iter()
            .map(|column| column.iter().zip(&roots).map(|(v, root)| v / root).collect())
            .collect();
        let first = design.gaps.len();
        let mut units = units.regressors;
        // What is eliminated first is integrated out of what follows.
        let others = (columns.len() - first).checked_sub(count + usize::from(constant))?;
        if constant {
            columns[first..=first + others].rotate_left(1);
            units[..=others].rotate_left(1);
        }
        let solved = least_squares(vec![0.0; roots.len()], columns);
        let rest = first + others;
        let units = &units[others..];
        let row = |i: usize| solved.triangle[rest + i][rest..].iter().zip(units).map(|(x, unit)| x * unit).collect();
        let triangle = (0..units.len()).map(row).collect();
        Some(Self { order: design.order, constant, coefficients, triangle })
    }

    /// Last steps of each column that [`Doubt::variances`] needs, for a series of `n`.
    pub(in crate::models) fn memory(&self, n: usize) -> usize {
        n.min(MEMORY.max(2 * self.order.lost()))
    }

    /// What doubt adds to the variance of the forecast of each of `horizon` steps, over sigma2.
    ///
    /// `columns`: the last steps of each column, as many of each, and the `horizon` to come.
    pub(in crate::models) fn variances(&self, columns: &[Vec<f64>], horizon: usize) -> Option<Vec<f64>> {
        let len = columns.first().map(Vec::len)?;
        let past = len.checked_sub(horizon)?;
        let mut all: Vec<Vec<f64>> = Vec::with_capacity(columns.len() + 1);
        if self.constant {
            all.push((0..len).map(|t| constant_at(&self.order, t)).collect());
        }
        all.extend_from_slice(columns);
        let delta = differencing(self.order.d, self.order.seasonal_d, self.order.season_length);
        if all.len() != self.triangle.len() || past <= delta.len() {
            return None;
        }
        let differenced = |column: &Vec<f64>| difference(&column[..past], &delta);
        let design = Design {
            order: self.order,
            w: differenced(&all[0]),
            columns: all[1..].iter().map(differenced).collect(),
            gaps: Vec::new(),
            y: all[0][..past].to_vec(),
            regressors: Vec::new(),
        };
        let filtered = filter(&design, &self.coefficients)?;
        let phi = self.coefficients.phi(self.order.season_length);
        let mut out = vec![0.0; horizon];
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(all.len());
        for (i, (column, innovations)) in all.iter().zip(&filtered.columns).enumerate() {
            let forecast = carried(&phi, &delta, &column[..past], innovations, horizon);
            let mut row: Vec<f64> = column[past..].iter().zip(&forecast).map(|(x, f)| x - f).collect();
            // R'^-1 by forward substitution.
            for (done, known) in self.triangle.iter().zip(&rows) {
                row.iter_mut().zip(known).for_each(|(x, z)| *x -= done[i] * z);
            }
            let size = self.triangle[i][i];
            row.iter_mut().for_each(|x| *x = if size > 0.0 { *x / size } else { 0.0 });
            out.iter_mut().zip(&row).for_each(|(sum, x)| *sum += x * x);
            rows.push(row);
        }
        out.iter().all(|x| x.is_finite()).then_some(out)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::models::testing::hourly;
    use crate::paths::Dice;
    use crate::series::Regressors;

    /// Noise with columns beside it.
    fn series(columns: &[Vec<f64>]) -> Series {
        let n = columns.first().map_or(50, Vec::len);
        let mut dice = Dice::new(6);
        let values: Vec<f64> = (0..n).map(|_| dice.unit()).collect();
        let names = (0..columns.len()).map(|i| format!("x{i}")).collect();
        let values_of = Array2::from_shape_fn((n, columns.len()), |(t, i)| columns[i][t]);
        hourly(&values).with_regressors(Regressors { names, values: values_of }).unwrap()
    }

    fn check_close(found: &[f64], expected: impl Fn(usize) -> f64) {
        for (k, found) in found.iter().enumerate() {
            assert!((found / expected(k) - 1.0).abs() < 1e-9, "lead {k}: {found}, expected {}", expected(k));
        }
    }

    #[test]
    fn of_a_line_in_white_noise_it_is_the_textbooks() {
        let (n, horizon) = (50, 5);
        let line = |t: usize| 3.0 * t as f64 - 7.0;
        let decided = Arima { constant: Some(true), ..Arima::new(Order::new(0, 0, 0)) };
        let y = series(&[(0..n).map(line).collect()]);
        let doubt = Doubt::new(&decided, &y, &BTreeMap::new(), 1).unwrap();
        let found = doubt.variances(&[(0..n + horizon).map(line).collect()], horizon).unwrap();
        let middle = (0..n).map(line).sum::<f64>() / n as f64;
        let spread: f64 = (0..n).map(|t| (line(t) - middle) * (line(t) - middle)).sum();
        check_close(&found, |k| 1.0 / n as f64 + (line(n + k) - middle) * (line(n + k) - middle) / spread);
    }

    #[test]
    fn of_a_drift_it_grows_with_the_square_of_the_lead() {
        let (n, horizon) = (50, 4);
        let decided = Arima { constant: Some(true), ..Arima::new(Order::new(0, 1, 0)) };
        // A column that takes part in the differences alone: a step at the start.
        let step = |t: usize| f64::from(t >= 1);
        let doubt = Doubt::new(&decided, &series(&[(0..n).map(step).collect()]), &BTreeMap::new(), 1).unwrap();
        let found = doubt.variances(&[(0..n + horizon).map(step).collect()], horizon).unwrap();
        // The step takes the first difference away.
        check_close(&found, |k| ((k + 1) * (k + 1)) as f64 / (n - 2) as f64);
    }

    #[test]
    fn other_columns_are_integrated_out() {
        let (n, horizon) = (60, 3);
        let wave = |t: usize| libm::sin(t as f64 / 5.0);
        let other = |t: usize| libm::cos(t as f64 / 7.0) + 0.5 * wave(t);
        let decided = Arima { constant: Some(true), ..Arima::new(Order::new(1, 0, 1)) };
        let known = BTreeMap::from([("ar1".into(), 0.6), ("ma1".into(), 0.3)]);
        let column = |f: &dyn Fn(usize) -> f64, to: usize| (0..to).map(f).collect::<Vec<f64>>();
        let both = series(&[column(&other, n), column(&wave, n)]);
        let some = Doubt::new(&decided, &both, &known, 1).unwrap().variances(&[column(&wave, n + horizon)], horizon);
        let all = Doubt::new(&decided, &both, &known, 2).unwrap();
        assert_eq!(all.triangle.len(), 3);
        let alone = Doubt::new(&decided, &series(&[column(&wave, n)]), &known, 1).unwrap();
        let alone = alone.variances(&[column(&wave, n + horizon)], horizon).unwrap();
        for (some, alone) in some.unwrap().iter().zip(&alone) {
            assert!(some > alone && *some < 2.0 * alone, "{some} {alone}");
        }
        assert!(all.variances(&[column(&wave, n + horizon)], horizon).is_none());
    }
}
