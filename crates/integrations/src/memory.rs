//! The main job's computation with what this machine remembers: results computed before, and forecasts made before.
//!
//! What is remembered never changes a result: the same question has the same answer on every machine. It saves time, and
//! it lets people see what was forecast and what came.

use std::collections::BTreeMap;

use forecast_core::Level;
use stormglass_ops::JobSettings;
use stormglass_ops::hooks::Hooks;
use stormglass_ops::job::{self, JobError, Measured, Outcome, Scope};

use crate::archive::{Anchor, Archive, Expected, Made, TrackRecord};
use crate::cache::{Cache, Key};

/// Forecasts looked at for the flag, and how many of them have to be worse than the backtest promised.
const LAST: usize = 4;
const WORSE: usize = 3;

/// What this machine remembers.
#[derive(Debug, Clone)]
pub struct Memory {
    cache: Cache,
    archive: Option<Archive>,
}

/// An outcome, and how the forecasts made before it did.
#[derive(Debug, Clone)]
pub struct Remembered {
    /// What the main job found.
    pub outcome: Outcome,
    /// How earlier forecasts of this series did; `None` where there were none, or nothing was measured since.
    pub record: Option<TrackRecord>,
}

impl Memory {
    /// The user's, as the environment says; see [`Cache::from_environment`] and [`Archive::from_environment`].
    pub fn from_environment() -> Self {
        Self { cache: Cache::from_environment(), archive: Archive::from_environment() }
    }

    /// The decision of the main job, computed or remembered; the forecast is archived.
    ///
    /// # Errors
    /// As [`job::decide`]. What cannot be remembered is no failure.
    pub fn decide(
        &self,
        measured: &Measured,
        settings: &JobSettings,
        scope: &Scope,
        hooks: &dyn Hooks,
    ) -> Result<Remembered, JobError> {
        let key = Key::of(&(measured, settings, scope)).ok();
        let outcome = match key.as_ref().and_then(|key| self.cache.get(key)) {
            Some(outcome) => outcome,
            None => {
                let outcome = job::decide(measured, settings, scope, hooks)?;
                key.iter().for_each(|key| self.cache.put(key, &outcome));
                outcome
            }
        };
        let record = self.record(&outcome, settings);
        Ok(Remembered { outcome, record })
    }

    /// Archives the forecast, and holds those before it against the history; nothing where that cannot be.
    fn record(&self, outcome: &Outcome, settings: &JobSettings) -> Option<TrackRecord> {
        let archive = self.archive.as_ref()?;
        let id = serde_json::to_string(&(&outcome.source, &settings.load, outcome.history.step())).ok()?;
        let record = archive.record(&id, &outcome.history).ok().flatten();
        // Without a home that can be written nothing is kept.
        let _ = archive.append(&id, &made(outcome));
        record
    }
}

impl Remembered {
    /// A warning where the last forecasts were worse than 95 % of those in the backtest.
    pub fn flag(&self) -> Option<String> {
        let (record, backtest) = (self.record.as_ref()?, self.outcome.backtest.as_ref()?);
        let worse = worse_of_the_last(&record.one_by_one, backtest.wape_95)?;
        Some(format!(
            "{worse} of the last {LAST} forecasts were off by more than {:.1} % of the load, which 95 % of those in the \
             backtest were not; the load may have changed for good: look at it, and consider a shorter `forecast.history`",
            100.0 * backtest.wape_95
        ))
    }
}

/// How many of the last forecasts were above the bound, if they are so many that chance is no excuse.
fn worse_of_the_last(one_by_one: &[f64], bound: f64) -> Option<usize> {
    let last = &one_by_one[one_by_one.len().checked_sub(LAST)?..];
    Some(last.iter().filter(|wape| **wape > bound).count()).filter(|worse| *worse >= WORSE)
}

/// The forecast as it is archived: as far as a timetable lives, with the band.
fn made(outcome: &Outcome) -> Made {
    let (forecast, y) = (&outcome.forecast, &outcome.history);
    let lives = outcome.backtest.as_ref().map_or(forecast.horizon(), |b| y.steps_in(b.to_lead.0));
    let bounds: Vec<(String, Vec<f64>)> =
        [0.1, 0.9].iter().filter_map(|p| Some((p.to_string(), forecast.quantile(Level::new(*p).ok()?)?))).collect();
    let expected = |i: usize| Expected {
        time: forecast.time(i),
        forecast: forecast.point[i],
        quantiles: bounds.iter().map(|(level, values)| (level.clone(), values[i])).collect::<BTreeMap<_, _>>(),
    };
    let last = (0..y.len()).rev().find_map(|i| Some(Anchor { time: y.time(i), value: y.observation(i)? }));
    Made {
        origin: forecast.start,
        model: outcome.plan.model.clone(),
        anchor: last,
        points: (0..forecast.horizon().min(lives)).map(expected).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_bad_forecasts_in_a_row_are_no_chance() {
        let of = |wapes: &[f64]| worse_of_the_last(wapes, 0.2);
        assert_eq!(of(&[0.9, 0.9, 0.9]), None, "too few to say");
        assert_eq!(of(&[0.9, 0.9, 0.9, 0.1, 0.1]), None, "those long ago do not count");
        assert_eq!(of(&[0.1, 0.9, 0.2, 0.9, 0.9]), Some(3));
        assert_eq!(of(&[0.9; 6]), Some(4));
    }
}
