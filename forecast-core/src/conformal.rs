//! Intervals from past forecast errors, kept at their nominal coverage while the data move.
//!
//! Errors are divided by a local scale (the usual size of an error at this hour of the day, times how large errors
//! have been lately) and pooled over groups of leads. A quantile is the pooled empirical one, taken at a level that is
//! itself tracked online: too many truths above it raise the level, too few lower it. Sources: Gibbs & Candes (2021),
//! NeurIPS 34 (adaptive conformal inference); Angelopoulos, Candes & Tibshirani (2023), NeurIPS 36 (quantile tracking).

use serde::{Deserialize, Serialize};

/// Levels that are tracked; others are interpolated between them.
pub const TRACKED: [f64; 13] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995];
/// Scores kept in a pool.
const POOL: usize = 800;
/// Scores that a pool starts with, spread as a wide Laplace distribution; they go as real ones come.
const PRIOR_SCORES: usize = 24;
/// Scale of the starting distribution, in local scales.
const PRIOR_SPREAD: f64 = 2.0;
/// Step of a tracked level a day's worth of scores.
const STEP_PER_DAY: f64 = 0.06;
/// Days in which the memory of the error's size by hour halves.
const HOUR_HALF_LIFE: f64 = 10.0;
/// Days in which the memory of the recent size of errors halves.
const RECENT_HALF_LIFE: f64 = 1.5;

/// Normalized errors of a forecaster, by group of leads, and the levels at which they are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conformal {
    pools: Vec<Pool>,
    /// Size of errors at each hour of the day relative to the mean, and how much was seen of it.
    hours: Vec<(f64, f64)>,
    /// Scores that come in a day in one group.
    per_day: f64,
    /// Errors below this do not hold back the size of later ones.
    floor: f64,
}

/// Scores of one group of leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Pool {
    /// Scores, oldest first, as far as kept.
    recent: std::collections::VecDeque<f64>,
    /// The same, ascending.
    sorted: Vec<f64>,
    /// Levels at which the pool is read, one a tracked level.
    levels: Vec<f64>,
    /// Fading mean of absolute errors and its weight.
    size: (f64, f64),
}

impl Conformal {
    /// Nothing seen yet: `groups` groups of leads, `bins` times of day, `per_day` scores a group and day.
    ///
    /// `scales`: guessed absolute error of each group, used until errors are seen.
    pub fn new(scales: &[f64], bins: usize, per_day: f64) -> Self {
        let floor = scales.iter().copied().fold(0.0, f64::max).max(f64::MIN_POSITIVE) * 1e-3;
        let pools = scales.iter().map(|scale| Pool::new(scale.max(floor))).collect();
        Self { pools, hours: vec![(1.0, 3.0); bins.max(1)], per_day: per_day.max(1e-3), floor }
    }

    /// Number of groups of leads.
    pub fn groups(&self) -> usize {
        self.pools.len()
    }

    /// Number of times of day.
    pub fn bins(&self) -> usize {
        self.hours.len()
    }

    /// Usual absolute error now, in the unit of the series, of a group of leads at a time of day.
    pub fn scale(&self, group: usize, bin: usize) -> f64 {
        (self.pools[group].size.0 * self.hours[bin].0).max(self.floor * 1e-3)
    }

    /// Quantiles of the tracked levels of a group, in local scales, ascending.
    pub fn tracked(&self, group: usize) -> [f64; TRACKED.len()] {
        let pool = &self.pools[group];
        let mut out = [0.0; TRACKED.len()];
        let mut floor = f64::NEG_INFINITY;
        for (out, level) in out.iter_mut().zip(&pool.levels) {
            *out = pool.quantile(*level).max(floor);
            floor = *out;
        }
        out
    }

    /// Takes in what came of a forecast.
    ///
    /// `error`: truth minus forecast; `scale` and `said`: [`Conformal::scale`] and [`Conformal::tracked`] when it was made.
    pub fn observe(&mut self, group: usize, bin: usize, error: f64, scale: f64, said: &[f64]) {
        let score = error / scale;
        if !score.is_finite() {
            return;
        }
        let rate = STEP_PER_DAY / self.per_day;
        let pool = &mut self.pools[group];
        for ((level, nominal), said) in pool.levels.iter_mut().zip(TRACKED).zip(said) {
            let hit = f64::from(score <= *said);
            // The step shrinks toward the ends, where a miss is rare and says more.
            let room = 4.0 * nominal * (1.0 - nominal);
            *level = (*level + rate * room.sqrt() * (nominal - hit)).clamp(nominal * 0.1, 1.0 - (1.0 - nominal) * 0.1);
        }
        pool.push(score);
        let relative = self.hours[bin].0;
        let size = (error.abs() / relative).min(20.0 * pool.size.0.max(self.floor));
        fade(&mut pool.size, size, RECENT_HALF_LIFE * self.per_day);
        let mean = pool.size.0;
        let per_bin = self.per_day * self.pools.len() as f64 / self.hours.len() as f64;
        fade(&mut self.hours[bin], (error.abs() / mean.max(self.floor)).min(5.0), HOUR_HALF_LIFE * per_bin);
    }
}

/// Moves a fading mean toward a value; `half_life` counts values.
fn fade(mean: &mut (f64, f64), value: f64, half_life: f64) {
    let keep = libm::exp2(-1.0 / half_life);
    let weight = mean.1 * keep + 1.0;
    mean.0 = (mean.0 * mean.1 * keep + value) / weight;
    mean.1 = weight;
}

impl Pool {
    fn new(scale: f64) -> Self {
        let sorted: Vec<f64> = (0..PRIOR_SCORES)
            .map(|i| {
                let p = (i as f64 + 0.5) / PRIOR_SCORES as f64 - 0.5;
                -PRIOR_SPREAD * p.signum() * libm::log(1.0 - 2.0 * p.abs())
            })
            .collect();
        // Shuffled by a fixed stride, so that what goes first is spread over the distribution.
        let recent = (0..PRIOR_SCORES).map(|i| sorted[i * 7 % PRIOR_SCORES]).collect();
        Self { recent, sorted, levels: TRACKED.to_vec(), size: (scale, 4.0) }
    }

    /// Scores that a pool holds: those of the start leave as soon as as many real ones came.
    fn push(&mut self, score: f64) {
        let at = self.sorted.partition_point(|x| *x < score);
        self.sorted.insert(at, score);
        self.recent.push_back(score);
        if self.recent.len() > POOL {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(old) = self.recent.pop_front() {
            let at = self.sorted.partition_point(|x| *x < old);
            self.sorted.remove(at);
        }
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

/// Quantile of any level from those of [`TRACKED`], linear in the logit of the level, level beyond the last ones.
pub fn interpolate(tracked: &[f64; TRACKED.len()], level: f64) -> f64 {
    let last = TRACKED.len() - 1;
    let above = TRACKED.partition_point(|p| *p < level);
    if above == 0 {
        return tracked[0];
    }
    if above > last {
        return tracked[last];
    }
    let logit = |p: f64| libm::log(p / (1.0 - p));
    let (low, high) = (logit(TRACKED[above - 1]), logit(TRACKED[above]));
    let part = (logit(level) - low) / (high - low);
    tracked[above - 1] + part * (tracked[above] - tracked[above - 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Dice;

    /// A number whose distribution is symmetric and heavy-tailed, of median size 1.
    fn error(dice: &mut Dice) -> f64 {
        let p = dice.unit() - 0.5;
        -p.signum() * libm::log(1.0 - 2.0 * p.abs().min(0.499_999)) / core::f64::consts::LN_2
    }

    /// Share of errors between the 5 % and the 95 % quantile, `size` giving their scale at each turn.
    fn coverage(turns: usize, size: impl Fn(usize) -> f64) -> f64 {
        let mut dice = Dice::new(3);
        let mut conformal = Conformal::new(&[1.0], 24, 24.0);
        let mut inside = 0;
        for turn in 0..turns {
            let bin = turn % 24;
            let (scale, said) = (conformal.scale(0, bin), conformal.tracked(0));
            let error = size(turn) * error(&mut dice);
            inside +=
                usize::from(interpolate(&said, 0.05) * scale <= error && error <= interpolate(&said, 0.95) * scale);
            conformal.observe(0, bin, error, scale, &said);
        }
        inside as f64 / turns as f64
    }

    #[test]
    fn coverage_is_nominal_where_nothing_changes() {
        assert!((coverage(3000, |_| 5.0) - 0.9).abs() < 0.02);
    }

    #[test]
    fn coverage_follows_hours_and_lasting_changes() {
        assert!((coverage(3000, |t| if t % 24 < 8 { 1.0 } else { 10.0 }) - 0.9).abs() < 0.02);
        assert!((coverage(3000, |t| if t < 1500 { 1.0 } else { 10.0 }) - 0.9).abs() < 0.03);
    }

    #[test]
    fn quantiles_never_cross_and_are_interpolated() {
        let mut conformal = Conformal::new(&[1.0], 1, 24.0);
        let mut dice = Dice::new(9);
        for _ in 0..500 {
            let said = conformal.tracked(0);
            conformal.observe(0, 0, error(&mut dice) + 0.3, 1.0, &said);
            assert!(conformal.tracked(0).is_sorted());
        }
        let said = conformal.tracked(0);
        let fine: Vec<f64> = (1..1000).map(|i| interpolate(&said, f64::from(i) / 1000.0)).collect();
        assert!(fine.is_sorted());
        for (level, quantile) in TRACKED.iter().zip(said) {
            assert!((interpolate(&said, *level) - quantile).abs() < 1e-12);
        }
    }

    #[test]
    fn nothing_but_zeros_keeps_everything_finite() {
        let mut conformal = Conformal::new(&[0.0], 1, 24.0);
        for turn in 0..200 {
            let (scale, said) = (conformal.scale(0, 0), conformal.tracked(0));
            conformal.observe(0, 0, if turn < 150 { 0.0 } else { 1.0 }, scale, &said);
            assert!(scale.is_finite() && scale > 0.0 && said.iter().all(|q| q.is_finite()));
        }
    }
}
