//! Nonlinear least squares in a box: Levenberg-Marquardt steps, coordinates pushed against a bound at rest.
//!
//! Source: Nielsen (1999), IMM-REP-1999-05, section 3.2, with projection onto the box. Iterations are counted, never
//! time, so that a result does not depend on the machine.

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

/// Goes downhill from a point; returns the best point and its sum of squares.
pub(super) fn descend(problem: &mut dyn Problem, start: &[f64], stop: Stop) -> (Vec<f64>, f64) {
    let mut at = start.to_vec();
    let mut here = problem.squares(&at);
    let (mut damping, mut growth, mut idle) = (1e-3, 2.0, 0);
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
        let step = damped_step(&here, &moving, damping);
        let mut next = at.clone();
        for (i, step) in moving.iter().zip(&step) {
            let (low, high) = problem.bounds()[*i];
            next[*i] = (at[*i] + step).clamp(low, high);
        }
        let sse = problem.sse(&next);
        if sse < here.sse {
            let gain = here.sse - sse;
            idle = if gain <= stop.tolerance * here.sse { idle + 1 } else { 0 };
            at = next;
            (damping, growth) = ((damping * 0.15).max(1e-14), 2.0);
            if idle == 2 {
                here.sse = sse;
                break;
            }
            here = problem.squares(&at);
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

/// Solves (H + damping diag H) step = -gradient over the moving coordinates by Cholesky's factorization.
fn damped_step(here: &Squares, moving: &[usize], damping: f64) -> Vec<f64> {
    let (k, n) = (moving.len(), here.gradient.len());
    let mut matrix = vec![0.0; k * k];
    for (r, &i) in moving.iter().enumerate() {
        for (c, &j) in moving.iter().enumerate().take(r + 1) {
            matrix[r * k + c] = here.hessian[i * n + j];
        }
        matrix[r * k + r] *= 1.0 + damping;
    }
    let mut step: Vec<f64> = moving.iter().map(|&i| -here.gradient[i]).collect();
    cholesky(&mut matrix, k);
    solve(&matrix, k, &mut step);
    step
}

/// Factorizes the lower triangle of a symmetric matrix in place; directions without a curvature are frozen.
pub(super) fn cholesky(matrix: &mut [f64], k: usize) {
    for r in 0..k {
        for c in 0..=r {
            let (before, row) = matrix.split_at(r * k);
            let other = if c < r { &before[c * k..c * k + c] } else { &row[..c] };
            let dot: f64 = row[..c].iter().zip(other).map(|(a, b)| a * b).sum();
            let value = matrix[r * k + c] - dot;
            matrix[r * k + c] = if c < r {
                value / matrix[c * k + c]
            } else if value > 1e-14 * matrix[r * k + r].abs() && value.is_finite() {
                value.sqrt()
            } else {
                f64::INFINITY
            };
        }
    }
}

/// Solves with a factor of [`cholesky`]; frozen directions get zero.
pub(super) fn solve(factor: &[f64], k: usize, right: &mut [f64]) {
    for r in 0..k {
        let dot: f64 = factor[r * k..r * k + r].iter().zip(&right[..r]).map(|(a, b)| a * b).sum();
        let diagonal = factor[r * k + r];
        right[r] = if diagonal.is_finite() { (right[r] - dot) / diagonal } else { 0.0 };
    }
    for r in (0..k).rev() {
        let dot: f64 = (r + 1..k).map(|i| factor[i * k + r] * right[i]).sum();
        let diagonal = factor[r * k + r];
        right[r] = if diagonal.is_finite() { (right[r] - dot) / diagonal } else { 0.0 };
    }
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

    #[test]
    fn directions_without_curvature_are_frozen() {
        let mut matrix = [4.0, 0.0, 2.0, 1.0];
        cholesky(&mut matrix, 2);
        let mut right = [2.0, 7.0];
        solve(&matrix, 2, &mut right);
        assert_eq!(right, [0.5, 0.0]);
    }
}
