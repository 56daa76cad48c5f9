//! Exact Gaussian likelihood of the differenced series, columns solved for, up to four candidates at once.
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
    fn residuals(evaluation: &Evaluation) -> Vec<f64> {
        let factor = libm::exp(0.5 * evaluation.log_determinant / evaluation.n_used as f64);
        evaluation.residuals.iter().map(|e| e * factor).collect()
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

    fn evaluate(&self, points: &[Vec<f64>]) -> Vec<Option<Evaluation>> {
        let candidates: Vec<Coefficients> =
            points.iter().map(|at| Coefficients::from_free(&self.0.order, at)).collect();
        evaluate(self.0, &candidates)
    }
}

impl LeastSquares for Exact<'_> {
    fn at(&self, at: &[f64]) -> Option<Point> {
        // The lanes that are left take the first directions of the Jacobian.
        let ahead = at.len().min(LANES - 1);
        let moved: Vec<(Vec<f64>, f64)> = (0..ahead).map(|direction| Self::moved(at, direction)).collect();
        let mut points = vec![at.to_vec()];
        points.extend(moved.iter().map(|(at, _)| at.clone()));
        let mut evaluations = self.evaluate(&points).into_iter();
        let here = evaluations.next().flatten()?;
        let mut point =
            Point { at: at.to_vec(), objective: here.objective(), residuals: Self::residuals(&here), jacobian: vec![] };
        for (evaluation, (_, step)) in evaluations.zip(&moved) {
            let Some(evaluation) = evaluation else { break };
            point.jacobian.push(slope(&Self::residuals(&evaluation), &point.residuals, *step));
        }
        Some(point)
    }

    fn complete(&self, point: &mut Point) -> Option<()> {
        while point.jacobian.len() < point.at.len() {
            let directions = point.jacobian.len()..point.at.len().min(point.jacobian.len() + LANES);
            let moved: Vec<(Vec<f64>, f64)> = directions.map(|direction| Self::moved(&point.at, direction)).collect();
            let points: Vec<Vec<f64>> = moved.iter().map(|(at, _)| at.clone()).collect();
            for (evaluation, (_, step)) in self.evaluate(&points).into_iter().zip(&moved) {
                let residuals = Self::residuals(&evaluation?);
                point.jacobian.push(slope(&residuals, &point.residuals, *step));
            }
        }
        Some(())
    }
}

fn slope(moved: &[f64], here: &[f64], step: f64) -> Vec<f64> {
    moved.iter().zip(here).map(|(m, h)| (m - h) / step).collect()
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

/// Evaluates up to [`LANES`] candidates; `None` for one that is not stationary or gives no finite number.
pub(super) fn evaluate(design: &Design, candidates: &[Coefficients]) -> Vec<Option<Evaluation>> {
    let Some(pass) = run(design, candidates) else { return vec![None; candidates.len()] };
    let mut out = Vec::with_capacity(candidates.len());
    for lane in 0..candidates.len() {
        out.push(if pass.valid[lane] { solve(design, &pass, lane) } else { None });
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
    if n == 0 || !(0..LANES).all(|lane| fill_lane(design, coefficients, lane, &mut start, &mut phis)) {
        return None;
    }
    let phis = non_zero(phis);
    let all: Vec<&Vec<f64>> = std::iter::once(&design.w).chain(&design.columns).collect();
    let value = |chunk: &[&Vec<f64>], lane: usize, t: usize| chunk.get(lane).map_or(0.0, |column| column[t]);
    let mut packed: Vec<Vec<Lane>> = all
        .chunks(LANES)
        .map(|chunk| {
            let w: Vec<Lane> = (0..n).map(|t| std::array::from_fn(|lane| value(chunk, lane, t))).collect();
            filtered_by_phi(w, &phis, r)
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

struct Pass {
    /// Standardized innovations, n long and more.
    columns: Vec<Vec<Lane>>,
    /// Sums of ln F.
    logs: Lane,
    valid: [bool; LANES],
}

fn run(design: &Design, candidates: &[Coefficients]) -> Option<Pass> {
    let n = design.w.len();
    let r = design.order.states();
    if n == 0 || candidates.is_empty() || candidates.len() > LANES {
        return None;
    }
    let mut start = Start::zeros(r);
    let mut valid = [false; LANES];
    let mut phis: Vec<Lane> = vec![[0.0; LANES]; design.order.longest_ar()];
    for (lane, coefficients) in candidates.iter().enumerate() {
        valid[lane] = fill_lane(design, coefficients, lane, &mut start, &mut phis);
    }
    let phis = non_zero(phis);
    let mut columns = Vec::with_capacity(design.columns.len() + 1);
    for w in std::iter::once(&design.w).chain(&design.columns) {
        let mut spread: Vec<Lane> = Vec::with_capacity(n + r);
        spread.extend(w.iter().map(|x| [*x; LANES]));
        columns.push(filtered_by_phi(spread, &phis, r));
    }
    let mut inverses = vec![[0.0; LANES]; n];
    innovations(&start, &mut columns, &mut inverses);
    let logs = standardize(&inverses, &mut columns);
    Some(Pass { columns, logs, valid })
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

/// phi(B) w with zeros before the start, and `r` zeros after the end.
fn filtered_by_phi(w: Vec<Lane>, phis: &[(usize, Lane)], r: usize) -> Vec<Lane> {
    let n = w.len();
    let Some((longest, _)) = phis.last() else {
        let mut out = w;
        out.resize(n + r, [0.0; LANES]);
        return out;
    };
    let mut out: Vec<Lane> = Vec::with_capacity(n + r);
    for t in 0..n {
        let reached = if t >= *longest { phis.len() } else { phis.partition_point(|(lag, _)| *lag <= t) };
        let mut value = w[t];
        for (lag, c) in &phis[..reached] {
            let past = w[t - lag];
            value = std::array::from_fn(|i| value[i] - c[i] * past[i]);
        }
        out.push(value);
    }
    out.resize(n + r, [0.0; LANES]);
    out
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
