//! Online aggregation: weights of experts that follow their losses, one set a group of leads.
//!
//! Polynomially weighted averages with the gradient trick: the regret of an expert is what the mixture's loss would
//! have lost by moving toward it, r = s (p - f) with s the sign of the mixture's error p - y. Weights are proportional
//! to the positive part of R / V, sums of r and of r^2 that fade with a
//! half-life, and are the mean over a short and a long one; r is counted in the mixture's own
//! recent losses, so that days of large and of small errors have their say alike. Before anything was seen, and for a
//! fixed share ever after, they are the prior's. Sources: Gaillard, Stoltz & van Erven (2014), COLT, PMLR 35
//! (ML-Poly); Herbster & Warmuth (1998) for the fixed share.

use serde::{Deserialize, Serialize};

/// Days in which the memory of how large losses are halves; regrets are counted in it.
const SIZE_HALF_LIFE: f64 = 2.0;
/// Origins in which a memory halves at least: three days of daily data, three errors, are no memory.
const FEWEST_FOR_SIZE: f64 = 20.0;
const FEWEST: [f64; 2] = [30.0, 200.0];
/// Most that a single regret counts, in sizes.
const MOST: f64 = 10.0;
/// Most that a single loss counts, in sizes, so that its sums stay finite.
const LARGEST: f64 = 1e6;
/// Squared regret a day that each expert is taken to have seen before, so that one good day does not win all.
const DOUBT: f64 = 0.5;

/// Knobs of the aggregation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tuning {
    /// Days in which the weight of a regret halves, in the short and in the long memory.
    pub(crate) half_life_days: [f64; 2],
    /// Share of the weights that the prior gives out, whatever was seen.
    pub(crate) share: f64,
}

/// Regrets and weights of one group of leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Weights {
    memories: [Memory; 2],
    /// Losses of the experts, fading as the long memory does, for people to read.
    losses: Vec<f64>,
    weights: Vec<f64>,
    /// Fading mean of the mixture's loss, and its weight.
    size: (f64, f64),
}

/// Fading sums of regrets and of their squares, one an expert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Memory {
    regret: Vec<f64>,
    variance: Vec<f64>,
}

impl Memory {
    fn fade(&mut self, factor: f64) {
        self.regret.iter_mut().chain(&mut self.variance).for_each(|x| *x *= factor);
    }

    /// Weights adding up to one, or those of the prior if no expert has a positive regret.
    fn shares(&self, prior: &[f64], per_day: f64) -> Vec<f64> {
        let sums = self.regret.iter().zip(&self.variance);
        let ratios: Vec<f64> = sums.map(|(r, v)| r.max(0.0) / (v + DOUBT * per_day)).collect();
        let total: f64 = ratios.iter().sum();
        if total > 0.0 && total.is_finite() { ratios.iter().map(|x| x / total).collect() } else { prior.to_vec() }
    }
}

/// What one origin tells, each a mean over the leads of a group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    /// Regret of each expert.
    pub(crate) regrets: Vec<f64>,
    /// Absolute error of each expert.
    pub(crate) losses: Vec<f64>,
    /// Absolute error of the mixture.
    pub(crate) own: f64,
}

impl Weights {
    /// Weights equal to a prior, which sums to one.
    pub(crate) fn new(prior: &[f64]) -> Self {
        let zeros = vec![0.0; prior.len()];
        let memory = Memory { regret: zeros.clone(), variance: zeros.clone() };
        Self { memories: [memory.clone(), memory], losses: zeros, weights: prior.to_vec(), size: (0.0, 0.0) }
    }

    /// Present weights, adding up to one.
    pub(crate) fn get(&self) -> &[f64] {
        &self.weights
    }

    /// Fading sums of absolute errors, one an expert.
    pub(crate) fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// Takes in what one origin tells.
    ///
    /// `per_day`: origins a day, as far as they tell something new.
    pub(crate) fn absorb(&mut self, told: &Told, prior: &[f64], tuning: Tuning, per_day: f64) {
        let keep = libm::exp2(-1.0 / (SIZE_HALF_LIFE * per_day).max(FEWEST_FOR_SIZE));
        let weight = self.size.1 * keep + 1.0;
        // Errors at the end of a double's range: what cannot be told in numbers is not told.
        if !told.own.is_finite() {
            return;
        }
        self.size = (self.size.0 + (told.own - self.size.0) / weight, weight);
        if self.size.0 > 0.0 {
            let fades = [0, 1].map(|m| libm::exp2(-1.0 / (tuning.half_life_days[m] * per_day).max(FEWEST[m])));
            for (memory, fade) in self.memories.iter_mut().zip(fades) {
                memory.fade(fade);
            }
            for (e, (regret, loss)) in told.regrets.iter().zip(&told.losses).enumerate() {
                let regret = regret / self.size.0;
                let regret = if regret.is_nan() { -MOST } else { regret.clamp(-MOST, MOST) };
                for memory in &mut self.memories {
                    memory.regret[e] += regret;
                    memory.variance[e] += regret * regret;
                }
                self.losses[e] = self.losses[e] * fades[1] + (loss / self.size.0).min(LARGEST);
            }
        }
        let [short, long] = self.memories.each_ref().map(|memory| memory.shares(prior, per_day));
        for (e, weight) in self.weights.iter_mut().enumerate() {
            *weight = (1.0 - tuning.share) * 0.5 * (short[e] + long[e]) + tuning.share * prior[e];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(regrets: [f64; 2], losses: [f64; 2]) -> Told {
        Told { regrets: regrets.to_vec(), losses: losses.to_vec(), own: losses[0].min(losses[1]) }
    }

    const TUNING: Tuning = Tuning { half_life_days: [3.0, 20.0], share: 0.02 };

    fn check_sum(weights: &Weights) {
        assert!((weights.get().iter().sum::<f64>() - 1.0).abs() < 1e-12, "{:?}", weights.get());
    }

    #[test]
    fn starts_with_the_prior() {
        assert_eq!(Weights::new(&[0.25, 0.75]).get(), [0.25, 0.75]);
    }

    #[test]
    fn the_better_expert_gets_the_weight() {
        let prior = [0.5, 0.5];
        let mut weights = Weights::new(&prior);
        for _ in 0..100 {
            weights.absorb(&told([0.1, -0.1], [1.0, 2.0]), &prior, TUNING, 24.0);
            check_sum(&weights);
        }
        assert!(weights.get()[0] > 0.98, "{:?}", weights.get());
        assert!(weights.losses()[0] < weights.losses()[1]);
    }

    #[test]
    fn the_past_fades() {
        let prior = [0.5, 0.5];
        let mut weights = Weights::new(&prior);
        for _ in 0..10 {
            weights.absorb(&told([0.1, -0.1], [1.0, 2.0]), &prior, TUNING, 1.0);
        }
        for _ in 0..60 {
            weights.absorb(&told([-0.1, 0.1], [2.0, 1.0]), &prior, TUNING, 1.0);
        }
        assert!(weights.get()[1] > 0.9, "{:?}", weights.get());
    }

    #[test]
    fn one_good_day_does_not_win_all() {
        let prior = [0.5, 0.5];
        let mut weights = Weights::new(&prior);
        for _ in 0..200 {
            weights.absorb(&told([0.05, 0.0], [1.0, 1.1]), &prior, TUNING, 24.0);
        }
        weights.absorb(&told([0.0, 0.5], [1.0, 0.5]), &prior, TUNING, 24.0);
        assert!(weights.get()[0] > 0.8, "{:?}", weights.get());
    }

    #[test]
    fn the_unit_of_the_losses_does_not_matter() {
        let prior = [0.5, 0.5];
        let (mut small, mut large) = (Weights::new(&prior), Weights::new(&prior));
        for _ in 0..30 {
            small.absorb(&told([0.1, -0.1], [1.0, 2.0]), &prior, TUNING, 24.0);
            large.absorb(&told([102.4, -102.4], [1024.0, 2048.0]), &prior, TUNING, 24.0);
        }
        assert_eq!(small.get(), large.get());
    }

    #[test]
    fn errors_at_the_end_of_the_range_leave_finite_numbers() {
        let prior = [0.5, 0.5];
        let mut weights = Weights::new(&prior);
        for own in [1e-300, 1.7e308, 1.7e308, f64::INFINITY, f64::NAN, 1e-300] {
            weights.absorb(&told([own, -own], [own, 1.7e308]), &prior, TUNING, 1.0);
            check_sum(&weights);
        }
        assert!(weights.losses().iter().chain([&weights.size.0]).all(|v| v.is_finite()), "{weights:?}");
    }

    #[test]
    fn nothing_told_leaves_the_prior() {
        let prior = [0.3, 0.7];
        let mut weights = Weights::new(&prior);
        weights.absorb(&told([0.0, 0.0], [0.0, 0.0]), &prior, TUNING, 24.0);
        assert_eq!(weights.get(), prior);
    }
}
