//! Recursion of exponential smoothing in state space form, several sets of parameters and start states at a time.
//!
//! One step, for each lane: q = l, l + phi b or l b^phi; f = q, q + s or q s; error y - f, or (y - f) / f; then
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

/// Parameters and states of lanes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lanes<const L: usize> {
    pub(crate) alpha: [f64; L],
    pub(crate) beta: [f64; L],
    pub(crate) gamma: [f64; L],
    pub(crate) phi: [f64; L],
    pub(crate) level: [f64; L],
    pub(crate) trend: [f64; L],
    /// One entry a position in the season; one neutral entry without a season.
    pub(crate) season: Vec<[f64; L]>,
}

/// What the recursion does, the same in all lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) relative_errors: bool,
    pub(crate) trend: Part,
    pub(crate) damped: bool,
    pub(crate) season: Part,
}

dispatched! {
    /// Errors of each step, the state moved on; returns the sum of ln |f|.
    run_one = run_one_inner, (kind: Kind, y: &[f64], lanes: &mut Lanes<1>, errors: &mut [[f64; 1]]) -> [f64; 1]
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
fn run_one_inner(kind: Kind, y: &[f64], lanes: &mut Lanes<1>, errors: &mut [[f64; 1]]) -> [f64; 1] {
    run(kind, y, lanes, errors)
}

/// Runs the recursion over `y`, from position 0 of the season.
#[inline(always)]
fn run<const L: usize>(kind: Kind, y: &[f64], lanes: &mut Lanes<L>, errors: &mut [[f64; L]]) -> [f64; L] {
    let m = lanes.season.len();
    let mut logs = Logs::new();
    let mut slot = 0;
    for (y, error) in y.iter().zip(errors) {
        let f = step(kind, Some(*y), lanes, slot, error);
        if kind.relative_errors {
            logs.add(&f);
        }
        slot = if slot + 1 == m { 0 } else { slot + 1 };
    }
    logs.finish()
}

/// One step: fills `error`, moves the state on, returns the one-step forecast. A missing value moves it on unseen.
#[inline(always)]
pub(crate) fn step<const L: usize>(
    kind: Kind,
    y: Option<f64>,
    lanes: &mut Lanes<L>,
    slot: usize,
    error: &mut [f64; L],
) -> [f64; L] {
    let (l, b, s) = (lanes.level, lanes.trend, lanes.season[slot]);
    let mut damped = [0.0; L];
    let mut q = l;
    for i in 0..L {
        match kind.trend {
            Part::None => {}
            Part::Additive => {
                damped[i] = lanes.phi[i] * b[i];
                q[i] = l[i] + damped[i];
            }
            Part::Multiplicative => {
                damped[i] = if kind.damped { libm::pow(b[i], lanes.phi[i]) } else { b[i] };
                q[i] = l[i] * damped[i];
            }
        }
    }
    let mut f = q;
    for i in 0..L {
        match kind.season {
            Part::None => {}
            Part::Additive => f[i] = q[i] + s[i],
            Part::Multiplicative => f[i] = q[i] * s[i],
        }
    }
    let Some(y) = y else {
        *error = [0.0; L];
        lanes.level = q;
        lanes.trend = damped;
        return f;
    };
    for i in 0..L {
        let (p, t) = match kind.season {
            Part::None => (y, y),
            Part::Additive => (y - s[i], y - q[i]),
            Part::Multiplicative => (y / s[i], y / q[i]),
        };
        error[i] = if kind.relative_errors { (y - f[i]) / f[i] } else { y - f[i] };
        lanes.level[i] = q[i] + lanes.alpha[i] * (p - q[i]);
        let ratio = lanes.beta[i] / lanes.alpha[i];
        match kind.trend {
            Part::None => {}
            Part::Additive => lanes.trend[i] = damped[i] + ratio * (lanes.level[i] - l[i] - damped[i]),
            Part::Multiplicative => lanes.trend[i] = damped[i] + ratio * (lanes.level[i] / l[i] - damped[i]),
        }
        if kind.season != Part::None {
            lanes.season[slot][i] = s[i] + lanes.gamma[i] * (t - s[i]);
        }
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

    fn lanes<const L: usize>(kind: Kind, first: usize) -> Lanes<L> {
        let each = |base: f64, by: f64| std::array::from_fn(|i| base + by * (first + i) as f64);
        let neutral = if kind.season == Part::Multiplicative { 1.0 } else { 0.0 };
        let positions = if kind.season == Part::None { 1 } else { 4 };
        Lanes {
            alpha: each(0.2, 0.05),
            beta: each(0.05, 0.01),
            gamma: each(0.1, 0.02),
            phi: each(0.9, 0.01),
            level: each(40.0, 1.0),
            trend: each(if kind.trend == Part::Multiplicative { 1.01 } else { 0.3 }, 0.001),
            season: (0..positions).map(|j| each(neutral + 0.01 * j as f64, 0.002)).collect(),
        }
    }

    #[test]
    fn every_path_gives_the_same_bits() {
        let mut dice = Dice::new(2);
        let y: Vec<f64> = (0..50).map(|t| 40.0 + (t % 4) as f64 + dice.unit()).collect();
        for kind in kinds() {
            let on = |path| {
                force(path);
                let mut errors = vec![[0.0]; y.len()];
                let logs = run_one(kind, &y, &mut lanes::<1>(kind, 0), &mut errors);
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
            let mut errors = vec![[0.0]; y.len()];
            let logs = run_one(kind, &y, &mut lanes::<1>(kind, 0), &mut errors);
            (logs[0], errors.into_flattened())
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
