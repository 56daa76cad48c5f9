//! Which seasons a load has: candidates from the calendar, each with the strength that the data show.
//!
//! Strength: 1 - var(remainder) / var(season + remainder), as in Wang, Smith & Hyndman (2006), Data Mining and Knowledge
//! Discovery 13, 335-364, less what a season of so many values explains of pure noise. Spikes are cut first, and
//! a longer season counts only for what the shorter ones leave.

use std::time::Duration;

use crate::math;
use crate::series::Series;

/// Candidate seasons in seconds, with their names.
const CANDIDATES: [(&str, u64); 4] = [("hour", 3600), ("day", 86_400), ("week", 7 * 86_400), ("year", 31_556_952)];
/// How often a season has to be seen to be looked for.
const FEWEST_CYCLES: usize = 2;
/// Distance from the median, in median absolute deviations, at which values are cut.
const CUT: f64 = 8.0;
/// Longest season that smoothing takes without being told: of a longer one each start state would rest on a few values.
const LONGEST_SMOOTHED: usize = 400;

/// A season and how strong it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Season {
    /// Name: hour, day, week or year.
    pub name: &'static str,
    /// Steps of one cycle.
    pub season_length: usize,
    /// Share of the variance that it explains, from 0 (none) to 1.
    pub strength: f64,
}

/// Seasons of the calendar that fit the step and were seen at least twice, shortest first.
pub fn detect(y: &Series) -> Vec<Season> {
    let mut rest = detrended(y);
    // What rounding leaves of a season that explains everything is no season.
    let nothing = 1e-20 * variance(&rest);
    let mut out = Vec::new();
    for (name, seconds) in CANDIDATES {
        let season_length = y.steps_in(Duration::from_secs(seconds));
        let whole = seconds >= 2 * y.step().as_secs();
        if !whole || y.len() < FEWEST_CYCLES * season_length {
            continue;
        }
        let before = variance(&rest);
        let means = cycle_means(&rest, season_length);
        for (t, value) in rest.iter_mut().enumerate() {
            if let Some(value) = value {
                *value -= means[t % season_length];
            }
        }
        let count = rest.iter().flatten().count().max(1) as f64;
        let by_chance = (season_length as f64 / count).min(0.95);
        let explained = if before > nothing { 1.0 - variance(&rest) / before } else { 0.0 };
        let strength = ((explained - by_chance) / (1.0 - by_chance)).clamp(0.0, 1.0);
        out.push(Season { name, season_length, strength });
    }
    out
}

/// The season that naive methods take without being told: a week once two were seen, else a day; 1 if neither fits.
pub fn usual(y: &Series) -> usize {
    let (day, week) = (y.steps_in(Duration::from_secs(86_400)), y.steps_in(Duration::from_secs(7 * 86_400)));
    if week > 1 && y.len() >= 2 * week {
        week
    } else if day > 1 && y.len() >= 2 * day {
        day
    } else {
        1
    }
}

/// The season that smoothing takes without being told: the longest strong one of a size that it can carry.
pub fn strongest(y: &Series) -> usize {
    let found = detect(y);
    let fits =
        |s: &&Season| s.season_length > 1 && s.season_length <= LONGEST_SMOOTHED && y.len() > 2 * s.season_length;
    let strong = found.iter().filter(fits).filter(|s| s.strength >= 0.3).max_by_key(|s| s.season_length);
    let any = || found.iter().filter(fits).max_by(|a, b| a.strength.total_cmp(&b.strength));
    strong.or_else(any).map_or(1, |s| s.season_length)
}

/// Values with spikes cut, less a straight line through the medians of the two halves.
fn detrended(y: &Series) -> Vec<Option<f64>> {
    let seen: Vec<Option<f64>> = (0..y.len()).map(|t| y.observation(t)).collect();
    let mut all: Vec<f64> = seen.iter().flatten().copied().collect();
    let Some(middle) = math::median(&mut all) else { return seen };
    let mut off: Vec<f64> = all.iter().map(|v| (v / 2.0 - middle / 2.0).abs()).collect();
    let largest = off.iter().copied().fold(0.0, f64::max);
    let mad = 2.0 * math::median(&mut off).unwrap_or(0.0);
    let cut = if mad > 0.0 { CUT * mad } else { 2.0 * largest };
    // Divided by the cut, so that squares stay within the range of a double.
    let unit = if cut > 0.0 && cut.is_finite() { cut } else { f64::MAX };
    let mut cut: Vec<Option<f64>> =
        seen.iter().map(|v| v.map(|v| (v / unit - middle / unit).clamp(-1.0, 1.0))).collect();
    let half = cut.len() / 2;
    let median_of = |part: &[Option<f64>]| math::median(&mut part.iter().flatten().copied().collect::<Vec<_>>());
    if let (Some(early), Some(late)) = (median_of(&cut[..half]), median_of(&cut[half..])) {
        let slope = (late - early) / (half.max(1)) as f64;
        for (t, value) in cut.iter_mut().enumerate() {
            if let Some(value) = value {
                *value -= slope * t as f64;
            }
        }
    }
    cut
}

fn variance(values: &[Option<f64>]) -> f64 {
    let count = values.iter().flatten().count().max(1) as f64;
    let mean = values.iter().flatten().sum::<f64>() / count;
    values.iter().flatten().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count
}

fn cycle_means(values: &[Option<f64>], season_length: usize) -> Vec<f64> {
    let mut sums = vec![(0.0, 0usize); season_length];
    for (t, value) in values.iter().enumerate() {
        if let Some(value) = value {
            sums[t % season_length].0 += value;
            sums[t % season_length].1 += 1;
        }
    }
    sums.into_iter().map(|(sum, count)| sum / count.max(1) as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::testing::hourly;
    use crate::paths::Dice;

    fn check_found(value: impl Fn(usize) -> f64, expected: &[(&str, bool)]) {
        let mut dice = Dice::new(5);
        let y = hourly(&(0..1344).map(|t| value(t) + dice.unit()).collect::<Vec<_>>());
        let strong: Vec<(&str, bool)> = detect(&y).iter().map(|s| (s.name, s.strength > 0.3)).collect();
        assert_eq!(strong, expected, "{:?}", detect(&y));
    }

    #[test]
    fn noise_has_no_season() {
        check_found(|_| 0.0, &[("day", false), ("week", false)]);
    }

    #[test]
    fn a_day_is_not_taken_for_a_week() {
        check_found(|t| (t % 24) as f64, &[("day", true), ("week", false)]);
    }

    #[test]
    fn a_quiet_weekend_is_a_week() {
        check_found(|t| if t / 24 % 7 >= 5 { 0.0 } else { (t % 24) as f64 }, &[("day", true), ("week", true)]);
    }

    #[test]
    fn one_spike_hides_no_season() {
        check_found(|t| if t == 700 { 1e6 } else { (t % 24) as f64 }, &[("day", true), ("week", false)]);
    }

    #[test]
    fn defaults_follow_what_was_seen() {
        let day = |n: usize| hourly(&(0..n).map(|t| (t % 24) as f64).collect::<Vec<_>>());
        assert_eq!((usual(&day(20)), usual(&day(60)), usual(&day(336))), (1, 24, 168));
        assert_eq!((strongest(&day(20)), strongest(&day(60)), strongest(&day(1344))), (1, 24, 24));
    }

    #[test]
    fn huge_values_and_constants_do_no_harm() {
        for value in [1e300, 0.0, -1e-300] {
            let found = detect(&hourly(&[value; 400]));
            assert!(found.iter().all(|s| s.strength == 0.0), "{found:?}");
        }
    }
}
