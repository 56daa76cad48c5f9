//! Exponential smoothing with absolute errors and additive parts: a linear recursion, and what it is linear in.
//!
//! With u = l + t and t = phi b (the damped trend that is about to be added): e = y - s - u, u' = u + phi t + c2 e,
//! t' = phi t + c1 e, s' = s + c3 e, where c1 = phi beta, c2 = alpha + c1, c3 = gamma. Errors are linear in the values and
//! in the states at the start, so that one pass in lanes gives the errors from zero states and the responses to unit
//! states. The response to a season's j-th value is that to its first, j steps later.

use super::dispatched;

/// Number of parameters that derivatives are taken by.
pub(crate) const PARAMETERS: usize = 4;
/// A value for each parameter.
pub(crate) type Lanes = [f64; PARAMETERS];

/// Coefficients of the recursion, or their derivatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Chain<T> {
    pub(crate) phi: T,
    pub(crate) c1: T,
    pub(crate) c2: T,
    pub(crate) c3: T,
}

/// Errors from zero states, and responses to unit states at the start.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Responses {
    /// Errors of the values, all states zero.
    pub(crate) data: Vec<f64>,
    /// Errors of zeros, the first value of the season 1; without a season the level.
    pub(crate) first: Vec<f64>,
    /// Errors of zeros, the trend 1.
    pub(crate) trend: Vec<f64>,
    /// Errors of zeros, the level 1.
    pub(crate) level: Vec<f64>,
}

impl Responses {
    /// Zeros, `len` of each.
    pub(crate) fn zeros(len: usize) -> Self {
        let blank = || vec![0.0; len];
        Self { data: blank(), first: blank(), trend: blank(), level: blank() }
    }
}

dispatched! {
    /// Fills the first values of the responses, which are at least as long as `y`; `season` is scratch, one position long
    /// without a season.
    responses = responses_inner, (chain: &Chain<f64>, y: &[f64], season: &mut [Lanes], out: &mut Responses) -> ()
}

dispatched! {
    /// Errors from the states `[u, t]` and a season, with derivatives by parameters, one list a parameter.
    ///
    /// `start` holds the derivatives of u and t at the start beside them; `season`, one position of zeros without a season, is
    /// left as the values move it.
    derivatives = derivatives_inner, (chain: &Chain<f64>, by: &Chain<Lanes>, y: &[f64], start: &[(f64, Lanes); 2], season: &mut [(f64, Lanes)], errors: &mut [f64], columns: &mut [Vec<f64>; PARAMETERS]) -> ()
}

dispatched! {
    /// What values have in common with the response to each unit state: fills `season`, one position long or more, with the
    /// sums over those to its values, and returns those over the responses to u and to t.
    ///
    /// The same recursion backward, so that all of them take one pass.
    against = against_inner, (chain: &Chain<f64>, values: &[f64], season: &mut [f64]) -> [f64; 2]
}

#[inline(always)]
fn against_inner(chain: &Chain<f64>, values: &[f64], season: &mut [f64]) -> [f64; 2] {
    let Chain { phi, c1, c2, c3 } = *chain;
    let m = season.len();
    season.fill(0.0);
    let (mut u, mut t) = (0.0, 0.0);
    let mut slot = values.len() % m;
    for value in values.iter().rev() {
        slot = if slot == 0 { m - 1 } else { slot - 1 };
        let e = ((value + c3 * season[slot]) + c1 * t) + c2 * u;
        t = phi * (u + t);
        u -= e;
        season[slot] -= e;
    }
    [u, t]
}

#[inline(always)]
fn responses_inner(chain: &Chain<f64>, y: &[f64], season: &mut [Lanes], out: &mut Responses) {
    // A season of one position is none: what it is moved by stays out of the chain from one error to the next.
    if season.len() == 1 {
        responses_in::<false>(chain, y, season, out);
    } else {
        responses_in::<true>(chain, y, season, out);
    }
}

#[inline(always)]
fn responses_in<const SEASONAL: bool>(chain: &Chain<f64>, y: &[f64], season: &mut [Lanes], out: &mut Responses) {
    let Chain { phi, c1, c2, c3 } = *chain;
    let m = season.len();
    season.fill([0.0; PARAMETERS]);
    let (mut u, mut t) = ([0.0, 0.0, phi, 1.0], [0.0, 0.0, phi, 0.0]);
    if SEASONAL {
        season[0][1] = 1.0;
    } else {
        u[1] = 1.0;
    }
    let n = y.len();
    let Responses { data, first, trend, level } = out;
    let (data, first, trend, level) = (&mut data[..n], &mut first[..n], &mut trend[..n], &mut level[..n]);
    let mut slot = 0;
    for (i, y) in y.iter().enumerate() {
        let y = [*y, 0.0, 0.0, 0.0];
        let mut e = [0.0; PARAMETERS];
        for k in 0..PARAMETERS {
            e[k] = if SEASONAL { (y[k] - season[slot][k]) - u[k] } else { y[k] - u[k] };
            let faded = phi * t[k];
            u[k] = (u[k] + faded) + c2 * e[k];
            t[k] = faded + c1 * e[k];
            if SEASONAL {
                season[slot][k] += c3 * e[k];
            }
        }
        (data[i], first[i], trend[i], level[i]) = (e[0], e[1], e[2], e[3]);
        slot = if slot + 1 == m { 0 } else { slot + 1 };
    }
}

#[inline(always)]
fn derivatives_inner(
    chain: &Chain<f64>,
    by: &Chain<Lanes>,
    y: &[f64],
    start: &[(f64, Lanes); 2],
    season: &mut [(f64, Lanes)],
    errors: &mut [f64],
    columns: &mut [Vec<f64>; PARAMETERS],
) {
    if season.len() == 1 {
        derivatives_in::<false>(chain, by, y, start, season, errors, columns);
    } else {
        derivatives_in::<true>(chain, by, y, start, season, errors, columns);
    }
}

#[inline(always)]
fn derivatives_in<const SEASONAL: bool>(
    chain: &Chain<f64>,
    by: &Chain<Lanes>,
    y: &[f64],
    start: &[(f64, Lanes); 2],
    season: &mut [(f64, Lanes)],
    errors: &mut [f64],
    columns: &mut [Vec<f64>; PARAMETERS],
) {
    let Chain { phi, c1, c2, c3 } = *chain;
    let m = season.len();
    let [(mut u, mut du), (mut t, mut dt)] = *start;
    let [a, b, c, d] = columns;
    let n = y.len();
    let (a, b, c, d) = (&mut a[..n], &mut b[..n], &mut c[..n], &mut d[..n]);
    let errors = &mut errors[..n];
    let mut slot = 0;
    for (i, y) in y.iter().enumerate() {
        let (s, ds) = if SEASONAL { season[slot] } else { (0.0, [0.0; PARAMETERS]) };
        let e = if SEASONAL { (y - s) - u } else { y - u };
        let faded = phi * t;
        let mut de = [0.0; PARAMETERS];
        for k in 0..PARAMETERS {
            de[k] = if SEASONAL { -ds[k] - du[k] } else { -du[k] };
            let moved = phi * dt[k] + by.phi[k] * t;
            dt[k] = (moved + by.c1[k] * e) + c1 * de[k];
            du[k] = ((du[k] + moved) + by.c2[k] * e) + c2 * de[k];
            if SEASONAL {
                season[slot].1[k] = (ds[k] + by.c3[k] * e) + c3 * de[k];
            }
        }
        u = (u + faded) + c2 * e;
        t = faded + c1 * e;
        if SEASONAL {
            season[slot].0 = s + c3 * e;
        }
        errors[i] = e;
        (a[i], b[i], c[i], d[i]) = (de[0], de[1], de[2], de[3]);
        slot = if slot + 1 == m { 0 } else { slot + 1 };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::ets::{Kind, Part, States, run};
    use crate::kernels::{Dispatch, force};
    use crate::paths::Dice;

    const M: usize = 4;

    /// alpha, beta, gamma, phi.
    type Point = [f64; 4];
    const POINT: Point = [0.3, 0.1, 0.2, 0.9];

    fn chain(point: Point) -> Chain<f64> {
        let [alpha, beta, gamma, phi] = point;
        Chain { phi, c1: phi * beta, c2: alpha + phi * beta, c3: gamma }
    }

    fn values(n: usize) -> Vec<f64> {
        let mut dice = Dice::new(2);
        (0..n).map(|t| (t % M) as f64 + dice.unit()).collect()
    }

    /// The errors of the textbook's recursion.
    fn textbook(point: Point, y: &[f64], level: f64, trend: f64, season: &[f64]) -> Vec<f64> {
        let kind = Kind { relative_errors: false, trend: Part::Additive, damped: true, season: Part::Additive };
        let mut states = States {
            alpha: point[0],
            beta: point[1],
            gamma: if season.is_empty() { 0.0 } else { point[2] },
            phi: point[3],
            level,
            trend,
            season: if season.is_empty() { vec![0.0] } else { season.to_vec() },
        };
        let mut errors = vec![0.0; y.len()];
        run(kind, y, &mut states, &mut errors);
        errors
    }

    fn check_close(found: &[f64], expected: &[f64], tolerance: f64) {
        for (t, (a, b)) in found.iter().zip(expected).enumerate() {
            assert!((a - b).abs() < tolerance, "step {t}: {a}, expected {b}");
        }
    }

    fn on_both_paths<T: PartialEq + std::fmt::Debug>(compute: impl Fn() -> T) -> T {
        force(Dispatch::Portable);
        let portable = compute();
        force(Dispatch::Avx2);
        let fast = compute();
        assert_eq!(portable, fast);
        fast
    }

    #[test]
    fn errors_are_responses_times_states() {
        let y = values(40);
        let (level, trend, season) = (1.5, -0.2, [0.3, -0.7, 0.1, 0.9]);
        for seasonal in [true, false] {
            let found = on_both_paths(|| {
                let n = y.len();
                let mut out = Responses::zeros(n);
                let mut chain = chain(POINT);
                chain.c3 = if seasonal { chain.c3 } else { 0.0 };
                responses(&chain, &y, &mut vec![[0.0; 4]; if seasonal { M } else { 1 }], &mut out);
                out
            });
            let state = |j: usize| if seasonal { season[j] + level } else { level };
            let columns = if seasonal { M } else { 1 };
            let later = |t: usize, j: usize| if t >= j { found.first[t - j] } else { 0.0 };
            let sum: Vec<f64> = (0..y.len())
                .map(|t| {
                    let season: f64 = (0..columns).map(|j| state(j) * later(t, j)).sum();
                    found.data[t] + season + trend * found.trend[t]
                })
                .collect();
            for (t, level) in found.level.iter().enumerate() {
                let all: f64 = (0..columns).map(|j| later(t, j)).sum();
                assert!((level - all).abs() < 1e-12, "step {t}: {level}, expected {all}");
            }
            let season: &[f64] = if seasonal { &season } else { &[] };
            check_close(&sum, &textbook(POINT, &y, level, trend, season), 1e-12);
        }
    }

    #[test]
    fn sums_over_responses_take_one_pass_backward() {
        let (y, chain) = (values(39), chain(POINT));
        let mut all = Responses::zeros(y.len());
        responses(&chain, &y, &mut [[0.0; 4]; M], &mut all);
        let (season, [u, t]) = on_both_paths(|| {
            let mut season = [f64::NAN; M];
            let start = against(&chain, &y, &mut season);
            (season, start)
        });
        let sum = |response: &[f64], later: usize| y[later..].iter().zip(response).map(|(y, r)| y * r).sum::<f64>();
        for (j, found) in season.iter().enumerate() {
            assert!((found - sum(&all.first, j)).abs() < 1e-12, "position {j}: {found}");
        }
        assert!((u - sum(&all.level, 0)).abs() < 1e-12);
        // A unit of the trend begins with phi in u and in t.
        assert!((chain.phi * (u + t) - sum(&all.trend, 0)).abs() < 1e-12);
    }

    #[test]
    fn derivatives_are_what_differences_come_to() {
        let y = values(40);
        let (level, trend, season) = (1.5, -0.2, [0.3, -0.7, 0.1, 0.9]);
        let [alpha, beta, _, phi] = POINT;
        let by = Chain {
            phi: [0.0, 0.0, 0.0, 1.0],
            c1: [0.0, phi, 0.0, beta],
            c2: [1.0, phi, 0.0, beta],
            c3: [0.0, 0.0, 1.0, 0.0],
        };
        let moved = [0.0, 0.0, 0.0, trend];
        let start = [(level + phi * trend, moved), (phi * trend, moved)];
        let (errors, columns) = on_both_paths(|| {
            let mut errors = vec![0.0; y.len()];
            let mut columns = [(); 4].map(|()| vec![0.0; y.len()]);
            let mut seasons = season.map(|s| (s, [0.0; 4]));
            derivatives(&chain(POINT), &by, &y, &start, &mut seasons, &mut errors, &mut columns);
            (errors, columns)
        });
        check_close(&errors, &textbook(POINT, &y, level, trend, &season), 1e-12);
        assert!(alpha > 0.0);
        for (i, column) in columns.iter().enumerate() {
            let at = |by: f64| {
                let mut point = POINT;
                point[i] += by;
                textbook(point, &y, level, trend, &season)
            };
            let (high, low) = (at(1e-5), at(-1e-5));
            let differences: Vec<f64> = high.iter().zip(&low).map(|(h, l)| (h - l) / 2e-5).collect();
            check_close(column, &differences, 1e-7);
        }
    }
}
