//! Exact Gaussian likelihood of the differenced series, columns solved for, four candidates of one or several at once.
//!
//! -2 log L = N ln(2 pi sigma2) + N + sum of ln F[t] + ln det(A'A), where A are the standardized innovations of the columns
//! of missing values and sigma2 = S / N, S the sum of squares of the standardized innovations after least squares.

use super::LN_2_PI;
use super::design::Design;
use super::optimize::{LeastSquares, Point, dot};
use super::polynomial::{Coefficients, autocovariances, taps};
use super::regression::least_squares;
use crate::kernels::arma::{LANES, Lane, Start, innovations, standardize};

/// Largest variance of the process in units of sigma2; beyond it is as good as not stationary.
const LARGEST_VARIANCE: f64 = 1e14;
/// Step of the differences that the innovations are differentiated by, relative to numbers above 1.
const STEP: f64 = 1e-6;

/// The likelihood at one set of coefficients.
#[derive(Debug, Clone)]
pub(super) struct Evaluation {
    /// Standardized innovations after least squares, n long.
    pub(super) residuals: Vec<f64>,
    /// Their sum of squares.
    pub(super) sse: f64,
    /// Sum of ln F and ln det(A'A).
    pub(super) log_determinant: f64,
    /// Number of observations N.
    pub(super) n_used: usize,
    /// Coefficients of the columns, missing values first.
    pub(super) beta: Vec<f64>,
}

impl Evaluation {
    /// Estimate of the innovations' variance, by maximum likelihood.
    pub(super) fn sigma2(&self) -> f64 {
        self.sse / self.n_used as f64
    }

    /// Full log-likelihood in the unit of the data that were evaluated.
    pub(super) fn log_likelihood(&self) -> f64 {
        let n = self.n_used as f64;
        -0.5 * (n * (LN_2_PI + libm::log(self.sigma2())) + n + self.log_determinant)
    }

    /// What is minimized: the sum of squares times the geometric mean of the variances. Its logarithm is -2/N times the
    /// log-likelihood, constants aside.
    pub(super) fn objective(&self) -> f64 {
        self.sse * libm::exp(self.log_determinant / self.n_used as f64)
    }
}

/// The exact likelihood of a design as a problem of least squares over free numbers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Exact<'a>(pub(super) &'a Design);

impl Exact<'_> {
    /// The residuals that are squared: innovations times the geometric mean of their standard deviations.
    fn residuals(evaluation: Evaluation) -> Vec<f64> {
        let factor = libm::exp(0.5 * evaluation.log_determinant / evaluation.n_used as f64);
        let mut residuals = evaluation.residuals;
        residuals.iter_mut().for_each(|e| *e *= factor);
        residuals
    }

    /// Residuals at points next to one, each moved in one direction, and what they were moved by.
    fn moved(at: &[f64], direction: usize) -> (Vec<f64>, f64) {
        let mut moved = at.to_vec();
        // Toward zero, so that no point leaves the range of numbers that make a difference.
        let step = STEP * at[direction].abs().max(1.0);
        let step = if at[direction] > 0.0 { -step } else { step };
        moved[direction] += step;
        (moved, step)
    }

    /// Evaluations at the points of each problem, in their order.
    fn evaluate_each(asked: &[(&Self, Vec<f64>)]) -> Vec<Option<Evaluation>> {
        let candidates: Vec<Coefficients> =
            asked.iter().map(|(exact, at)| Coefficients::from_free(&exact.0.order, at)).collect();
        let all: Vec<(&Design, &Coefficients)> =
            asked.iter().zip(&candidates).map(|((exact, _), candidate)| (exact.0, candidate)).collect();
        evaluate_each(&all)
    }
}

impl LeastSquares for Exact<'_> {
    fn at_each(asked: &[(&Self, &[f64])]) -> Vec<Option<Point>> {
        // The lanes that one problem leaves take the first directions of the Jacobian.
        let moved: Vec<Vec<(Vec<f64>, f64)>> = asked
            .iter()
            .map(|(_, at)| (0..at.len().min(LANES - 1)).map(|direction| Self::moved(at, direction)).collect())
            .collect();
        let mut points: Vec<(&Self, Vec<f64>)> = Vec::new();
        for ((exact, at), moved) in asked.iter().zip(&moved) {
            points.push((exact, at.to_vec()));
            points.extend(moved.iter().map(|(at, _)| (*exact, at.clone())));
        }
        let mut evaluations = Self::evaluate_each(&points).into_iter();
        let mut point = |at: &[f64], moved: &[(Vec<f64>, f64)]| {
            let here = evaluations.next().flatten();
            let steps: Vec<Option<Evaluation>> = evaluations.by_ref().take(moved.len()).collect();
            let here = here?;
            let (objective, residuals) = (here.objective(), Self::residuals(here));
            let known = steps.into_iter().zip(moved).map_while(|(there, (_, step))| Some((there?, *step)));
            let jacobian = known.map(|(there, step)| slope(Self::residuals(there), &residuals, step)).collect();
            Some(Point { at: at.to_vec(), objective, residuals, jacobian })
        };
        asked.iter().zip(&moved).map(|((_, at), moved)| point(at, moved)).collect()
    }

    fn complete_each(asked: &mut [(&Self, &mut Point)]) -> Vec<bool> {
        let mut points: Vec<(&Self, Vec<f64>)> = Vec::new();
        let mut steps: Vec<Vec<f64>> = Vec::new();
        for (exact, point) in asked.iter() {
            let missing = point.jacobian.len()..point.at.len();
            let moved: Vec<(Vec<f64>, f64)> = missing.map(|direction| Self::moved(&point.at, direction)).collect();
            steps.push(moved.iter().map(|(_, step)| *step).collect());
            points.extend(moved.into_iter().map(|(at, _)| (*exact, at)));
        }
        let mut evaluations = Self::evaluate_each(&points).into_iter();
        let mut had = Vec::with_capacity(asked.len());
        for ((_, point), steps) in asked.iter_mut().zip(steps) {
            for (there, step) in evaluations.by_ref().take(steps.len()).collect::<Vec<_>>().into_iter().zip(steps) {
                let Some(there) = there else { break };
                let column = slope(Self::residuals(there), &point.residuals, step);
                point.jacobian.push(column);
            }
            had.push(point.jacobian.len() == point.at.len());
        }
        had
    }
}

fn slope(mut moved: Vec<f64>, here: &[f64], step: f64) -> Vec<f64> {
    moved.iter_mut().zip(here).for_each(|(m, h)| *m = (*m - h) / step);
    moved
}

/// Where the recursions ended, with what they need to go on.
#[derive(Debug, Clone)]
pub(super) struct Filtered {
    /// Innovations of the values and of each column, n + r long: what follows n is what they leave for later steps.
    pub(super) columns: Vec<Vec<f64>>,
    /// Variances F of the innovations.
    pub(super) variances: Vec<f64>,
    /// F of the next innovation.
    pub(super) variance: f64,
    /// c and L of the next step.
    pub(super) gain: Vec<f64>,
    pub(super) generator: Vec<f64>,
}

/// Evaluates candidates, each of a design of its own, all of one shape; `None` for one that is not stationary or gives no
/// finite number.
pub(super) fn evaluate_each(all: &[(&Design, &Coefficients)]) -> Vec<Option<Evaluation>> {
    let mut out = Vec::with_capacity(all.len());
    let Some((first, _)) = all.first() else { return out };
    let mut pass = Pass::new(first);
    for some in all.chunks(LANES) {
        pass.run(some);
        let one = |(lane, (design, _)): (usize, &(&Design, &Coefficients))| {
            if pass.valid[lane] { solve(design, &pass, lane) } else { None }
        };
        out.extend(some.iter().enumerate().map(one));
    }
    out
}

/// Runs the recursions at one set of coefficients and keeps where they end. Lanes carry columns here: all have the same
/// gains.
pub(super) fn filter(design: &Design, coefficients: &Coefficients) -> Option<Filtered> {
    let n = design.w.len();
    let r = design.order.states();
    let mut start = Start::zeros(r);
    let mut phis: Vec<Lane> = vec![[0.0; LANES]; design.order.longest_ar()];
    if n == 0 || !fill_lane(design, coefficients, 0, &mut start, &mut phis) {
        return None;
    }
    start.variance = [start.variance[0]; LANES];
    let lanes = start.gain.iter_mut().chain(&mut start.generator).chain(&mut phis);
    lanes.for_each(|all| *all = [all[0]; LANES]);
    let phis = non_zero(phis);
    let all: Vec<&Vec<f64>> = std::iter::once(&design.w).chain(&design.columns).collect();
    let value = |chunk: &[&Vec<f64>], lane: usize, t: usize| chunk.get(lane).map_or(0.0, |column| column[t]);
    let mut packed: Vec<Vec<Lane>> = all
        .chunks(LANES)
        .map(|chunk| {
            let mut column: Vec<Lane> = Vec::with_capacity(n + r);
            column.extend((0..n).map(|t| std::array::from_fn(|lane| value(chunk, lane, t))));
            filter_by_phi(&mut column, &phis, r);
            column
        })
        .collect();
    let mut inverses = vec![[0.0; LANES]; n];
    let gains = innovations(&start, &mut packed, &mut inverses);
    let first = |lanes: &[Lane]| lanes.iter().map(|lane| lane[0]).collect::<Vec<f64>>();
    let column = |i: usize| packed[i / LANES].iter().map(|lane| lane[i % LANES]).collect::<Vec<f64>>();
    Some(Filtered {
        columns: (0..all.len()).map(column).collect(),
        variances: inverses.iter().map(|lane| 1.0 / lane[0]).collect(),
        variance: gains.variance[0],
        gain: first(&gains.gain),
        generator: first(&gains.generator),
    })
}

/// Up to [`LANES`] candidates at once.
struct Pass {
    /// Standardized innovations, n long and more.
    columns: Vec<Vec<Lane>>,
    /// 1 / F of each step.
    inverses: Vec<Lane>,
    /// Sums of ln F.
    logs: Lane,
    valid: [bool; LANES],
}

impl Pass {
    /// Room for designs with as many values, columns and orders as this one.
    fn new(design: &Design) -> Self {
        let n = design.w.len();
        let column = || Vec::with_capacity(n + design.order.states());
        Self {
            columns: std::iter::repeat_with(column).take(1 + design.columns.len()).collect(),
            inverses: vec![[0.0; LANES]; n],
            logs: [0.0; LANES],
            valid: [false; LANES],
        }
    }

    fn run(&mut self, all: &[(&Design, &Coefficients)]) {
        self.valid = [false; LANES];
        let Some((design, _)) = all.first().filter(|(design, _)| !design.w.is_empty()) else { return };
        let r = design.order.states();
        let mut start = Start::zeros(r);
        let mut phis: Vec<Lane> = vec![[0.0; LANES]; design.order.longest_ar()];
        for (lane, (design, coefficients)) in all.iter().enumerate() {
            self.valid[lane] = fill_lane(design, coefficients, lane, &mut start, &mut phis);
        }
        let phis = non_zero(phis);
        let lanes: [&Design; LANES] = std::array::from_fn(|i| all.get(i).map_or(*design, |(design, _)| *design));
        for (k, column) in self.columns.iter_mut().enumerate() {
            let [a, b, c, d] = lanes.map(|design| k.checked_sub(1).map_or(&design.w, |k| &design.columns[k]));
            column.clear();
            column.extend(a.iter().zip(b).zip(c).zip(d).map(|(((a, b), c), d)| [*a, *b, *c, *d]));
            filter_by_phi(column, &phis, r);
        }
        innovations(&start, &mut self.columns, &mut self.inverses);
        self.logs = standardize(&self.inverses, &mut self.columns);
    }
}

/// Sets one lane's start; false if the candidate is not stationary.
fn fill_lane(design: &Design, coefficients: &Coefficients, lane: usize, start: &mut Start, phis: &mut [Lane]) -> bool {
    let m = design.order.season_length;
    let (phi, theta) = (coefficients.phi(m), coefficients.theta(m));
    let r = design.order.states();
    if phi.len() != design.order.longest_ar() || theta.len() != design.order.longest_ma() {
        return false;
    }
    let Some(gamma) = autocovariances(&phi, &theta, r - 1) else { return false };
    if !(gamma[0] >= 0.5 && gamma[0] < LARGEST_VARIANCE) || gamma.iter().any(|g| !g.is_finite()) {
        return false;
    }
    let of_phi = taps(&phi);
    start.variance[lane] = gamma[0];
    for i in 1..=r {
        let carried: f64 = of_phi.iter().filter(|(lag, _)| *lag <= i).map(|(lag, c)| c * gamma[i - lag]).sum();
        let own = if i < r { gamma[i] - carried } else { 0.0 };
        let from_phi = phi.get(i - 1).map_or(0.0, |c| c * gamma[0]);
        if i < r {
            start.gain[i - 1][lane] = own;
        }
        start.generator[i - 1][lane] = own + from_phi;
    }
    for (all, c) in phis.iter_mut().zip(&phi) {
        all[lane] = *c;
    }
    true
}

/// Coefficients that are not zero in every lane, with their lags.
fn non_zero(phis: Vec<Lane>) -> Vec<(usize, Lane)> {
    let all = phis.into_iter().enumerate().map(|(i, c)| (i + 1, c));
    all.filter(|(_, c)| c.iter().any(|c| *c != 0.0)).collect()
}

/// phi(B) w in place, with zeros before the start, and `r` zeros after the end.
fn filter_by_phi(w: &mut Vec<Lane>, phis: &[(usize, Lane)], r: usize) {
    let n = w.len();
    if let Some((longest, _)) = phis.last() {
        // From the end on, so that what is before a step is still w.
        for t in (0..n).rev() {
            let reached = if t >= *longest { phis.len() } else { phis.partition_point(|(lag, _)| *lag <= t) };
            let mut value = w[t];
            for (lag, c) in &phis[..reached] {
                let past = w[t - lag];
                value = std::array::from_fn(|i| value[i] - c[i] * past[i]);
            }
            w[t] = value;
        }
    }
    w.resize(n + r, [0.0; LANES]);
}

/// Least squares over the columns of one lane.
fn solve(design: &Design, pass: &Pass, lane: usize) -> Option<Evaluation> {
    let n = design.w.len();
    let mut log_determinant = pass.logs[lane];
    let mut all = pass.columns.iter().map(|column| column[..n].iter().map(|v| v[lane]).collect::<Vec<f64>>());
    let residuals = all.next()?;
    let solved = least_squares(residuals, all.collect());
    let mut known = 0;
    for (at, row) in solved.triangle.iter().enumerate().take(design.gaps.len()).filter(|(at, row)| row[*at] > 0.0) {
        log_determinant += 2.0 * libm::log(row[at]);
        known += 1;
    }
    let sse = dot(&solved.residuals, &solved.residuals);
    // A missing value that nothing tells about takes no observation away.
    let n_used = n.checked_sub(known).filter(|n| *n > 0)?;
    let evaluation = Evaluation { residuals: solved.residuals, sse, log_determinant, n_used, beta: solved.beta };
    (sse.is_finite() && log_determinant.is_finite()).then_some(evaluation)
}
