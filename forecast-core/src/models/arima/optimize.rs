//! Levenberg-Marquardt descent of a sum of squares.
//!
//! The exact likelihood is one, too, once its innovations are multiplied by the geometric mean of their standard
//! deviations. Damping as in Nielsen (1999), IMM-REP-1999-05. A fixed number of steps, no clock.

/// Most steps from one starting point.
const STEPS: usize = 60;
/// Share of the sum of squares below which a step is no gain any more: rough to compare orders, coarse to choose among
/// starts, fine to end.
pub(super) const ROUGH: f64 = 1e-5;
pub(super) const COARSE: f64 = 1e-6;
pub(super) const FINE: f64 = 1e-10;
/// Damping up to which one step without gain is the end; with more of it the step may only have been short.
const FREE: f64 = 1e-3;
/// Steps without gain that are the end in any case.
const PATIENCE: usize = 4;
/// Largest number without bounds; beyond it a partial autocorrelation is as good as 1.
const FARTHEST: f64 = 1e3;
/// Longest step.
const LONGEST: f64 = 4.0;
/// Distance in every angle, whose sine is a partial autocorrelation, within which a search that is no better than another
/// has the same end: an angle still tells points close to a unit root apart.
const SAME: f64 = 0.01;

/// The sum of squares at one point, with what its derivatives are computed from.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) at: Vec<f64>,
    pub(super) residuals: Vec<f64>,
    /// Sum of the squared residuals.
    pub(super) objective: f64,
    /// Derivatives of the residuals, one column a parameter; possibly only the first of them.
    pub(super) jacobian: Vec<Vec<f64>>,
}

/// A sum of squares with derivatives.
pub(super) trait LeastSquares {
    /// The residuals at a point; `None` where there are none.
    fn at(&self, at: &[f64]) -> Option<Point>;
    /// Adds the columns of the Jacobian that are missing; `None` if they cannot be had.
    fn complete(&self, point: &mut Point) -> Option<()>;
}

/// Goes down from `start` until a step gains less than a share `tolerance`; `None` if there are no residuals there.
pub(super) fn descend(problem: &impl LeastSquares, start: &[f64], tolerance: f64) -> Option<Point> {
    let here = problem.at(start)?;
    Some(if start.is_empty() { here } else { descend_from(problem, here, tolerance) })
}

/// The least of the ends of several starts; a search that comes to where another ended, and is no better, stops there.
pub(super) fn descend_each(problem: &impl LeastSquares, starts: &[Vec<f64>], tolerance: f64) -> Option<Point> {
    let mut best: Option<Point> = None;
    for start in starts {
        let Some(here) = problem.at(start) else { continue };
        let end = if start.is_empty() { here } else { descend_until(problem, here, tolerance, best.as_ref()) };
        if best.as_ref().is_none_or(|best| end.objective < best.objective) {
            best = Some(end);
        }
    }
    best
}

/// Whether two sets of numbers without bounds say the same, up to little.
fn alike(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| (libm::atan(*a) - libm::atan(*b)).abs() <= SAME)
}

/// The same from a point that was evaluated.
pub(super) fn descend_from(problem: &impl LeastSquares, here: Point, tolerance: f64) -> Point {
    descend_until(problem, here, tolerance, None)
}

fn descend_until(problem: &impl LeastSquares, mut here: Point, tolerance: f64, other: Option<&Point>) -> Point {
    let mut idle = 0;
    let (mut damping, mut growth) = (1e-3, 2.0);
    let mut normal = Normal::default();
    let mut fresh = false;
    for _ in 0..STEPS {
        if other.is_some_and(|end| here.objective >= end.objective && alike(&here.at, &end.at)) {
            break;
        }
        if !fresh {
            if problem.complete(&mut here).is_none() {
                break;
            }
            normal = Normal::new(&here);
            fresh = true;
        }
        let Some(step) = normal.step(damping) else { break };
        // What the linear model promises is too little: nearly all searches end here, without trying that step.
        if damping <= FREE && normal.promise(&step) <= tolerance * here.objective {
            break;
        }
        let length = step.iter().map(|s| s * s).sum::<f64>().sqrt();
        let shrink = if length > LONGEST { LONGEST / length } else { 1.0 };
        let next: Vec<f64> =
            here.at.iter().zip(&step).map(|(x, s)| (x + shrink * s).clamp(-FARTHEST, FARTHEST)).collect();
        match problem.at(&next).filter(|there| there.objective < here.objective) {
            Some(there) => {
                let gain = here.objective - there.objective;
                idle = if gain <= tolerance * here.objective { idle + 1 } else { 0 };
                here = there;
                if idle >= PATIENCE || idle > 0 && damping <= FREE {
                    break;
                }
                (damping, growth, fresh) = ((damping * 0.1).max(1e-9), 2.0, false);
            }
            None => {
                damping *= growth;
                growth *= 2.0;
                if damping > 1e8 || length < 1e-9 {
                    break;
                }
            }
        }
    }
    here
}

/// Normal equations at a point.
#[derive(Default)]
struct Normal {
    matrix: Vec<Vec<f64>>,
    gradient: Vec<f64>,
}

impl Normal {
    fn new(point: &Point) -> Self {
        let product = |a: &[f64], b: &[f64]| dot(a, b);
        let matrix = point.jacobian.iter().map(|a| point.jacobian.iter().map(|b| product(a, b)).collect()).collect();
        let gradient = point.jacobian.iter().map(|a| product(a, &point.residuals)).collect();
        Self { matrix, gradient }
    }

    /// By how much a step lowers the sum of squares if the residuals are linear.
    fn promise(&self, step: &[f64]) -> f64 {
        let curved = self.matrix.iter().zip(step).map(|(row, s)| s * dot(row, step)).sum::<f64>();
        -2.0 * dot(&self.gradient, step) - curved
    }

    /// Solves (J'J + damping diag(J'J)) step = -J'z.
    fn step(&self, damping: f64) -> Option<Vec<f64>> {
        let k = self.gradient.len();
        let largest = (0..k).map(|i| self.matrix[i][i]).fold(0.0, f64::max);
        if !(largest > 0.0 && largest.is_finite()) {
            return None;
        }
        let mut rows = self.matrix.clone();
        for (i, row) in rows.iter_mut().enumerate() {
            row[i] += damping * row[i] + 1e-14 * largest;
        }
        let right: Vec<f64> = self.gradient.iter().map(|g| -g).collect();
        solve_positive(rows, right).filter(|step| step.iter().all(|s| s.is_finite()))
    }
}

/// Solves a symmetric positive definite system by Cholesky's factorization; `None` if it is not.
pub(super) fn solve_positive(mut rows: Vec<Vec<f64>>, mut right: Vec<f64>) -> Option<Vec<f64>> {
    let k = right.len();
    for i in 0..k {
        for j in 0..=i {
            let known: f64 = (0..j).map(|l| rows[i][l] * rows[j][l]).sum();
            let value = rows[i][j] - known;
            if i == j {
                if value.is_nan() || value <= 0.0 {
                    return None;
                }
                rows[i][i] = value.sqrt();
            } else {
                rows[i][j] = value / rows[j][j];
            }
        }
        let known: f64 = (0..i).map(|l| rows[i][l] * right[l]).sum();
        right[i] = (right[i] - known) / rows[i][i];
    }
    for i in (0..k).rev() {
        let known: f64 = (i + 1..k).map(|l| rows[l][i] * right[l]).sum();
        right[i] = (right[i] - known) / rows[i][i];
    }
    Some(right)
}

/// Sum of products in four partial sums, always in the same order.
pub(super) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 4];
    let (mut left, mut right) = (a.chunks_exact(4), b.chunks_exact(4));
    for (x, y) in left.by_ref().zip(right.by_ref()) {
        for i in 0..4 {
            sums[i] += x[i] * y[i];
        }
    }
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| x * y).sum();
    (sums[0] + sums[1]) + (sums[2] + sums[3]) + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's valley as a sum of squares.
    struct Valley;

    impl LeastSquares for Valley {
        fn at(&self, at: &[f64]) -> Option<Point> {
            let residuals = vec![10.0 * (at[1] - at[0] * at[0]), 1.0 - at[0]];
            let objective = dot(&residuals, &residuals);
            Some(Point { at: at.to_vec(), residuals, objective, jacobian: Vec::new() })
        }

        fn complete(&self, point: &mut Point) -> Option<()> {
            point.jacobian = vec![vec![-20.0 * point.at[0], -1.0], vec![10.0, 0.0]];
            Some(())
        }
    }

    #[test]
    fn the_bottom_of_a_curved_valley_is_found() {
        let bottom = descend(&Valley, &[-1.2, 1.0], FINE).unwrap();
        assert!(bottom.at.iter().all(|x| (x - 1.0).abs() < 1e-6), "{:?}", bottom.at);
    }

    #[test]
    fn only_positive_definite_systems_are_solved() {
        let found = solve_positive(vec![vec![4.0, 2.0], vec![2.0, 3.0]], vec![8.0, 8.0]).unwrap();
        assert!((found[0] - 1.0).abs() < 1e-12 && (found[1] - 2.0).abs() < 1e-12);
        assert_eq!(solve_positive(vec![vec![1.0, 2.0], vec![2.0, 1.0]], vec![1.0, 1.0]), None);
    }
}
