//! Forecasts of exponential smoothing in any form, with their derivatives by parameters and start states.
//!
//! The recursion is that of [`super::ets`] for one set of parameters. Derivatives obey its linearization: what multiplies
//! them is computed once a step, and lanes of derivatives need no division.

use super::dispatched;
use super::ets::{Kind, Part, States, step};

/// Derivatives of one chunk.
pub(crate) const CHUNK: usize = 8;
type Chunk = [f64; CHUNK];

/// Derivatives of the states, as they stand.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tangents {
    /// Of the level, by chunk.
    pub(crate) level: Vec<Chunk>,
    /// Of the trend.
    pub(crate) trend: Vec<Chunk>,
    /// Of the season: all chunks of its first position, then of the next.
    pub(crate) season: Vec<Chunk>,
    /// Derivatives of alpha, of beta / alpha, of gamma and of phi, the same all along; zero behind the first chunk.
    pub(crate) parameters: [Chunk; 4],
}

dispatched! {
    /// Fills the derivatives of each forecast, all chunks of a step side by side; `states` and `tangents` move on.
    tangents = tangents_inner, (kind: Kind, y: &[f64], states: &mut States, tangents: &mut Tangents, rows: &mut [f64]) -> ()
}

dispatched! {
    /// From derivatives of forecasts f, rows of `width`, to those of relative errors; adds those of the sum of ln |f| to `drift`.
    by_relative = by_relative_inner, (y: &[f64], errors: &[f64], width: usize, rows: &mut [f64], drift: &mut [f64]) -> ()
}

dispatched! {
    /// From derivatives of forecasts to those of absolute errors; leaves `drift` as it is.
    by_absolute = by_absolute_inner, (y: &[f64], errors: &[f64], width: usize, rows: &mut [f64], drift: &mut [f64]) -> ()
}

#[inline(always)]
fn by_relative_inner(y: &[f64], errors: &[f64], width: usize, rows: &mut [f64], drift: &mut [f64]) {
    let drift = drift.as_chunks_mut::<CHUNK>().0;
    for ((row, e), y) in rows.chunks_exact_mut(width).zip(errors).zip(y) {
        // e = (y - f) / f by f is -(1 + e) / f, and 1 / f is (1 + e) / y.
        let (by, factor) = ((1.0 + e) / y, -(1.0 + e));
        for (row, drift) in row.as_chunks_mut::<CHUNK>().0.iter_mut().zip(drift.iter_mut()) {
            for i in 0..CHUNK {
                let x = row[i] * by;
                drift[i] += x;
                row[i] = x * factor;
            }
        }
    }
}

#[inline(always)]
fn by_absolute_inner(_: &[f64], _: &[f64], _: usize, rows: &mut [f64], _: &mut [f64]) {
    rows.iter_mut().for_each(|x| *x = -*x);
}

/// What multiplies derivatives in one step.
struct Factors {
    /// phi b or b^phi by b, and by phi.
    faded: [f64; 2],
    /// q by l and by the faded trend.
    middle: [f64; 2],
    /// The forecast by q and by s.
    forecast: [f64; 2],
    /// l' by q and by s, and by alpha.
    level: [f64; 3],
    /// b' by the faded trend, by l' and by l, and by beta / alpha.
    trend: [f64; 4],
    /// s' by s and by q, and by gamma.
    season: [f64; 3],
}

#[inline(always)]
fn tangents_inner(kind: Kind, y: &[f64], states: &mut States, tangents: &mut Tangents, rows: &mut [f64]) {
    let m = states.season.len();
    let chunks = tangents.level.len();
    let mut slot = 0;
    for (y, row) in y.iter().zip(rows.chunks_exact_mut(chunks * CHUNK)) {
        let factors = factors(kind, *y, states, slot);
        let Tangents { level, trend, season, parameters } = tangents;
        let season = &mut season[slot * chunks..(slot + 1) * chunks];
        for (c, row) in row.as_chunks_mut().0.iter_mut().enumerate() {
            let by = (c == 0).then_some(&*parameters);
            advance(&factors, by, &mut level[c], &mut trend[c], &mut season[c], row);
        }
        slot = if slot + 1 == m { 0 } else { slot + 1 };
    }
}

/// The factors of a step, the states moved on.
#[inline(always)]
fn factors(kind: Kind, y: f64, states: &mut States, slot: usize) -> Factors {
    let (l, b, s) = (states.level, states.trend, states.season[slot]);
    let States { alpha, beta, gamma, phi, .. } = *states;
    let ratio = beta / alpha;
    let forecast = step(kind, Some(y), states, slot, &mut 0.0);
    let next = states.level;
    let (faded, by_faded, q, middle) = match kind.trend {
        Part::None => (0.0, [0.0, 0.0], l, [1.0, 0.0]),
        Part::Additive => (phi * b, [phi, b], l + phi * b, [1.0, 1.0]),
        Part::Multiplicative if kind.damped => {
            let faded = libm::pow(b, phi);
            (faded, [phi * faded / b, faded * libm::log(b)], l * faded, [faded, l])
        }
        Part::Multiplicative => (b, [1.0, 0.0], l * b, [b, l]),
    };
    let (by_forecast, p, p_by_s, t, t_by_q) = match kind.season {
        Part::None => ([1.0, 0.0], y, 0.0, 0.0, 0.0),
        Part::Additive => ([1.0, 1.0], y - s, -1.0, y - q, -1.0),
        Part::Multiplicative => ([s, forecast / s], y / s, -(y / s) / s, y / q, -(y / q) / q),
    };
    let (r, r_by_next, r_by_l) = match kind.trend {
        Part::None => (0.0, 0.0, 0.0),
        Part::Additive => (next - l, 1.0, -1.0),
        Part::Multiplicative => (next / l, 1.0 / l, -(next / l) / l),
    };
    Factors {
        faded: by_faded,
        middle,
        forecast: by_forecast,
        level: [1.0 - alpha, alpha * p_by_s, p - q],
        trend: [1.0 - ratio, ratio * r_by_next, ratio * r_by_l, r - faded],
        season: [1.0 - gamma, gamma * t_by_q, t - s],
    }
}

#[inline(always)]
fn advance(f: &Factors, by: Option<&[Chunk; 4]>, l: &mut Chunk, b: &mut Chunk, s: &mut Chunk, out: &mut Chunk) {
    for i in 0..CHUNK {
        let [alpha, ratio, gamma, phi] = by.map_or([0.0; 4], |by| [by[0][i], by[1][i], by[2][i], by[3][i]]);
        let mut faded = f.faded[0] * b[i];
        if by.is_some() {
            faded += f.faded[1] * phi;
        }
        let q = f.middle[0] * l[i] + f.middle[1] * faded;
        out[i] = f.forecast[0] * q + f.forecast[1] * s[i];
        let mut next = f.level[0] * q + f.level[1] * s[i];
        if by.is_some() {
            next += f.level[2] * alpha;
        }
        b[i] = f.trend[0] * faded + (f.trend[1] * next + f.trend[2] * l[i]);
        s[i] = f.season[0] * s[i] + f.season[1] * q;
        if by.is_some() {
            b[i] += f.trend[3] * ratio;
            s[i] += f.season[2] * gamma;
        }
        l[i] = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::ets::run;
    use crate::kernels::{Dispatch, force};
    use crate::paths::Dice;

    const M: usize = 4;
    /// alpha, beta, gamma, phi, level, trend, the season.
    const POINT: [f64; 6 + M] = [0.3, 0.1, 0.2, 0.9, 40.0, 0.0, 0.0, 0.0, 0.0, 0.0];

    fn states(kind: Kind, at: &[f64]) -> States {
        let base = |part: Part| if part == Part::Multiplicative { 1.0 } else { 0.0 };
        let season = |j: usize| base(kind.season) + 0.02 * j as f64 + at[6 + j];
        States {
            alpha: at[0],
            beta: if kind.trend == Part::None { 0.0 } else { at[1] },
            gamma: at[2],
            phi: if kind.damped { at[3] } else { 1.0 },
            level: at[4],
            trend: base(kind.trend) + if kind.trend == Part::None { 0.0 } else { 0.01 } + at[5],
            season: if kind.season == Part::None { vec![0.0] } else { (0..M).map(season).collect() },
        }
    }

    #[test]
    fn derivatives_are_what_differences_come_to() {
        let mut dice = Dice::new(2);
        let y: Vec<f64> = (0..30).map(|t| 40.0 + (t % M) as f64 + dice.unit()).collect();
        let parts = [Part::None, Part::Additive, Part::Multiplicative];
        for (trend, season) in parts.into_iter().flat_map(|t| parts.map(|s| (t, s))) {
            for damped in [false, true] {
                let kind = Kind { relative_errors: false, trend, damped, season };
                let chunks = 2;
                let positions = if season == Part::None { 1 } else { M };
                let at = |i: usize| (i / CHUNK, i % CHUNK);
                let mut fresh = Tangents {
                    level: vec![[0.0; CHUNK]; chunks],
                    trend: vec![[0.0; CHUNK]; chunks],
                    season: vec![[0.0; CHUNK]; chunks * positions],
                    parameters: [[0.0; CHUNK]; 4],
                };
                fresh.level[0][4] = 1.0;
                fresh.trend[0][5] = 1.0;
                for j in 0..positions {
                    let (c, i) = at(6 + j);
                    fresh.season[j * chunks + c][i] = 1.0;
                }
                fresh.parameters[0][0] = 1.0;
                fresh.parameters[1][0] = -POINT[1] / (POINT[0] * POINT[0]);
                fresh.parameters[1][1] = 1.0 / POINT[0];
                fresh.parameters[2][2] = 1.0;
                fresh.parameters[3][3] = 1.0;
                let on = |path| {
                    force(path);
                    let mut rows = vec![0.0; y.len() * chunks * CHUNK];
                    tangents(kind, &y, &mut states(kind, &POINT), &mut fresh.clone(), &mut rows);
                    rows
                };
                let rows = on(Dispatch::Portable);
                assert_eq!(rows, on(Dispatch::Avx2), "{kind:?}");
                let errors = |i: usize, by: f64| {
                    let mut point = POINT;
                    point[i] += by;
                    let mut errors = vec![0.0; y.len()];
                    run(kind, &y, &mut states(kind, &point), &mut errors);
                    errors
                };
                let used = [true, trend != Part::None, season != Part::None, damped && trend != Part::None, true];
                let used = used.into_iter().chain([trend != Part::None]).chain([season != Part::None; M]);
                for (i, _) in used.enumerate().filter(|(_, used)| *used) {
                    let by = if i == 4 { 1e-4 } else { 1e-6 };
                    for (t, (high, low)) in errors(i, by).iter().zip(errors(i, -by)).enumerate() {
                        let expected = (low - high) / (2.0 * by);
                        let found = rows[t * chunks * CHUNK + i];
                        let off = (found - expected).abs();
                        assert!(off < 1e-5 * (1.0 + expected.abs()), "{kind:?} {i} {t}: {found} {expected}");
                    }
                }
            }
        }
    }
}
