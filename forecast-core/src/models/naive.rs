//! Naive methods: the last value, the mean, the value a season ago, and that value scaled to the present level.
//!
//! Source: Hyndman & Athanasopoulos, FPP3, section 5.2. Levelled: season x (1 + (r - 1) exp(-k step / 6 h)), k counted
//! from 0, r the mean of the last three hours over the same hours a season ago, kept within 0.25 and 4.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rule::{Past, Rule};
use crate::season;
use crate::series::Series;

/// Time in which the scale of a levelled forecast falls to 1/e of its distance from 1, in seconds.
const LEVEL_DECAY: f64 = 21_600.0;
/// Time over which the present level is taken.
const LEVEL_WINDOW: Duration = Duration::from_secs(10_800);
/// Bounds of the scale.
const LEVEL_BOUNDS: (f64, f64) = (0.25, 4.0);

/// The last observation, carried forward.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Naive;

impl Rule for Naive {
    fn name(&self) -> String {
        "naive".into()
    }

    fn observations(&self) -> usize {
        1
    }

    fn settled(&self, _y: &Series) -> Self {
        *self
    }

    fn point(&self, past: &Past, origin: usize, out: &mut [f64]) {
        out.fill(past.last_before(origin).1);
    }

    fn parameters(&self, past: &Past) -> BTreeMap<String, f64> {
        BTreeMap::from([("level".into(), past.last_before(past.series().len()).1)])
    }
}

/// The mean of the last values, or of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mean {
    /// Steps that it is taken over; `None` is all.
    pub window: Option<usize>,
}

impl Rule for Mean {
    fn name(&self) -> String {
        self.window.map_or_else(|| "mean".into(), |window| format!("mean[{window}]"))
    }

    fn observations(&self) -> usize {
        1
    }

    fn settled(&self, _y: &Series) -> Self {
        *self
    }

    fn point(&self, past: &Past, origin: usize, out: &mut [f64]) {
        let from = self.window.map_or(0, |window| origin.saturating_sub(window.max(1)));
        out.fill(past.mean(from, origin).unwrap_or_else(|| past.last_before(origin).1));
    }

    fn parameters(&self, past: &Past) -> BTreeMap<String, f64> {
        let mut level = [0.0];
        self.point(past, past.series().len(), &mut level);
        BTreeMap::from([("level".into(), level[0])])
    }
}

/// The value a season ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SeasonalNaive {
    /// Steps of a season; `None` takes a week, or a day where less than two weeks were seen.
    pub season_length: Option<usize>,
}

impl Rule for SeasonalNaive {
    fn name(&self) -> String {
        with_season("seasonal_naive", self.season_length)
    }

    fn observations(&self) -> usize {
        self.season_length.unwrap_or(1)
    }

    fn settled(&self, y: &Series) -> Self {
        Self { season_length: Some(self.season_length.unwrap_or_else(|| season::usual(y))) }
    }

    fn point(&self, past: &Past, origin: usize, out: &mut [f64]) {
        let season = self.season_length.unwrap_or(1);
        for (k, out) in out.iter_mut().enumerate() {
            *out = a_season_ago(past, origin, k, season);
        }
    }

    fn parameters(&self, _past: &Past) -> BTreeMap<String, f64> {
        BTreeMap::from([("season_length".into(), self.season_length.unwrap_or(1) as f64)])
    }
}

/// The value a season ago, scaled to the level of the last three hours; the scale fades with the lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SeasonalNaiveLevelled {
    /// Steps of a season; `None` takes a week, or a day where less than two weeks were seen.
    pub season_length: Option<usize>,
}

impl SeasonalNaiveLevelled {
    /// The present level over that of a season ago.
    fn ratio(&self, past: &Past, origin: usize) -> f64 {
        let window = past.series().steps_in(LEVEL_WINDOW);
        let now = past.mean(origin.saturating_sub(window), origin);
        let then = past.clock().before(origin, self.season_length.unwrap_or(1));
        let then = then.and_then(|at| past.mean(at.checked_sub(window)?, at));
        match (now, then) {
            (Some(now), Some(then)) if then > 0.0 && now >= 0.0 => (now / then).clamp(LEVEL_BOUNDS.0, LEVEL_BOUNDS.1),
            _ => 1.0,
        }
    }
}

impl Rule for SeasonalNaiveLevelled {
    fn name(&self) -> String {
        with_season("seasonal_naive_levelled", self.season_length)
    }

    fn observations(&self) -> usize {
        self.season_length.unwrap_or(1)
    }

    fn settled(&self, y: &Series) -> Self {
        Self { season_length: Some(self.season_length.unwrap_or_else(|| season::usual(y))) }
    }

    fn point(&self, past: &Past, origin: usize, out: &mut [f64]) {
        let season = self.season_length.unwrap_or(1);
        let ratio = self.ratio(past, origin);
        let step = past.series().step().as_secs() as f64;
        for (k, out) in out.iter_mut().enumerate() {
            let fade = libm::exp(-(k as f64) * step / LEVEL_DECAY);
            *out = a_season_ago(past, origin, k, season) * (1.0 + (ratio - 1.0) * fade);
        }
    }

    fn parameters(&self, past: &Past) -> BTreeMap<String, f64> {
        let ratio = self.ratio(past, past.series().len());
        BTreeMap::from([
            ("season_length".into(), self.season_length.unwrap_or(1) as f64),
            ("level_ratio".into(), ratio),
        ])
    }
}

/// The value of lead `k` (from 0) one season ago by the wall clock; the last one where the past is too short.
fn a_season_ago(past: &Past, origin: usize, k: usize, season: usize) -> f64 {
    match past.clock().season_before(origin + k, origin, season, 0) {
        Some(at) => past.value(at),
        None => past.last_before(origin).1,
    }
}

/// A model's name with its season, if that is known.
pub(super) fn with_season(name: &str, season_length: Option<usize>) -> String {
    season_length.map_or_else(|| name.into(), |m| format!("{name}[{m}]"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_point, hourly, hourly_with_gaps};
    use super::*;
    use crate::model::{Ahead, Forecaster};

    #[test]
    fn the_last_observation_goes_on() {
        check_point(&Naive, &hourly_with_gaps(&[Some(1.0), Some(4.0), None]), &[4.0, 4.0]);
    }

    #[test]
    fn means_leave_gaps_out() {
        let y = hourly_with_gaps(&[Some(1.0), Some(2.0), None, Some(6.0)]);
        check_point(&Mean { window: None }, &y, &[3.0, 3.0]);
        check_point(&Mean { window: Some(3) }, &y, &[4.0]);
    }

    #[test]
    fn seasons_repeat() {
        let y = hourly(&[9.0, 1.0, 2.0, 3.0]);
        check_point(&SeasonalNaive { season_length: Some(3) }, &y, &[1.0, 2.0, 3.0, 1.0]);
        let short = SeasonalNaive { season_length: Some(5) }.fit(&y);
        assert!(matches!(short, Err(crate::FitError::TooShort { needed: 5, got: 4, .. })));
    }

    #[test]
    fn a_doubled_level_fades_back_to_the_season() {
        let mut values = vec![10.0; 48];
        values[45..].fill(20.0);
        let y = hourly(&values);
        let model = SeasonalNaiveLevelled { season_length: Some(24) };
        let fade = |k: f64| 1.0 + libm::exp(-k / 6.0);
        check_point(&model, &y, &[10.0 * fade(0.0), 10.0 * fade(1.0), 10.0 * fade(2.0)]);
        let far = model.fit(&y).unwrap().forecast(&Ahead::steps(24), &[]).unwrap();
        assert!((far.point[23] - 20.0 * fade(23.0)).abs() < 1e-12);
    }

    #[test]
    fn the_level_keeps_its_bounds() {
        let mut values = vec![10.0; 48];
        values[45..].fill(1000.0);
        let model = SeasonalNaiveLevelled { season_length: Some(24) };
        check_point(&model, &hourly(&values), &[40.0]);
        values[45..].fill(0.0);
        check_point(&model, &hourly(&values), &[2.5]);
    }

    #[test]
    fn without_a_season_given_the_calendar_says_one() {
        let y = hourly(&vec![1.0; 400]);
        assert_eq!(SeasonalNaive::default().fit(&y).unwrap().name(), "seasonal_naive[168]");
        let y = hourly(&vec![1.0; 60]);
        assert_eq!(SeasonalNaive::default().fit(&y).unwrap().name(), "seasonal_naive[24]");
    }
}
