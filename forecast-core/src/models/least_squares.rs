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

/// Damping up to which a step says what is left to gain; with more of it, it may only be short.
const FREE: f64 = 1e-3;
/// Share of the tolerance below which a promised gain is none: in a bent valley steps gain more than they promise.
const CLEARLY: f64 = 0.01;

/// Goes downhill from a point; returns the best point and its sum of squares.
pub(super) fn descend(problem: &mut dyn Problem, start: &[f64], stop: Stop) -> (Vec<f64>, f64) {
    let mut one = Descent::new(start, problem.squares(start), stop);
    while one.propose(problem.bounds()) {
        let sse = problem.sse(&one.next);
        if one.judge(sse) {
            let squares = problem.squares(&one.next);
            one.arrive(squares);
        }
    }
    one.end()
}

/// A descent that is told what it asks for, so that several can go down side by side.
pub(super) struct Descent {
    at: Vec<f64>,
    here: Squares,
    /// The point that is asked for.
    pub(super) next: Vec<f64>,
    moving: Vec<usize>,
    missing: Vec<f64>,
    damping: f64,
    growth: f64,
    idle: usize,
    gain: f64,
    /// Steps that are left.
    left: usize,
    tolerance: f64,
}

impl Descent {
    /// `here`: the sum of squares with derivatives at `start`.
    pub(super) fn new(start: &[f64], here: Squares, stop: Stop) -> Self {
        Self {
            at: start.to_vec(),
            here,
            next: start.to_vec(),
            moving: Vec::new(),
            missing: vec![0.0; start.len() * start.len()],
            damping: 1e-3,
            growth: 2.0,
            idle: 0,
            gain: 0.0,
            left: stop.iterations,
            tolerance: stop.tolerance,
        }
    }

    /// Sets `next` to the point to look at; false at the end.
    pub(super) fn propose(&mut self, bounds: &[(f64, f64)]) -> bool {
        let (at, here) = (&self.at, &self.here);
        if self.left == 0 || !here.sse.is_finite() || here.gradient.iter().any(|g| !g.is_finite()) {
            return false;
        }
        self.left -= 1;
        self.moving.clear();
        self.moving.extend((0..at.len()).filter(|&i| {
            let (low, high) = bounds[i];
            !(at[i] <= low && here.gradient[i] >= 0.0 || at[i] >= high && here.gradient[i] <= 0.0)
        }));
        if self.moving.is_empty() {
            return false;
        }
        let step = damped_step(here, &self.missing, &self.moving, self.damping);
        // What the model of the curvature promises is too little: most searches end here, without trying that step.
        let promise = promise(here, &self.missing, &self.moving, &step);
        if self.damping <= FREE && promise <= CLEARLY * self.tolerance * here.sse {
            return false;
        }
        self.next.copy_from_slice(at);
        for (i, step) in self.moving.iter().zip(&step) {
            let (low, high) = bounds[*i];
            self.next[*i] = (at[*i] + step).clamp(low, high);
        }
        true
    }

    /// Takes the sum of squares at the next point; whether its derivatives are wanted, too.
    pub(super) fn judge(&mut self, sse: f64) -> bool {
        self.gain = self.here.sse - sse;
        if sse < self.here.sse {
            self.idle = if self.gain <= self.tolerance * self.here.sse { self.idle + 1 } else { 0 };
            (self.damping, self.growth) = ((self.damping * 0.15).max(1e-14), 2.0);
            if self.idle < 2 {
                return true;
            }
            self.at.copy_from_slice(&self.next);
            (self.here.sse, self.left) = (sse, 0);
        } else {
            self.damping *= self.growth;
            self.growth *= 2.0;
            if self.damping > 1e14 {
                self.left = 0;
            }
        }
        false
    }

    /// Goes to the next point, with its derivatives.
    pub(super) fn arrive(&mut self, there: Squares) {
        let before = std::mem::replace(&mut self.here, there);
        if self.gain <= NEAR * before.sse {
            let step: Vec<f64> = self.next.iter().zip(&self.at).map(|(a, b)| a - b).collect();
            learn(&mut self.missing, &self.here, &before.gradient, &step);
        } else {
            self.missing.fill(0.0);
        }
        self.at.copy_from_slice(&self.next);
    }

    /// The best point and its sum of squares.
    pub(super) fn end(self) -> (Vec<f64>, f64) {
        (self.at, self.here.sse)
    }
}

/// By how much a step lowers the sum of squares if the curvature is all there is to it.
fn promise(here: &Squares, missing: &[f64], moving: &[usize], step: &[f64]) -> f64 {
    let n = here.gradient.len();
    let one = |(&i, s): (&usize, &f64)| {
        let curved: f64 =
            moving.iter().zip(step).map(|(&j, other)| (here.hessian[i * n + j] + missing[i * n + j]) * other).sum();
        -s * (2.0 * here.gradient[i] + curved)
    };
    moving.iter().zip(step).map(one).sum()
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
