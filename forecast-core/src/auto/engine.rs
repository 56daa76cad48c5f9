//! The online pass: experts forecast at each origin, are scored when the truth is in, and are weighed by it.

use std::collections::VecDeque;

use super::experts::Simple;
use super::history::{DAY, History};
use super::regression::Regression;
use super::weights::{Tuning, Weights};
use crate::conformal::{Conformal, TRACKED};
use crate::series::Series;

/// Most groups of leads with errors of their own.
const ERROR_GROUPS: usize = 6;
/// Past error vectors kept for joint paths.
const VECTORS: usize = 200;

/// What was forecast at one origin and is not fully scored yet.
#[derive(Debug, Clone)]
struct Pending {
    origin: usize,
    /// One row an expert, one column a lead.
    experts: Vec<f64>,
    awake: Vec<bool>,
    /// One row a group of leads, one column an expert.
    weights: Vec<f64>,
    mixed: Vec<f64>,
    scales: Vec<f64>,
    /// Tracked quantiles, one row an error group.
    said: Vec<[f64; TRACKED.len()]>,
}

/// Experts, weights and calibration at the end of a series.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    pub(crate) history: History,
    pub(crate) experts: Vec<Simple>,
    pub(crate) regressions: Vec<Regression>,
    learned_at: usize,
    pub(crate) horizon: usize,
    /// Leads that share weights.
    pub(crate) group: usize,
    stride: usize,
    first: usize,
    tuning: Tuning,
    prior: Vec<f64>,
    weights: Vec<Weights>,
    pending: VecDeque<Pending>,
    /// Origins that each group of leads has been scored at.
    scored: Vec<usize>,
    /// Origins that have left `pending`.
    left: usize,
    conformal: Conformal,
    /// Normalized errors of past origins over the whole horizon, oldest first.
    vectors: VecDeque<Vec<f64>>,
    pub(crate) residuals: Vec<f64>,
}

impl Engine {
    /// An engine that has seen nothing of `y` yet, for a series of this length and up.
    pub(crate) fn new(
        y: &Series,
        horizon: usize,
        experts: Vec<Simple>,
        regressions: Vec<Regression>,
        tuning: Tuning,
    ) -> Self {
        let history = History::new(y);
        let horizon = horizon.max(1);
        let group = ((horizon + 12) / 24).max(1);
        let groups = horizon.div_ceil(group);
        let first =
            if y.len() >= 2 * history.day + 8 { history.day + 1 } else { (y.len() / 4).clamp(1, history.day + 1) };
        let prior = vec![1.0 / (experts.len() + regressions.len()) as f64; experts.len() + regressions.len()];
        let per_day = (DAY as f64 / history.step as f64 / group as f64).max(1.0);
        let changes: Vec<f64> = y.values().windows(2).map(|w| (w[1] - w[0]).abs()).collect();
        let change = changes.iter().sum::<f64>() / changes.len().max(1) as f64;
        let scales: Vec<f64> = (0..groups.min(ERROR_GROUPS))
            .map(|g| change * (1.0 + (g * groups / ERROR_GROUPS * group) as f64).sqrt())
            .collect();
        let bins = if history.has_day() { history.day.min(24) } else { history.week.min(7) };
        Self {
            conformal: Conformal::new(&scales, bins, per_day),
            weights: vec![Weights::new(&prior); groups],
            scored: vec![0; groups],
            stride: group,
            pending: VecDeque::new(),
            vectors: VecDeque::new(),
            residuals: Vec::new(),
            left: 0,
            history,
            experts,
            regressions,
            learned_at: 0,
            horizon,
            group,
            first,
            tuning,
            prior,
        }
    }

    /// Takes in the steps of `y` from the first one not seen yet.
    ///
    /// With `learn`, parameters are learned on the way, each time the history has grown by a share.
    pub(crate) fn advance(&mut self, y: &Series, learn: bool) {
        for index in self.history.len()..y.len() {
            self.history.push(y, index);
            self.residuals.push(self.one_step_error(index));
            self.absorb();
            let origin = self.history.len();
            if learn && origin >= self.next_learning() {
                self.learn();
            }
            if origin >= self.first && (origin - self.first).is_multiple_of(self.stride) {
                let pending = self.look_ahead(origin, self.horizon);
                self.pending.push_back(pending);
            }
        }
    }

    fn next_learning(&self) -> usize {
        let day = self.history.day;
        (self.learned_at + (self.learned_at / 8).max(day)).max(3 * day)
    }

    fn learn(&mut self) {
        self.learned_at = self.history.len();
        for regression in &mut self.regressions {
            regression.learn(&self.history, self.first, self.stride, self.horizon, self.group);
        }
    }

    /// Learns parameters anew if the history has grown enough for it to matter.
    pub(crate) fn relearn(&mut self) {
        if self.history.len() >= self.learned_at + self.learned_at / 40 {
            self.learn();
        }
    }

    fn one_step_error(&self, index: usize) -> f64 {
        match self.pending.back() {
            Some(last) if last.origin == index && self.history.observed[index] => {
                self.history.values[index] - last.mixed[0]
            }
            _ => 0.0,
        }
    }

    /// Mixed forecast of the next steps, local scales and tracked quantiles.
    pub(crate) fn forecast(&self, horizon: usize) -> Outlook {
        let pending = self.look_ahead(self.history.len(), horizon);
        Outlook { mixed: pending.mixed, scales: pending.scales, tracked: pending.said }
    }

    fn look_ahead(&self, origin: usize, horizon: usize) -> Pending {
        let count = self.experts.len() + self.regressions.len();
        let mut experts = vec![0.0; count * horizon];
        let awake = self.awake(origin);
        let mut rows = experts.chunks_mut(horizon);
        for (expert, row) in self.experts.iter().zip(&mut rows) {
            expert.forecast(&self.history, origin, row);
        }
        for (regression, row) in self.regressions.iter().zip(&mut rows) {
            regression.forecast(&self.history, origin, self.group, row);
        }
        if !self.history.negative {
            experts.iter_mut().for_each(|x| *x = x.max(0.0));
        }
        let mut weights = Vec::with_capacity(self.weights.len() * count);
        for group in &self.weights {
            weights.extend(awake_weights(group.get(), &self.prior, &awake));
        }
        let mut mixed = vec![0.0; horizon];
        for (k, mixed) in mixed.iter_mut().enumerate() {
            let own = &weights[self.group_of(k) * count..][..count];
            *mixed = own.iter().enumerate().map(|(e, w)| w * experts[e * horizon + k]).sum();
        }
        let scales = (0..horizon).map(|k| self.conformal.scale(self.error_group(k), self.bin(origin + k))).collect();
        let said = (0..self.conformal.groups()).map(|g| self.conformal.tracked(g)).collect();
        Pending { origin, experts, awake, weights, mixed, scales, said }
    }

    fn awake(&self, origin: usize) -> Vec<bool> {
        let simple = self.experts.iter().map(|e| e.awake(&self.history, origin));
        simple.chain(self.regressions.iter().map(Regression::learned)).collect()
    }

    /// Group of leads that lead `k` (from 0) shares weights with.
    pub(crate) fn group_of(&self, k: usize) -> usize {
        (k / self.group).min(self.weights.len() - 1)
    }

    /// Group of leads that lead `k` shares errors with.
    pub(crate) fn error_group(&self, k: usize) -> usize {
        self.group_of(k) * self.conformal.groups() / self.weights.len()
    }

    fn bin(&self, t: usize) -> usize {
        let cycle = if self.history.has_day() { self.history.day } else { self.history.week };
        (t % cycle) * self.conformal.bins() / cycle
    }

    /// Scores all groups of leads whose truth is in.
    fn absorb(&mut self) {
        for g in 0..self.weights.len() {
            let until = ((g + 1) * self.group).min(self.horizon);
            while let Some(pending) = self.pending.get(self.scored[g] - self.left) {
                if pending.origin + until > self.history.len() {
                    break;
                }
                score(
                    &self.history,
                    self.horizon,
                    pending,
                    g * self.group..until,
                    g,
                    self.tuning,
                    &self.prior,
                    &mut self.weights[g],
                );
                let (origin, at) = (pending.origin, self.scored[g]);
                let k = g * self.group + at % (until - g * self.group);
                if self.history.observed[origin + k] {
                    let error = self.history.values[origin + k] - pending.mixed[k];
                    let (e, scale) = (self.error_group(k), pending.scales[k]);
                    let said = pending.said[e];
                    let bin = self.bin(origin + k);
                    self.conformal.observe(e, bin, error, scale, &said);
                }
                self.scored[g] += 1;
            }
        }
        while self.scored.iter().all(|s| *s > self.left) {
            let Some(done) = self.pending.pop_front() else { break };
            if self.left.is_multiple_of(3) || self.vectors.len() < 60 {
                self.keep_vector(&done);
            }
            self.left += 1;
        }
    }

    fn keep_vector(&mut self, done: &Pending) {
        let errors = (0..self.horizon).map(|k| {
            let t = done.origin + k;
            if self.history.observed[t] { (self.history.values[t] - done.mixed[k]) / done.scales[k] } else { 0.0 }
        });
        let errors = errors.collect();
        self.vectors.push_back(errors);
        if self.vectors.len() > VECTORS {
            self.vectors.pop_front();
        }
    }

    /// Past error vectors, oldest first.
    pub(crate) fn vectors(&self) -> Vec<&[f64]> {
        self.vectors.iter().map(Vec::as_slice).collect()
    }

    /// Weights of the experts for the next origin, one row a group of leads.
    pub(crate) fn present_weights(&self) -> Vec<Vec<f64>> {
        let origin = self.history.len();
        let awake = self.awake(origin);
        self.weights.iter().map(|w| awake_weights(w.get(), &self.prior, &awake)).collect()
    }
}

/// What an engine says about the next steps.
#[derive(Debug, Clone)]
pub(crate) struct Outlook {
    pub(crate) mixed: Vec<f64>,
    pub(crate) scales: Vec<f64>,
    /// Tracked quantiles in local scales, one row an error group.
    pub(crate) tracked: Vec<[f64; TRACKED.len()]>,
}

/// Weights shared out again among those awake.
fn awake_weights(weights: &[f64], prior: &[f64], awake: &[bool]) -> Vec<f64> {
    let sum = |of: &[f64]| of.iter().zip(awake).filter(|x| *x.1).map(|x| x.0).sum::<f64>();
    let (own, fallback) = (sum(weights), sum(prior));
    let (from, total) = if own > 1e-12 { (weights, own) } else { (prior, fallback) };
    from.iter().zip(awake).map(|(w, awake)| if *awake { w / total } else { 0.0 }).collect()
}

#[allow(clippy::too_many_arguments)]
fn score(
    history: &History,
    horizon: usize,
    pending: &Pending,
    leads: std::ops::Range<usize>,
    group: usize,
    tuning: Tuning,
    prior: &[f64],
    weights: &mut Weights,
) {
    let count = prior.len();
    let own = &pending.weights[group * count..][..count];
    let (mut regrets, mut losses) = (vec![0.0; count], vec![0.0; count]);
    let mut seen = 0usize;
    let leads_per_group = leads.len();
    for k in leads {
        let t = pending.origin + k;
        if !history.observed[t] {
            continue;
        }
        seen += 1;
        let truth = history.clipped[t];
        let mixed: f64 = own.iter().enumerate().map(|(e, w)| w * pending.experts[e * horizon + k]).sum();
        let sign = if mixed > truth { 1.0 } else { -1.0 };
        for e in 0..count {
            let expert = pending.experts[e * horizon + k];
            if pending.awake[e] {
                regrets[e] += sign * (mixed - expert);
                losses[e] += (expert - truth).abs();
            } else {
                losses[e] += (mixed - truth).abs();
            }
        }
    }
    if seen == 0 {
        return;
    }
    regrets.iter_mut().chain(&mut losses).for_each(|x| *x /= seen as f64);
    let per_day = (history.day as f64 / leads_per_group as f64).max(1.0);
    weights.absorb(&regrets, &losses, prior, tuning, per_day);
}
