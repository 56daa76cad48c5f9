//! The recursion of [`super::ets_linear`] in lanes: each lane is a problem of its own, with its values and parameters.
//!
//! Lanes are series of equal shape, or starting points of one series. Each lane has the bits of one alone.

use super::dispatched;
use super::ets_linear::{Chain, PARAMETERS};
use super::wide::{WIDE, Wide};

/// Streams of [`responses`]: the values, the first value of the season (the level without one), the trend.
const STREAMS: usize = 3;

/// Responses of each lane, see [`super::ets_linear::Responses`].
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Responses {
    pub(crate) data: Vec<Wide>,
    pub(crate) first: Vec<Wide>,
    pub(crate) trend: Vec<Wide>,
}

/// A season's value in each lane, and its derivatives by each parameter.
pub(crate) type Moved = (Wide, [Wide; PARAMETERS]);

dispatched! {
    /// Fills the first values of the responses; `season` is scratch, one position long without a season.
    responses = responses_inner, (chain: &Chain<Wide>, y: &[Wide], season: &mut [[Wide; 3]], out: &mut Responses) -> ()
}

dispatched! {
    /// Errors with derivatives by parameters, see [`super::ets_linear::derivatives`].
    derivatives = derivatives_inner, (chain: &Chain<Wide>, by: &Chain<[Wide; PARAMETERS]>, y: &[Wide], start: &[Moved; 2], season: &mut [Moved], errors: &mut [Wide], columns: &mut [Vec<Wide>; PARAMETERS]) -> ()
}

#[inline(always)]
fn responses_inner(chain: &Chain<Wide>, y: &[Wide], season: &mut [[Wide; STREAMS]], out: &mut Responses) {
    if season.len() == 1 {
        responses_in::<false>(chain, y, season, out);
    } else {
        responses_in::<true>(chain, y, season, out);
    }
}

#[inline(always)]
fn responses_in<const SEASONAL: bool>(
    chain: &Chain<Wide>,
    y: &[Wide],
    season: &mut [[Wide; STREAMS]],
    out: &mut Responses,
) {
    let Chain { phi, c1, c2, c3 } = *chain;
    let (m, n) = (season.len(), y.len());
    season.fill([[0.0; WIDE]; STREAMS]);
    let (mut u, mut t) = ([[0.0; WIDE], [0.0; WIDE], phi], [[0.0; WIDE], [0.0; WIDE], phi]);
    if SEASONAL {
        season[0][1] = [1.0; WIDE];
    } else {
        u[1] = [1.0; WIDE];
    }
    let (data, first, trend) = (&mut out.data[..n], &mut out.first[..n], &mut out.trend[..n]);
    let mut slot = 0;
    for (at, y) in y.iter().enumerate() {
        let s = &mut season[slot];
        let mut e = [[0.0; WIDE]; STREAMS];
        for k in 0..STREAMS {
            for i in 0..WIDE {
                let value = if k == 0 { y[i] } else { 0.0 };
                e[k][i] = if SEASONAL { (value - s[k][i]) - u[k][i] } else { value - u[k][i] };
                let faded = phi[i] * t[k][i];
                u[k][i] = (u[k][i] + faded) + c2[i] * e[k][i];
                t[k][i] = faded + c1[i] * e[k][i];
                if SEASONAL {
                    s[k][i] += c3[i] * e[k][i];
                }
            }
        }
        (data[at], first[at], trend[at]) = (e[0], e[1], e[2]);
        slot = if slot + 1 == m { 0 } else { slot + 1 };
    }
}

#[inline(always)]
fn derivatives_inner(
    chain: &Chain<Wide>,
    by: &Chain<[Wide; PARAMETERS]>,
    y: &[Wide],
    start: &[Moved; 2],
    season: &mut [Moved],
    errors: &mut [Wide],
    columns: &mut [Vec<Wide>; PARAMETERS],
) {
    if season.len() == 1 {
        derivatives_in::<false>(chain, by, y, start, season, errors, columns);
    } else {
        derivatives_in::<true>(chain, by, y, start, season, errors, columns);
    }
}

#[inline(always)]
fn derivatives_in<const SEASONAL: bool>(
    chain: &Chain<Wide>,
    by: &Chain<[Wide; PARAMETERS]>,
    y: &[Wide],
    start: &[Moved; 2],
    season: &mut [Moved],
    errors: &mut [Wide],
    columns: &mut [Vec<Wide>; PARAMETERS],
) {
    let Chain { phi, c1, c2, c3 } = *chain;
    let (m, n) = (season.len(), y.len());
    let [(mut u, mut du), (mut t, mut dt)] = *start;
    let [a, b, c, d] = columns;
    let columns = [&mut a[..n], &mut b[..n], &mut c[..n], &mut d[..n]];
    let errors = &mut errors[..n];
    let mut slot = 0;
    for (at, y) in y.iter().enumerate() {
        let (s, ds) = &mut season[slot];
        let (mut e, mut faded) = ([0.0; WIDE], [0.0; WIDE]);
        for i in 0..WIDE {
            e[i] = if SEASONAL { (y[i] - s[i]) - u[i] } else { y[i] - u[i] };
            faded[i] = phi[i] * t[i];
        }
        for k in 0..PARAMETERS {
            let mut de = [0.0; WIDE];
            for i in 0..WIDE {
                de[i] = if SEASONAL { -ds[k][i] - du[k][i] } else { -du[k][i] };
                let moved = phi[i] * dt[k][i] + by.phi[k][i] * t[i];
                dt[k][i] = (moved + by.c1[k][i] * e[i]) + c1[i] * de[i];
                du[k][i] = ((du[k][i] + moved) + by.c2[k][i] * e[i]) + c2[i] * de[i];
                if SEASONAL {
                    ds[k][i] = (ds[k][i] + by.c3[k][i] * e[i]) + c3[i] * de[i];
                }
            }
            columns[k][at] = de;
        }
        for i in 0..WIDE {
            u[i] = (u[i] + faded[i]) + c2[i] * e[i];
            t[i] = faded[i] + c1[i] * e[i];
            if SEASONAL {
                s[i] += c3[i] * e[i];
            }
        }
        errors[at] = e;
        slot = if slot + 1 == m { 0 } else { slot + 1 };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::ets_linear as alone;
    use crate::kernels::wide::each;
    use crate::kernels::{Dispatch, force};
    use crate::paths::Dice;

    type Row = [f64; PARAMETERS];

    /// One lane's problem.
    struct One {
        chain: Chain<f64>,
        by: Chain<Row>,
        y: Vec<f64>,
        start: [(f64, Row); 2],
        season: Vec<(f64, Row)>,
    }

    fn one(dice: &mut Dice, n: usize, m: usize) -> One {
        let mut row = || std::array::from_fn(|_| dice.unit() - 0.5);
        let by = Chain { phi: row(), c1: row(), c2: row(), c3: row() };
        let start = [(0.3, row()), (-0.1, row())];
        let season = if m > 1 { (0..m).map(|j| (0.1 * j as f64, row())).collect() } else { vec![(0.0, [0.0; 4])] };
        let mut part = |from: f64, to: f64| from + (to - from) * dice.unit();
        let chain = Chain { phi: part(0.8, 1.0), c1: part(0.0, 0.1), c2: part(0.1, 0.5), c3: part(0.0, 0.4) };
        One { chain, by, y: (0..n).map(|_| part(-1.0, 1.0)).collect(), start, season }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn each_lane_has_the_bits_of_one_alone(n in 1usize..70, m in prop_oneof![Just(1usize), 2usize..9], seed: u64) {
            let mut dice = Dice::new(seed);
            let all: [One; WIDE] = std::array::from_fn(|_| one(&mut dice, n, m));
            let chain = Chain {
                phi: each(|i| all[i].chain.phi),
                c1: each(|i| all[i].chain.c1),
                c2: each(|i| all[i].chain.c2),
                c3: each(|i| all[i].chain.c3),
            };
            let wide = |row: &dyn Fn(&One) -> Row| -> [Wide; PARAMETERS] {
                std::array::from_fn(|k| each(|i| row(&all[i])[k]))
            };
            let by = Chain {
                phi: wide(&|one| one.by.phi),
                c1: wide(&|one| one.by.c1),
                c2: wide(&|one| one.by.c2),
                c3: wide(&|one| one.by.c3),
            };
            let y: Vec<Wide> = (0..n).map(|t| each(|i| all[i].y[t])).collect();
            let start: [Moved; 2] = std::array::from_fn(|j| (each(|i| all[i].start[j].0), wide(&|one| one.start[j].1)));
            let seasons: Vec<Moved> =
                (0..m).map(|j| (each(|i| all[i].season[j].0), wide(&|one| one.season[j].1))).collect();
            for path in [Dispatch::Portable, Dispatch::Avx2] {
                force(path);
                let blank = || vec![[0.0; WIDE]; n];
                let mut found = Responses { data: blank(), first: blank(), trend: blank() };
                responses(&chain, &y, &mut vec![[[0.0; WIDE]; STREAMS]; m], &mut found);
                let (mut errors, mut columns, mut season) = (blank(), [(); PARAMETERS].map(|()| blank()), seasons.clone());
                derivatives(&chain, &by, &y, &start, &mut season, &mut errors, &mut columns);
                for (i, one) in all.iter().enumerate() {
                    let mut twin = alone::Responses::zeros(n);
                    alone::responses(&one.chain, &one.y, &mut vec![[0.0; PARAMETERS]; m], &mut twin);
                    let (mut own, mut by_own) = (vec![0.0; n], [(); PARAMETERS].map(|()| vec![0.0; n]));
                    let mut own_season = one.season.clone();
                    alone::derivatives(&one.chain, &one.by, &one.y, &one.start, &mut own_season, &mut own, &mut by_own);
                    for t in 0..n {
                        let pairs = [
                            (found.data[t], twin.data[t]),
                            (found.first[t], twin.first[t]),
                            (found.trend[t], twin.trend[t]),
                            (errors[t], own[t]),
                        ];
                        let by = columns.iter().zip(&by_own).map(|(wide, own)| (wide[t], own[t]));
                        for (wide, own) in pairs.into_iter().chain(by) {
                            prop_assert_eq!(wide[i].to_bits(), own.to_bits(), "{:?}, lane {}, step {}", path, i, t);
                        }
                    }
                }
            }
            force(Dispatch::Avx2);
        }
    }
}
