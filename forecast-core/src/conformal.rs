//! Intervals from past forecast errors, kept at their nominal coverage while the data move.
//!
//! Errors are divided by a local scale and pooled over groups of leads. No one scale is right for all loads: a day ahead
//! the mean of the last errors is one of two or three that are independent, and to divide by it makes tails heavier than
//! they are; but where bursts last, a long memory knows nothing of them. So there are several scales, each with a
//! pool of its own, and a quantile is the mean of what the pools say, weighed by their pinball losses. A pool is read at
//! levels that are tracked online: too many truths above one raise it, too few lower it. No one step is right for that
//! either, where errors come often enough to tell: near ahead levels move by two, and each is weighed. Far ahead a day
//! goes by before an error is known; there one more scale is the size of the latest errors near ahead. Sources: Gibbs &
//! Candes (2021), NeurIPS 34 (adaptive conformal inference); Zaffran et al. (2022), ICML, PMLR 162, 25834-25866, and Gibbs &
//! Candes (2024), Journal of Machine Learning Research 25, 162 (several steps, aggregated by pinball loss); Angelopoulos,
//! Candes & Tibshirani (2023), NeurIPS 36 (quantile tracking); Berrisch & Ziel (2023), Journal of Econometrics 237, 105221
//! (forecasts combined by pinball loss).

mod pool;

use serde::{Deserialize, Serialize};

use crate::auto::weights::{Told, Tuning, Weights};
use pool::{Pool, START_WEIGHT};

/// Levels that are tracked; others are interpolated between them.
pub const TRACKED: [f64; 13] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99, 0.995];
/// Those of them that scales are weighed by; a miss of the others is too rare to tell.
const WEIGHED: std::ops::Range<usize> = 2..11;
/// Longest lead, in days, that is near.
const NEAR: f64 = 1.0 / 6.0;
/// Steps of a tracked level an independent error, near and far ahead.
const NEAR_STEPS: [f64; 2] = [0.005, 0.05];
const FAR_STEPS: [f64; 1] = [0.01];
/// Days in which the memory of the error's size by hour halves.
const HOUR_HALF_LIFE: f64 = 10.0;
/// Usual sizes that one error counts for at most.
const MOST_SIZES: f64 = 20.0;
/// Memories in which scales are weighed: those of the mixture's members; a larger share, as all scales are sound.
const TUNING: Tuning = Tuning { half_life_days: [3.0, 20.0], share: 0.05 };

/// What errors are divided by: their usual size.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Scale {
    /// Days in which the memory of that size halves.
    half_life: f64,
    /// Whether it goes with the hour of the day.
    by_hour: bool,
    /// Whether it goes with the forecast.
    by_level: bool,
}

const SCALES: [Scale; 4] = [
    Scale { half_life: 0.4, by_hour: true, by_level: false },
    Scale { half_life: 4.0, by_hour: true, by_level: false },
    Scale { half_life: 40.0, by_hour: false, by_level: false },
    Scale { half_life: 40.0, by_hour: false, by_level: true },
];
/// The scale whose size errors at an hour are compared with.
const FOR_HOURS: usize = 1;
/// One more for groups far ahead: the size of errors in the nearest group, whose truth is in soonest.
const NEAREST: Scale = Scale { half_life: 1.5, by_hour: true, by_level: false };

/// Offsets from a forecast at the levels of [`TRACKED`], in the unit of the series, ascending.
pub type Offsets = [f64; TRACKED.len()];

/// Past errors of a forecaster by group of leads, and the levels at which they are read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Conformal {
    groups: Vec<Group>,
    /// Size of errors at each hour of the day relative to the mean, and how much was seen of it.
    hours: Vec<(f64, f64)>,
    /// Scores that come in a day in one group.
    per_day: f64,
    /// Errors below this do not hold back the size of later ones.
    floor: f64,
    /// Fading mean of absolute errors in the nearest group and its weight.
    nearest: (f64, f64),
}

/// One group of leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Group {
    /// One a scale.
    pools: Vec<Pool>,
    /// Of each scale read with each step, scale by scale.
    weights: Weights,
    /// Steps of a tracked level a score.
    steps: Vec<f64>,
}

/// What was known of errors when a forecast was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Known {
    groups: Vec<KnownGroup>,
    hours: Vec<f64>,
    floor: f64,
    nearest: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct KnownGroup {
    /// Quantiles in local scales, one row a scale and step.
    said: Vec<Offsets>,
    weights: Vec<f64>,
    sizes: Vec<f64>,
}

/// A forecast step: its group of leads, its time of day as a bin, and the forecast's own size, above zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Group of leads.
    pub group: usize,
    /// Time of day, as one of [`Conformal::bins`].
    pub bin: usize,
    /// Size of the forecast.
    pub level: f64,
}

impl Known {
    /// Offsets of the tracked levels from the forecast.
    pub fn offsets(&self, at: Place) -> Offsets {
        let own = &self.groups[at.group];
        let (sizes, mut out) = (self.sizes(at), [0.0; TRACKED.len()]);
        for (e, (weight, said)) in own.weights.iter().zip(&own.said).enumerate() {
            let factor = weight * sizes[own.scale_of(e)];
            out.iter_mut().zip(said).for_each(|(out, said)| *out += factor * said);
        }
        out
    }

    /// Usual absolute error of the forecast.
    pub fn size(&self, at: Place) -> f64 {
        let (own, sizes) = (&self.groups[at.group], self.sizes(at));
        own.weights.iter().enumerate().map(|(e, weight)| weight * sizes[own.scale_of(e)]).sum()
    }

    /// The same by each scale.
    fn sizes(&self, at: Place) -> Vec<f64> {
        let hour = self.hours[at.bin];
        let own = self.groups[at.group].sizes.iter().enumerate();
        own.map(|(s, size)| {
            let (scale, size) = SCALES.get(s).map_or((NEAREST, self.nearest), |scale| (*scale, *size));
            (size * scale.relative(hour, at.level)).max(self.floor * 1e-3)
        })
        .collect()
    }
}

impl KnownGroup {
    /// The scale of what stands at `index` in `said` and `weights`.
    fn scale_of(&self, index: usize) -> usize {
        index * self.sizes.len() / self.said.len()
    }
}

impl Scale {
    /// Size of errors at an hour and a level relative to the remembered one.
    fn relative(self, hour: f64, level: f64) -> f64 {
        (if self.by_hour { hour } else { 1.0 }) * if self.by_level { level } else { 1.0 }
    }

    /// Takes an error into a remembered size.
    fn remember(self, size: &mut (f64, f64), error: f64, hour: f64, level: f64, floor: f64, per_day: f64) {
        let most = MOST_SIZES * size.0.max(floor);
        fade(size, (error.abs() / self.relative(hour, level)).min(most), self.half_life * per_day);
    }
}

impl Conformal {
    /// Nothing seen yet: `bins` times of day, `per_day` scores a group of leads and day.
    ///
    /// `groups`: guessed absolute error of each group, used until errors are seen, and its middle lead in days. Errors
    /// nearer to each other than the lead are one error, so that with it the steps of tracked levels become smaller.
    pub fn new(groups: &[(f64, f64)], bins: usize, per_day: f64) -> Self {
        let floor = groups.iter().map(|group| group.0).fold(0.0, f64::max).max(f64::MIN_POSITIVE) * 1e-3;
        let per_day = per_day.max(1e-3);
        let group = |(scale, lead): &(f64, f64)| {
            let (steps, scales) = if *lead <= NEAR { (&NEAR_STEPS[..], 0) } else { (&FAR_STEPS[..], 1) };
            let scales = SCALES.len() + scales;
            let pool = Pool::new(scale.max(floor), steps.len());
            Group {
                pools: vec![pool; scales],
                weights: Weights::new(&even(scales * steps.len())),
                steps: steps.iter().map(|step| step / (lead * per_day).max(1.0)).collect(),
            }
        };
        let nearest = (groups.first().map_or(floor, |group| group.0.max(floor)), START_WEIGHT);
        let groups = groups.iter().map(group).collect();
        Self { groups, hours: vec![(1.0, 3.0); bins.max(1)], per_day, floor, nearest }
    }

    /// Gives back what is not stored.
    pub fn remember(&mut self) {
        self.groups.iter_mut().flat_map(|group| &mut group.pools).for_each(Pool::remember);
    }

    /// Number of groups of leads.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Number of times of day.
    pub fn bins(&self) -> usize {
        self.hours.len()
    }

    /// What is known now.
    pub fn known(&self) -> Known {
        let groups = self.groups.iter().map(Group::known).collect();
        let hours = self.hours.iter().map(|hour| hour.0).collect();
        Known { groups, hours, floor: self.floor, nearest: self.nearest.0 }
    }

    /// Takes in what came of a forecast: `error`, truth minus forecast, and what was `known` when it was made.
    pub fn observe(&mut self, at: Place, error: f64, known: &Known) {
        if !error.is_finite() {
            return;
        }
        let (sizes, before) = (known.sizes(at), &known.groups[at.group]);
        let own = &mut self.groups[at.group];
        own.weigh(error, &known.offsets(at), &sizes, before, self.per_day);
        let hour = self.hours[at.bin].0;
        let steps = own.steps.len();
        for (s, pool) in own.pools.iter_mut().enumerate() {
            pool.track(error, sizes[s], &before.said[s * steps..(s + 1) * steps], &own.steps);
            // A size that was next to nothing when an error came is no measure of later ones.
            pool.push((error / sizes[s]).clamp(-MOST_SIZES, MOST_SIZES), self.per_day);
            if let Some(scale) = SCALES.get(s) {
                scale.remember(&mut pool.size, error, hour, at.level, self.floor, self.per_day);
            }
        }
        if at.group == 0 {
            NEAREST.remember(&mut self.nearest, error, hour, at.level, self.floor, self.per_day);
        }
        let mean = own.pools[FOR_HOURS].size.0;
        let per_bin = self.per_day * self.groups.len() as f64 / self.hours.len() as f64;
        fade(&mut self.hours[at.bin], (error.abs() / mean.max(self.floor)).min(5.0), HOUR_HALF_LIFE * per_bin);
    }
}

/// Moves a fading mean toward a value; `half_life` counts values.
fn fade(mean: &mut (f64, f64), value: f64, half_life: f64) {
    let keep = libm::exp2(-1.0 / half_life);
    let weight = mean.1 * keep + 1.0;
    mean.0 = (mean.0 * mean.1 * keep + value) / weight;
    mean.1 = weight;
}

impl Group {
    fn known(&self) -> KnownGroup {
        KnownGroup {
            said: self.pools.iter().flat_map(Pool::tracked).collect(),
            weights: self.weights.get().to_vec(),
            sizes: self.pools.iter().map(|pool| pool.size.0).collect(),
        }
    }

    /// Weighs scales and steps by what the pinball loss would have gained by moving toward each.
    fn weigh(&mut self, error: f64, offsets: &Offsets, sizes: &[f64], known: &KnownGroup, per_day: f64) {
        let count = known.said.len();
        let mut told = Told { regrets: vec![0.0; count], losses: vec![0.0; count], own: 0.0 };
        for i in WEIGHED {
            let loss = |quantile: f64| (TRACKED[i] - f64::from(error < quantile)) * (error - quantile);
            told.own += loss(offsets[i]);
            let slope = f64::from(error < offsets[i]) - TRACKED[i];
            for (e, said) in known.said.iter().enumerate() {
                let quantile = sizes[known.scale_of(e)] * said[i];
                told.regrets[e] += slope * (offsets[i] - quantile);
                told.losses[e] += loss(quantile);
            }
        }
        self.weights.absorb(&told, &even(count), TUNING, per_day);
    }
}

/// Weights before anything was seen.
fn even(count: usize) -> Vec<f64> {
    vec![1.0 / count as f64; count]
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

    fn place(bin: usize, level: f64) -> Place {
        Place { group: 0, bin, level }
    }

    /// A number whose distribution is symmetric and heavy-tailed, of median size 1.
    fn error(dice: &mut Dice) -> f64 {
        let p = dice.unit() - 0.5;
        -p.signum() * libm::log(1.0 - 2.0 * p.abs().min(0.499_999)) / core::f64::consts::LN_2
    }

    /// Share of errors between the 5 % and the 95 % quantile and their mean distance, over the last half of the turns;
    /// `size` gives the scale of errors and the level at each turn.
    fn coverage(turns: usize, size: impl Fn(usize) -> (f64, f64)) -> (f64, f64) {
        let mut dice = Dice::new(3);
        let mut conformal = Conformal::new(&[(1.0, 1.0 / 24.0)], 24, 24.0);
        let (mut inside, mut width) = (0, 0.0);
        for turn in 0..turns {
            let ((size, level), known) = (size(turn), conformal.known());
            let at = place(turn % 24, level);
            let (offsets, error) = (known.offsets(at), size * error(&mut dice));
            let (low, high) = (interpolate(&offsets, 0.05), interpolate(&offsets, 0.95));
            if 2 * turn >= turns {
                inside += usize::from(low <= error && error <= high);
                width += high - low;
            }
            conformal.observe(at, error, &known);
        }
        (inside as f64 / (turns - turns / 2) as f64, width / (turns - turns / 2) as f64)
    }

    /// Distance of the two quantiles of [`error`]: twice log2(10).
    const WIDTH: f64 = 6.644;

    #[test]
    fn coverage_and_width_are_right_where_nothing_changes() {
        let (inside, width) = coverage(3000, |_| (5.0, 1.0));
        assert!((inside - 0.9).abs() < 0.02 && (width / (5.0 * WIDTH) - 1.0).abs() < 0.05, "{inside} {width}");
    }

    #[test]
    fn coverage_follows_hours_and_lasting_changes() {
        let (inside, width) = coverage(3000, |t| (if t % 24 < 8 { 1.0 } else { 10.0 }, 1.0));
        assert!((inside - 0.9).abs() < 0.02 && (width / (7.0 * WIDTH) - 1.0).abs() < 0.1, "{inside} {width}");
        let (inside, _) = coverage(3000, |t| (if t < 1500 { 1.0 } else { 10.0 }, 1.0));
        assert!((inside - 0.9).abs() < 0.03, "{inside}");
    }

    #[test]
    fn width_follows_the_forecast_where_errors_do() {
        // Two days of five are quiet: no hour tells, the level does.
        let level = |t: usize| if t / 24 % 5 < 2 { 1.0 } else { 8.0 };
        let (inside, width) = coverage(6000, |t| (level(t), level(t)));
        assert!((inside - 0.9).abs() < 0.02 && (width / (5.2 * WIDTH) - 1.0).abs() < 0.15, "{inside} {width}");
    }

    #[test]
    fn far_ahead_levels_move_with_whole_leads() {
        let (near, far) = (Conformal::new(&[(1.0, 0.001)], 1, 24.0), Conformal::new(&[(1.0, 2.0)], 1, 24.0));
        assert_eq!(near.groups[0].steps, NEAR_STEPS);
        assert_eq!(far.groups[0].steps, FAR_STEPS.map(|step| step / 48.0));
    }

    #[test]
    fn far_ahead_the_size_of_the_latest_near_errors_is_known_at_once() {
        let mut conformal = Conformal::new(&[(1.0, 0.04), (1.0, 1.0)], 24, 24.0);
        let mut dice = Dice::new(5);
        let mut turn = |turn: usize, group: usize, size: f64, conformal: &mut Conformal| {
            let known = conformal.known();
            conformal.observe(Place { group, bin: turn % 24, level: 1.0 }, size * error(&mut dice), &known);
        };
        for t in 0..1000 {
            turn(t, 0, 1.0, &mut conformal);
            turn(t, 1, 1.0, &mut conformal);
        }
        let width = |conformal: &Conformal| {
            let offsets = conformal.known().offsets(Place { group: 1, bin: 0, level: 1.0 });
            interpolate(&offsets, 0.95) - interpolate(&offsets, 0.05)
        };
        let before = width(&conformal);
        // Half a day of large errors near ahead, before any far ahead is in.
        (0..12).for_each(|t| turn(t, 0, 10.0, &mut conformal));
        assert!(width(&conformal) > 1.05 * before, "{} {before}", width(&conformal));
    }

    #[test]
    fn quantiles_never_cross_and_are_interpolated() {
        let mut conformal = Conformal::new(&[(1.0, 0.04)], 1, 24.0);
        let mut dice = Dice::new(9);
        for _ in 0..500 {
            let known = conformal.known();
            conformal.observe(place(0, 1.0), error(&mut dice) + 0.3, &known);
            assert!(conformal.known().offsets(place(0, 1.0)).is_sorted());
        }
        let offsets = conformal.known().offsets(place(0, 1.0));
        let fine: Vec<f64> = (1..1000).map(|i| interpolate(&offsets, f64::from(i) / 1000.0)).collect();
        assert!(fine.is_sorted());
        for (level, quantile) in TRACKED.iter().zip(offsets) {
            assert!((interpolate(&offsets, *level) - quantile).abs() < 1e-12);
        }
    }

    #[test]
    fn what_is_stored_says_the_same() {
        let mut conformal = Conformal::new(&[(1.0, 0.04)], 24, 24.0);
        let mut dice = Dice::new(4);
        for turn in 0..2000 {
            let known = conformal.known();
            conformal.observe(place(turn % 24, 2.0), error(&mut dice), &known);
        }
        let mut restored: Conformal = serde_json::from_str(&serde_json::to_string(&conformal).unwrap()).unwrap();
        restored.remember();
        assert_eq!(restored, conformal);
    }

    #[test]
    fn nothing_but_zeros_keeps_everything_finite() {
        let mut conformal = Conformal::new(&[(0.0, 1.0)], 1, 24.0);
        for turn in 0..200 {
            let known = conformal.known();
            conformal.observe(place(0, 0.1), if turn < 150 { 0.0 } else { 1.0 }, &known);
            let known = conformal.known();
            let size = known.size(place(0, 0.1));
            assert!(size.is_finite() && size > 0.0 && known.offsets(place(0, 0.1)).iter().all(|q| q.is_finite()));
        }
    }
}
