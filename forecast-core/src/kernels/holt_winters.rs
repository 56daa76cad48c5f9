//! Recursions of Holt-Winters smoothing with derivatives by its parameters.
//!
//! Additive: e = y - (u + s), l' = u + alpha e, b' = t + beta (l' - l - t), s' = s + gamma (y - l' - s), where t = phi b
//! is the damped trend and u = l + t. Multiplicative: e = y - u s, l' = u + alpha (y / s - u), s' = s + gamma (y / l' - s).
//! Source: Holt (1957), Winters (1960), in the form of R's `HoltWinters`. Lanes carry the derivatives by alpha, beta,
//! gamma and phi (forward sensitivities obey the same recursion), or candidates ([`sums`]).
//!
//! The additive passes carry u instead of l, which makes the chain from one error to the next two operations: with
//! c1 = phi alpha beta, c2 = alpha + c1, c3 = gamma (1 - alpha): e = y - s - u, u' = u + phi t + c2 e,
//! t' = phi t + c1 e, s' = s + c3 e; a missing value has e = 0.

use super::{Arithmetic, dispatched};

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
    match form {
        Form::Additive => additive_pass(y, observed, stretches, start, parameters),
        Form::Multiplicative => multiplicative_pass(y, observed, stretches, start, parameters),
    }
}

/// Coefficients c1, c2, c3 of the additive recursion.
#[inline(always)]
fn chain(parameters: &Lanes) -> [f64; 3] {
    let [alpha, beta, gamma, phi] = *parameters;
    let c1 = phi * (alpha * beta);
    [c1, alpha + c1, gamma * (1.0 - alpha)]
}

#[inline(always)]
fn each<const L: usize>(f: impl Fn(usize) -> f64) -> [f64; L] {
    std::array::from_fn(f)
}

#[inline(always)]
fn additive_pass(y: &[f64], observed: &[bool], stretches: &Stretches, start: &State, parameters: &Lanes) -> Pass {
    let m = start.season.len();
    let [alpha, beta, gamma, phi] = *parameters;
    let [c1, c2, c3] = chain(parameters);
    let d1 = [phi * beta, phi * alpha, 0.0, alpha * beta];
    let d2 = [1.0 + d1[0], d1[1], 0.0, d1[3]];
    let d3 = [-gamma, 0.0, 1.0 - alpha, 0.0];
    // A compiler that knows of the zeros takes the vectors apart to spare them, which takes half as long again.
    let [d1, d2, d3, by_phi] = std::hint::black_box([d1, d2, d3, [0.0, 0.0, 0.0, 1.0]]);
    let mut trend = phi * start.trend;
    let mut u = start.level + trend;
    // Both start with the derivative by phi alone.
    let mut dt = [0.0, 0.0, 0.0, start.trend];
    let mut du = dt;
    let mut seasons = start.season.clone();
    let mut slopes = vec![[0.0; PARAMETERS]; m];
    let mut sse = 0.0;
    let mut gradient = [0.0; PARAMETERS];
    // Products of derivatives by the same parameter, by it and the next one, and by it and the one after that.
    let (mut squares, mut next, mut across) = ([0.0; PARAMETERS], [0.0; PARAMETERS], [0.0; PARAMETERS]);
    for (range, position) in stretches {
        let (mut y, mut observed, mut slot) = (&y[range.clone()], &observed[range.clone()], *position);
        while !y.is_empty() {
            // To the end of the season at most, so that no step has to ask for it.
            let (now, later) = y.split_at((m - slot).min(y.len()));
            let (seen, unseen) = observed.split_at(now.len());
            let season = seasons[slot..].iter_mut().zip(&mut slopes[slot..]);
            for ((y, observed), (s, slope)) in now.iter().zip(seen).zip(season) {
                let faded = phi * trend;
                // d(phi t) = phi dt, and t itself by phi.
                let dfaded: Lanes = each(|i| phi * dt[i] + by_phi[i] * trend);
                if !*observed {
                    (trend, u) = (faded, u + faded);
                    (dt, du) = (dfaded, each(|i| du[i] + dfaded[i]));
                    continue;
                }
                let ds = *slope;
                let e = (y - *s) - u;
                let de: Lanes = each(|i| -ds[i] - du[i]);
                dt = each(|i| (dfaded[i] + d1[i] * e) + c1 * de[i]);
                du = each(|i| ((du[i] + dfaded[i]) + d2[i] * e) + c2 * de[i]);
                *slope = each(|i| (ds[i] + d3[i] * e) + c3 * de[i]);
                gradient = each(|i| gradient[i] + de[i] * e);
                squares = each(|i| squares[i] + de[i] * de[i]);
                next = each(|i| next[i] + de[i] * de[(i + 1) % PARAMETERS]);
                across = each(|i| across[i] + de[i] * de[(i + 2) % PARAMETERS]);
                trend = faded + c1 * e;
                u = (u + faded) + c2 * e;
                *s += c3 * e;
                sse += e * e;
            }
            (y, observed, slot) = (later, unseen, 0);
        }
    }
    let mut hessian = [[0.0; PARAMETERS]; PARAMETERS];
    for (distance, products) in [squares, next, across].iter().enumerate() {
        for (i, product) in products.iter().enumerate() {
            let j = (i + distance) % PARAMETERS;
            (hessian[i][j], hessian[j][i]) = (*product, *product);
        }
    }
    Pass { sse, gradient, hessian }
}

/// Candidates of one call of [`sums`].
pub(crate) const CANDIDATES: usize = 8;

dispatched! {
    /// Sums of squares of candidates of the additive form, one a lane, without derivatives.
    sums = fused candidate_sums, (y: &[f64], observed: &[bool], stretches: &Stretches, start: &State, candidates: &[Lanes; CANDIDATES]) -> [f64; CANDIDATES]
}

dispatched! {
    /// The sum of squares of one candidate of the additive form, without derivatives.
    sum = fused sum_inner, (y: &[f64], observed: &[bool], stretches: &Stretches, start: &State, candidate: &Lanes) -> f64
}

#[inline(always)]
fn sum_inner(
    how: impl Arithmetic,
    y: &[f64],
    observed: &[bool],
    stretches: &Stretches,
    start: &State,
    candidate: &Lanes,
) -> f64 {
    candidate_sums(how, y, observed, stretches, start, &[*candidate])[0]
}

/// Any number of candidates, each with the operations of one alone.
///
/// One chain bounds the speed of one. With x = y - s and f = phi t, u' = (c2 x + f) + (1 - c2) u and f' = phi f + phi c1 e
/// take two operations from one u to the next and five by way of f to the one after it, where the form of the other passes
/// takes three from each to the next. Where no trend is damped, the product with phi is left out: it changes no bit.
#[inline(always)]
fn candidate_sums<const L: usize>(
    how: impl Arithmetic,
    y: &[f64],
    observed: &[bool],
    stretches: &Stretches,
    start: &State,
    candidates: &[Lanes; L],
) -> [f64; L] {
    if candidates.iter().all(|[.., phi]| *phi == 1.0) {
        recursion::<L, false, _>(how, y, observed, stretches, start, candidates)
    } else {
        recursion::<L, true, _>(how, y, observed, stretches, start, candidates)
    }
}

#[inline(always)]
fn recursion<const L: usize, const DAMPED: bool, A: Arithmetic>(
    how: A,
    y: &[f64],
    observed: &[bool],
    stretches: &Stretches,
    start: &State,
    candidates: &[Lanes; L],
) -> [f64; L] {
    let m = start.season.len();
    let phi: [f64; L] = std::array::from_fn(|i| candidates[i][3]);
    let chains: [[f64; 3]; L] = std::array::from_fn(|i| chain(&candidates[i]));
    let [c1, c2, c3]: [[f64; L]; 3] = std::array::from_fn(|k| std::array::from_fn(|i| chains[i][k]));
    let fade = |i: usize, trend: f64| if DAMPED { phi[i] * trend } else { trend };
    let pull: [f64; L] = each(|i| phi[i] * c1[i]);
    let stay: [f64; L] = each(|i| 1.0 - c2[i]);
    let trend: [f64; L] = each(|i| phi[i] * start.trend);
    let mut u: [f64; L] = each(|i| start.level + trend[i]);
    let mut faded: [f64; L] = each(|i| phi[i] * trend[i]);
    let mut seasons: Vec<[f64; L]> = start.season.iter().map(|s| [*s; L]).collect();
    let mut sums = [0.0; L];
    for (range, position) in stretches {
        let (mut y, mut observed, mut slot) = (&y[range.clone()], &observed[range.clone()], *position);
        while !y.is_empty() {
            // To the end of the season at most, so that no step has to ask for it.
            let (now, later) = y.split_at((m - slot).min(y.len()));
            let (seen, unseen) = observed.split_at(now.len());
            for ((y, observed), season) in now.iter().zip(seen).zip(&mut seasons[slot..]) {
                if !*observed {
                    u = each(|i| u[i] + faded[i]);
                    faded = each(|i| fade(i, faded[i]));
                    continue;
                }
                // Whole lanes at a time, each in a place of its own: so the compiler keeps them in vectors.
                let s = *season;
                let x: [f64; L] = each(|i| y - s[i]);
                let e: [f64; L] = each(|i| x[i] - u[i]);
                u = each(|i| how.plus(stay[i], u[i], how.plus(c2[i], x[i], faded[i])));
                faded = each(|i| how.plus(pull[i], e[i], fade(i, faded[i])));
                *season = each(|i| how.plus(c3[i], e[i], s[i]));
                // Of two ways to write the same the compiler keeps one in vectors, and not the same one for both.
                if A::FUSED {
                    sums = each(|i| how.plus(e[i], e[i], sums[i]));
                } else {
                    let before = sums;
                    sums = each(|i| how.plus(e[i], e[i], before[i]));
                }
            }
            (y, observed, slot) = (later, unseen, 0);
        }
    }
    sums
}

#[inline(always)]
fn multiplicative_pass(y: &[f64], observed: &[bool], stretches: &Stretches, start: &State, parameters: &Lanes) -> Pass {
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
                let step = step(Form::Multiplicative, y[t], [l, b, s], [alpha, beta, gamma]);
                let dsl = &mut ds[slot];
                let mut de = [0.0; PARAMETERS];
                for i in 0..PARAMETERS {
                    let du = dl[i] + dt[i];
                    let own = |of: usize| if i == of { 1.0 } else { 0.0 };
                    de[i] = -(du * s + u * dsl[i]);
                    let q = y[t] / s;
                    let dl_new = du + alpha * (-q * dsl[i] / s - du) + own(0) * (q - u);
                    let s_pull = -y[t] / (step.level * step.level) * dl_new - dsl[i];
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
    fn lanes_give_the_same_bits_as_one_alone_on_every_path() {
        let (y, observed, start) = sample(Form::Additive);
        let stretches = [(0..30, 0), (30..60, 3)];
        let candidates: [Lanes; CANDIDATES] = std::array::from_fn(|i| {
            let x = i as f64;
            [0.1 + 0.1 * x, 0.05 * x, 0.9 - 0.1 * x, if i % 2 == 0 { 1.0 } else { 0.8 + 0.02 * x }]
        });
        for path in [Dispatch::Portable, Dispatch::Avx2] {
            force(path);
            let lanes = sums(&y, &observed, &stretches, &start, &candidates);
            for (found, at) in lanes.iter().zip(&candidates) {
                let alone = sum(&y, &observed, &stretches, &start, at);
                assert_eq!(found.to_bits(), alone.to_bits(), "{path:?} {at:?}");
                let derived = pass(Form::Additive, &y, &observed, &stretches, &start, at).sse;
                assert!(
                    (derived - alone).abs() < 1e-12 * derived,
                    "{path:?} {at:?}: {alone}, with derivatives {derived}"
                );
            }
        }
        force(Dispatch::Avx2);
    }

    #[test]
    fn the_short_chain_agrees_with_the_steps_written_out() {
        let (y, observed, start) = sample(Form::Additive);
        let at = [0.3, 0.2, 0.15, 0.9];
        let (mut state, mut sse) = (start.clone(), 0.0);
        state.trend *= at[3];
        for t in 0..y.len() {
            let (l, b, s) = (state.level, state.trend, state.season[t % 4]);
            if observed[t] {
                let step = step(Form::Additive, y[t], [l, b, s], [at[0], at[1], at[2]]);
                (state.level, state.trend, state.season[t % 4]) = (step.level, at[3] * step.trend, step.season);
                sse += step.error * step.error;
            } else {
                (state.level, state.trend) = (l + b, at[3] * b);
            }
        }
        let found = pass(Form::Additive, &y, &observed, &[(0..60, 0)], &start, &at).sse;
        assert!((found - sse).abs() < 1e-12 * sse, "{found} {sse}");
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
