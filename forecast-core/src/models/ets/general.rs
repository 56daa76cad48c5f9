//! The likelihood of any form as a problem of least squares over parameters and start states together.
//!
//! Forms that differ from the linear ones by their relative errors alone take the linear recursion, whose derivatives by
//! start states are shifts of one response ([`Additive`]).

use super::form::Form;
use super::linear::chains;
use super::search::{EDGE, PARAMETERS, Searched, bounds};
use crate::kernels::ets::{Part, States, relative, run};
use crate::kernels::ets_linear::{Lanes as Row, Responses, derivatives, responses};
use crate::kernels::ets_tangent::{CHUNK, Tangents, by_absolute, by_relative, tangents};
use crate::kernels::matrix::{dot, gram};
use crate::models::least_squares::{Problem, Squares};

/// The likelihood over alpha, shares of beta and gamma, phi, and the start states: level, trend and the season but its last.
pub(super) struct Likelihood<'a> {
    form: Form,
    y: &'a [f64],
    m: usize,
    bounds: Vec<(f64, f64)>,
    errors: Vec<f64>,
    /// Derivatives of the forecasts, a row a step.
    rows: Vec<f64>,
    /// What runs a form with additive parts.
    additive: Option<Additive>,
    /// The point that the errors belong to, and what came of it.
    last: Option<(Vec<f64>, Option<Sums>)>,
}

/// The sum of squared errors and the geometric mean of absolute forecasts, 1 for absolute errors.
type Sums = (f64, f64);

/// A recursion with additive parts.
struct Additive {
    season: Vec<(f64, Row)>,
    lanes: Vec<Row>,
    /// Derivatives of the absolute errors by parameters.
    columns: [Vec<f64>; PARAMETERS],
    responses: Responses,
    /// The response to the first value of the season in reverse, zeros behind.
    reversed: Vec<f64>,
}

impl Additive {
    fn new(n: usize, positions: usize) -> Self {
        let blank = || vec![0.0; n];
        Self {
            season: vec![(0.0, [0.0; PARAMETERS]); positions],
            lanes: vec![[0.0; PARAMETERS]; positions],
            columns: [(); PARAMETERS].map(|()| blank()),
            responses: Responses::zeros(n),
            reversed: vec![0.0; n + positions],
        }
    }

    /// Absolute errors at a point, and their derivatives by parameters.
    fn run(&mut self, form: Form, y: &[f64], at: &[f64], states: &States, errors: &mut [f64]) {
        let (chain, by) = chains(form, at);
        let b = states.trend;
        let moved = [0.0, 0.0, 0.0, b];
        let start = [(states.level + chain.phi * b, moved), (chain.phi * b, moved)];
        for (slot, state) in self.season.iter_mut().zip(&states.season) {
            *slot = (*state, [0.0; PARAMETERS]);
        }
        derivatives(&chain, &by, y, &start, &mut self.season, errors, &mut self.columns);
    }

    /// Derivatives of the forecasts at the point of the last [`Self::run`], a row of `width` a step.
    fn rows(&mut self, form: Form, y: &[f64], at: &[f64], width: usize, rows: &mut [f64]) {
        let (n, m) = (y.len(), self.season.len());
        responses(&chains(form, at).0, y, &mut self.lanes, &mut self.responses);
        for (to, from) in self.reversed.iter_mut().zip(self.responses.first.iter().rev()) {
            *to = *from;
        }
        let first = PARAMETERS + 1 + usize::from(form.trend != Part::None);
        for (t, row) in rows.chunks_exact_mut(width).enumerate() {
            for (to, column) in row.iter_mut().zip(&self.columns) {
                *to = -column[t];
            }
            row[PARAMETERS] = -self.responses.level[t];
            if form.trend != Part::None {
                row[PARAMETERS + 1] = -self.responses.trend[t];
            }
            // The responses of this step to each value of the season, the last of which is what the others leave.
            let seen = &self.reversed[n - 1 - t..n - 1 - t + m];
            for (to, response) in row[first..].iter_mut().zip(&seen[..m - 1]) {
                *to = seen[m - 1] - response;
            }
        }
    }
}

impl<'a> Likelihood<'a> {
    /// `y`: values; `m`: steps of a season, 1 without one.
    pub(super) fn new(form: Form, y: &'a [f64], m: usize) -> Self {
        let n = y.len();
        let mut bounds = bounds(form).to_vec();
        bounds.push((f64::NEG_INFINITY, f64::INFINITY));
        if form.trend != Part::None {
            bounds.push((f64::NEG_INFINITY, f64::INFINITY));
        }
        if form.season != Part::None {
            let lowest = if form.season == Part::Additive { f64::NEG_INFINITY } else { 0.0 };
            bounds.extend(vec![(lowest, f64::INFINITY); m - 1]);
        }
        let width = width(bounds.len());
        let multiplied = form.trend == Part::Multiplicative || form.season == Part::Multiplicative;
        let positions = if form.season == Part::None { 1 } else { m };
        let additive = (form.relative_errors && !multiplied).then(|| Additive::new(n, positions));
        Self { form, y, m, bounds, errors: vec![0.0; n], rows: vec![0.0; n * width], additive, last: None }
    }

    /// Coordinate of the first season.
    fn seasons_from(&self) -> usize {
        PARAMETERS + 1 + usize::from(self.form.trend != Part::None)
    }

    fn states_at(&self, at: &[f64]) -> States {
        let form = self.form;
        let on = |part: Part, value: f64| if part == Part::None { 0.0 } else { value };
        let first = self.seasons_from();
        let season = if form.season == Part::None {
            vec![0.0]
        } else {
            let total = if form.season == Part::Additive { 0.0 } else { self.m as f64 };
            let last = total - at[first..].iter().sum::<f64>();
            at[first..].iter().copied().chain([last]).collect()
        };
        States {
            alpha: at[0],
            beta: on(form.trend, EDGE + at[1] * (at[0] - EDGE)),
            gamma: on(form.season, EDGE + at[2] * (1.0 - at[0] - EDGE)),
            phi: if form.damped { at[3] } else { 1.0 },
            level: at[4],
            trend: on(form.trend, at[first - 1]),
            season,
        }
    }

    /// Derivatives of parameters and start states by the coordinates.
    fn tangents_at(&self, at: &[f64]) -> Tangents {
        let form = self.form;
        let chunks = width(at.len()) / CHUNK;
        let blank = vec![[0.0; CHUNK]; chunks];
        let positions = if form.season == Part::None { 1 } else { self.m };
        let mut out = Tangents {
            level: blank.clone(),
            trend: blank.clone(),
            season: vec![[0.0; CHUNK]; chunks * positions],
            parameters: [[0.0; CHUNK]; 4],
        };
        let first = self.seasons_from();
        let [alpha, ratio, gamma, phi] = &mut out.parameters;
        alpha[0] = 1.0;
        if form.trend != Part::None {
            // beta / alpha = (EDGE + share (alpha - EDGE)) / alpha.
            let (share, beta) = (at[1], EDGE + at[1] * (at[0] - EDGE));
            ratio[0] = (share - beta / at[0]) / at[0];
            ratio[1] = (at[0] - EDGE) / at[0];
            out.trend[0][first - 1] = 1.0;
        }
        if form.season != Part::None {
            gamma[0] = -at[2];
            gamma[2] = 1.0 - at[0] - EDGE;
            for j in 0..self.m - 1 {
                let (chunk, lane) = ((first + j) / CHUNK, (first + j) % CHUNK);
                out.season[j * chunks + chunk][lane] = 1.0;
                out.season[(self.m - 1) * chunks + chunk][lane] = -1.0;
            }
        }
        phi[3] = if form.damped { 1.0 } else { 0.0 };
        out.level[0][PARAMETERS] = 1.0;
        out
    }

    /// Whether a point may be looked at: positive states where they are multiplied.
    fn allowed(&self, states: &States) -> bool {
        let form = self.form;
        (!form.needs_positive() || states.level > 0.0 || form.trend == Part::Additive)
            && (form.trend != Part::Multiplicative || states.trend > 0.0)
            && (form.season != Part::Multiplicative || states.season.iter().all(|s| *s > 0.0))
    }

    /// Errors at a point.
    fn run(&mut self, at: &[f64]) -> Option<Sums> {
        if let Some((known, result)) = &self.last
            && known == at
        {
            return *result;
        }
        let result = self.run_anew(at);
        self.last = Some((at.to_vec(), result));
        result
    }

    fn run_anew(&mut self, at: &[f64]) -> Option<Sums> {
        let mut states = self.states_at(at);
        if !self.allowed(&states) {
            return None;
        }
        let logs = if let Some(additive) = &mut self.additive {
            additive.run(self.form, self.y, at, &states, &mut self.errors);
            relative(self.y, &mut self.errors)
        } else {
            run(self.form.kind(), self.y, &mut states, &mut self.errors)
        };
        let errors = &self.errors;
        let sse = dot(errors, errors);
        // Forecasts of y (1 + e) have to be above zero, else the errors say nothing.
        if self.form.relative_errors && errors.iter().any(|e| *e <= -1.0 || e.is_nan()) {
            return None;
        }
        Some((sse, libm::exp(logs / self.y.len() as f64)))
    }
}

/// Columns of the derivatives: one a coordinate, one for the errors, filled up to whole chunks.
fn width(coordinates: usize) -> usize {
    (coordinates + 1).next_multiple_of(CHUNK)
}

impl Problem for Likelihood<'_> {
    fn bounds(&self) -> &[(f64, f64)] {
        &self.bounds
    }

    fn sse(&mut self, at: &[f64]) -> f64 {
        let sse = self.run(at).map_or(f64::INFINITY, |(sse, size)| sse * size * size);
        if sse.is_nan() { f64::INFINITY } else { sse }
    }

    fn squares(&mut self, at: &[f64]) -> Squares {
        let (k, n) = (at.len(), self.y.len());
        let mut out = Squares { sse: f64::INFINITY, gradient: vec![0.0; k], hessian: vec![0.0; k * k] };
        let Some((sse, size)) = self.run(at).filter(|(sse, size)| (sse * size * size).is_finite()) else {
            return out;
        };
        out.sse = sse * size * size;
        let width = width(k);
        if let Some(additive) = &mut self.additive {
            additive.rows(self.form, self.y, at, width, &mut self.rows);
        } else {
            tangents(self.form.kind(), self.y, &mut self.states_at(at), &mut self.tangents_at(at), &mut self.rows);
        }
        let mut drift = vec![0.0; width];
        let scale = if self.form.relative_errors { by_relative } else { by_absolute };
        scale(self.y, &self.errors, width, &mut self.rows, &mut drift);
        for (row, e) in self.rows.chunks_exact_mut(width).zip(&self.errors) {
            row[k] = *e;
        }
        let mut products = vec![0.0; width * width];
        gram(&self.rows, width, &mut products);
        let errors = &products[k * width..];
        drift.iter_mut().for_each(|d| *d /= n as f64);
        let square = size * size;
        let moves = |i: &usize| self.bounds[*i].0 < self.bounds[*i].1;
        for i in (0..k).filter(moves) {
            out.gradient[i] = square * (errors[i] + sse * drift[i]);
            for j in (0..=i).filter(moves) {
                let mixed = errors[i] * drift[j] + drift[i] * errors[j] + sse * drift[i] * drift[j];
                let value = square * (products[i * width + j] + mixed);
                (out.hessian[i * k + j], out.hessian[j * k + i]) = (value, value);
            }
        }
        out
    }
}

impl Searched for Likelihood<'_> {
    fn start(&mut self, at: &[f64]) -> States {
        self.states_at(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Dice;

    #[test]
    fn the_linear_recursion_has_the_derivatives_of_any() {
        let mut dice = Dice::new(3);
        let y: Vec<f64> = (0..60).map(|t| 0.6 + 0.05 * (t % 4) as f64 + 0.1 * dice.unit()).collect();
        let (parameters, trend) = ([0.3, 0.2, 0.4, 0.9], 0.002);
        for letters in [["m", "n", "n"], ["m", "a", "n"], ["m", "ad", "n"], ["m", "n", "a"], ["m", "ad", "a"]] {
            let form = Form::from_letters(letters[0], letters[1], letters[2]).unwrap();
            let mut at = [&parameters[..], &[0.65]].concat();
            at.extend((form.trend != Part::None).then_some(trend));
            at.extend(if form.season == Part::None { vec![] } else { vec![0.01, -0.03, 0.05] });
            let mut one = Likelihood::new(form, &y, if form.season == Part::None { 1 } else { 4 });
            let linear = one.squares(&at);
            assert!(one.additive.take().is_some());
            one.last = None;
            let any = one.squares(&at);
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + b.abs());
            assert!(close(linear.sse, any.sse), "{letters:?}: {} {}", linear.sse, any.sse);
            for (a, b) in linear.gradient.iter().zip(&any.gradient).chain(linear.hessian.iter().zip(&any.hessian)) {
                assert!(close(*a, *b), "{letters:?}: {a}, expected {b}");
            }
        }
    }
}
