//! Levenberg-Marquardt descent of a sum of squares.
//!
//! The exact likelihood is one, too, once its innovations are multiplied by the geometric mean of their standard
//! deviations. Damping as in Nielsen (1999), IMM-REP-1999-05. A fixed number of steps, no clock.

pub(super) use crate::kernels::matrix::dot;

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

/// A sum of squares with derivatives. Problems that are asked together may share lanes: none's answer depends on the
/// others.
pub(super) trait LeastSquares: Sized {
    /// The residuals of each problem at a point of its own; `None` where there are none.
    fn at_each(asked: &[(&Self, &[f64])]) -> Vec<Option<Point>>;
    /// Adds the columns of the Jacobian that are missing to each point; says where they cannot be had.
    fn complete_each(asked: &mut [(&Self, &mut Point)]) -> Vec<bool>;
}

/// Goes down from each point, side by side, until a step gains less than a share `tolerance`. A search that comes to the
/// point in `others`, and is no better, stops there.
pub(super) fn descend_each<P: LeastSquares>(
    problems: &[&P],
    from: Vec<Point>,
    tolerance: f64,
    others: &[Option<&Point>],
) -> Vec<Point> {
    let mut all: Vec<Descent> = from.into_iter().map(Descent::new).collect();
    for _ in 0..STEPS {
        let mut wanting = Vec::new();
        let mut completed = Vec::new();
        for (at, (one, other)) in all.iter_mut().zip(others).enumerate() {
            one.done |= other.is_some_and(|end| one.here.objective >= end.objective && alike(&one.here.at, &end.at));
            if !one.done && !one.fresh {
                wanting.push((problems[at], &mut one.here));
                completed.push(at);
            }
        }
        let had = P::complete_each(&mut wanting);
        for (at, had) in completed.into_iter().zip(had) {
            all[at].arrive(had);
        }
        let asking: Vec<usize> =
            all.iter_mut().enumerate().filter_map(|(at, one)| one.propose(tolerance).then_some(at)).collect();
        if asking.is_empty() {
            break;
        }
        let asked: Vec<(&P, &[f64])> = asking.iter().map(|at| (problems[*at], all[*at].next.as_slice())).collect();
        let found = P::at_each(&asked);
        for (at, there) in asking.into_iter().zip(found) {
            all[at].judge(there, tolerance);
        }
    }
    all.into_iter().map(|one| one.here).collect()
}

/// Whether two sets of numbers without bounds say the same, up to little.
fn alike(a: &[f64], b: &[f64]) -> bool {
    a.iter().zip(b).all(|(a, b)| (libm::atan(*a) - libm::atan(*b)).abs() <= SAME)
}

/// One search, told what it asks for.
struct Descent {
    here: Point,
    /// Whether the normal equations are those of this point.
    fresh: bool,
    normal: Normal,
    next: Vec<f64>,
    /// Length of the step to it.
    length: f64,
    damping: f64,
    growth: f64,
    idle: usize,
    done: bool,
}

impl Descent {
    fn new(here: Point) -> Self {
        let done = here.at.is_empty();
        let normal = Normal::default();
        Self { here, fresh: false, normal, next: Vec::new(), length: 0.0, damping: 1e-3, growth: 2.0, idle: 0, done }
    }

    /// The derivatives at this point are there, or cannot be had.
    fn arrive(&mut self, had: bool) {
        if had {
            self.normal = Normal::new(&self.here);
            self.fresh = true;
        } else {
            self.done = true;
        }
    }

    /// Sets the point to look at next; false at the end.
    fn propose(&mut self, tolerance: f64) -> bool {
        if self.done {
            return false;
        }
        let step = self.normal.step(self.damping);
        // What the linear model promises is too little: nearly all searches end here, without trying that step.
        let worth =
            |step: &Vec<f64>| self.damping > FREE || self.normal.promise(step) > tolerance * self.here.objective;
        let Some(step) = step.filter(worth) else {
            self.done = true;
            return false;
        };
        self.length = step.iter().map(|s| s * s).sum::<f64>().sqrt();
        let shrink = if self.length > LONGEST { LONGEST / self.length } else { 1.0 };
        self.next.clear();
        self.next.extend(self.here.at.iter().zip(&step).map(|(x, s)| (x + shrink * s).clamp(-FARTHEST, FARTHEST)));
        true
    }

    /// Goes to the next point if it is lower.
    fn judge(&mut self, there: Option<Point>, tolerance: f64) {
        match there.filter(|there| there.objective < self.here.objective) {
            Some(there) => {
                let gain = self.here.objective - there.objective;
                self.idle = if gain <= tolerance * self.here.objective { self.idle + 1 } else { 0 };
                self.here = there;
                self.done = self.idle >= PATIENCE || self.idle > 0 && self.damping <= FREE;
                (self.damping, self.growth, self.fresh) = ((self.damping * 0.1).max(1e-9), 2.0, false);
            }
            None => {
                self.damping *= self.growth;
                self.growth *= 2.0;
                self.done = self.damping > 1e8 || self.length < 1e-9;
            }
        }
    }
}

/// Normal equations at a point.
#[derive(Default)]
struct Normal {
    matrix: Vec<Vec<f64>>,
    gradient: Vec<f64>,
}

impl Normal {
    fn new(point: &Point) -> Self {
        let k = point.jacobian.len();
        let mut matrix = vec![vec![0.0; k]; k];
        for (i, a) in point.jacobian.iter().enumerate() {
            for (j, b) in point.jacobian.iter().enumerate().take(i + 1) {
                matrix[i][j] = dot(a, b);
                matrix[j][i] = matrix[i][j];
            }
        }
        let gradient = point.jacobian.iter().map(|a| dot(a, &point.residuals)).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Rosenbrock's valley as a sum of squares.
    struct Valley;

    impl LeastSquares for Valley {
        fn at_each(asked: &[(&Self, &[f64])]) -> Vec<Option<Point>> {
            let one = |(_, at): &(&Self, &[f64])| {
                let residuals = vec![10.0 * (at[1] - at[0] * at[0]), 1.0 - at[0]];
                let objective = dot(&residuals, &residuals);
                Some(Point { at: at.to_vec(), residuals, objective, jacobian: Vec::new() })
            };
            asked.iter().map(one).collect()
        }

        fn complete_each(asked: &mut [(&Self, &mut Point)]) -> Vec<bool> {
            for (_, point) in asked.iter_mut() {
                point.jacobian = vec![vec![-20.0 * point.at[0], -1.0], vec![10.0, 0.0]];
            }
            vec![true; asked.len()]
        }
    }

    #[test]
    fn the_bottom_of_a_curved_valley_is_found() {
        let from: Vec<Point> =
            Valley::at_each(&[(&Valley, &[-1.2, 1.0]), (&Valley, &[2.0, -3.0])]).into_iter().flatten().collect();
        for end in descend_each(&[&Valley, &Valley], from, FINE, &[None, None]) {
            assert!(end.at.iter().all(|x| (x - 1.0).abs() < 1e-6), "{:?}", end.at);
        }
    }

    #[test]
    fn a_search_stops_where_another_has_ended() {
        let from = || Valley::at_each(&[(&Valley, &[0.999, 0.998])]).into_iter().flatten().collect::<Vec<Point>>();
        let end = descend_each(&[&Valley], from(), FINE, &[None]).remove(0);
        let stopped = descend_each(&[&Valley], from(), FINE, &[Some(&end)]).remove(0);
        assert_eq!(stopped.at, [0.999, 0.998]);
    }

    #[test]
    fn only_positive_definite_systems_are_solved() {
        let found = solve_positive(vec![vec![4.0, 2.0], vec![2.0, 3.0]], vec![8.0, 8.0]).unwrap();
        assert!((found[0] - 1.0).abs() < 1e-12 && (found[1] - 2.0).abs() < 1e-12);
        assert_eq!(solve_positive(vec![vec![1.0, 2.0], vec![2.0, 1.0]], vec![1.0, 1.0]), None);
    }
}
