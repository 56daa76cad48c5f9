//! Start values and parameters of Holt-Winters smoothing.
//!
//! Start: classical decomposition of the first two seasons, a line through its trend, as R's `HoltWinters`. Search:
//! Levenberg-Marquardt steps with exact derivatives inside the box [0, 1], from several starting points, a fixed
//! number of iterations. Source of the damping of steps: Nielsen (1999), IMM-REP-1999-05. What Gauss-Newton leaves out of
//! the curvature is learned from the change of the gradient by the symmetric rank-one update (Nocedal & Wright (2006),
//! section 6.2): without it steps jump across the optimum, and converge by a constant factor only.

use crate::kernels::holt_winters::{CANDIDATES, Form, PARAMETERS, Pass, State, Stretches, pass, sums};

/// Starting points of the search (alpha, beta, gamma, phi); the first is that of R.
const STARTS: [[f64; PARAMETERS]; CANDIDATES] = [
    [0.3, 0.1, 0.1, 0.95],
    [0.9, 0.01, 0.1, 0.95],
    [0.1, 0.01, 0.3, 0.9],
    [0.5, 0.02, 0.7, 0.95],
    [0.02, 0.3, 0.05, 0.95],
    [0.7, 0.3, 0.3, 0.9],
    [0.05, 0.05, 0.1, 0.95],
    [0.5, 0.0, 0.3, 0.95],
];
/// Starting points that are followed to the end.
const FOLLOWED: usize = 2;
/// Steps from one starting point.
const ITERATIONS: usize = 40;
/// Bounds of each parameter; a trend that damps to nothing, or hardly at all, is another model.
const BOUNDS: [(f64, f64); PARAMETERS] = [(0.0, 1.0), (0.0, 1.0), (0.0, 1.0), (0.8, 0.98)];
/// Share of the sum of squares below which a step is no gain any more.
const TOLERANCE: f64 = 1e-9;

/// Share of the sum of squares that a step changes at most if curvature is learned from it: far away it says little.
const NEAR: f64 = 0.003;
/// Distance in every parameter within which a search that is no better than another has the same end.
const SAME: f64 = 0.05;

/// What the errors are computed from.
pub(super) struct Problem<'a> {
    pub(super) form: Form,
    pub(super) y: &'a [f64],
    pub(super) observed: &'a [bool],
    pub(super) stretches: &'a Stretches,
    pub(super) start: &'a State,
}

impl Problem<'_> {
    fn pass(&self, at: &[f64; PARAMETERS]) -> Pass {
        pass(self.form, self.y, self.observed, self.stretches, self.start, at)
    }

    /// Sums of squares at several points.
    fn sums(&self, points: &[[f64; PARAMETERS]; CANDIDATES]) -> [f64; CANDIDATES] {
        match self.form {
            Form::Additive => sums(self.y, self.observed, self.stretches, self.start, points),
            Form::Multiplicative => points.map(|at| self.pass(&at).sse),
        }
    }
}

/// Parameters that are known; `NaN` is searched for.
pub(super) struct Free {
    pub(super) known: [f64; PARAMETERS],
}

impl Free {
    fn is_free(&self, i: usize) -> bool {
        self.known[i].is_nan()
    }
}

/// The power of two next to the largest absolute value; 1 for zeros alone.
pub(super) fn scale_of(values: &[f64]) -> f64 {
    let largest = values.iter().fold(0.0_f64, |max, v| max.max(v.abs()));
    if largest == 0.0 {
        return 1.0;
    }
    let (_, exponent) = libm::frexp(largest);
    libm::ldexp(1.0, exponent.clamp(-1000, 1000))
}

/// Level, trend and season at the start, and the step that the recursion begins with.
pub(super) fn start(y: &[f64], season_length: usize, form: Form, trend: bool) -> (usize, State) {
    let m = season_length;
    if m < 2 {
        // Without a season R starts from the first value, with a trend from the first two.
        let season = vec![if form == Form::Additive { 0.0 } else { 1.0 }];
        return if trend {
            (2, State { level: y[1], trend: y[1] - y[0], season })
        } else {
            (1, State { level: y[0], trend: 0.0, season })
        };
    }
    let (first, averages) = moving_averages(&y[..2 * m], m);
    let mut season = vec![(0.0, 0usize); m];
    for (i, average) in averages.iter().enumerate() {
        let t = first + i;
        let part = if form == Form::Additive { y[t] - average } else { y[t] / average };
        season[t % m].0 += part;
        season[t % m].1 += 1;
    }
    let season: Vec<f64> = season.into_iter().map(|(sum, count)| sum / count.max(1) as f64).collect();
    let mean = season.iter().sum::<f64>() / m as f64;
    let season = season.into_iter().map(|s| if form == Form::Additive { s - mean } else { s / mean }).collect();
    let (level, slope) = line(&averages);
    let state = if trend {
        State { level, trend: slope, season }
    } else {
        State { level: averages.iter().sum::<f64>() / averages.len() as f64, trend: 0.0, season }
    };
    (m, state)
}

/// Centered moving averages over a season, and the step of the first.
pub(super) fn moving_averages(y: &[f64], m: usize) -> (usize, Vec<f64>) {
    let half = m / 2;
    let average = |t: usize| {
        if m % 2 == 1 {
            sum(&y[t - half..=t + half]) / m as f64
        } else {
            let inside = sum(&y[t - half + 1..t + half]);
            (inside + 0.5 * (y[t - half] + y[t + half])) / m as f64
        }
    };
    (half, (half..y.len() - half).map(average).collect())
}

/// The sum in eight lanes, so that the compiler can use vectors; one order on every machine.
fn sum(values: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let mut blocks = values.chunks_exact(8);
    for block in blocks.by_ref() {
        for (lane, value) in lanes.iter_mut().zip(block) {
            *lane += value;
        }
    }
    lanes.iter().sum::<f64>() + blocks.remainder().iter().sum::<f64>()
}

/// Intercept at 0 and slope of the least squares line through values at 1, 2, ...
pub(super) fn line(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let middle = (n + 1.0) / 2.0;
    let (mut covariance, mut variance) = (0.0, 0.0);
    for (i, v) in values.iter().enumerate() {
        let x = (i + 1) as f64 - middle;
        covariance += x * (v - mean);
        variance += x * x;
    }
    let slope = if variance > 0.0 { covariance / variance } else { 0.0 };
    (mean - slope * middle, slope)
}

/// Parameters of least sum of squares; `None` if none gives a finite one.
pub(super) fn fit(problem: &Problem<'_>, free: &Free) -> Option<[f64; PARAMETERS]> {
    let at_start = |start: &[f64; PARAMETERS]| -> [f64; PARAMETERS] {
        std::array::from_fn(|i| if free.is_free(i) { start[i] } else { free.known[i] })
    };
    if (0..PARAMETERS).all(|i| !free.is_free(i)) {
        return problem.pass(&free.known).sse.is_finite().then_some(free.known);
    }
    let points = STARTS.map(|start| at_start(&start));
    let mut starts: Vec<_> = points.into_iter().zip(problem.sums(&points)).filter(|(_, sse)| sse.is_finite()).collect();
    // A stable sort: equal sums of squares go by the order of the list.
    starts.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut best: Option<([f64; PARAMETERS], f64)> = None;
    for (at, _) in starts.into_iter().take(FOLLOWED) {
        let (at, sse) = descend(problem, free, at, problem.pass(&at), best);
        if best.is_none_or(|(_, least)| sse < least) {
            best = Some((at, sse));
        }
    }
    best.map(|(at, _)| at)
}

/// Levenberg-Marquardt from one point, until it comes to an end or to where another search ended; parameters pushed
/// against a bound rest there.
fn descend(
    problem: &Problem<'_>,
    free: &Free,
    mut at: [f64; PARAMETERS],
    mut here: Pass,
    other: Option<([f64; PARAMETERS], f64)>,
) -> ([f64; PARAMETERS], f64) {
    let (mut damping, mut growth) = (1e-3, 2.0);
    let mut missing = [[0.0; PARAMETERS]; PARAMETERS];
    for _ in 0..ITERATIONS {
        let moving: Vec<usize> = (0..PARAMETERS)
            .filter(|&i| free.is_free(i))
            .filter(|&i| {
                let (low, high) = BOUNDS[i];
                !(at[i] <= low && here.gradient[i] >= 0.0 || at[i] >= high && here.gradient[i] <= 0.0)
            })
            .collect();
        if moving.is_empty() || !here.gradient.iter().all(|g| g.is_finite()) {
            break;
        }
        if let Some((end, least)) = other
            && here.sse >= least
            && at.iter().zip(&end).all(|(a, b)| (a - b).abs() <= SAME)
        {
            break;
        }
        let Some(step) = damped_step(&here, &missing, &moving, damping) else { break };
        let mut next = at;
        for (i, step) in moving.iter().zip(&step) {
            next[*i] = (at[*i] + step).clamp(BOUNDS[*i].0, BOUNDS[*i].1);
        }
        let there = problem.pass(&next);
        // A step that failed tells as much of the curvature as one that did not, unless it went far.
        if (here.sse - there.sse).abs() <= NEAR * here.sse {
            learn(&mut missing, &here, &there, std::array::from_fn(|i| next[i] - at[i]));
        } else {
            missing = [[0.0; PARAMETERS]; PARAMETERS];
        }
        if there.sse < here.sse {
            let gain = here.sse - there.sse;
            let done = gain <= TOLERANCE * here.sse;
            (at, here) = (next, there);
            (damping, growth) = ((damping * 0.2).max(1e-12), 2.0);
            if done {
                break;
            }
        } else {
            damping = (damping * growth).max(1e-3);
            growth *= 4.0;
            if damping > 1e12 {
                break;
            }
        }
    }
    (at, here.sse)
}

/// Corrects what is missing of the curvature, so that curvature times step is the change of the gradient.
fn learn(missing: &mut [[f64; PARAMETERS]; PARAMETERS], here: &Pass, there: &Pass, step: [f64; PARAMETERS]) {
    let rest: [f64; PARAMETERS] = std::array::from_fn(|i| {
        let told: f64 = (0..PARAMETERS).map(|j| (there.hessian[i][j] + missing[i][j]) * step[j]).sum();
        there.gradient[i] - here.gradient[i] - told
    });
    let along: f64 = rest.iter().zip(&step).map(|(r, s)| r * s).sum();
    let size = |v: &[f64; PARAMETERS]| v.iter().map(|x| x * x).sum::<f64>().sqrt();
    if !along.is_finite() || along.abs() <= 1e-8 * size(&rest) * size(&step) {
        return;
    }
    for i in 0..PARAMETERS {
        for j in 0..PARAMETERS {
            missing[i][j] += rest[i] * rest[j] / along;
        }
    }
}

/// Solves (H + M + damping diag H) step = -gradient over the moving parameters by Gaussian elimination.
fn damped_step(
    pass: &Pass,
    missing: &[[f64; PARAMETERS]; PARAMETERS],
    moving: &[usize],
    damping: f64,
) -> Option<Vec<f64>> {
    let k = moving.len();
    let mut rows: Vec<Vec<f64>> = moving
        .iter()
        .map(|&i| {
            let mut row: Vec<f64> = moving.iter().map(|&j| pass.hessian[i][j] + missing[i][j]).collect();
            row.push(-pass.gradient[i]);
            row
        })
        .collect();
    for (d, row) in rows.iter_mut().enumerate() {
        row[d] += damping * pass.hessian[moving[d]][moving[d]] + f64::MIN_POSITIVE;
    }
    for d in 0..k {
        let pivot = (d..k).max_by(|a, b| rows[*a][d].abs().total_cmp(&rows[*b][d].abs()))?;
        rows.swap(d, pivot);
        if rows[d][d] == 0.0 || !rows[d][d].is_finite() {
            return None;
        }
        let pivot_row = rows[d].clone();
        for row in rows.iter_mut().skip(d + 1) {
            let factor = row[d] / pivot_row[d];
            for (x, p) in row.iter_mut().zip(&pivot_row).skip(d) {
                *x -= factor * p;
            }
        }
    }
    let mut step = vec![0.0; k];
    for d in (0..k).rev() {
        let known: f64 = (d + 1..k).map(|j| rows[d][j] * step[j]).sum();
        step[d] = (rows[d][k] - known) / rows[d][d];
    }
    step.iter().all(|s| s.is_finite()).then_some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_powers_of_two() {
        assert_eq!(scale_of(&[0.0, 0.0]), 1.0);
        assert_eq!(scale_of(&[-3.0, 2.0]), 4.0);
        assert!(scale_of(&[1e300]).is_normal() && scale_of(&[1e-300]).is_normal());
    }

    #[test]
    fn a_pure_season_on_a_line_is_taken_apart() {
        let season = [2.0, -1.0, 0.0, -1.0];
        let y: Vec<f64> = (0..8).map(|t| 10.0 + 0.5 * t as f64 + season[t % 4]).collect();
        let (from, state) = start(&y, 4, Form::Additive, true);
        assert_eq!(from, 4);
        assert!((state.trend - 0.5).abs() < 1e-12);
        assert!(state.season.iter().zip(season).all(|(a, b)| (a - b).abs() < 1e-12), "{:?}", state.season);
    }

    #[test]
    fn the_line_of_an_odd_season() {
        let (first, averages) = moving_averages(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], 3);
        assert_eq!((first, averages.as_slice()), (1, [2.0, 3.0, 4.0, 5.0].as_slice()));
        let (level, slope) = line(&averages);
        assert!((level - 1.0).abs() < 1e-12 && (slope - 1.0).abs() < 1e-12);
    }
}
