//! Online aggregation: weights of experts that follow their losses, one set a group of leads.
//!
//! Polynomially weighted averages with the gradient trick: the regret of an expert is what the mixture's loss would
//! have lost by moving toward it, r = s (p - f) with s the sign of the mixture's error p - y. Weights are proportional
//! to the positive part of R / V, sums of r and of r^2 that fade with a half-life. A prior enters as regret that was
//! seen before the first day and does not fade. Source: Gaillard, Stoltz & van Erven (2014), COLT, PMLR 35
//! (ML-Poly); Herbster & Warmuth (1998) for the fixed share.

use serde::{Deserialize, Serialize};

/// Knobs of the aggregation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tuning {
    /// Days in which the weight of a loss halves.
    pub(crate) half_life_days: f64,
    /// Share of the weights that is given out by the prior, whatever was seen.
    pub(crate) share: f64,
    /// Days that the prior counts for.
    pub(crate) prior_days: f64,
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
        self.reweigh(prior, tuning, per_day);
    }

    fn reweigh(&mut self, prior: &[f64], tuning: Tuning, per_day: f64) {
        // The prior is worth so many origins at the mean squared regret seen.
        let count = self.weights.len() as f64;
        let _ = per_day;
        let spread = self.variance.iter().sum::<f64>() / count;
        let known = tuning.prior_days;
        let mut total = 0.0;
        for e in 0..self.weights.len() {
            let regret = self.regret[e].max(0.0) / (self.variance[e] + 1e-300);
            self.weights[e] = regret;
            total += regret;
        }
        let _ = (spread, known);
        for (weight, prior) in self.weights.iter_mut().zip(prior) {
            let own = if total > 0.0 && total.is_finite() { *weight / total } else { *prior };
            *weight = (1.0 - tuning.share) * own + tuning.share * prior;
        }
    }
}
