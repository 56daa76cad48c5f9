//! Parameters and start states of largest likelihood.
//!
//! -2 ln L is, up to constants, n ln(sum e^2) + 2 sum ln |f| (the second term for relative errors only), which is
//! n ln(sum (e G)^2) with G the geometric mean of |f|: a problem of least squares, solved with derivatives by
//! differences in eight lanes a pass. Smoothing parameters stay in the usual region 0 < beta < alpha < 1,
//! 0 < gamma < 1 - alpha, 0.8 < phi < 0.98, as in R's `ets`.

use super::form::Form;
use crate::kernels::ets::{Lanes, Part, WIDE, dot, run_one, run_wide};
use crate::models::least_squares::{self, Problem, Squares, Stop};
use crate::models::smoothing_fit;

/// Distance of the smoothing parameters from the edge of their region, as in R.
const EDGE: f64 = 1e-4;
/// Bounds of phi, as in R.
const PHI: (f64, f64) = (0.8, 0.98);
/// Starting points: alpha, and shares of the region for beta, gamma and phi.
const STARTS: [[f64; 4]; 4] =
    [[0.25, 0.1, 0.05, 0.95], [0.7, 0.05, 0.1, 0.9], [0.05, 0.3, 0.5, 0.7], [0.98, 0.02, 0.5, 0.5]];
/// Starting points that are followed to the end: all of a small problem, where that is cheap and optima are many.
fn followed(coordinates: usize, values: usize) -> usize {
    if coordinates <= 6 && values <= 300 { STARTS.len() } else { 2 }
}
/// Steps that all starting points take.
const FIRST: Stop = Stop { iterations: 4, tolerance: 1e-9 };
/// Steps that the followed ones take.
const LAST: Stop = Stop { iterations: 60, tolerance: 1e-10 };

/// Parameters and start states, in the unit of the values handed in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) start: Lanes<1>,
    /// n ln(sum e^2) + 2 sum ln |f|.
    pub(super) lik: f64,
}

/// Finds parameters and start states of a form; `None` if no finite likelihood is found.
///
/// `y`: values, at least 2 m + 2, scaled to about 1; `m`: steps of a season, 1 without one.
pub(super) fn search(form: Form, y: &[f64], m: usize) -> Option<Found> {
    // Absolute errors with additive parts do not depend on the level: centered values keep their last digits.
    let center = if form.is_linear() { y.iter().sum::<f64>() / y.len() as f64 } else { 0.0 };
    let centered: Vec<f64> = y.iter().map(|v| v - center).collect();
    let mut likelihood = Likelihood::new(form, &centered, m);
    let states = start_states(form, y, m, center);
    let mut starts: Vec<(Vec<f64>, f64)> = STARTS
        .iter()
        .map(|start| {
            let mut at = start.to_vec();
            at[3] = PHI.0 + (PHI.1 - PHI.0) * start[3];
            at.extend(&states);
            least_squares::descend(&mut likelihood, &at, FIRST)
        })
        .filter(|(_, sse)| sse.is_finite())
        .collect();
    // A stable sort: equal likelihoods go by the order of the list.
    starts.sort_by(|a, b| a.1.total_cmp(&b.1));
    let ends = starts
        .iter()
        .take(followed(4 + states.len(), y.len()))
        .map(|(at, _)| least_squares::descend(&mut likelihood, at, LAST));
    let (at, sse) = ends.filter(|(_, sse)| sse.is_finite()).min_by(|a, b| a.1.total_cmp(&b.1))?;
    let mut start = likelihood.lanes_at(&at);
    start.level[0] += center;
    Some(Found { start, lik: y.len() as f64 * libm::log(sse.max(f64::MIN_POSITIVE)) })
}

/// n ln(sum e^2) + 2 sum ln |f| at given parameters and start states; `None` if it is not finite.
pub(super) fn likelihood_at(form: Form, y: &[f64], start: &Lanes<1>) -> Option<f64> {
    let mut errors = vec![[0.0]; y.len()];
    let logs = run_one(form.kind(), y, &mut start.clone(), &mut errors);
    let sse: f64 = errors.iter().map(|e| e[0] * e[0]).sum();
    let lik = y.len() as f64 * libm::log(sse.max(f64::MIN_POSITIVE)) + 2.0 * logs[0];
    lik.is_finite().then_some(lik)
}

/// Level, trend and seasons but the last, from a decomposition of the first two seasons.
fn start_states(form: Form, y: &[f64], m: usize, center: f64) -> Vec<f64> {
    use crate::kernels::holt_winters::Form as Seasonal;
    let seasonal = if form.season == Part::Multiplicative { Seasonal::Multiplicative } else { Seasonal::Additive };
    let count = if m > 1 { 2 * m } else { y.len().min(10) };
    let (level, slope, season) = if m > 1 {
        let (_, state) = smoothing_fit::start(y, m, seasonal, true);
        (state.level - state.trend * (m / 2) as f64, state.trend, state.season)
    } else {
        let (level, slope) = smoothing_fit::line(&y[..count]);
        (level, slope, Vec::new())
    };
    let mut out = vec![level - center];
    match form.trend {
        Part::None => out[0] = y[..count].iter().sum::<f64>() / count as f64 - center,
        Part::Additive => out.push(slope),
        Part::Multiplicative => {
            let level = if level > 0.0 { level } else { y[0].abs().max(f64::MIN_POSITIVE) };
            out[0] = level;
            out.push((1.0 + slope / level).clamp(0.8, 1.2));
        }
    }
    if form.relative_errors && out[0] <= 0.0 {
        out[0] = y.iter().take(count).sum::<f64>() / count as f64;
    }
    if form.season != Part::None {
        out.extend(&season[..m - 1]);
    }
    out
}

/// The likelihood as a problem of least squares over alpha, shares of beta and gamma, phi, and the start states.
struct Likelihood<'a> {
    form: Form,
    y: &'a [f64],
    m: usize,
    bounds: Vec<(f64, f64)>,
    /// Size of each coordinate, for steps of differences.
    sizes: Vec<f64>,
    wide: Vec<[f64; WIDE]>,
    one: Vec<[f64; 1]>,
}

impl<'a> Likelihood<'a> {
    fn new(form: Form, y: &'a [f64], m: usize) -> Self {
        let n = y.len();
        let spread = (y.iter().map(|v| v * v).sum::<f64>() / n as f64).sqrt().max(1e-300);
        let trend = form.trend != Part::None;
        let free = |on: bool| if on { (0.0, 1.0) } else { (0.5, 0.5) };
        let mut bounds = vec![
            (EDGE, 1.0 - EDGE),
            free(trend),
            free(form.season != Part::None),
            if trend && form.damped { PHI } else { (1.0, 1.0) },
        ];
        let mut sizes = vec![1.0; 4];
        bounds.push((f64::NEG_INFINITY, f64::INFINITY));
        sizes.push(spread);
        if trend {
            bounds.push((f64::NEG_INFINITY, f64::INFINITY));
            sizes.push(if form.trend == Part::Additive { spread } else { 1.0 });
        }
        if form.season != Part::None {
            let additive = form.season == Part::Additive;
            bounds.extend(vec![(if additive { f64::NEG_INFINITY } else { 0.0 }, f64::INFINITY); m - 1]);
            sizes.extend(vec![if additive { spread } else { 1.0 }; m - 1]);
        }
        Self { form, y, m, bounds, sizes, wide: vec![[0.0; WIDE]; n], one: vec![[0.0]; n] }
    }

    /// Sets one lane to a point.
    fn set<const L: usize>(&self, lanes: &mut Lanes<L>, lane: usize, at: &[f64]) {
        let form = self.form;
        lanes.alpha[lane] = at[0];
        lanes.beta[lane] = if form.trend == Part::None { 0.0 } else { EDGE + at[1] * (at[0] - EDGE) };
        lanes.gamma[lane] = if form.season == Part::None { 0.0 } else { EDGE + at[2] * (1.0 - at[0] - EDGE) };
        lanes.phi[lane] = if form.damped { at[3] } else { 1.0 };
        lanes.level[lane] = at[4];
        lanes.trend[lane] = if form.trend == Part::None { 0.0 } else { at[5] };
        if form.season == Part::None {
            lanes.season[0][lane] = 0.0;
            return;
        }
        let first = if form.trend == Part::None { 5 } else { 6 };
        let total = if form.season == Part::Additive { 0.0 } else { self.m as f64 };
        for (j, s) in at[first..].iter().enumerate() {
            lanes.season[j][lane] = *s;
        }
        lanes.season[self.m - 1][lane] = total - at[first..].iter().sum::<f64>();
    }

    fn blank<const L: usize>(&self) -> Lanes<L> {
        let positions = if self.form.season == Part::None { 1 } else { self.m };
        let zero = [0.0; L];
        Lanes {
            alpha: zero,
            beta: zero,
            gamma: zero,
            phi: zero,
            level: zero,
            trend: zero,
            season: vec![zero; positions],
        }
    }

    fn lanes_at(&self, at: &[f64]) -> Lanes<1> {
        let mut lanes = self.blank();
        self.set(&mut lanes, 0, at);
        lanes
    }

    /// Whether a point may be looked at: positive states where they are multiplied.
    fn allowed(&self, lanes: &Lanes<1>) -> bool {
        let form = self.form;
        (!form.needs_positive() || lanes.level[0] > 0.0 || form.trend == Part::Additive)
            && (form.trend != Part::Multiplicative || lanes.trend[0] > 0.0)
            && (form.season != Part::Multiplicative || lanes.season.iter().all(|s| s[0] > 0.0))
    }
}

impl Problem for Likelihood<'_> {
    fn bounds(&self) -> &[(f64, f64)] {
        &self.bounds
    }

    fn sse(&mut self, at: &[f64]) -> f64 {
        let mut lanes = self.lanes_at(at);
        if !self.allowed(&lanes) {
            return f64::INFINITY;
        }
        let logs = run_one(self.form.kind(), self.y, &mut lanes, &mut self.one);
        let sse: f64 = self.one.iter().map(|e| e[0] * e[0]).sum();
        // Forecasts of y (1 + e) have to be above zero, else the errors say nothing.
        if self.form.relative_errors && self.one.iter().any(|e| e[0] <= -1.0 || e[0].is_nan()) {
            return f64::INFINITY;
        }
        let sse = sse * libm::exp(2.0 * logs[0] / self.y.len() as f64);
        if sse.is_nan() { f64::INFINITY } else { sse }
    }

    fn squares(&mut self, at: &[f64]) -> Squares {
        let (k, n) = (at.len(), self.y.len());
        let mut out = Squares { sse: self.sse(at), gradient: vec![0.0; k], hessian: vec![0.0; k * k] };
        if !out.sse.is_finite() {
            return out;
        }
        let middle = run_one(self.form.kind(), self.y, &mut self.lanes_at(at), &mut self.one)[0] / n as f64;
        let size = libm::exp(middle);
        let moving: Vec<usize> = (0..k).filter(|i| self.bounds[*i].0 < self.bounds[*i].1).collect();
        let mut columns = vec![0.0; moving.len() * n];
        let mut lanes = self.blank::<WIDE>();
        for (block, group) in moving.chunks(WIDE).enumerate() {
            let mut steps = [0.0; WIDE];
            for (lane, moved) in steps.iter_mut().enumerate() {
                let mut point = at.to_vec();
                if let Some(&i) = group.get(lane) {
                    let (low, high) = self.bounds[i];
                    let step = 1e-7 * self.sizes[i].max(point[i].abs());
                    let step = if point[i] + step > high { -step } else { step };
                    point[i] = (point[i] + step).max(low);
                    *moved = point[i] - at[i];
                }
                self.set(&mut lanes, lane, &point);
            }
            let logs = run_wide(self.form.kind(), self.y, &mut lanes, &mut self.wide);
            for lane in 0..group.len() {
                let moved = if self.form.relative_errors { libm::exp(logs[lane] / n as f64) } else { 1.0 };
                let from = (block * WIDE + lane) * n;
                let column = &mut columns[from..from + n];
                for ((out, wide), one) in column.iter_mut().zip(&self.wide).zip(&self.one) {
                    *out = (wide[lane] * moved - one[0] * size) / steps[lane];
                }
            }
        }
        for (a, &i) in moving.iter().enumerate() {
            let left = &columns[a * n..(a + 1) * n];
            out.gradient[i] = left.iter().zip(&self.one).map(|(x, e)| x * e[0] * size).sum();
            for (b, &j) in moving.iter().enumerate().take(a + 1) {
                let value = dot(left, &columns[b * n..(b + 1) * n]);
                (out.hessian[i * k + j], out.hessian[j * k + i]) = (value, value);
            }
        }
        out
    }
}
