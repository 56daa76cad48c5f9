//! Capacity: from forecasts of the load to a timetable of units, through guard rails in a fixed order.
//!
//! 1. *need*: the quantile at `level` of each load, divided by what a unit serves; the largest of all loads;
//! 2. *warm-up*: asked for so much earlier that it serves when needed;
//! 3. *overrides*: floors set by hand;
//! 4. *min* and *max*: no fewer, no more, whatever was asked for above;
//! 5. *freeze windows*, *ramps* and *dwell*: no change inside a window, no large one, no two close to each other. Each only
//!    raises, and they are repeated until none finds anything to do;
//! 6. *compaction*: the cheapest timetable with as many changes as `max_changes` and the target allow.
//!
//! Nothing after `max` lowers any instant, so that what the rails need is always there. `paused` passes all of it over.

pub mod demand;

mod compaction;
mod dwell;
mod freeze;
mod overrides;
mod ramp;
mod risk;
pub(crate) mod runs;
#[cfg(test)]
mod tests;
mod warm_up;
mod week;

use forecast_core::{Forecast, Paths, Series};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::capacity_plan::{After, Step};
use crate::ports::Limits;
use crate::settings::{AfterKind, CapacitySettings, Form};
use compaction::Compaction;
pub use demand::units_for_load;
use ramp::Ramp;
use runs::{Runs, Stretch, Why};

/// Changes a day that a timetable has at most, where `max_changes` is not set: more can hardly be read.
const CHANGES_PER_DAY: usize = 12;
/// Changes that a timetable has at most, where `max_changes` is not set, so that the state stays small.
const MOST_CHANGES: usize = 100;
/// Runs among which the cheapest are chosen exactly; more are first thinned by a longer dwell, so that time stays bounded.
const MOST_COMPARED: usize = 2_000;
/// Least time between two changes, in seconds: timetables are in whole minutes.
const LEAST_SPACING: u64 = 60;

/// One load and what a unit serves of it.
#[derive(Debug, Clone, Copy)]
pub struct Load<'a> {
    /// Its forecast; the level that is provisioned for must be among its quantiles.
    pub forecast: &'a Forecast,
    /// Joint courses of the same steps, for the risk.
    pub paths: Option<&'a Paths>,
    /// The past, for the typical week where the forecast is shorter.
    pub history: Option<&'a Series>,
    /// Load that one unit serves at full utilization.
    pub per_unit: f64,
}

/// What a timetable is made for.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The loads; each instant gets the units of the largest need. The first says from when to when.
    pub loads: &'a [Load<'a>],
    /// Time zone of weekly steps.
    pub time_zone: &'a TimeZone,
    /// What the target can hold.
    pub limits: &'a Limits,
    /// Units there are before the first instant, where they are known.
    pub prior_units: Option<u32>,
}

/// A timetable with what follows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Timetable {
    /// Change points, in order; the first at the first instant.
    pub steps: Vec<Step>,
    /// End of the last step.
    pub until: Timestamp,
    /// What follows the end.
    pub after: After,
    /// Billed unit-hours up to the end.
    pub unit_hours: f64,
    /// Their cost, where units are priced.
    pub cost: Option<f64>,
    /// Expected share of the load that arrives while supply is below demand, where joint paths are known.
    pub risk: Option<f64>,
    /// What a person should know.
    pub warnings: Vec<String>,
}

/// Why no timetable could be made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CapacityError {
    /// No load, or one without a step.
    #[error("there is no load to plan for; expected a forecast of at least one step")]
    Empty,
    /// A level that was not forecast.
    #[error("level {wanted} is above all levels forecast ({levels:?}); forecast it too")]
    Level {
        /// Level to provision for.
        wanted: f64,
        /// Levels at hand.
        levels: Vec<f64>,
    },
    /// A forecast that is no number.
    #[error("the forecast {lead} steps ahead is {value}; expected a finite number")]
    NotFinite {
        /// Steps ahead, from 1.
        lead: usize,
        /// What it is.
        value: f64,
    },
    /// A load per unit that is no load.
    #[error("per_unit is {got}; expected the load that one unit serves, above 0")]
    PerUnit {
        /// What it is.
        got: f64,
    },
    /// Settings that contradict each other.
    #[error("{setting} is {found}; expected {expected}")]
    Setting {
        /// Which setting of `capacity`.
        setting: &'static str,
        /// What it is.
        found: String,
        /// What it may be.
        expected: String,
    },
}

/// Makes the timetable of the forecast's steps; pure.
///
/// # Errors
/// Settings out of range, a level that was not forecast, a forecast that is not finite.
pub fn plan(request: &Request<'_>, settings: &CapacitySettings) -> Result<Timetable, CapacityError> {
    check(settings)?;
    let mut needs = Vec::new();
    for load in request.loads {
        needs.extend(demand::needs(load, settings)?);
    }
    make(request, settings, needs, Why::Forecast)
}

/// The timetable of the same time without a forecast: `min`, and what was set by hand.
///
/// # Errors
/// Settings out of range.
pub fn fallback(request: &Request<'_>, settings: &CapacitySettings) -> Result<Timetable, CapacityError> {
    check(settings)?;
    make(request, settings, Vec::new(), Why::Fallback)
}

fn make(
    request: &Request<'_>,
    settings: &CapacitySettings,
    needs: Vec<Stretch>,
    basis: Why,
) -> Result<Timetable, CapacityError> {
    let Some(first) = request.loads.first().filter(|l| l.forecast.horizon() > 0) else {
        return Err(CapacityError::Empty);
    };
    let (start, until) = (first.forecast.start, first.forecast.time(first.forecast.horizon()));
    let (from, end) = (start.as_second(), until.as_second());
    let mut warnings = over_max(&needs, settings.max);
    let rails = Rails::new(request, settings);
    let by_forecast = basis == Why::Forecast;
    let asked;
    let guarded = if settings.paused {
        asked = Runs::constant(from, end, 0, basis);
        hold(from, end, &needs, request.prior_units, settings)
    } else {
        let units = if by_forecast { 0 } else { settings.min };
        asked = Runs::constant(from, end, units, basis).raised(warm_up::asked_for(needs, rails.warm_up));
        rails.guard(asked.clone())
    };
    let (most, weekly) = (most_changes(settings, request.limits, end - from), settings.form == Form::Weekly);
    let needs_week = weekly || settings.after == AfterKind::Weekly;
    // What was set by hand for a time is no part of a typical week.
    let plain = CapacitySettings { overrides: Vec::new(), ..settings.clone() };
    let usual = || {
        if settings.paused || settings.overrides.is_empty() || weekly {
            guarded.clone()
        } else {
            Rails::new(request, &plain).guard(asked)
        }
    };
    let week =
        needs_week.then(|| week::typical(&usual(), request, settings, &rails, most.min(MOST_CHANGES), by_forecast));
    let (runs, after) = match (week, settings.after) {
        (Some(week), _) if weekly => (week.expand(from, end, request.time_zone), After::Weekly { steps: week.steps() }),
        (Some(week), _) => (rails.compact(&guarded, most), After::Weekly { steps: week.steps() }),
        (None, AfterKind::Restore) => (rails.compact(&guarded, most), After::Restore),
        (None, _) => (rails.compact(&guarded, most), After::Hold),
    };
    if let Some(prior) = request.prior_units
        && !settings.paused
        && rails.frozen_at(from)
        && runs.at(from) > prior
    {
        let units = runs.at(from);
        warnings.push(format!("{start} lies in a freeze window, but {units} units are needed and {prior} are there"));
    }
    let unit_hours = runs.unit_seconds() as f64 / 3_600.0;
    Ok(Timetable {
        steps: runs.as_slice().iter().map(step).collect(),
        until,
        after,
        unit_hours,
        cost: settings.cost_per_unit_hour.map(|price| price * unit_hours),
        risk: risk::expected(&runs, request.loads, settings),
        warnings,
    })
}

/// What is there, or the most that is needed where that is not known.
fn hold(from: i64, end: i64, needs: &[Stretch], prior: Option<u32>, settings: &CapacitySettings) -> Runs {
    let peak = || needs.iter().map(|s| s.units).max().unwrap_or_default().clamp(settings.min, settings.max);
    Runs::constant(from, end, prior.unwrap_or_else(peak), Why::Paused)
}

fn step(run: &runs::Run) -> Step {
    let from = Timestamp::from_second(run.from).unwrap_or(Timestamp::MAX);
    Step { from, units: run.units, reason: run.why.text() }
}

/// Most steps of a timetable of so many seconds.
fn most_changes(settings: &CapacitySettings, limits: &Limits, seconds: i64) -> usize {
    let days = runs::seconds_between(0, seconds).div_ceil(86_400).max(1) as usize;
    let most = settings.max_changes.unwrap_or_else(|| (days * CHANGES_PER_DAY).min(MOST_CHANGES));
    most.min(limits.max_steps.unwrap_or(usize::MAX)).max(1)
}

fn over_max(needs: &[Stretch], max: u32) -> Vec<String> {
    let over: Vec<&Stretch> = needs.iter().filter(|s| s.units > max).collect();
    let Some(worst) = over.iter().max_by_key(|s| (s.units, std::cmp::Reverse(s.from))) else { return Vec::new() };
    let at = Timestamp::from_second(worst.from).unwrap_or(Timestamp::MAX);
    let hours = over.iter().map(|s| runs::seconds_between(s.from, s.to)).sum::<u64>() as f64 / 3_600.0;
    vec![format!(
        "up to {} units are needed at {at}, but max is {max}; for {hours:.1} hours the load is not covered",
        worst.units
    )]
}

fn check(settings: &CapacitySettings) -> Result<(), CapacityError> {
    let wrong = |setting, found: String, expected: &str| {
        Err(CapacityError::Setting { setting, found, expected: expected.to_owned() })
    };
    let shares = [
        ("target_utilization", settings.target_utilization),
        ("slo_utilization", settings.slo_utilization),
        ("scale_up_at", settings.scale_up_at),
        ("scale_down_at", settings.scale_down_at),
    ];
    for (name, share) in shares {
        if !(share > 0.0 && share <= 1.0) {
            return wrong(name, share.to_string(), "a fraction above 0, at most 1");
        }
    }
    if !(settings.level > 0.0 && settings.level < 1.0) {
        return wrong("level", settings.level.to_string(), "a probability between 0 and 1, both excluded");
    }
    if settings.scale_down_at >= settings.scale_up_at {
        return wrong("scale_down_at", settings.scale_down_at.to_string(), "less than scale_up_at");
    }
    if settings.max == 0 {
        return wrong("max", "0".into(), "at least 1");
    }
    if settings.min > settings.max {
        return wrong("min", settings.min.to_string(), &format!("at most max, which is {}", settings.max));
    }
    if settings.max_changes == Some(0) {
        return wrong("max_changes", "0".into(), "at least 1; to change nothing, set paused");
    }
    for (name, ramp) in [("ramp_up", settings.ramp_up), ("ramp_down", settings.ramp_down)] {
        if ramp == Some(0) {
            return wrong(name, "0".into(), "at least 1; leave it out for no limit");
        }
    }
    if let Some(o) = settings.overrides.iter().find(|o| o.from >= o.to) {
        return wrong("overrides", format!("from {} to {}", o.from, o.to), "`from` before `to`");
    }
    if let Some(w) = settings.freeze_windows.iter().find(|w| w.from >= w.to) {
        return wrong("freeze_windows", format!("from {} to {}", w.from, w.to), "`from` before `to`");
    }
    Ok(())
}

/// The guard rails with their settings in seconds.
#[derive(Debug, Clone)]
struct Rails<'a> {
    settings: &'a CapacitySettings,
    warm_up: i64,
    ramp: Ramp,
    freezes: Vec<(i64, i64)>,
    prior: Option<u32>,
}

impl<'a> Rails<'a> {
    fn new(request: &Request<'_>, settings: &'a CapacitySettings) -> Self {
        let spacing = settings.dwell.as_secs().max(request.limits.min_spacing_seconds).max(LEAST_SPACING);
        // Whole minutes keep every change on the grid of minutes.
        let spacing = i64::try_from(spacing.div_ceil(60) * 60).unwrap_or(i64::MAX / 4);
        Self {
            settings,
            warm_up: i64::try_from(settings.warm_up.as_secs()).unwrap_or(i64::MAX / 4),
            ramp: Ramp { up: settings.ramp_up, down: settings.ramp_down, spacing },
            freezes: freeze::windows(&settings.freeze_windows),
            prior: request.prior_units,
        }
    }

    /// The same for a week that recurs: freeze windows have a date, and what is there now is not there each week.
    fn recurring(&self) -> Self {
        Self { freezes: Vec::new(), prior: None, ..self.clone() }
    }

    fn frozen_at(&self, second: i64) -> bool {
        freeze::forbids(&self.freezes, second)
    }

    /// Overrides, limits, and then the rails on changes.
    fn guard(&self, asked: Runs) -> Runs {
        let (start, end) = (asked.start(), asked.end());
        let floor = Stretch { from: start, to: end, units: self.settings.min, why: Why::Min };
        let mut floors = overrides::floors(&self.settings.overrides);
        floors.push(floor);
        self.settle(asked.raised(floors).capped(self.settings.max))
    }

    /// Repeats the rails on changes until none has anything to do. Each raises the sum of unit-seconds, which the most
    /// units of all bound, so that this ends.
    fn settle(&self, mut runs: Runs) -> Runs {
        let prior = self.prior.map(|p| p.min(self.settings.max));
        loop {
            let mut next = runs.raised(freeze::held(&runs, &self.freezes, prior));
            next = next.raised(self.ramp.stairs(&next, prior));
            next = dwell::spaced(&next, self.ramp.spacing, |t| !self.frozen_at(t));
            if next == runs {
                return runs;
            }
            runs = next;
        }
    }

    /// At most `most` runs; ramps that a merge has made too high are climbed anew, with fewer changes if need be.
    fn compact(&self, runs: &Runs, most: usize) -> Runs {
        if runs.as_slice().len() <= most {
            return runs.clone();
        }
        let (mut coarse, mut spacing) = (runs.clone(), self.ramp.spacing);
        while coarse.as_slice().len() > MOST_COMPARED.max(most) {
            spacing = spacing.saturating_mul(2);
            coarse = dwell::spaced(&coarse, spacing, |t| !self.frozen_at(t));
        }
        let compaction = Compaction::new(&coarse, most);
        for count in (1..=most).rev() {
            let compacted = compaction.at_most(count);
            if self.ramp.holds(&compacted) {
                return compacted;
            }
            let settled = self.settle(compacted);
            if settled.as_slice().len() <= most {
                return settled;
            }
        }
        Runs::constant(runs.start(), runs.end(), runs.peak(), Why::MaxChanges)
    }
}
