//! Conditional sum of squares: the first values are taken as given, errors before them as zero.
//!
//! e = phi(B) Phi(B^m) w / (theta(B) Theta(B^m)) from t = p + P m on. Derivatives by the same kind of recursion:
//! theta(B) Theta(B^m) de/dphi[i] = -B^i Phi(B^m) w, theta(B) de/dtheta[i] = -B^i e, and alike for the seasonal factors.
//! Series of one shape run in lanes. Source: Box & Jenkins (1976), section 7.1; R's `arima(method = "CSS")`.

use super::LN_2_PI;
use super::design::Design;
use super::optimize::{LeastSquares, Point, dot};
use super::polynomial::Coefficients;
use super::regression::{Solved, least_squares};
use crate::kernels::css::{Factors, SERIES, errors, errors_of_one, over, over_of_one, times, times_of_one};

/// Series from which on lanes are filled up although some of them stay idle.
const ENOUGH: usize = 3;
/// Step of the differences that the map from free numbers to coefficients is differentiated by.
const STEP: f64 = 1e-6;

/// Conditional sum of squares of a design as a problem of least squares over free numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Conditional<'a>(pub(super) &'a Design);

/// Errors after least squares over the columns.
#[derive(Debug, Clone)]
pub(super) struct Errors {
    pub(super) sse: f64,
    /// Number of errors that are summed.
    pub(super) counted: usize,
    /// The errors, zero for those that are conditioned on, and the coefficients of the columns.
    pub(super) solved: Solved,
}

impl Errors {
    /// Variance of the errors.
    pub(super) fn sigma2(&self) -> f64 {
        self.sse / self.counted as f64
    }

    /// The values less what the columns explain of them.
    fn unexplained(&self, design: &Design) -> Vec<f64> {
        let mut eta = design.w.clone();
        for (column, beta) in design.columns.iter().zip(&self.solved.beta) {
            eta.iter_mut().zip(column).for_each(|(e, x)| *e -= beta * x);
        }
        eta
    }

    /// R's conditional log-likelihood, over `n_used` observations.
    pub(super) fn log_likelihood(&self, n_used: usize) -> f64 {
        let n = n_used as f64;
        -0.5 * n * (libm::log(self.sigma2()) + 1.0 + LN_2_PI)
    }
}

/// Problems that share lanes: of one shape, each with its coefficients.
struct Lanes<'a, const L: usize> {
    designs: [&'a Design; L],
    factors: Factors<L>,
}

/// What the kernels do for so many lanes.
trait Width<const L: usize> {
    fn errors(&self, w: &[[f64; L]], out: &mut [[f64; L]]) -> [f64; L];
    fn times(x: &[[f64; L]], coefficients: &[[f64; L]], unit: usize, out: &mut [[f64; L]]);
    fn over(x: &mut [[f64; L]], coefficients: &[[f64; L]], unit: usize);
}

impl Width<SERIES> for Lanes<'_, SERIES> {
    fn errors(&self, w: &[[f64; SERIES]], out: &mut [[f64; SERIES]]) -> [f64; SERIES] {
        errors(&self.factors, w, out)
    }
    fn times(x: &[[f64; SERIES]], coefficients: &[[f64; SERIES]], unit: usize, out: &mut [[f64; SERIES]]) {
        times(x, coefficients, unit, out);
    }
    fn over(x: &mut [[f64; SERIES]], coefficients: &[[f64; SERIES]], unit: usize) {
        over(x, coefficients, unit);
    }
}

impl Width<1> for Lanes<'_, 1> {
    fn errors(&self, w: &[[f64; 1]], out: &mut [[f64; 1]]) -> [f64; 1] {
        errors_of_one(&self.factors, w, out)
    }
    fn times(x: &[[f64; 1]], coefficients: &[[f64; 1]], unit: usize, out: &mut [[f64; 1]]) {
        times_of_one(x, coefficients, unit, out);
    }
    fn over(x: &mut [[f64; 1]], coefficients: &[[f64; 1]], unit: usize) {
        over_of_one(x, coefficients, unit);
    }
}

/// A row a step from a column a lane.
fn packed<const L: usize>(columns: [&[f64]; L]) -> Vec<[f64; L]> {
    (0..columns[0].len()).map(|t| columns.map(|column| column[t])).collect()
}

fn lane<const L: usize>(all: &[[f64; L]], i: usize) -> Vec<f64> {
    all.iter().map(|row| row[i]).collect()
}

impl<'a, const L: usize> Lanes<'a, L>
where
    Self: Width<L>,
{
    fn new(designs: [&'a Design; L], coefficients: [&Coefficients; L]) -> Self {
        let block = |of: fn(&Coefficients) -> &Vec<f64>| packed(coefficients.map(|c| of(c).as_slice()));
        let factors = Factors {
            ar: block(|c| &c.ar),
            ma: block(|c| &c.ma),
            seasonal_ar: block(|c| &c.seasonal_ar),
            seasonal_ma: block(|c| &c.seasonal_ma),
            season_length: designs[0].order.season_length,
        };
        Self { designs, factors }
    }

    /// Errors of the first `count` problems; `None` where they are not finite or there are none.
    fn solve(&self, count: usize) -> Vec<Option<Errors>> {
        let filter = |columns: [&[f64]; L]| {
            let w = packed(columns);
            let mut out = vec![[0.0; L]; w.len()];
            let sums = self.errors(&w, &mut out);
            (out, sums)
        };
        let (target, sums) = filter(self.designs.map(|design| design.w.as_slice()));
        let columns: Vec<Vec<[f64; L]>> = (0..self.designs[0].columns.len())
            .map(|k| filter(self.designs.map(|design| design.columns[k].as_slice())).0)
            .collect();
        let one = |i: usize| {
            let counted = self.designs[i].n_used().checked_sub(self.factors.given()).filter(|n| *n > 0)?;
            let solved = least_squares(lane(&target, i), columns.iter().map(|column| lane(column, i)).collect());
            let residuals = &solved.residuals;
            let sse = if columns.is_empty() { sums[i] } else { dot(residuals, residuals) };
            sse.is_finite().then_some(Errors { sse, counted, solved })
        };
        (0..count).map(one).collect()
    }

    /// Derivatives of the errors by each coefficient, those of the columns projected out; one entry a problem.
    fn derivatives(&self, found: [&Errors; L], count: usize) -> Vec<Vec<Vec<f64>>> {
        let m = self.factors.season_length;
        let given = self.factors.given();
        let errors = packed(found.map(|errors| errors.solved.residuals.as_slice()));
        let n = errors.len();
        let negative_lagged = |x: &[[f64; L]], lag: usize| -> Vec<[f64; L]> {
            (0..n).map(|t| if t >= lag && t >= given { x[t - lag].map(|x| -x) } else { [0.0; L] }).collect()
        };
        let mut all: Vec<Vec<[f64; L]>> = Vec::new();
        let autoregressive =
            |count: usize, unit: usize, other: &[[f64; L]], apart: usize, all: &mut Vec<Vec<[f64; L]>>| {
                if count == 0 {
                    return;
                }
                let eta = packed(
                    std::array::from_fn::<Vec<f64>, L, _>(|i| found[i].unexplained(self.designs[i]))
                        .each_ref()
                        .map(Vec::as_slice),
                );
                let mut rest = vec![[0.0; L]; n];
                Self::times(&eta, other, apart, &mut rest);
                for j in 1..=count {
                    let mut column = negative_lagged(&rest, j * unit);
                    Self::over(&mut column, &self.factors.seasonal_ma, m);
                    Self::over(&mut column, &self.factors.ma, 1);
                    all.push(column);
                }
            };
        let moving = |own: &[[f64; L]], unit: usize, all: &mut Vec<Vec<[f64; L]>>| {
            let mut filtered = errors.clone();
            Self::over(&mut filtered, own, unit);
            all.extend((1..=own.len()).map(|j| negative_lagged(&filtered, j * unit)));
        };
        autoregressive(self.factors.ar.len(), 1, &self.factors.seasonal_ar, m, &mut all);
        moving(&self.factors.ma, 1, &mut all);
        autoregressive(self.factors.seasonal_ar.len(), m, &self.factors.ar, 1, &mut all);
        moving(&self.factors.seasonal_ma, m, &mut all);
        let one = |i: usize| {
            let mut columns: Vec<Vec<f64>> = all.iter().map(|column| lane(column, i)).collect();
            columns.iter_mut().for_each(|column| found[i].solved.project_out(column));
            columns
        };
        (0..count).map(one).collect()
    }
}

/// Runs something over problems of one shape, eight at a time or one by one.
fn errors_each(all: &[(&Design, &Coefficients)]) -> Vec<Option<Errors>> {
    let mut out = Vec::with_capacity(all.len());
    for some in all.chunks(SERIES) {
        if some.len() < ENOUGH {
            out.extend(some.iter().flat_map(|(design, c)| Lanes::<1>::new([design], [c]).solve(1)));
        } else {
            let at = |i: usize| some[i.min(some.len() - 1)];
            let lanes = Lanes::<SERIES>::new(std::array::from_fn(|i| at(i).0), std::array::from_fn(|i| at(i).1));
            out.extend(lanes.solve(some.len()));
        }
    }
    out
}

/// Derivatives where the errors are known.
fn derivatives_each(all: &[(&Design, &Coefficients, &Errors)]) -> Vec<Vec<Vec<f64>>> {
    let mut out = Vec::with_capacity(all.len());
    for some in all.chunks(SERIES) {
        if some.len() < ENOUGH {
            let one = |(design, c, errors): &(&Design, &Coefficients, &Errors)| {
                Lanes::<1>::new([design], [c]).derivatives([errors], 1)
            };
            out.extend(some.iter().flat_map(one));
        } else {
            let at = |i: usize| some[i.min(some.len() - 1)];
            let lanes = Lanes::<SERIES>::new(std::array::from_fn(|i| at(i).0), std::array::from_fn(|i| at(i).1));
            out.extend(lanes.derivatives(std::array::from_fn(|i| at(i).2), some.len()));
        }
    }
    out
}

impl Conditional<'_> {
    /// Errors at a set of coefficients; `None` if they are not finite.
    pub(super) fn errors(&self, coefficients: &Coefficients) -> Option<Errors> {
        errors_each(&[(self.0, coefficients)]).pop()?
    }
}

impl LeastSquares for Conditional<'_> {
    fn at_each(asked: &[(&Self, &[f64])]) -> Vec<Option<Point>> {
        let candidates: Vec<Coefficients> =
            asked.iter().map(|(problem, at)| Coefficients::from_free(&problem.0.order, at)).collect();
        let all: Vec<(&Design, &Coefficients)> =
            asked.iter().zip(&candidates).map(|((problem, _), candidate)| (problem.0, candidate)).collect();
        let point = |(errors, (_, at)): (Option<Errors>, &(&Self, &[f64]))| {
            let Errors { sse, solved, .. } = errors?;
            Some(Point { at: at.to_vec(), objective: sse, residuals: solved.residuals, jacobian: Vec::new() })
        };
        errors_each(&all).into_iter().zip(asked).map(point).collect()
    }

    fn complete_each(asked: &mut [(&Self, &mut Point)]) -> Vec<bool> {
        let candidates: Vec<Coefficients> =
            asked.iter().map(|(problem, point)| Coefficients::from_free(&problem.0.order, &point.at)).collect();
        let all: Vec<(&Design, &Coefficients)> =
            asked.iter().zip(&candidates).map(|((problem, _), candidate)| (problem.0, candidate)).collect();
        let errors = errors_each(&all);
        let known = all.iter().zip(&errors).filter_map(|((design, c), errors)| Some((*design, *c, errors.as_ref()?)));
        let mut derivatives = derivatives_each(&known.collect::<Vec<_>>()).into_iter();
        let mut had = Vec::with_capacity(asked.len());
        for ((problem, point), errors) in asked.iter_mut().zip(&errors) {
            let by_coefficient = if errors.is_some() { derivatives.next() } else { None };
            if let Some(by_coefficient) = &by_coefficient {
                point.jacobian = by_free_numbers(problem.0, point, by_coefficient);
            }
            had.push(by_coefficient.is_some());
        }
        had
    }
}

/// Derivatives by free numbers from those by coefficients.
fn by_free_numbers(design: &Design, point: &Point, by_coefficient: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let flat = |c: &Coefficients| -> Vec<f64> {
        [&c.ar, &c.ma, &c.seasonal_ar, &c.seasonal_ma].into_iter().flatten().copied().collect()
    };
    let column = |i: usize| {
        let moved = |step: f64| {
            let mut at = point.at.clone();
            at[i] += step;
            flat(&Coefficients::from_free(&design.order, &at))
        };
        let mut column = vec![0.0; point.residuals.len()];
        for ((up, down), by) in moved(STEP).iter().zip(&moved(-STEP)).zip(by_coefficient) {
            let slope = (up - down) / (2.0 * STEP);
            if slope != 0.0 {
                column.iter_mut().zip(by).for_each(|(x, d)| *x += slope * d);
            }
        }
        column
    };
    (0..point.at.len()).map(column).collect()
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
        let there = |at: &[f64]| Conditional::at_each(&[(&problem, at)]).pop().flatten().unwrap();
        let mut point = there(&at);
        assert_eq!(Conditional::complete_each(&mut [(&problem, &mut point)]), [true]);
        for (i, column) in point.jacobian.iter().enumerate() {
            let objective = |step: f64| {
                let mut moved = at;
                moved[i] += step;
                there(&moved).objective
            };
            let (found, expected) = (2.0 * dot(column, &point.residuals), (objective(1e-5) - objective(-1e-5)) / 2e-5);
            assert!((found - expected).abs() < 1e-6 * point.objective, "direction {i}: {found}, expected {expected}");
        }
    }
}
