//! Recursions of Holt-Winters smoothing with derivatives by its parameters.
//!
//! Additive: e = y - (u + s), l' = u + alpha e, b' = t + beta (l' - l - t), s' = s + gamma (y - l' - s), where t = phi b
//! is the damped trend and u = l + t. Multiplicative: e = y - u s, l' = u + alpha (y / s - u), s' = s + gamma (y / l' - s).
//! Source: Holt (1957), Winters (1960), in the form of R's `HoltWinters`. Lanes carry the derivatives by alpha, beta,
//! gamma and phi (forward sensitivities obey the same recursion).

use super::dispatched;

/// Number of parameters: alpha, beta, gamma, phi.
pub(crate) const PARAMETERS: usize = 4;
type Lanes = [f64; PARAMETERS];

/// How the season enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Added to the level.
    Additive,
    /// Multiplied with the level.
    Multiplicative,
}

/// Level, damped trend and season where a recursion stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    pub(crate) level: f64,
    pub(crate) trend: f64,
    pub(crate) season: Vec<f64>,
}

/// What one pass gives.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Pass {
    /// Sum of squared errors.
    pub(crate) sse: f64,
    /// Half the gradient of it.
    pub(crate) gradient: Lanes,
    /// Gauss-Newton approximation of half its Hessian.
    pub(crate) hessian: [Lanes; PARAMETERS],
}

/// Steps and where in the season they start; see `WallClock::stretches`.
pub(crate) type Stretches = [(std::ops::Range<usize>, usize)];

dispatched! {
    /// Sum of squares with derivatives; `parameters` are alpha, beta, gamma, phi.
    pass = pass_inner, (form: Form, y: &[f64], observed: &[bool], stretches: &Stretches, start: &State, parameters: &Lanes) -> Pass
}

#[inline(always)]
fn pass_inner(
    form: Form,
    y: &[f64],
    observed: &[bool],
    stretches: &Stretches,
    start: &State,
    parameters: &Lanes,
) -> Pass {
    let m = start.season.len();
    let mut value = start.clone();
    let (mut dl, mut dt) = ([0.0; PARAMETERS], [0.0; PARAMETERS]);
    let mut ds = vec![[0.0; PARAMETERS]; m];
    let mut pass = Pass { sse: 0.0, gradient: [0.0; PARAMETERS], hessian: [[0.0; PARAMETERS]; PARAMETERS] };
    let [alpha, beta, gamma, phi] = *parameters;
    dt[3] = start.trend;
    value.trend *= phi;
    for (range, position) in stretches {
        let mut slot = *position;
        for t in range.clone() {
            let (l, b, s) = (value.level, value.trend, value.season[slot]);
            let u = l + b;
            if observed[t] {
                let step = step(form, y[t], [l, b, s], [alpha, beta, gamma]);
                let dsl = &mut ds[slot];
                let mut de = [0.0; PARAMETERS];
                for i in 0..PARAMETERS {
                    let du = dl[i] + dt[i];
                    let own = |of: usize| if i == of { 1.0 } else { 0.0 };
                    let (dl_new, s_pull);
                    match form {
                        Form::Additive => {
                            de[i] = -du - dsl[i];
                            dl_new = du + alpha * de[i] + own(0) * step.error;
                            s_pull = -dl_new - dsl[i];
                        }
                        Form::Multiplicative => {
                            de[i] = -(du * s + u * dsl[i]);
                            let q = y[t] / s;
                            dl_new = du + alpha * (-q * dsl[i] / s - du) + own(0) * (q - u);
                            s_pull = -y[t] / (step.level * step.level) * dl_new - dsl[i];
                        }
                    }
                    let db = dt[i] + beta * (dl_new - dl[i] - dt[i]) + own(1) * (step.level - l - b);
                    dsl[i] += gamma * s_pull + own(2) * step.season_gap;
                    dl[i] = dl_new;
                    dt[i] = phi * db + own(3) * step.trend;
                }
                value.level = step.level;
                value.trend = phi * step.trend;
                value.season[slot] = step.season;
                pass.sse += step.error * step.error;
                for i in 0..PARAMETERS {
                    pass.gradient[i] += de[i] * step.error;
                    for j in 0..PARAMETERS {
                        pass.hessian[i][j] += de[i] * de[j];
                    }
                }
            } else {
                for i in 0..PARAMETERS {
                    let own = if i == 3 { b } else { 0.0 };
                    dl[i] += dt[i];
                    dt[i] = phi * dt[i] + own;
                }
                value.level = u;
                value.trend = phi * b;
            }
            slot = if slot + 1 == m { 0 } else { slot + 1 };
        }
    }
    pass
}

/// One step of the recursion.
pub(crate) struct Step {
    pub(crate) error: f64,
    pub(crate) level: f64,
    /// Trend before damping.
    pub(crate) trend: f64,
    pub(crate) season: f64,
    /// What the season is pulled by.
    season_gap: f64,
}

/// Error and next state; `state` is level, damped trend and season, `parameters` are alpha, beta, gamma.
#[inline(always)]
pub(crate) fn step(form: Form, y: f64, state: [f64; 3], parameters: [f64; 3]) -> Step {
    let ([l, b, s], [alpha, beta, gamma]) = (state, parameters);
    let u = l + b;
    let (error, level, season_gap) = match form {
        Form::Additive => {
            let error = y - u - s;
            let level = u + alpha * error;
            (error, level, y - level - s)
        }
        Form::Multiplicative => {
            let level = u + alpha * (y / s - u);
            (y - u * s, level, y / level - s)
        }
    };
    Step { error, level, trend: b + beta * (level - l - b), season: s + gamma * season_gap, season_gap }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{Dispatch, force};

    fn sample(form: Form) -> (Vec<f64>, Vec<bool>, State) {
        let mut dice = crate::paths::Dice::new(3);
        let season = |t: usize| [3.0, -1.0, -2.0, 0.5][t % 4];
        let y = (0..60).map(|t| 20.0 + 0.1 * t as f64 + season(t) + dice.unit()).collect();
        let observed = (0..60).map(|t| t % 13 != 5).collect();
        let base = if form == Form::Additive { 0.0 } else { 1.0 };
        (y, observed, State { level: 20.0, trend: 0.1, season: vec![base + 0.3, base - 0.1, base - 0.2, base] })
    }

    fn check_derivatives(form: Form) {
        let (y, observed, start) = sample(form);
        let stretches = [(0..30, 0), (30..60, 3)];
        let at = [0.3, 0.2, 0.15, 0.9];
        let found = pass(form, &y, &observed, &stretches, &start, &at);
        for i in 0..PARAMETERS {
            let sse = |shift: f64| {
                let mut moved = at;
                moved[i] += shift;
                pass(form, &y, &observed, &stretches, &start, &moved).sse
            };
            let numeric = (sse(1e-5) - sse(-1e-5)) / 4e-5;
            let difference = (found.gradient[i] - numeric).abs();
            assert!(difference < 1e-5 * numeric.abs().max(1.0), "{form:?} {i}: {} {numeric}", found.gradient[i]);
        }
    }

    #[test]
    fn derivatives_agree_with_differences() {
        check_derivatives(Form::Additive);
        check_derivatives(Form::Multiplicative);
    }

    #[test]
    fn each_path_gives_the_same_bits() {
        for form in [Form::Additive, Form::Multiplicative] {
            let (y, observed, start) = sample(form);
            let run = |path| {
                force(path);
                pass(form, &y, &observed, &[(0..60, 0)], &start, &[0.31, 0.21, 0.17, 0.97])
            };
            assert_eq!(run(Dispatch::Portable), run(Dispatch::Avx2));
        }
        force(Dispatch::Avx2);
    }
}
