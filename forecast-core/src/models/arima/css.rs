//! Conditional sum of squares: the first values are taken as given, errors before them as zero.
//!
//! e[t] = (phi(B) w)[t] - sum of theta[i] e[t-i] for t >= p + P m, over the taps that are not zero. Derivatives by the
//! same kind of recursion: theta(B) de/dphi[i] = -B^i Phi(B^m) w, de/dtheta[i] = -B^i e / theta(B), and alike for the
//! seasonal factors. Source: Box & Jenkins (1976), section 7.1; R's `arima(method = "CSS")`.

use super::LN_2_PI;
use super::design::Design;
use super::optimize::{LeastSquares, Point, dot};
use super::polynomial::{Coefficients, taps};
use super::regression::{Solved, least_squares};

/// Step of the differences that the map from free numbers to coefficients is differentiated by.
const STEP: f64 = 1e-6;

/// Conditional sum of squares of a design as a problem of least squares over free numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conditional<'a>(pub(super) &'a Design);

/// Errors after least squares over the columns.
#[derive(Debug, Clone)]
pub(super) struct Errors {
    /// One an entry of `w`; zero for those that are conditioned on.
    pub(super) errors: Vec<f64>,
    pub(super) sse: f64,
    /// Number of errors that are summed.
    pub(super) counted: usize,
    /// Coefficients of the columns.
    pub(super) beta: Vec<f64>,
    solved: Solved,
}

impl Errors {
    /// Variance of the errors.
    pub(super) fn sigma2(&self) -> f64 {
        self.sse / self.counted as f64
    }

    /// R's conditional log-likelihood, over `n_used` observations.
    pub(super) fn log_likelihood(&self, n_used: usize) -> f64 {
        let n = n_used as f64;
        -0.5 * n * (libm::log(self.sigma2()) + 1.0 + LN_2_PI)
    }
}

impl Conditional<'_> {
    /// Number of values that are conditioned on.
    fn given(&self) -> usize {
        self.0.order.longest_ar()
    }

    /// Errors at a set of coefficients; `None` if they are not finite.
    pub(super) fn errors(&self, coefficients: &Coefficients) -> Option<Errors> {
        let m = self.0.order.season_length;
        let (phi, theta) = (taps(&coefficients.phi(m)), taps(&coefficients.theta(m)));
        let given = self.given();
        let counted = self.0.n_used().checked_sub(given).filter(|n| *n > 0)?;
        let filter = |w: &[f64]| over(times(w, &phi, given), &theta);
        let solved = least_squares(filter(&self.0.w), self.0.columns.iter().map(|column| filter(column)).collect());
        let sse = dot(&solved.residuals, &solved.residuals);
        let beta = solved.beta.clone();
        sse.is_finite().then(|| Errors { errors: solved.residuals.clone(), sse, counted, beta, solved })
    }

    /// Derivatives of the errors by each coefficient, those of the columns projected out.
    fn derivatives(&self, coefficients: &Coefficients, errors: &Errors) -> Vec<Vec<f64>> {
        let design = self.0;
        let m = design.order.season_length;
        let given = self.given();
        let theta = taps(&coefficients.theta(m));
        let seasonal =
            |block: &[f64]| -> Vec<(usize, f64)> { taps(block).into_iter().map(|(lag, c)| (lag * m, c)).collect() };
        let mut eta = design.w.clone();
        for (column, beta) in design.columns.iter().zip(&errors.beta) {
            eta.iter_mut().zip(column).for_each(|(e, x)| *e -= beta * x);
        }
        let negative_lagged = |x: &[f64], lag: usize| -> Vec<f64> {
            (0..x.len()).map(|t| if t >= lag && t >= given { -x[t - lag] } else { 0.0 }).collect()
        };
        let mut out = Vec::with_capacity(design.order.coefficients());
        let autoregressive = |count: usize, unit: usize, other: &[(usize, f64)], out: &mut Vec<Vec<f64>>| {
            let rest = times(&eta, other, 0);
            out.extend((1..=count).map(|j| over(negative_lagged(&rest, j * unit), &theta)));
        };
        let moving = |count: usize, unit: usize, own: &[(usize, f64)], out: &mut Vec<Vec<f64>>| {
            let filtered = over(errors.errors.clone(), own);
            out.extend((1..=count).map(|j| negative_lagged(&filtered, j * unit)));
        };
        autoregressive(design.order.p, 1, &seasonal(&coefficients.seasonal_ar), &mut out);
        moving(design.order.q, 1, &taps(&coefficients.ma), &mut out);
        autoregressive(design.order.seasonal_p, m, &taps(&coefficients.ar), &mut out);
        moving(design.order.seasonal_q, m, &seasonal(&coefficients.seasonal_ma), &mut out);
        for column in &mut out {
            errors.solved.project_out(column);
        }
        out
    }
}

impl LeastSquares for Conditional<'_> {
    fn at(&self, at: &[f64]) -> Option<Point> {
        let errors = self.errors(&Coefficients::from_free(&self.0.order, at))?;
        Some(Point { at: at.to_vec(), objective: errors.sse, residuals: errors.errors, jacobian: Vec::new() })
    }

    fn complete(&self, point: &mut Point) -> Option<()> {
        let flat = |c: &Coefficients| -> Vec<f64> {
            [&c.ar, &c.ma, &c.seasonal_ar, &c.seasonal_ma].into_iter().flatten().copied().collect()
        };
        let order = &self.0.order;
        let coefficients = Coefficients::from_free(order, &point.at);
        let errors = self.errors(&coefficients)?;
        let by_coefficient = self.derivatives(&coefficients, &errors);
        point.jacobian.clear();
        for i in 0..point.at.len() {
            let moved = |step: f64| {
                let mut at = point.at.clone();
                at[i] += step;
                flat(&Coefficients::from_free(order, &at))
            };
            let mut column = vec![0.0; point.residuals.len()];
            for ((up, down), by) in moved(STEP).iter().zip(&moved(-STEP)).zip(&by_coefficient) {
                let slope = (up - down) / (2.0 * STEP);
                if slope != 0.0 {
                    column.iter_mut().zip(by).for_each(|(x, d)| *x += slope * d);
                }
            }
            point.jacobian.push(column);
        }
        Some(())
    }
}

/// x[t] - sum of c x[t - lag] from `given` on, zero before; lags that reach before the start count as zero.
fn times(x: &[f64], taps: &[(usize, f64)], given: usize) -> Vec<f64> {
    let longest = taps.last().map_or(0, |(lag, _)| *lag);
    let mut out = vec![0.0; x.len()];
    for t in given..x.len() {
        let reached = if t >= longest { taps.len() } else { taps.partition_point(|(lag, _)| *lag <= t) };
        out[t] = taps[..reached].iter().fold(x[t], |sum, (lag, c)| sum - c * x[t - lag]);
    }
    out
}

/// e with e[t] = x[t] - sum of c e[t - lag], in the place of x.
fn over(mut x: Vec<f64>, taps: &[(usize, f64)]) -> Vec<f64> {
    let longest = taps.last().map_or(0, |(lag, _)| *lag);
    for t in 0..x.len() {
        let reached = if t >= longest { taps.len() } else { taps.partition_point(|(lag, _)| *lag <= t) };
        // The last error comes last: it is the only one to wait for.
        x[t] = taps[..reached].iter().rev().fold(x[t], |sum, (lag, c)| sum - c * x[t - lag]);
    }
    x
}

#[cfg(test)]
mod tests {
    use super::super::design::Units;
    use super::super::order::Order;
    use super::*;
    use crate::paths::Dice;

    #[test]
    fn derivatives_agree_with_differences() {
        let order = Order::new(2, 0, 1).seasonal(1, 1, 2, 4);
        let mut dice = Dice::new(9);
        let y: Vec<f64> = (0..80).map(|t| (t % 4) as f64 + dice.unit()).collect();
        let line: Vec<f64> = (0..80).map(f64::from).collect();
        let units = Units::of(&y, std::slice::from_ref(&line), true);
        let design = Design::new(order, &y, &[true; 80], &[line], &units);
        let problem = Conditional(&design);
        let at = [0.4, -0.3, 0.5, 0.2, 0.6, -0.4];
        let mut point = problem.at(&at).unwrap();
        problem.complete(&mut point).unwrap();
        for (i, column) in point.jacobian.iter().enumerate() {
            let objective = |step: f64| {
                let mut moved = at;
                moved[i] += step;
                problem.at(&moved).unwrap().objective
            };
            let (found, expected) = (2.0 * dot(column, &point.residuals), (objective(1e-5) - objective(-1e-5)) / 2e-5);
            assert!((found - expected).abs() < 1e-6 * point.objective, "direction {i}: {found}, expected {expected}");
        }
    }
}
