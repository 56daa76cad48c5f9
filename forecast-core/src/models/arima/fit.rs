//! Estimation: conditional least squares for the start, exact maximum likelihood from there.

use serde::{Deserialize, Serialize};

use super::css::Conditional;
use super::design::Design;
use super::exact::{Exact, evaluate};
use super::optimize::{COARSE, FINE, Point, ROUGH, descend, descend_each, descend_from, dot};
use super::order::Order;
use super::polynomial::Coefficients;
use super::regression::least_squares;
use crate::kernels::arma::LANES;

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

/// Learns the coefficients of a design; `None` if no finite likelihood was found.
pub(super) fn estimate(design: &Design, kind: Likelihood, starts: &[Vec<f64>], effort: Effort) -> Option<Estimate> {
    if let Some(flat) = explained(design) {
        return Some(flat);
    }
    let order = &design.order;
    let conditional = Conditional(design);
    let usual = usual_starts(order);
    // Long seasons leave few errors to condition on: then the exact likelihood starts from the usual points.
    let enough = design.n_used() > order.longest_ar() + 2 * order.coefficients() + 2;
    let tolerance = if kind == Likelihood::Css { FINE } else { COARSE };
    // A neighbor's coefficients are as good a start as the conditional ones.
    let wanted = kind == Likelihood::Css || effort == Effort::Thorough || starts.is_empty();
    let by_css = if enough && wanted { descend(&conditional, &usual[0], tolerance) } else { None };
    if kind == Likelihood::Css {
        let others = starts.iter().chain(&usual[1..]).filter_map(|start| descend(&conditional, start, COARSE));
        let best = others.chain(by_css).min_by(|a, b| a.objective.total_cmp(&b.objective))?;
        return conditional_estimate(design, descend_from(&conditional, best, FINE), effort);
    }
    let mut from: Vec<Vec<f64>> = starts.to_vec();
    from.extend(by_css.map(|point| Coefficients::from_free(order, &point.at).to_free()));
    from.extend(usual);
    let small = design.w.len() * order.states() * (1 + design.columns.len()) < SMALL;
    let followed = match (effort, small) {
        (Effort::Quick, _) => 1,
        (Effort::Thorough, false) => 2,
        (Effort::Thorough, true) => from.len(),
    };
    let exact = Exact(design);
    let tolerance = if effort == Effort::Quick { ROUGH } else { COARSE };
    let mut from = ranked(design, from);
    from.truncate(followed);
    // Of many starts most lead to the same end; of two the second may be the one that comes closer to a unit root.
    let best = if small {
        descend_each(&exact, &from, tolerance)?
    } else {
        let found = from.iter().filter_map(|start| descend(&exact, start, tolerance));
        found.min_by(|a, b| a.objective.total_cmp(&b.objective))?
    };
    let best = if effort == Effort::Thorough { descend_from(&exact, best, FINE) } else { best };
    exact_estimate(design, &Coefficients::from_free(order, &best.at), (effort == Effort::Thorough).then_some(best))
}

/// Starts by their exact likelihood, best first; those without one are left out.
fn ranked(design: &Design, starts: Vec<Vec<f64>>) -> Vec<Vec<f64>> {
    let mut out: Vec<(f64, Vec<f64>)> = Vec::with_capacity(starts.len());
    for chunk in starts.chunks(LANES) {
        let candidates: Vec<Coefficients> = chunk.iter().map(|at| Coefficients::from_free(&design.order, at)).collect();
        let found = evaluate(design, &candidates).into_iter().zip(chunk);
        out.extend(found.filter_map(|(e, at)| e.map(|e| (e.objective(), at.clone()))));
    }
    out.sort_by(|a, b| a.0.total_cmp(&b.0));
    out.into_iter().map(|(_, at)| at).collect()
}

/// The estimate at given coefficients; `None` if they are not stationary.
pub(super) fn at_coefficients(design: &Design, kind: Likelihood, coefficients: &Coefficients) -> Option<Estimate> {
    match kind {
        Likelihood::Exact => exact_estimate(design, coefficients, None),
        Likelihood::Css => {
            let errors = Conditional(design).errors(coefficients)?;
            Some(Estimate {
                coefficients: coefficients.clone(),
                beta: errors.beta[design.gaps.len()..].to_vec(),
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
    super::optimize::LeastSquares::complete(&Conditional(design), &mut best)?;
    let errors = standard_errors(design, &best, estimate.sse / estimate.n_used as f64);
    Some(Estimate { errors, ..estimate })
}

fn exact_estimate(design: &Design, coefficients: &Coefficients, point: Option<Point>) -> Option<Estimate> {
    let evaluation = evaluate(design, std::slice::from_ref(coefficients)).pop()??;
    let mut errors = vec![f64::NAN; design.order.coefficients()];
    if let Some(mut point) = point
        && super::optimize::LeastSquares::complete(&Exact(design), &mut point).is_some()
    {
        errors = standard_errors(design, &point, point.objective / evaluation.n_used as f64);
    }
    Some(Estimate {
        coefficients: coefficients.clone(),
        beta: evaluation.beta[design.gaps.len()..].to_vec(),
        sse: evaluation.sse,
        log_likelihood: (evaluation.sse > 0.0).then(|| evaluation.log_likelihood()),
        n_used: evaluation.n_used,
        errors,
    })
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
