//! Recursion of exponential smoothing in state space form, any form of it.
//!
//! One step: q = l, l + phi b or l b^phi; f = q, q + s or q s; error y - f, or (y - f) / f; then
//! l' = q + alpha (p - q) with p = y, y - s or y / s; b' = phi b + beta / alpha (r - phi b) with r = l' - l or l' / l;
//! s' = s + gamma (t - s) with t = y - q or y / q. Source: Hyndman, Koehler, Ord & Snyder (2008), Forecasting with
//! Exponential Smoothing, tables 2.2 and 2.3, in the form common to additive and multiplicative errors.

use serde::{Deserialize, Serialize};

use super::dispatched;

/// How trend or season enter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Not at all.
    #[default]
    None,
    /// Added.
    Additive,
    /// Multiplied.
    Multiplicative,
}

/// Parameters, and states where a recursion stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct States {
    pub(crate) alpha: f64,
    pub(crate) beta: f64,
    pub(crate) gamma: f64,
    pub(crate) phi: f64,
    pub(crate) level: f64,
    pub(crate) trend: f64,
    /// One entry a position in the season; one neutral entry without a season.
    pub(crate) season: Vec<f64>,
}

/// What the recursion does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) relative_errors: bool,
    pub(crate) trend: Part,
    pub(crate) damped: bool,
    pub(crate) season: Part,
}

dispatched! {
    /// Errors of each step from position 0 of the season, the states moved on; returns the sum of ln |f|.
    run = run_inner, (kind: Kind, y: &[f64], states: &mut States, errors: &mut [f64]) -> f64
}

dispatched! {
    /// Divides absolute errors by the forecasts that they belong to; returns the sum of ln |f|.
    relative = relative_inner, (y: &[f64], errors: &mut [f64]) -> f64
}

#[inline(always)]
fn relative_inner(y: &[f64], errors: &mut [f64]) -> f64 {
    let mut logs = Logs::<8>::new();
    for (y, errors) in y.chunks(8).zip(errors.chunks_mut(8)) {
        let mut f = [1.0; 8];
        for ((f, y), e) in f.iter_mut().zip(y).zip(errors) {
            *f = y - *e;
            *e /= *f;
        }
        logs.add(&f);
    }
    logs.finish().iter().sum()
}

#[inline(always)]
fn run_inner(kind: Kind, y: &[f64], states: &mut States, errors: &mut [f64]) -> f64 {
    let m = states.season.len();
    let mut logs = Logs::<1>::new();
    let mut slot = 0;
    for (y, error) in y.iter().zip(errors) {
        let f = step(kind, Some(*y), states, slot, error);
        if kind.relative_errors {
            logs.add(&[f]);
        }
        slot = if slot + 1 == m { 0 } else { slot + 1 };
    }
    logs.finish()[0]
}

/// One step: sets `error`, moves the states on, returns the one-step forecast. A missing value moves them on unseen.
#[inline(always)]
pub(crate) fn step(kind: Kind, y: Option<f64>, states: &mut States, slot: usize, error: &mut f64) -> f64 {
    let (l, b, s) = (states.level, states.trend, states.season[slot]);
    let (faded, q) = match kind.trend {
        Part::None => (0.0, l),
        Part::Additive => (states.phi * b, l + states.phi * b),
        Part::Multiplicative => {
            let faded = if kind.damped { libm::pow(b, states.phi) } else { b };
            (faded, l * faded)
        }
    };
    let f = match kind.season {
        Part::None => q,
        Part::Additive => q + s,
        Part::Multiplicative => q * s,
    };
    let Some(y) = y else {
        *error = 0.0;
        (states.level, states.trend) = (q, faded);
        return f;
    };
    let (p, t) = match kind.season {
        Part::None => (y, y),
        Part::Additive => (y - s, y - q),
        Part::Multiplicative => (y / s, y / q),
    };
    *error = if kind.relative_errors { (y - f) / f } else { y - f };
    states.level = q + states.alpha * (p - q);
    let ratio = states.beta / states.alpha;
    match kind.trend {
        Part::None => {}
        Part::Additive => states.trend = faded + ratio * (states.level - l - faded),
        Part::Multiplicative => states.trend = faded + ratio * (states.level / l - faded),
    }
    if kind.season != Part::None {
        states.season[slot] = s + states.gamma * (t - s);
    }
    f
}

/// Sums of logarithms of absolute values; eight factors share one logarithm.
struct Logs<const L: usize> {
    product: [f64; L],
    factors: usize,
    sum: [f64; L],
}

impl<const L: usize> Logs<L> {
    #[inline(always)]
    fn new() -> Self {
        Self { product: [1.0; L], factors: 0, sum: [0.0; L] }
    }

    #[inline(always)]
    fn add(&mut self, values: &[f64; L]) {
        for (product, value) in self.product.iter_mut().zip(values) {
            *product *= value.abs();
        }
        self.factors += 1;
        if self.factors == 8 {
            self.flush();
        }
    }

    #[inline(always)]
    fn flush(&mut self) {
        for i in 0..L {
            self.sum[i] += libm::log(self.product[i]);
        }
        (self.product, self.factors) = ([1.0; L], 0);
    }

    #[inline(always)]
    fn finish(mut self) -> [f64; L] {
        self.flush();
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::{Dispatch, force};
    use crate::paths::Dice;

    fn kinds() -> Vec<Kind> {
        let mut all = Vec::new();
        for trend in [Part::None, Part::Additive, Part::Multiplicative] {
            for season in [Part::None, Part::Additive, Part::Multiplicative] {
                for damped in [false, true] {
                    all.push(Kind { relative_errors: damped, trend, damped, season });
                }
            }
        }
        all
    }

    fn states(kind: Kind) -> States {
        let neutral = if kind.season == Part::Multiplicative { 1.0 } else { 0.0 };
        let positions = if kind.season == Part::None { 1 } else { 4 };
        States {
            alpha: 0.2,
            beta: 0.05,
            gamma: 0.1,
            phi: 0.9,
            level: 40.0,
            trend: if kind.trend == Part::Multiplicative { 1.01 } else { 0.3 },
            season: (0..positions).map(|j| neutral + 0.01 * j as f64).collect(),
        }
    }

    #[test]
    fn every_path_gives_the_same_bits() {
        let mut dice = Dice::new(2);
        let y: Vec<f64> = (0..50).map(|t| 40.0 + (t % 4) as f64 + dice.unit()).collect();
        for kind in kinds() {
            let on = |path| {
                force(path);
                let mut errors = vec![0.0; y.len()];
                let logs = super::run(kind, &y, &mut states(kind), &mut errors);
                (logs, errors)
            };
            assert_eq!(on(Dispatch::Portable), on(Dispatch::Avx2), "{kind:?}");
        }
        force(Dispatch::Avx2);
    }

    #[test]
    fn relative_errors_are_those_of_the_recursion() {
        let mut dice = Dice::new(3);
        let y: Vec<f64> = (0..53).map(|t| 40.0 + (t % 4) as f64 + dice.unit()).collect();
        let kind =
            |relative_errors| Kind { relative_errors, trend: Part::Additive, damped: true, season: Part::Additive };
        let run = |kind: Kind| {
            let mut errors = vec![0.0; y.len()];
            let logs = super::run(kind, &y, &mut states(kind), &mut errors);
            (logs, errors)
        };
        let (logs, expected) = run(kind(true));
        for path in [Dispatch::Portable, Dispatch::Avx2] {
            force(path);
            let mut errors = run(kind(false)).1;
            assert!((relative(&y, &mut errors) - logs).abs() < 1e-10);
            assert!(errors.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-14));
        }
    }

    #[test]
    fn sums_of_logarithms() {
        let mut logs = Logs::<1>::new();
        let mut expected = 0.0;
        for k in 1..=21 {
            logs.add(&[-f64::from(k)]);
            expected += libm::log(f64::from(k));
        }
        assert!((logs.finish()[0] - expected).abs() < 1e-12);
    }
}
