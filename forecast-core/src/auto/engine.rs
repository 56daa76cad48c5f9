//! The online pass: experts forecast at each origin, are scored when the truth is in, and are weighed by it.

use std::collections::VecDeque;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::decomposed::Decomposed;
use super::experts::Simple;
use super::history::{DAY, History, LARGEST_EXPONENT, Unit};
use super::regression::Regression;
use super::weights::{Told, Tuning, Weights};
use crate::conformal::{Conformal, Known, Offsets, Place};
use crate::series::Series;

/// Changes of a load, in units of its usual size, below which they may be rounding.
const LEAST_CHANGE: f64 = 1e-6;
/// Most groups of leads with errors of their own.
const ERROR_GROUPS: usize = 6;
/// Groups of leads with weights of their own that a horizon is cut into, as far as it has so many leads.
const WEIGHT_GROUPS: usize = 24;
/// Past error vectors kept for joint paths, and how many are taken before only one in three is.
const VECTORS: usize = 200;
const DENSE_VECTORS: usize = 60;
/// Days after which regressions are first learned.
const FIRST_LEARNING: usize = 3;
/// Share of its length by which a history has to grow before [`Engine::relearn`] does anything, as its inverse.
const RELEARN_GROWTH: usize = 40;

/// Members, horizon and knobs of an engine.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Setup {
    pub(super) horizon: usize,
    pub(super) simple: Vec<Simple>,
    pub(super) regressions: Vec<Regression>,
    /// Seasons by local regression.
    pub(super) decomposed: Vec<Decomposed>,
    pub(super) tuning: Tuning,
    /// While running through the past, learn each time the history has grown by one part in this many.
    pub(super) growth: usize,
}

/// What was forecast at one origin and is not fully scored yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Pending {
    origin: usize,
    /// One row an expert, one column a lead.
    experts: Vec<f64>,
    awake: Vec<bool>,
    /// One row a group of leads, one column an expert.
    weights: Vec<f64>,
    mixed: Vec<f64>,
    known: Known,
}

/// Experts, weights and calibration at the end of a series.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Engine {
    #[serde(skip)]
    history: History,
    /// The same in logarithms, where a regression is learned on them.
    #[serde(skip)]
    logs: Option<History>,
    /// A power of two near the median size of the values; all else is counted in it.
    unit: f64,
    simple: Vec<Simple>,
    regressions: Vec<Regression>,
    decomposed: Vec<Decomposed>,
    growth: usize,
    learned_at: usize,
    horizon: usize,
    /// Leads that share weights, and steps from one origin to the next.
    group: usize,
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
    /// One-step errors of the origins, zero elsewhere.
    residuals: Vec<f64>,
}

/// What an engine says about the next steps, in the unit of the series.
#[derive(Debug, Clone)]
pub(super) struct Outlook {
    pub(super) mixed: Vec<f64>,
    /// Distances of quantiles from it, one row a lead.
    pub(super) offsets: Vec<Offsets>,
}

impl Engine {
    /// An engine for a series, which has seen nothing of it yet.
    pub(super) fn new(y: &Series, setup: Setup) -> Self {
        let history = History::new(y);
        let unit = unit_of(y);
        let horizon = setup.horizon.max(1);
        let group = ((horizon + WEIGHT_GROUPS / 2) / WEIGHT_GROUPS).max(1);
        let groups = horizon.div_ceil(group);
        let day = history.day;
        let first = if y.len() >= 2 * day + 8 { day + 1 } else { (y.len() / 4).clamp(1, day + 1) };
        let logs = need_logs(&setup.regressions, &setup.decomposed).then(|| history.clone());
        let count = setup.simple.len() + setup.regressions.len() + setup.decomposed.len();
        let prior = vec![1.0 / count as f64; count];
        let change = y.values().windows(2).map(|w| (w[1] / unit - w[0] / unit).abs()).sum::<f64>() / y.len() as f64;
        let error_groups = groups.min(ERROR_GROUPS);
        let step_days = history.step as f64 / DAY as f64;
        let per_day = groups as f64 / error_groups as f64 / (group as f64 * step_days);
        let error_group = |g: usize| {
            let guess = change.max(LEAST_CHANGE) * (1.0 + (g * groups / error_groups * group) as f64).sqrt();
            (guess, (g as f64 + 0.5) * horizon as f64 / error_groups as f64 * step_days)
        };
        let error_groups: Vec<(f64, f64)> = (0..error_groups).map(error_group).collect();
        let bins = if history.has_day() { day.min(24) } else { history.week.min(7) };
        Self {
            conformal: Conformal::new(&error_groups, bins, per_day),
            weights: vec![Weights::new(&prior); groups],
            scored: vec![0; groups],
            pending: VecDeque::new(),
            vectors: VecDeque::new(),
            residuals: Vec::new(),
            left: 0,
            learned_at: 0,
            simple: setup.simple,
            regressions: setup.regressions,
            decomposed: setup.decomposed,
            logs,
            growth: setup.growth,
            tuning: setup.tuning,
            unit,
            history,
            horizon,
            group,
            first,
            prior,
        }
    }

    /// Gives back what is not stored: all that follows from the series alone.
    pub(super) fn remember(&mut self, y: &Series) {
        self.history = History::new(y);
        self.logs = need_logs(&self.regressions, &self.decomposed).then(|| self.history.clone());
        while self.history.len() < y.len() {
            self.push(y);
        }
        self.conformal.remember();
    }

    /// Takes in the steps of `y` that were not seen yet; with `learn`, regressions are learned on the way.
    pub(super) fn advance(&mut self, y: &Series, learn: bool) {
        while self.history.len() < y.len() {
            self.push(y);
            for decomposed in &mut self.decomposed {
                decomposed.push(counted(&self.history, self.logs.as_ref(), decomposed.log));
            }
            self.residuals.push(self.one_step_error());
            self.absorb();
            let origin = self.history.len();
            if learn && origin >= self.next_learning() {
                self.learn();
            }
            if origin >= self.first && (origin - self.first).is_multiple_of(self.group) {
                let pending = self.look_ahead(origin, self.horizon);
                self.pending.push_back(pending);
            }
        }
    }

    fn push(&mut self, y: &Series) {
        self.history.push(y, Unit::Plain(self.unit));
        if let Some(logs) = &mut self.logs {
            logs.push(y, Unit::Log(self.unit));
        }
    }

    /// The history that a member is learned on, and its unit.
    fn read_by(&self, log: bool) -> (&History, Unit) {
        match &self.logs {
            Some(logs) if log => (logs, Unit::Log(self.unit)),
            _ => (&self.history, Unit::Plain(self.unit)),
        }
    }

    /// Learns regressions anew if the history has grown enough for it to matter.
    pub(super) fn relearn(&mut self) {
        if self.history.len()
            >= (self.learned_at + self.learned_at / RELEARN_GROWTH).max(FIRST_LEARNING * self.history.day)
        {
            self.learn();
        }
    }

    fn next_learning(&self) -> usize {
        let day = self.history.day;
        (self.learned_at + (self.learned_at / self.growth).max(day)).max(FIRST_LEARNING * day)
    }

    fn learn(&mut self) {
        self.learned_at = self.history.len();
        for regression in &mut self.regressions {
            let history = counted(&self.history, self.logs.as_ref(), regression.log);
            regression.learn(history, self.first, self.horizon, self.group);
        }
        for decomposed in &mut self.decomposed {
            let history = counted(&self.history, self.logs.as_ref(), decomposed.log);
            decomposed.learn(history, self.horizon, self.group);
        }
    }

    fn one_step_error(&self) -> f64 {
        let index = self.history.len() - 1;
        match self.pending.back() {
            Some(last) if last.origin == index && self.history.observed[index] => {
                finite((self.history.values[index] - last.mixed[0]) * self.unit)
            }
            _ => 0.0,
        }
    }

    /// Mixed forecast of the next steps, with local scales and tracked quantiles.
    pub(super) fn forecast(&self, horizon: usize) -> Outlook {
        let pending = self.look_ahead(self.history.len(), horizon);
        let offsets = |k: usize| pending.known.offsets(self.place(&pending, k)).map(|x| bounded(x * self.unit));
        Outlook {
            offsets: (0..horizon).map(offsets).collect(),
            mixed: pending.mixed.iter().map(|x| bounded(x * self.unit)).collect(),
        }
    }

    /// Lowest value that is forecast: zero for a load that was never below it.
    pub(super) fn floor(&self) -> f64 {
        if self.history.negative { f64::MIN } else { 0.0 }
    }

    fn look_ahead(&self, origin: usize, horizon: usize) -> Pending {
        let count = self.prior.len();
        let mut experts = vec![0.0; count * horizon];
        let awake = self.awake(origin);
        let mut rows = experts.chunks_mut(horizon);
        for (expert, row) in self.simple.iter().zip(&mut rows) {
            expert.forecast(&self.history, origin, row);
        }
        for (regression, row) in self.regressions.iter().zip(&mut rows) {
            let (history, unit) = self.read_by(regression.log);
            regression.forecast(history, origin, self.group, row);
            row.iter_mut().for_each(|x| *x = unit.to_plain(*x));
        }
        for (decomposed, row) in self.decomposed.iter().zip(&mut rows) {
            let (history, unit) = self.read_by(decomposed.log);
            decomposed.forecast(history, origin, self.group, row);
            row.iter_mut().for_each(|x| *x = unit.to_plain(*x));
        }
        // What was learned on a load that hardly moved may be beyond measure after a step.
        let ((low, high), last) = (self.history.reachable(), self.history.clipped[origin - 1]);
        let low = low.max(self.floor());
        experts.iter_mut().for_each(|x| *x = if x.is_finite() { x.clamp(low, high) } else { last });
        let weights: Vec<f64> =
            self.weights.iter().flat_map(|group| awake_weights(group.get(), &self.prior, &awake)).collect();
        let mixed =
            (0..horizon).map(|k| mix(&weights[self.group_of(k) * count..][..count], &experts, horizon, k)).collect();
        Pending { origin, experts, awake, weights, mixed, known: self.conformal.known() }
    }

    fn awake(&self, origin: usize) -> Vec<bool> {
        let simple = self.simple.iter().map(|e| e.awake(&self.history, origin));
        let regressions = self.regressions.iter().map(Regression::learned);
        simple.chain(regressions).chain(self.decomposed.iter().map(Decomposed::learned)).collect()
    }

    /// Group of leads that lead `k` (from 0) shares weights with.
    fn group_of(&self, k: usize) -> usize {
        (k / self.group).min(self.weights.len() - 1)
    }

    /// Group of leads that lead `k` shares errors with.
    fn error_group(&self, k: usize) -> usize {
        self.group_of(k) * self.conformal.groups() / self.weights.len()
    }

    fn leads(&self, group: usize) -> Range<usize> {
        group * self.group..((group + 1) * self.group).min(self.horizon)
    }

    /// What the size of errors at lead `k` goes by; the level is at least a tenth of the usual load.
    fn place(&self, of: &Pending, k: usize) -> Place {
        Place { group: self.error_group(k), bin: self.bin(of.origin + k), level: of.mixed[k].abs().max(0.1) }
    }

    /// Time of day of a step, as a bin; of the week for data coarser than a day.
    fn bin(&self, t: usize) -> usize {
        let cycle = if self.history.has_day() { self.history.day } else { self.history.week };
        (t % cycle) * self.conformal.bins() / cycle
    }

    /// Scores all groups of leads whose truth is in.
    fn absorb(&mut self) {
        for group in 0..self.weights.len() {
            let leads = self.leads(group);
            while let Some(pending) = self.pending.get(self.scored[group] - self.left) {
                if pending.origin + leads.end > self.history.len() {
                    break;
                }
                let count = self.prior.len();
                let own = &pending.weights[group * count..][..count];
                if let Some(told) = score(&self.history, self.horizon, pending, leads.clone(), own) {
                    let per_day = (self.history.day as f64 / self.group as f64).max(1.0);
                    self.weights[group].absorb(&told, &self.prior, self.tuning, per_day);
                }
                // One lead of the group, another at each origin: its neighbors tell nearly the same.
                let k = leads.start + self.scored[group] % leads.len();
                let t = pending.origin + k;
                if self.history.observed[t] {
                    let error = self.history.values[t] - pending.mixed[k];
                    self.conformal.observe(self.place(pending, k), error, &pending.known);
                }
                self.scored[group] += 1;
            }
        }
        while self.scored.iter().all(|scored| *scored > self.left) {
            let Some(done) = self.pending.pop_front() else { break };
            if self.left.is_multiple_of(3) || self.vectors.len() < DENSE_VECTORS {
                self.keep_vector(&done);
            }
            self.left += 1;
        }
    }

    fn keep_vector(&mut self, done: &Pending) {
        let score = |k: usize| {
            let t = done.origin + k;
            let error = (self.history.values[t] - done.mixed[k]) / done.known.size(self.place(done, k));
            if self.history.observed[t] { finite(error) } else { 0.0 }
        };
        let vector = (0..self.horizon).map(score).collect();
        self.vectors.push_back(vector);
        if self.vectors.len() > VECTORS {
            self.vectors.pop_front();
        }
    }

    /// Past error vectors, oldest first.
    pub(super) fn vectors(&self) -> Vec<&[f64]> {
        self.vectors.iter().map(Vec::as_slice).collect()
    }

    /// One-step errors, one a step seen.
    pub(super) fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    /// Steps that the weights are trained for.
    pub(super) fn horizon(&self) -> usize {
        self.horizon
    }

    /// Last lead of each group with weights of its own, counted from 1.
    pub(super) fn until_lead(&self) -> Vec<usize> {
        (0..self.weights.len()).map(|group| self.leads(group).end).collect()
    }

    /// Each member's name, whether it is awake, its weight and its fading loss, one a group of leads.
    pub(super) fn standing(&self) -> Vec<Standing> {
        let awake = self.awake(self.history.len());
        let weights: Vec<Vec<f64>> = self.weights.iter().map(|w| awake_weights(w.get(), &self.prior, &awake)).collect();
        let simple = self.simple.iter().map(|e| e.name(&self.history));
        let regressions = self.regressions.iter().map(|r| r.name(&self.history));
        let names = simple.chain(regressions).chain(self.decomposed.iter().map(|d| d.name(&self.history)));
        names
            .enumerate()
            .map(|(e, name)| Standing {
                name,
                awake: awake[e],
                weights: weights.iter().map(|group| group[e]).collect(),
                losses: self.weights.iter().map(|group| group.losses()[e]).collect(),
            })
            .collect()
    }
}

/// How a member stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Standing {
    pub(super) name: String,
    pub(super) awake: bool,
    pub(super) weights: Vec<f64>,
    pub(super) losses: Vec<f64>,
}

/// Mean regrets and losses of the experts over some leads of an origin; `None` if nothing was observed there.
fn score(history: &History, horizon: usize, pending: &Pending, leads: Range<usize>, own: &[f64]) -> Option<Told> {
    let (mut regrets, mut losses) = (vec![0.0; own.len()], vec![0.0; own.len()]);
    let (mut seen, mut total) = (0usize, 0.0);
    for k in leads.filter(|k| history.observed[pending.origin + k]) {
        seen += 1;
        let truth = history.clipped[pending.origin + k];
        let mixed = mix(own, &pending.experts, horizon, k);
        total += (mixed - truth).abs();
        let sign = if mixed > truth { 1.0 } else { -1.0 };
        for (e, (regret, loss)) in regrets.iter_mut().zip(&mut losses).enumerate() {
            // One that sleeps neither gains nor loses on the mixture.
            let expert = if pending.awake[e] { pending.experts[e * horizon + k] } else { mixed };
            *regret += sign * (mixed - expert);
            *loss += (expert - truth).abs();
        }
    }
    regrets.iter_mut().chain(&mut losses).for_each(|x| *x /= seen as f64);
    (seen > 0).then(|| Told { regrets, losses, own: total / seen as f64 })
}

fn mix(weights: &[f64], experts: &[f64], horizon: usize, k: usize) -> f64 {
    weights.iter().enumerate().map(|(e, w)| w * experts[e * horizon + k]).sum()
}

/// The history that a member is told: in logarithms if it wants them.
fn counted<'a>(history: &'a History, logs: Option<&'a History>, log: bool) -> &'a History {
    logs.filter(|_| log).unwrap_or(history)
}

/// Whether any member is told the load in logarithms.
fn need_logs(regressions: &[Regression], decomposed: &[Decomposed]) -> bool {
    regressions.iter().any(|r| r.log) || decomposed.iter().any(|d| d.log)
}

/// Weights shared out again among those awake.
fn awake_weights(weights: &[f64], prior: &[f64], awake: &[bool]) -> Vec<f64> {
    let sum = |of: &[f64]| of.iter().zip(awake).filter(|x| *x.1).map(|x| x.0).sum::<f64>();
    let (own, fallback) = (sum(weights), sum(prior));
    let (from, total) = if own > 1e-12 { (weights, own) } else { (prior, fallback) };
    from.iter().zip(awake).map(|(w, awake)| if *awake { w / total } else { 0.0 }).collect()
}

/// The power of two next to the median size of what was observed, 1 for nothing but zeros; not so small that the largest
/// value, counted in it, has a square beyond a double's range.
fn unit_of(y: &Series) -> f64 {
    let observed = y.values().iter().zip(y.observed()).filter(|(v, seen)| **seen && **v != 0.0);
    let mut sizes: Vec<f64> = observed.map(|(v, _)| v.abs()).collect();
    if sizes.is_empty() {
        return 1.0;
    }
    let (_, largest) = libm::frexp(sizes.iter().copied().fold(0.0, f64::max));
    let middle = sizes.len() / 2;
    let (_, exponent) = libm::frexp(*sizes.select_nth_unstable_by(middle, f64::total_cmp).1);
    libm::ldexp(1.0, exponent.max(largest - LARGEST_EXPONENT).clamp(-1000, 1000))
}

fn finite(x: f64) -> f64 {
    if x.is_finite() { x } else { 0.0 }
}

/// Cut to what a double holds.
fn bounded(x: f64) -> f64 {
    x.clamp(f64::MIN, f64::MAX)
}
