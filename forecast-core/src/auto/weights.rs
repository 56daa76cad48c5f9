//! Online aggregation: weights of experts that follow their losses, one set a group of leads.
//!
//! Polynomially weighted averages with the gradient trick: the regret of an expert is what the mixture's loss would
//! have lost by moving toward it, r = s (p - f) with s the sign of the mixture's error p - y. Weights are proportional
//! to the positive part of R / V, sums of r and of r^2 that fade with a half-life. Before anything was seen, and for a
//! fixed share ever after, they are the prior's. Sources: Gaillard, Stoltz & van Erven (2014), COLT, PMLR 35
//! (ML-Poly); Herbster & Warmuth (1998) for the fixed share.

use serde::{Deserialize, Serialize};

/// Knobs of the aggregation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tuning {
    /// Days in which the weight of a loss halves.
    pub(crate) half_life_days: f64,
    /// Share of the weights that the prior gives out, whatever was seen.
    pub(crate) share: f64,
}

/// Regrets and weights of one group of leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Weights {
    regret: Vec<f64>,
    variance: Vec<f64>,
    /// Losses of the experts, fading alike, for people to read.
    losses: Vec<f64>,
    weights: Vec<f64>,
}

impl Weights {
    /// Weights equal to a prior, which sums to one.
    pub(crate) fn new(prior: &[f64]) -> Self {
        let zeros = vec![0.0; prior.len()];
        Self { regret: zeros.clone(), variance: zeros.clone(), losses: zeros, weights: prior.to_vec() }
    }

    /// Present weights, adding up to one.
    pub(crate) fn get(&self) -> &[f64] {
        &self.weights
    }

    /// Fading sums of absolute errors, one an expert.
    pub(crate) fn losses(&self) -> &[f64] {
        &self.losses
    }

    /// Takes in one origin's regrets and losses (mean over the group's leads, over the scale of the series).
    ///
    /// `fade`: factor on all that was seen before; `per_day`: origins a day.
    pub(crate) fn absorb(&mut self, regrets: &[f64], losses: &[f64], prior: &[f64], tuning: Tuning, per_day: f64) {
        let fade = libm::exp2(-1.0 / (tuning.half_life_days * per_day));
        for (e, (regret, loss)) in regrets.iter().zip(losses).enumerate() {
            self.regret[e] = self.regret[e] * fade + regret;
            self.variance[e] = self.variance[e] * fade + regret * regret;
            self.losses[e] = self.losses[e] * fade + loss;
        }
        self.reweigh(prior, tuning);
    }

    fn reweigh(&mut self, prior: &[f64], tuning: Tuning) {
        let mut total = 0.0;
        for ((weight, regret), variance) in self.weights.iter_mut().zip(&self.regret).zip(&self.variance) {
            *weight = if *variance > 0.0 { regret.max(0.0) / variance } else { 0.0 };
            total += *weight;
        }
        let told = total > 0.0 && total.is_finite();
        for (weight, prior) in self.weights.iter_mut().zip(prior) {
            let own = if told { *weight / total } else { *prior };
            *weight = (1.0 - tuning.share) * own + tuning.share * prior;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TUNING: Tuning = Tuning { half_life_days: 7.0, share: 0.02 };

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
        for _ in 0..50 {
            weights.absorb(&[0.1, -0.1], &[1.0, 2.0], &prior, TUNING, 24.0);
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
            weights.absorb(&[0.1, -0.1], &[1.0, 2.0], &prior, TUNING, 1.0);
        }
        for _ in 0..30 {
            weights.absorb(&[-0.1, 0.1], &[2.0, 1.0], &prior, TUNING, 1.0);
        }
        assert!(weights.get()[1] > 0.9, "{:?}", weights.get());
    }

    #[test]
    fn nothing_told_leaves_the_prior() {
        let prior = [0.3, 0.7];
        let mut weights = Weights::new(&prior);
        weights.absorb(&[0.0, 0.0], &[0.0, 0.0], &prior, TUNING, 24.0);
        assert_eq!(weights.get(), prior);
    }
}
