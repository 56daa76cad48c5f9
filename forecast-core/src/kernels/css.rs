//! Errors of seasonal ARMA processes with the first values given and no errors before them, several problems at once.
//!
//! x = phi(B) Phi(B^m) w, zero for the values that are given, and e = x / (theta(B) Theta(B^m)), the seasonal factor first:
//! u[t] = x[t] - Theta u[t-m], e[t] = u[t] - theta e[t-1]. Factor by factor there are fewer products than over the factors
//! multiplied out, and the chain from one error to the next is two operations. Source: Box & Jenkins (1976), section 7.1.
//! Lanes are series of one length and order, or candidates; each lane has the bits of one alone.

use super::{Arithmetic, dispatched, keep_lanes};

/// Problems of one call of [`errors`].
pub(crate) const SERIES: usize = 8;

/// Coefficients of the four factors (1 - ar) (1 - seasonal ar) w = (1 + ma) (1 + seasonal ma) e, lag 1 first.
#[derive(Debug, Clone)]
pub(crate) struct Factors<const L: usize> {
    pub(crate) ar: Vec<[f64; L]>,
    pub(crate) ma: Vec<[f64; L]>,
    pub(crate) seasonal_ar: Vec<[f64; L]>,
    pub(crate) seasonal_ma: Vec<[f64; L]>,
    pub(crate) season_length: usize,
}

impl<const L: usize> Factors<L> {
    /// Number of values that are given.
    pub(crate) fn given(&self) -> usize {
        self.ar.len() + self.seasonal_ar.len() * self.season_length
    }
}

dispatched! {
    /// Fills the errors, as many as there are values, and returns their sums of squares.
    errors = fused errors_inner, (factors: &Factors<SERIES>, w: &[[f64; SERIES]], errors: &mut [[f64; SERIES]]) -> [f64; SERIES]
}

dispatched! {
    /// The same of one problem.
    errors_of_one = fused errors_inner, (factors: &Factors<1>, w: &[[f64; 1]], errors: &mut [[f64; 1]]) -> [f64; 1]
}

dispatched! {
    /// `out[t]` = x[t] less the sum of c[j] x[t - (j + 1) unit]; lags that reach before the start count as zero.
    times = fused times_inner, (x: &[[f64; SERIES]], coefficients: &[[f64; SERIES]], unit: usize, out: &mut [[f64; SERIES]]) -> ()
}

dispatched! {
    /// The same of one problem.
    times_of_one = fused times_inner, (x: &[[f64; 1]], coefficients: &[[f64; 1]], unit: usize, out: &mut [[f64; 1]]) -> ()
}

dispatched! {
    /// The inverse of a factor 1 + c in place: x[t] less the sum of c[j] x[t - (j + 1) unit] of what is there by then.
    over = fused over_inner, (x: &mut [[f64; SERIES]], coefficients: &[[f64; SERIES]], unit: usize) -> ()
}

dispatched! {
    /// The same of one problem.
    over_of_one = fused over_inner, (x: &mut [[f64; 1]], coefficients: &[[f64; 1]], unit: usize) -> ()
}

#[inline(always)]
fn each<const L: usize>(f: impl Fn(usize) -> f64) -> [f64; L] {
    std::array::from_fn(f)
}

#[inline(always)]
fn errors_inner<const L: usize>(
    how: impl Arithmetic,
    factors: &Factors<L>,
    w: &[[f64; L]],
    errors: &mut [[f64; L]],
) -> [f64; L] {
    let Factors { ar, ma, seasonal_ar, seasonal_ma, season_length } = factors;
    // The orders that are met most take one pass.
    match (ar.as_slice(), ma.as_slice(), seasonal_ar.as_slice(), seasonal_ma.as_slice()) {
        ([], [theta], [], [of_season]) => {
            return in_one_pass::<L, false, _>(how, [[0.0; L], *theta, *of_season], *season_length, w, errors);
        }
        ([phi], [theta], [], [of_season]) => {
            return in_one_pass::<L, true, _>(how, [*phi, *theta, *of_season], *season_length, w, errors);
        }
        _ => {}
    }
    if seasonal_ar.is_empty() {
        times_inner(how, w, ar, 1, errors);
    } else {
        let mut seasonal = vec![[0.0; L]; w.len()];
        times_inner(how, w, seasonal_ar, *season_length, &mut seasonal);
        times_inner(how, &seasonal, ar, 1, errors);
    }
    let given = factors.given().min(errors.len());
    errors[..given].fill([0.0; L]);
    over_inner(how, errors, seasonal_ma, *season_length);
    over_inner(how, errors, ma, 1);
    let mut sums = [0.0; L];
    for e in errors.iter() {
        sums = each(|i| how.plus(e[i], e[i], sums[i]));
        keep_lanes();
    }
    sums
}

/// One coefficient of each moving-average factor, and of the short autoregressive one if there is any.
#[inline(always)]
fn in_one_pass<const L: usize, const AR: bool, A: Arithmetic>(
    how: A,
    [phi, theta, of_season]: [[f64; L]; 3],
    m: usize,
    w: &[[f64; L]],
    errors: &mut [[f64; L]],
) -> [f64; L] {
    let mut ring = vec![[0.0; L]; m];
    let (mut e, mut before, mut sums) = ([0.0; L], [0.0; L], [0.0; L]);
    // With a factor before it the first value is given, and its error zero.
    let given = usize::from(AR).min(w.len());
    let ((first, mut w), (blank, mut errors)) = (w.split_at(given), errors.split_at_mut(given));
    blank.fill([0.0; L]);
    if let [w] = first {
        before = *w;
    }
    let mut slot = given % m;
    while !w.is_empty() {
        // To the end of the season at most, so that no step has to ask for it.
        let (now, later) = w.split_at((m - slot).min(w.len()));
        let (out, rest) = errors.split_at_mut(now.len());
        for ((w, out), ring) in now.iter().zip(out).zip(&mut ring[slot..]) {
            let x = if AR { each(|i| how.minus(phi[i], before[i], w[i])) } else { *w };
            let old = *ring;
            let u = each(|i| how.minus(of_season[i], old[i], x[i]));
            e = each(|i| how.minus(theta[i], e[i], u[i]));
            (*ring, *out, before) = (u, e, *w);
            sums = each(|i| how.plus(e[i], e[i], sums[i]));
            keep_lanes();
        }
        (w, errors, slot) = (later, rest, 0);
    }
    sums
}

#[inline(always)]
fn times_inner<const L: usize>(
    how: impl Arithmetic,
    x: &[[f64; L]],
    coefficients: &[[f64; L]],
    unit: usize,
    out: &mut [[f64; L]],
) {
    out.copy_from_slice(x);
    for (j, c) in coefficients.iter().enumerate() {
        let lag = (j + 1) * unit;
        for (out, x) in out.iter_mut().skip(lag).zip(x) {
            *out = each(|i| how.minus(c[i], x[i], out[i]));
            keep_lanes();
        }
    }
}

#[inline(always)]
fn over_inner<const L: usize>(how: impl Arithmetic, x: &mut [[f64; L]], coefficients: &[[f64; L]], unit: usize) {
    if let ([c], 1) = (coefficients, unit) {
        let mut last = [0.0; L];
        for x in x {
            last = each(|i| how.minus(c[i], last[i], x[i]));
            *x = last;
            keep_lanes();
        }
        return;
    }
    for t in 0..x.len() {
        let mut value = x[t];
        // The last error comes last: it is the only one to wait for.
        let reached = (t / unit).min(coefficients.len());
        for (j, c) in coefficients[..reached].iter().enumerate().rev() {
            let past = x[t - (j + 1) * unit];
            value = each(|i| how.minus(c[i], past[i], value[i]));
        }
        x[t] = value;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::kernels::{Dispatch, force};
    use crate::paths::Dice;

    fn factors<const L: usize>(dice: &mut Dice, counts: [usize; 4], m: usize) -> Factors<L> {
        let mut block = |count: usize| (0..count).map(|_| [(); L].map(|()| 0.8 * (dice.unit() - 0.5))).collect();
        let [ar, ma, seasonal_ar, seasonal_ma] = counts.map(&mut block);
        Factors { ar, ma, seasonal_ar, seasonal_ma, season_length: m }
    }

    fn lane(all: &Factors<SERIES>, i: usize) -> Factors<1> {
        let block = |block: &[[f64; SERIES]]| block.iter().map(|c| [c[i]]).collect();
        let seasonal = [block(&all.seasonal_ar), block(&all.seasonal_ma)];
        let [seasonal_ar, seasonal_ma] = seasonal;
        Factors { ar: block(&all.ar), ma: block(&all.ma), seasonal_ar, seasonal_ma, season_length: all.season_length }
    }

    /// The errors by the polynomials multiplied out.
    fn multiplied_out(f: &Factors<1>, w: &[[f64; 1]]) -> Vec<f64> {
        let product = |short: &[[f64; 1]], seasonal: &[[f64; 1]], sign: f64| -> Vec<f64> {
            let mut out = vec![0.0; short.len() + seasonal.len() * f.season_length + 1];
            let with_one = |block: &[[f64; 1]]| -> Vec<f64> {
                std::iter::once(1.0).chain(block.iter().map(|c| sign * c[0])).collect()
            };
            for (i, a) in with_one(short).iter().enumerate() {
                for (j, b) in with_one(seasonal).iter().enumerate() {
                    out[i + j * f.season_length] += a * b;
                }
            }
            out
        };
        let (phi, theta) = (product(&f.ar, &f.seasonal_ar, -1.0), product(&f.ma, &f.seasonal_ma, 1.0));
        let mut errors = vec![0.0; w.len()];
        for t in f.given()..w.len() {
            let x: f64 = phi.iter().enumerate().filter(|(lag, _)| *lag <= t).map(|(lag, c)| c * w[t - lag][0]).sum();
            let known: f64 =
                theta.iter().enumerate().skip(1).filter(|(lag, _)| *lag <= t).map(|(lag, c)| c * errors[t - lag]).sum();
            errors[t] = x - known;
        }
        errors
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn each_lane_has_the_bits_of_one_alone(
            n in 0usize..50, counts in prop::array::uniform4(0usize..3), m in 1usize..7, seed: u64
        ) {
            let mut dice = Dice::new(seed);
            let all: Factors<SERIES> = factors(&mut dice, counts, m);
            let w: Vec<[f64; SERIES]> = (0..n).map(|_| [(); SERIES].map(|()| dice.unit() - 0.5)).collect();
            for path in [Dispatch::Portable, Dispatch::Avx2] {
                force(path);
                let blank = vec![[0.0; SERIES]; n];
                let (mut found, mut passed) = (blank.clone(), blank);
                let sums = errors(&all, &w, &mut found);
                times(&w, &all.ma, m, &mut passed);
                over(&mut passed, &all.seasonal_ma, 1);
                for i in 0..SERIES {
                    let own: Vec<[f64; 1]> = w.iter().map(|w| [w[i]]).collect();
                    let one = lane(&all, i);
                    let (mut alone, mut own_passed) = (vec![[0.0]; n], vec![[0.0]; n]);
                    let sum = errors_of_one(&one, &own, &mut alone)[0];
                    times_of_one(&own, &one.ma, m, &mut own_passed);
                    over_of_one(&mut own_passed, &one.seasonal_ma, 1);
                    prop_assert_eq!(sums[i].to_bits(), sum.to_bits());
                    for t in 0..n {
                        prop_assert_eq!(found[t][i].to_bits(), alone[t][0].to_bits(), "error {} of lane {}", t, i);
                        prop_assert_eq!(passed[t][i].to_bits(), own_passed[t][0].to_bits(), "pass {} of lane {}", t, i);
                    }
                    for (t, expected) in multiplied_out(&one, &own).iter().enumerate() {
                        prop_assert!((alone[t][0] - expected).abs() < 1e-9, "error {}: {}, {}", t, alone[t][0], expected);
                    }
                }
            }
            force(Dispatch::Avx2);
        }
    }
}
