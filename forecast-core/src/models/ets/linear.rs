//! The sum of squares of a form with absolute errors and additive parts, at the best start states for its parameters.
//!
//! Errors are linear in the start states: e = r + X x. For given parameters the x of least squares solves normal
//! equations, and the search is left with alpha, shares of beta and gamma, and phi. Derivatives by parameters are taken
//! at that x; curvature is J' P J, with P the projection off the columns of X. Sources: Golub & Pereyra (1973), SIAM
//! Journal on Numerical Analysis 10, 413-432; Kaufman (1975), BIT 15, 49-57. The equations are solved in [`super::normal`].

use super::form::Form;
use super::normal::Normal;
use super::search::{EDGE, PARAMETERS, Searched, bounds};
use crate::kernels::ets::{Part, States};
use crate::kernels::ets_linear::{Chain, Lanes as Row, Responses, derivatives, responses};
use crate::kernels::matrix::{LAGS, dot};
use crate::models::least_squares::{Problem, Squares};

/// A problem of least squares over alpha, shares of beta and gamma, and phi.
pub(super) struct Concentrated<'a> {
    form: Form,
    y: &'a [f64],
    bounds: [(f64, f64); PARAMETERS],
    /// Positions in the season; 1 without one.
    positions: usize,
    responses: Responses,
    lanes: Vec<Row>,
    season: Vec<(f64, Row)>,
    errors: Vec<f64>,
    /// Derivatives of the errors by parameters, zeros behind.
    columns: [Vec<f64>; PARAMETERS],
    normal: Normal,
    /// Season, or level without one, and trend.
    states: Vec<f64>,
    /// The point that all of this belongs to, and its sum of squares.
    at: Option<(Vec<f64>, f64)>,
}

/// alpha, beta, gamma and phi of a point.
pub(super) fn parameters(form: Form, at: &[f64]) -> [f64; PARAMETERS] {
    let beta = if form.trend == Part::None { 0.0 } else { EDGE + at[1] * (at[0] - EDGE) };
    let gamma = if form.season == Part::None { 0.0 } else { EDGE + at[2] * (1.0 - at[0] - EDGE) };
    [at[0], beta, gamma, if form.damped { at[3] } else { 1.0 }]
}

/// Coefficients at a point, and their derivatives by its coordinates; those that are held do not count.
pub(super) fn chains(form: Form, at: &[f64]) -> (Chain<f64>, Chain<Row>) {
    let [alpha, beta, gamma, phi] = parameters(form, at);
    let c1 = phi * beta;
    let chain = Chain { phi, c1, c2: alpha + c1, c3: gamma };
    let on = |part: Part| if part == Part::None { 0.0 } else { 1.0 };
    let (trend, season) = (on(form.trend), on(form.season));
    let by_c1 = [phi * (trend * at[1]), phi * (trend * (at[0] - EDGE)), 0.0, beta];
    let by = Chain {
        phi: [0.0, 0.0, 0.0, 1.0],
        c1: by_c1,
        c2: [1.0 + by_c1[0], by_c1[1], by_c1[2], by_c1[3]],
        c3: [-season * at[2], 0.0, season * (1.0 - at[0] - EDGE), 0.0],
    };
    (chain, by)
}

impl<'a> Concentrated<'a> {
    /// `y`: centered values; `m`: steps of a season, 1 without one.
    pub(super) fn new(form: Form, y: &'a [f64], m: usize) -> Self {
        let n = y.len();
        let positions = if form.season == Part::None { 1 } else { m };
        let unknown = positions + usize::from(form.trend != Part::None);
        let padded = || vec![0.0; n + LAGS];
        Self {
            form,
            y,
            bounds: bounds(form),
            positions,
            responses: Responses::zeros(n + LAGS),
            lanes: vec![[0.0; PARAMETERS]; positions],
            season: vec![(0.0, [0.0; PARAMETERS]); positions],
            errors: vec![0.0; n],
            columns: [(); PARAMETERS].map(|()| padded()),
            normal: Normal::new(positions, unknown > positions),
            states: vec![0.0; unknown],
            at: None,
        }
    }

    /// Finds the start states of a point, its errors and their derivatives; returns the sum of squares.
    fn evaluate(&mut self, at: &[f64]) -> f64 {
        if let Some((known, sse)) = &self.at
            && known == at
        {
            return *sse;
        }
        let (chain, by) = chains(self.form, at);
        responses(&chain, self.y, &mut self.lanes, &mut self.responses);
        self.normal.solve(&chain, &self.responses, self.y.len(), &mut self.states);
        let b = self.states.get(self.positions).copied().unwrap_or(0.0);
        let moved = [0.0, 0.0, 0.0, b];
        let level = if self.form.season == Part::None { self.states[0] } else { 0.0 };
        let start = [(level + chain.phi * b, moved), (chain.phi * b, moved)];
        for (slot, state) in self.season.iter_mut().zip(&self.states) {
            *slot = (if self.form.season == Part::None { 0.0 } else { *state }, [0.0; PARAMETERS]);
        }
        derivatives(&chain, &by, self.y, &start, &mut self.season, &mut self.errors, &mut self.columns);
        let sse = dot(&self.errors, &self.errors);
        let sse = if sse.is_nan() { f64::INFINITY } else { sse };
        self.at = Some((at.to_vec(), sse));
        sse
    }
}

impl Problem for Concentrated<'_> {
    fn bounds(&self) -> &[(f64, f64)] {
        &self.bounds
    }

    fn sse(&mut self, at: &[f64]) -> f64 {
        self.evaluate(at)
    }

    fn squares(&mut self, at: &[f64]) -> Squares {
        let sse = self.evaluate(at);
        let n = self.y.len();
        let mut out = Squares { sse, gradient: vec![0.0; PARAMETERS], hessian: vec![0.0; PARAMETERS * PARAMETERS] };
        if !sse.is_finite() {
            return out;
        }
        let moving: Vec<usize> = (0..PARAMETERS).filter(|i| self.bounds[*i].0 < self.bounds[*i].1).collect();
        let (chain, _) = chains(self.form, at);
        let columns: Vec<&[f64]> = moving.iter().map(|i| self.columns[*i].as_slice()).collect();
        let common = self.normal.whiten(&chain, &self.responses, n, &columns);
        for (a, &i) in moving.iter().enumerate() {
            let left = &self.columns[i][..n];
            out.gradient[i] = dot(left, &self.errors);
            for (b, &j) in moving.iter().enumerate().take(a + 1) {
                let value = dot(left, &self.columns[j][..n]) - dot(&common[a], &common[b]);
                (out.hessian[i * PARAMETERS + j], out.hessian[j * PARAMETERS + i]) = (value, value);
            }
        }
        out
    }
}

impl Searched for Concentrated<'_> {
    fn start(&mut self, at: &[f64]) -> States {
        self.evaluate(at);
        start_states(self.form, parameters(self.form, at), &self.states, self.positions)
    }
}

/// Parameters and start states, from the states of `positions` in the season (the level without one) and the trend.
pub(super) fn start_states(form: Form, parameters: [f64; PARAMETERS], states: &[f64], positions: usize) -> States {
    let [alpha, beta, gamma, phi] = parameters;
    let seasonal = form.season != Part::None;
    // A season that sums to zero; the level has the rest.
    let level = states[..positions].iter().sum::<f64>() / positions as f64;
    let season = states[..positions].iter().map(|s| if seasonal { s - level } else { 0.0 }).collect();
    let trend = states.get(positions).copied().unwrap_or(0.0);
    States { alpha, beta, gamma, phi, level, trend, season }
}
