//! Estimation: conditional least squares for the start, exact maximum likelihood from there.

use serde::{Deserialize, Serialize};

use super::css::Conditional;
use super::design::Design;
use super::exact::{Exact, evaluate};
use super::optimize::{Point, descend, dot};
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
    /// One descent from the better start.
    Quick,
    /// One from each start.
    Thorough,
}

/// Sum of squares below which the differenced series counts as explained, an observation, in the unit of the design.
const NOTHING: f64 = 1e-29;
/// Step of the differences that standard errors are computed by.
const STEP: f64 = 1e-6;

/// Learns the coefficients of a design; `None` if no finite likelihood was found.
pub(super) fn estimate(design: &Design, kind: Likelihood, starts: &[Vec<f64>], effort: Effort) -> Option<Estimate> {
    let order = &design.order;
    if let Some(flat) = explained(design) {
        return Some(flat);
    }
    let conditional = Conditional(design);
    let usual = usual_start(order);
    // Long seasons leave few errors to condition on: then the exact likelihood starts from the usual point.
    let enough = design.n_used() > order.longest_ar() + 2 * order.coefficients() + 2;
    let by_css = if enough { descend(&conditional, &usual) } else { None };
    if kind == Likelihood::Css {
        let best = starts.iter().filter_map(|start| descend(&conditional, start)).chain(by_css);
        let best = best.min_by(|a, b| a.objective.total_cmp(&b.objective))?;
        return conditional_estimate(design, &best);
    }
    let exact = Exact(design);
    let mut from: Vec<Vec<f64>> = starts.to_vec();
    from.extend(by_css.map(|point| Coefficients::from_free(order, &point.at).to_free()));
    from.push(usual);
    if effort == Effort::Quick {
        let candidates: Vec<(Vec<f64>, f64)> = from
            .chunks(crate::kernels::arma::LANES)
            .flat_map(|chunk| {
                let coefficients: Vec<Coefficients> =
                    chunk.iter().map(|at| Coefficients::from_free(order, at)).collect();
                let found = evaluate(design, &coefficients).into_iter().zip(chunk);
                found.filter_map(|(e, at)| e.map(|e| (at.clone(), e.objective()))).collect::<Vec<_>>()
            })
            .collect();
        from = candidates.into_iter().min_by(|a, b| a.1.total_cmp(&b.1)).map(|(at, _)| at).into_iter().collect();
    }
    let best = from.iter().filter_map(|start| descend(&exact, start));
    let best = best.min_by(|a, b| a.objective.total_cmp(&b.objective))?;
    exact_estimate(design, &Coefficients::from_free(order, &best.at), Some(best))
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

fn conditional_estimate(design: &Design, best: &Point) -> Option<Estimate> {
    let mut best = best.clone();
    let coefficients = Coefficients::from_free(&design.order, &best.at);
    let estimate = at_coefficients(design, Likelihood::Css, &coefficients)?;
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

/// Where a search starts without knowing better: off the line on which short factors cancel.
fn usual_start(order: &Order) -> Vec<f64> {
    let block = |count: usize, first: f64| (0..count).map(move |i| if i == 0 { first } else { 0.0 });
    let blocks = block(order.p, 0.3).chain(block(order.q, 0.05));
    blocks.chain(block(order.seasonal_p, 0.2)).chain(block(order.seasonal_q, 0.1)).collect()
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
            for i in 0..k {
                let known: f64 = z.iter().enumerate().map(|(j, z)| solved.triangle[j][i] * z).sum();
                z.push((slopes[i][of] - known) / solved.triangle[i][i]);
            }
            (sigma2 * dot(&z, &z)).sqrt()
        })
        .map(|error| if error.is_finite() { error } else { f64::NAN })
        .collect()
}
