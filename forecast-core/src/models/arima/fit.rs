//! Estimation: conditional least squares for the start, exact maximum likelihood from there.

use serde::{Deserialize, Serialize};

use super::css::Conditional;
use super::design::Design;
use super::exact::{Exact, evaluate_each};
use super::optimize::{COARSE, FINE, LeastSquares, Point, ROUGH, descend_each, dot};
use super::order::Order;
use super::polynomial::Coefficients;
use super::regression::least_squares;

/// What is maximized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Likelihood {
    /// The exact Gaussian likelihood.
    #[default]
    Exact,
    /// The conditional sum of squares, which takes the first values as given.
    Css,
}

impl Likelihood {
    /// As it is printed: `exact` or `css`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Css => "css",
        }
    }
}

/// What was learned, in the unit of the design.
#[derive(Debug, Clone)]
pub(super) struct Estimate {
    pub(super) coefficients: Coefficients,
    /// Coefficients of the regressors, missing values left out.
    pub(super) beta: Vec<f64>,
    /// Sum of squared standardized innovations.
    pub(super) sse: f64,
    /// Log-likelihood; none if everything is explained.
    pub(super) log_likelihood: Option<f64>,
    pub(super) n_used: usize,
    /// Standard errors of the coefficients, in the order of [`Coefficients::named`]; `NaN` where there is none.
    pub(super) errors: Vec<f64>,
}

/// How much is spent on a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// Enough to compare orders.
    Quick,
    /// Enough to keep.
    Thorough,
}

/// Sum of squares below which the differenced series counts as explained, an observation, in the unit of the design.
const NOTHING: f64 = 1e-29;
/// Step of the differences that standard errors are computed by.
const STEP: f64 = 1e-6;
/// Values times states below which more starts are followed.
const SMALL: usize = 10_000;

/// A design with where to start from beside the usual points.
pub(super) type Task<'a> = (&'a Design, &'a [Vec<f64>]);

/// Learns the coefficients of a design; `None` if no finite likelihood was found.
pub(super) fn estimate(design: &Design, kind: Likelihood, starts: &[Vec<f64>], effort: Effort) -> Option<Estimate> {
    estimate_each(&[(design, starts)], kind, effort).pop()?
}

/// Learns those of several designs of one shape (orders, values, columns, gaps) side by side, in lanes; each estimate is
/// that of the design alone.
pub(super) fn estimate_each(all: &[Task], kind: Likelihood, effort: Effort) -> Vec<Option<Estimate>> {
    let mut out: Vec<Option<Estimate>> = all.iter().map(|(design, _)| explained(design)).collect();
    let open: Vec<usize> = (0..all.len()).filter(|at| out[*at].is_none()).collect();
    let some: Vec<Task> = open.iter().map(|at| all[*at]).collect();
    let found = match kind {
        Likelihood::Css => conditional_each(&some, effort),
        Likelihood::Exact => exact_each(&some, effort),
    };
    for (at, found) in open.into_iter().zip(found) {
        out[at] = found;
    }
    out
}

/// The lower ends of searches from one start a problem, `None` for no start; a search that comes to where `best` is, and
/// is no better, stops there if `alike` says so.
fn improve<P: LeastSquares>(
    problems: &[P],
    starts: &[Option<&[f64]>],
    tolerance: f64,
    alike: &[bool],
    best: &mut [Option<Point>],
) {
    let asked: Vec<usize> = (0..problems.len()).filter(|at| starts[*at].is_some()).collect();
    let points: Vec<(&P, &[f64])> = asked.iter().filter_map(|at| Some((&problems[*at], starts[*at]?))).collect();
    let here = P::at_each(&points);
    let (asked, here): (Vec<usize>, Vec<Point>) =
        asked.into_iter().zip(here).filter_map(|(at, point)| Some((at, point?))).unzip();
    let some: Vec<&P> = asked.iter().map(|at| &problems[*at]).collect();
    let others: Vec<Option<&Point>> = asked.iter().map(|at| best[*at].as_ref().filter(|_| alike[*at])).collect();
    let ends = descend_each(&some, here, tolerance, &others);
    for (at, end) in asked.into_iter().zip(ends) {
        if best[at].as_ref().is_none_or(|best| end.objective < best.objective) {
            best[at] = Some(end);
        }
    }
}

/// Goes on from where searches ended; those without an end stay without.
fn refine<P: LeastSquares>(problems: &[P], best: Vec<Option<Point>>) -> Vec<Option<Point>> {
    let mut out: Vec<Option<Point>> = best.iter().map(|_| None).collect();
    let (asked, here): (Vec<usize>, Vec<Point>) =
        best.into_iter().enumerate().filter_map(|(at, point)| Some((at, point?))).unzip();
    let some: Vec<&P> = asked.iter().map(|at| &problems[*at]).collect();
    let ends = descend_each(&some, here, FINE, &vec![None; some.len()]);
    for (at, end) in asked.into_iter().zip(ends) {
        out[at] = Some(end);
    }
    out
}

/// Whether enough errors are left of a design to start from its conditional sum of squares: a long season leaves few.
fn enough(design: &Design) -> bool {
    let order = &design.order;
    design.n_used() > order.longest_ar() + 2 * order.coefficients() + 2
}

fn conditional_each(all: &[Task], effort: Effort) -> Vec<Option<Estimate>> {
    let problems: Vec<Conditional> = all.iter().map(|(design, _)| Conditional(design)).collect();
    let usual: Vec<[Vec<f64>; 2]> = all.iter().map(|(design, _)| usual_starts(&design.order)).collect();
    let apart = vec![false; all.len()];
    let mut best: Vec<Option<Point>> = vec![None; all.len()];
    let rounds = all.iter().map(|(_, starts)| starts.len()).max().unwrap_or(0);
    for round in 0..rounds {
        let starts: Vec<Option<&[f64]>> = all.iter().map(|(_, starts)| starts.get(round).map(Vec::as_slice)).collect();
        improve(&problems, &starts, COARSE, &apart, &mut best);
    }
    let second: Vec<Option<&[f64]>> = usual.iter().map(|usual| Some(usual[1].as_slice())).collect();
    improve(&problems, &second, COARSE, &apart, &mut best);
    let first: Vec<Option<&[f64]>> =
        all.iter().zip(&usual).map(|((design, _), usual)| enough(design).then_some(usual[0].as_slice())).collect();
    improve(&problems, &first, FINE, &apart, &mut best);
    let ends = refine(&problems, best);
    all.iter().zip(ends).map(|((design, _), end)| conditional_estimate(design, end?, effort)).collect()
}

fn exact_each(all: &[Task], effort: Effort) -> Vec<Option<Estimate>> {
    let usual: Vec<[Vec<f64>; 2]> = all.iter().map(|(design, _)| usual_starts(&design.order)).collect();
    // A neighbor's coefficients are as good a start as the conditional ones.
    let wanted = |(design, starts): &Task| enough(design) && (effort == Effort::Thorough || starts.is_empty());
    let first: Vec<Option<&[f64]>> =
        all.iter().zip(&usual).map(|(task, usual)| wanted(task).then_some(usual[0].as_slice())).collect();
    let conditional: Vec<Conditional> = all.iter().map(|(design, _)| Conditional(design)).collect();
    let mut by_css: Vec<Option<Point>> = vec![None; all.len()];
    improve(&conditional, &first, COARSE, &vec![false; all.len()], &mut by_css);
    let from = all.iter().zip(by_css).zip(&usual).map(|(((design, starts), point), usual)| {
        let conditional = point.map(|point| Coefficients::from_free(&design.order, &point.at).to_free());
        starts.iter().cloned().chain(conditional).chain(usual.iter().cloned()).collect()
    });
    let mut from = ranked(all, from.collect());
    let small: Vec<bool> = all
        .iter()
        .map(|(design, _)| design.w.len() * design.order.states() * (1 + design.columns.len()) < SMALL)
        .collect();
    for (from, small) in from.iter_mut().zip(&small) {
        from.truncate(match (effort, small) {
            (Effort::Quick, _) => 1,
            (Effort::Thorough, false) => 2,
            (Effort::Thorough, true) => from.len(),
        });
    }
    let exact: Vec<Exact> = all.iter().map(|(design, _)| Exact(design)).collect();
    let tolerance = if effort == Effort::Quick { ROUGH } else { COARSE };
    let mut best: Vec<Option<Point>> = vec![None; all.len()];
    // Of many starts most lead to the same end; of two the second may be the one that comes closer to a unit root.
    for round in 0..from.iter().map(Vec::len).max().unwrap_or(0) {
        let starts: Vec<Option<&[f64]>> = from.iter().map(|from| from.get(round).map(Vec::as_slice)).collect();
        improve(&exact, &starts, tolerance, &small, &mut best);
    }
    if effort == Effort::Thorough {
        best = refine(&exact, best);
    }
    let designs: Vec<&Design> = all.iter().map(|(design, _)| *design).collect();
    let coefficients: Vec<Option<Coefficients>> = best
        .iter()
        .zip(&designs)
        .map(|(end, design)| Some(Coefficients::from_free(&design.order, &end.as_ref()?.at)))
        .collect();
    exact_estimates(&designs, &coefficients, if effort == Effort::Thorough { best } else { vec![None; all.len()] })
}

/// Starts of each design by their exact likelihood, best first; those without one are left out.
fn ranked(all: &[Task], starts: Vec<Vec<Vec<f64>>>) -> Vec<Vec<Vec<f64>>> {
    let pairs = || all.iter().zip(&starts).flat_map(|((design, _), starts)| starts.iter().map(move |at| (*design, at)));
    let candidates: Vec<Coefficients> =
        pairs().map(|(design, at)| Coefficients::from_free(&design.order, at)).collect();
    let asked: Vec<(&Design, &Coefficients)> = pairs().map(|(design, _)| design).zip(&candidates).collect();
    let mut found = evaluate_each(&asked).into_iter();
    let sorted = |starts: Vec<Vec<f64>>| {
        let objectives: Vec<Option<f64>> =
            found.by_ref().take(starts.len()).map(|e| e.map(|e| e.objective())).collect();
        let mut out: Vec<(f64, Vec<f64>)> =
            objectives.into_iter().zip(starts).filter_map(|(objective, at)| Some((objective?, at))).collect();
        out.sort_by(|a, b| a.0.total_cmp(&b.0));
        out.into_iter().map(|(_, at)| at).collect()
    };
    starts.into_iter().map(sorted).collect()
}

/// The estimate at given coefficients; `None` if they are not stationary.
pub(super) fn at_coefficients(design: &Design, kind: Likelihood, coefficients: &Coefficients) -> Option<Estimate> {
    match kind {
        Likelihood::Exact => exact_estimates(&[design], &[Some(coefficients.clone())], vec![None]).pop()?,
        Likelihood::Css => {
            let errors = Conditional(design).errors(coefficients)?;
            Some(Estimate {
                coefficients: coefficients.clone(),
                beta: errors.solved.beta[design.gaps.len()..].to_vec(),
                sse: errors.sigma2() * design.n_used() as f64,
                log_likelihood: Some(errors.log_likelihood(design.n_used())),
                n_used: design.n_used(),
                errors: vec![f64::NAN; design.order.coefficients()],
            })
        }
    }
}

fn conditional_estimate(design: &Design, mut best: Point, effort: Effort) -> Option<Estimate> {
    let coefficients = Coefficients::from_free(&design.order, &best.at);
    let estimate = at_coefficients(design, Likelihood::Css, &coefficients)?;
    if effort == Effort::Quick {
        return Some(estimate);
    }
    if !Conditional::complete_each(&mut [(&Conditional(design), &mut best)])[0] {
        return None;
    }
    let errors = standard_errors(design, &best, estimate.sse / estimate.n_used as f64);
    Some(Estimate { errors, ..estimate })
}

/// Estimates at coefficients, `None` without any; with standard errors where there is a point.
fn exact_estimates(
    designs: &[&Design],
    coefficients: &[Option<Coefficients>],
    points: Vec<Option<Point>>,
) -> Vec<Option<Estimate>> {
    let asked: Vec<(&Design, &Coefficients)> =
        designs.iter().zip(coefficients).filter_map(|(design, c)| Some((*design, c.as_ref()?))).collect();
    let mut evaluations = evaluate_each(&asked).into_iter();
    let mut points = points;
    let problems: Vec<Exact> = designs.iter().map(|design| Exact(design)).collect();
    let mut unfinished: Vec<(&Exact, &mut Point)> =
        problems.iter().zip(&mut points).filter_map(|(problem, point)| Some((problem, point.as_mut()?))).collect();
    let mut had = Exact::complete_each(&mut unfinished).into_iter();
    let one = |((design, coefficients), point): ((&&Design, &Option<Coefficients>), Option<Point>)| {
        let finished = point.is_some() && had.next() == Some(true);
        let coefficients = coefficients.clone()?;
        let evaluation = evaluations.next().flatten()?;
        let errors = point.filter(|_| finished).map_or_else(
            || vec![f64::NAN; design.order.coefficients()],
            |point| standard_errors(design, &point, point.objective / evaluation.n_used as f64),
        );
        Some(Estimate {
            coefficients,
            beta: evaluation.beta[design.gaps.len()..].to_vec(),
            sse: evaluation.sse,
            log_likelihood: (evaluation.sse > 0.0).then(|| evaluation.log_likelihood()),
            n_used: evaluation.n_used,
            errors,
        })
    };
    designs.iter().zip(coefficients).zip(points).map(one).collect()
}

/// Where a search starts without knowing better: off the line on which short factors cancel, and where differences have
/// taken too much.
fn usual_starts(order: &Order) -> [Vec<f64>; 2] {
    let start = |[ar, ma, seasonal_ar, seasonal_ma]: [f64; 4]| {
        let block = |count: usize, first: f64| (0..count).map(move |i| if i == 0 { first } else { 0.0 });
        let short = block(order.p, ar).chain(block(order.q, ma));
        short.chain(block(order.seasonal_p, seasonal_ar)).chain(block(order.seasonal_q, seasonal_ma)).collect()
    };
    [start([0.3, 0.05, 0.2, 0.1]), start([0.5, 1.5, 0.1, 0.9])]
}

/// The estimate of a series of which differences and regressors explain everything.
fn explained(design: &Design) -> Option<Estimate> {
    let solved = least_squares(design.w.clone(), design.columns.clone());
    if dot(&solved.residuals, &solved.residuals) > NOTHING * design.w.len() as f64 {
        return None;
    }
    let order = &design.order;
    Some(Estimate {
        coefficients: Coefficients::from_free(order, &vec![0.0; order.coefficients()]),
        beta: solved.beta[design.gaps.len()..].to_vec(),
        sse: 0.0,
        log_likelihood: None,
        n_used: design.n_used(),
        errors: vec![f64::NAN; order.coefficients()],
    })
}

/// Standard errors from the Gauss-Newton information, carried over to the coefficients.
fn standard_errors(design: &Design, point: &Point, sigma2: f64) -> Vec<f64> {
    let k = point.at.len();
    let solved = least_squares(point.residuals.clone(), point.jacobian.clone());
    let flat =
        |at: &[f64]| Coefficients::from_free(&design.order, at).named().map(|(_, value)| value).collect::<Vec<f64>>();
    let slopes: Vec<Vec<f64>> = (0..k)
        .map(|i| {
            let moved = |step: f64| {
                let mut at = point.at.clone();
                at[i] += step;
                flat(&at)
            };
            moved(STEP).iter().zip(&moved(-STEP)).map(|(up, down)| (up - down) / (2.0 * STEP)).collect()
        })
        .collect();
    (0..k)
        .map(|of| {
            // Var = sigma2 g (R'R)^-1 g' = sigma2 |R'^-1 g'|^2.
            let mut z: Vec<f64> = Vec::with_capacity(k);
            for (i, slope) in slopes.iter().enumerate() {
                let known: f64 = z.iter().enumerate().map(|(j, z)| solved.triangle[j][i] * z).sum();
                z.push((slope[of] - known) / solved.triangle[i][i]);
            }
            (sigma2 * dot(&z, &z)).sqrt()
        })
        .map(|error| if error.is_finite() { error } else { f64::NAN })
        .collect()
}
