//! Profiles: the median of the values at the same time of earlier days or weeks, smoothed over half an hour.
//!
//! The median of several seasons ignores what happened only once; the window takes noise out that no season repeats.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::naive::with_season;
use super::rule::{Past, Rule};
use crate::math;
use crate::season;
use crate::series::Series;

/// Half the width of the smoothing window.
const SMOOTHING: Duration = Duration::from_secs(900);
/// Seconds of a week: of seasons so long fewer are looked back at.
const WEEK: u64 = 7 * 86_400;
/// Seasons of less than a week, and of a week or more, that the median is over.
const SEASONS: (usize, usize) = (7, 4);

/// The median of the last seasons at the same time of the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// Steps of a season, or which one.
    pub season: ProfileSeason,
}

/// Season of a profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ProfileSeason {
    /// A week, or a day where less than two weeks were seen.
    #[default]
    Usual,
    /// A day.
    Daily,
    /// A week.
    Weekly,
    /// So many steps.
    Steps(usize),
}

impl Profile {
    /// Steps of the season once it is settled.
    fn steps(&self) -> usize {
        if let ProfileSeason::Steps(steps) = self.season { steps.max(1) } else { 1 }
    }
}

impl Rule for Profile {
    fn name(&self) -> String {
        match self.season {
            ProfileSeason::Usual => "profile".into(),
            ProfileSeason::Daily => "profile(daily)".into(),
            ProfileSeason::Weekly => "profile(weekly)".into(),
            ProfileSeason::Steps(steps) => with_season("profile", Some(steps)),
        }
    }

    fn observations(&self) -> usize {
        self.steps()
    }

    fn settled(&self, y: &Series) -> Self {
        let steps = match self.season {
            ProfileSeason::Usual => season::usual(y),
            ProfileSeason::Daily => y.steps_in(Duration::from_secs(86_400)),
            ProfileSeason::Weekly => y.steps_in(Duration::from_secs(WEEK)),
            ProfileSeason::Steps(steps) => steps,
        };
        Self { season: ProfileSeason::Steps(steps.max(1)) }
    }

    fn point(&self, past: &Past, origin: usize, out: &mut [f64]) {
        let (y, season) = (past.series(), self.steps());
        let half = (SMOOTHING.as_secs() / y.step().as_secs()) as usize;
        let long = season as u64 * y.step().as_secs() >= WEEK;
        let seasons = if long { SEASONS.1 } else { SEASONS.0 };
        let mut found = Vec::with_capacity(seasons);
        for (k, out) in out.iter_mut().enumerate() {
            found.clear();
            for extra in 0..seasons {
                let Some(at) = past.clock().season_before(origin + k, origin, season, extra) else { break };
                found.extend(past.mean(at.saturating_sub(half), (at + half + 1).min(origin)));
            }
            *out = math::median(&mut found).unwrap_or_else(|| past.last_before(origin).1);
        }
    }

    fn parameters(&self, _past: &Past) -> BTreeMap<String, f64> {
        BTreeMap::from([("season_length".into(), self.steps() as f64)])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_point, hourly};
    use super::*;

    #[test]
    fn the_median_ignores_one_odd_day() {
        let mut values: Vec<f64> = (0..96).map(|t| f64::from(t % 24)).collect();
        values[80] = 500.0;
        let y = hourly(&values);
        check_point(
            &Profile { season: ProfileSeason::Daily },
            &y,
            &(0..30).map(|t| f64::from(t % 24)).collect::<Vec<_>>(),
        );
    }

    #[test]
    fn names_say_the_season() {
        let daily = Profile { season: ProfileSeason::Daily };
        assert_eq!(Rule::name(&daily), "profile(daily)");
        assert_eq!(Rule::name(&daily.settled(&hourly(&[1.0; 30]))), "profile[24]");
    }
}
