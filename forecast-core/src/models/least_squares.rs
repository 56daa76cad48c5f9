//! Nonlinear least squares in a box: Levenberg-Marquardt steps, coordinates pushed against a bound at rest.
//!
//! Source: Nielsen (1999), IMM-REP-1999-05, section 3.2, with projection onto the box. What Gauss-Newton leaves out of the
//! curvature is learned from the change of the gradient by the symmetric rank-one update (Nocedal & Wright (2006),
//! section 6.2). Iterations are counted, never time, so that a result does not depend on the machine.

use crate::kernels::matrix::{cholesky, dot, solve};

/// A sum of squares with its derivatives.
pub(super) struct Squares {
    /// Sum of squares.
    pub(super) sse: f64,
    /// Half its gradient.
    pub(super) gradient: Vec<f64>,
    /// Gauss-Newton approximation of half its Hessian, row by row.
    pub(super) hessian: Vec<f64>,
}

/// A problem to solve.
pub(super) trait Problem {
    /// Sum of squares at a point; infinite where the point is not allowed.
    fn sse(&mut self, at: &[f64]) -> f64;
    /// Sum of squares with derivatives.
    fn squares(&mut self, at: &[f64]) -> Squares;
    /// Lower and upper bound of each coordinate.
    fn bounds(&self) -> &[(f64, f64)];
}

/// A problem whose errors are known, derivatives by differences.
pub(super) struct Differences<F> {
    errors: F,
    bounds: Vec<(f64, f64)>,
    /// Size of each coordinate, for the steps.
    sizes: Vec<f64>,
    here: Vec<f64>,
    columns: Vec<Vec<f64>>,
}

impl<F: FnMut(&[f64], &mut [f64])> Differences<F> {
    /// `errors(point, out)` fills `count` errors.
    pub(super) fn new(errors: F, count: usize, bounds: Vec<(f64, f64)>, sizes: Vec<f64>) -> Self {
        let columns = vec![vec![0.0; count]; bounds.len()];
        Self { errors, bounds, sizes, here: vec![0.0; count], columns }
    }
}

impl<F: FnMut(&[f64], &mut [f64])> Problem for Differences<F> {
    fn sse(&mut self, at: &[f64]) -> f64 {
        (self.errors)(at, &mut self.here);
        let sse: f64 = self.here.iter().map(|e| e * e).sum();
        if sse.is_nan() { f64::INFINITY } else { sse }
    }

    fn squares(&mut self, at: &[f64]) -> Squares {
        let k = at.len();
        for i in 0..k {
            let step = 1e-7 * self.sizes[i].max(at[i].abs());
            let step = if at[i] + step > self.bounds[i].1 { -step } else { step };
            let mut point = at.to_vec();
            point[i] += step;
            (self.errors)(&point, &mut self.columns[i]);
        }
        let sse = self.sse(at);
        for (i, column) in self.columns.iter_mut().enumerate() {
            let step = 1e-7 * self.sizes[i].max(at[i].abs());
            let step = if at[i] + step > self.bounds[i].1 { -step } else { step };
            let step = (at[i] + step) - at[i];
            for (moved, here) in column.iter_mut().zip(&self.here) {
                *moved = (*moved - here) / step;
            }
        }
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        Squares {
            sse,
            gradient: self.columns.iter().map(|column| dot(column, &self.here)).collect(),
            hessian: (0..k * k).map(|ij| dot(&self.columns[ij / k], &self.columns[ij % k])).collect(),
        }
    }

    fn bounds(&self) -> &[(f64, f64)] {
        &self.bounds
    }
}

/// When to stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    /// Steps at most.
    pub(super) iterations: usize,
    /// Share of the sum of squares below which two steps in a row are no gain any more.
    pub(super) tolerance: f64,
}

/// Share of the sum of squares that a step changes at most if curvature is learned from it: far away it says little.
const NEAR: f64 = 0.003;

/// Goes downhill from a point; returns the best point and its sum of squares.
pub(super) fn descend(problem: &mut dyn Problem, start: &[f64], stop: Stop) -> (Vec<f64>, f64) {
    let mut at = start.to_vec();
    let mut here = problem.squares(&at);
    let (mut damping, mut growth, mut idle) = (1e-3, 2.0, 0);
    let mut missing = vec![0.0; at.len() * at.len()];
    for _ in 0..stop.iterations {
        if !here.sse.is_finite() || here.gradient.iter().any(|g| !g.is_finite()) {
            break;
        }
        let moving: Vec<usize> = (0..at.len())
            .filter(|&i| {
                let (low, high) = problem.bounds()[i];
                !(at[i] <= low && here.gradient[i] >= 0.0 || at[i] >= high && here.gradient[i] <= 0.0)
            })
            .collect();
        if moving.is_empty() {
            break;
        }
        let step = damped_step(&here, &missing, &moving, damping);
        let mut next = at.clone();
        for (i, step) in moving.iter().zip(&step) {
            let (low, high) = problem.bounds()[*i];
            next[*i] = (at[*i] + step).clamp(low, high);
        }
        let sse = problem.sse(&next);
        if sse < here.sse {
            let gain = here.sse - sse;
            idle = if gain <= stop.tolerance * here.sse { idle + 1 } else { 0 };
            let near = gain <= NEAR * here.sse;
            let before = std::mem::replace(&mut at, next);
            (damping, growth) = ((damping * 0.15).max(1e-14), 2.0);
            if idle == 2 {
                here.sse = sse;
                break;
            }
            let gradient = std::mem::take(&mut here.gradient);
            here = problem.squares(&at);
            if near {
                let step: Vec<f64> = at.iter().zip(&before).map(|(a, b)| a - b).collect();
                learn(&mut missing, &here, &gradient, &step);
            } else {
                missing.fill(0.0);
            }
        } else {
            damping *= growth;
            growth *= 2.0;
            if damping > 1e14 {
                break;
            }
        }
    }
    (at, here.sse)
}

/// Corrects what is missing of the curvature, so that curvature times step is the change of the gradient.
fn learn(missing: &mut [f64], here: &Squares, before: &[f64], step: &[f64]) {
    let n = step.len();
    let rest: Vec<f64> = (0..n)
        .map(|i| {
            let row = here.hessian[i * n..(i + 1) * n].iter().zip(&missing[i * n..(i + 1) * n]);
            let told: f64 = row.zip(step).map(|((h, m), s)| (h + m) * s).sum();
            here.gradient[i] - before[i] - told
        })
        .collect();
    let along = dot(&rest, step);
    if !along.is_finite() || along.abs() <= 1e-8 * (dot(&rest, &rest) * dot(step, step)).sqrt() {
        return;
    }
    for i in 0..n {
        for j in 0..n {
            missing[i * n + j] += rest[i] * rest[j] / along;
        }
    }
}

/// Solves (H + M + damping diag H) step = -gradient over the moving coordinates by Cholesky's factorization.
fn damped_step(here: &Squares, missing: &[f64], moving: &[usize], damping: f64) -> Vec<f64> {
    let (k, n) = (moving.len(), here.gradient.len());
    let mut matrix = vec![0.0; k * k];
    let mut factorize = |missing: Option<&[f64]>| {
        for (r, &i) in moving.iter().enumerate() {
            for (c, &j) in moving.iter().enumerate().take(r + 1) {
                matrix[r * k + c] = here.hessian[i * n + j] + missing.map_or(0.0, |m| m[i * n + j]);
            }
            matrix[r * k + r] += damping * here.hessian[i * n + i];
        }
        cholesky(&mut matrix, k);
        (0..k).all(|r| matrix[r * k + r].is_finite())
    };
    // Where the whole curvature is not positive, the part that always is will do.
    if !factorize(Some(missing)) {
        factorize(None);
    }
    let mut step: Vec<f64> = moving.iter().map(|&i| -here.gradient[i]).collect();
    solve(&matrix, k, &mut step);
    step
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (1 - x)^2 + 100 (y - x^2)^2, in a box.
    struct Banana([(f64, f64); 2]);

    impl Problem for Banana {
        fn sse(&mut self, at: &[f64]) -> f64 {
            self.squares(at).sse
        }

        fn squares(&mut self, at: &[f64]) -> Squares {
            let r = [1.0 - at[0], 10.0 * (at[1] - at[0] * at[0])];
            let j = [[-1.0, 0.0], [-20.0 * at[0], 10.0]];
            let each = |f: &dyn Fn(usize) -> f64| f(0) + f(1);
            Squares {
                sse: each(&|i| r[i] * r[i]),
                gradient: (0..2).map(|a| each(&|i| j[i][a] * r[i])).collect(),
                hessian: (0..4).map(|ab| each(&|i| j[i][ab / 2] * j[i][ab % 2])).collect(),
            }
        }

        fn bounds(&self) -> &[(f64, f64)] {
            &self.0
        }
    }

    const STOP: Stop = Stop { iterations: 200, tolerance: 1e-12 };

    #[test]
    fn a_curved_valley_is_followed_to_its_end() {
        let (at, sse) = descend(&mut Banana([(-5.0, 5.0), (-5.0, 5.0)]), &[-1.2, 1.0], STOP);
        assert!(sse < 1e-12 && (at[0] - 1.0).abs() < 1e-6, "{at:?} {sse}");
    }

    #[test]
    fn a_bound_in_the_way_is_kept() {
        let (at, _) = descend(&mut Banana([(-5.0, 0.5), (-5.0, 5.0)]), &[-1.2, 1.0], STOP);
        assert!((at[0] - 0.5).abs() < 1e-9 && (at[1] - 0.25).abs() < 1e-4, "{at:?}");
    }
}
