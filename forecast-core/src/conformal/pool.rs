//! Scores of one scale: errors over it, the oldest leaving, and the levels at which they are read.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::{Offsets, TRACKED};

/// Most scores kept.
const MOST: usize = 800;
/// Days that a full pool reaches back to at least, by taking in fewer scores of each.
const DAYS: f64 = 28.0;
/// Scores that a pool starts with, spread as a wide Laplace distribution; they go as real ones come.
const PRIOR_SCORES: usize = 24;
/// Scale of the starting distribution, in local scales.
const PRIOR_SPREAD: f64 = 2.0;
/// Errors that a guessed size counts as.
pub(super) const START_WEIGHT: f64 = 4.0;

/// Scores of one scale and group of leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Pool {
    /// Scores, oldest first, as far as kept.
    recent: VecDeque<f64>,
    /// The same, ascending.
    #[serde(skip)]
    sorted: Vec<f64>,
    /// Scores that came, kept or not.
    seen: usize,
    /// Levels at which it is read, one row a step of theirs, one a tracked level.
    levels: Vec<Vec<f64>>,
    /// Fading mean of absolute errors and its weight.
    pub(super) size: (f64, f64),
}

impl Pool {
    /// A pool that knows nothing but a guess of the size of errors, read with so many steps.
    pub(super) fn new(size: f64, steps: usize) -> Self {
        let sorted: Vec<f64> = (0..PRIOR_SCORES)
            .map(|i| {
                let p = (i as f64 + 0.5) / PRIOR_SCORES as f64 - 0.5;
                -PRIOR_SPREAD * p.signum() * libm::log(1.0 - 2.0 * p.abs())
            })
            .collect();
        // Shuffled by a fixed stride, so that what goes first is spread over the distribution.
        let recent = (0..PRIOR_SCORES).map(|i| sorted[i * 7 % PRIOR_SCORES]).collect();
        Self { recent, sorted, seen: 0, levels: vec![TRACKED.to_vec(); steps], size: (size, START_WEIGHT) }
    }

    /// Gives back the order of the scores.
    pub(super) fn remember(&mut self) {
        self.sorted = self.recent.iter().copied().collect();
        self.sorted.sort_unstable_by(f64::total_cmp);
    }

    /// Moves the levels by whether an error lay below what was said of it, in local scales, with each step.
    pub(super) fn track(&mut self, error: f64, size: f64, said: &[Offsets], steps: &[f64]) {
        for ((levels, said), step) in self.levels.iter_mut().zip(said).zip(steps) {
            for ((level, nominal), said) in levels.iter_mut().zip(TRACKED).zip(said) {
                let hit = f64::from(error <= size * said);
                // The step shrinks toward the ends, where a miss is rare and says more.
                let room = 4.0 * nominal * (1.0 - nominal);
                let moved = *level + step * room.sqrt() * (nominal - hit);
                *level = moved.clamp(nominal * 0.1, 1.0 - (1.0 - nominal) * 0.1);
            }
        }
    }

    /// Takes in a score; a full pool takes in each of so many of the `per_day` of a day that it reaches back half of [`DAYS`] or more.
    pub(super) fn push(&mut self, score: f64, per_day: f64) {
        let every = (per_day * DAYS / MOST as f64).max(1.0) as usize;
        self.seen += 1;
        if !score.is_finite() || (self.recent.len() >= MOST && !self.seen.is_multiple_of(every)) {
            return;
        }
        let at = self.sorted.partition_point(|x| *x < score);
        self.sorted.insert(at, score);
        self.recent.push_back(score);
        if self.recent.len() > MOST
            && let Some(old) = self.recent.pop_front()
        {
            let at = self.sorted.partition_point(|x| *x < old);
            self.sorted.remove(at);
        }
    }

    /// Quantiles of the tracked levels, in local scales, ascending, one row a step.
    pub(super) fn tracked(&self) -> Vec<Offsets> {
        let row = |levels: &Vec<f64>| {
            let (mut out, mut floor) = ([0.0; TRACKED.len()], f64::NEG_INFINITY);
            for (out, level) in out.iter_mut().zip(levels) {
                *out = self.quantile(*level).max(floor);
                floor = *out;
            }
            out
        };
        self.levels.iter().map(row).collect()
    }

    /// Empirical quantile, linear between order statistics at (i - 1/2) / n.
    fn quantile(&self, level: f64) -> f64 {
        let n = self.sorted.len();
        let at = (level * n as f64 - 0.5).clamp(0.0, (n - 1) as f64);
        let low = at.floor() as usize;
        let part = at - low as f64;
        self.sorted[low] + part * (self.sorted[(low + 1).min(n - 1)] - self.sorted[low])
    }
}
