//! The simple experts of the mixture: naive methods, levelled ones and profiles.
//!
//! Each is a function of the past alone, so that its forecast at any past origin can be had without a fit.

use serde::{Deserialize, Serialize};

use super::history::History;
use super::weeks;

/// Time constant at which a levelled forecast returns to its season, in seconds.
pub(super) const LEVEL_DECAY: f64 = 21_600.0;
/// Seconds over which the present level is taken.
pub(super) const LEVEL_WINDOW: u64 = 10_800;

/// Steps over which daily data have their long level.
const DAYS_OF_A_WEEK: usize = 7;

/// A simple expert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Simple {
    /// The last value.
    Last,
    /// The mean of the last seconds.
    Recent(u64),
    /// The value a season ago.
    Season(Season),
    /// The value a season ago, scaled to the level of the last hours; the scale fades with the lead.
    Levelled(Season),
    /// The median of earlier days of the same kind, which are learned.
    KindProfile,
    /// The same, scaled to the level of the last day and, fading with the lead, of the last hours.
    LevelledKind,
    /// The median of the last weeks, each in its own level, scaled to the level of the last day or of the last week and,
    /// fading with the lead, of the last hours.
    LevelledWeeks(Season),
    /// Double seasonal smoothing.
    Smoothed,
}

/// Which season.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Season {
    /// A day of steps.
    Day,
    /// A week of steps; of data coarser than a day, a year.
    Week,
}

impl Season {
    /// Steps of this season.
    pub(crate) fn steps(self, history: &History) -> usize {
        match self {
            Self::Day => history.day,
            Self::Week => history.week,
        }
    }
}

impl Simple {
    /// What it is, for people.
    pub(crate) fn name(self, history: &History) -> String {
        match self {
            Self::Last => "naive".into(),
            Self::Recent(seconds) => format!("mean[{}]", history.steps_in(seconds)),
            Self::Season(season) => format!("seasonal_naive[{}]", season.steps(history)),
            Self::Levelled(season) => format!("levelled[{}]", season.steps(history)),
            Self::KindProfile => "profile[kind of day]".into(),
            Self::LevelledKind => "levelled profile[kind of day]".into(),
            Self::LevelledWeeks(Season::Day) => format!("levelled profile[{},{}]", history.week, history.day),
            Self::LevelledWeeks(Season::Week) => format!("levelled profile[{}]", history.week),
            Self::Smoothed if history.has_day() => format!("smoothed[{},{}]", history.day, history.week),
            Self::Smoothed => format!("smoothed[{}]", history.week),
        }
    }

    /// Whether enough was seen for it to differ from simpler ones.
    pub(crate) fn awake(self, history: &History, origin: usize) -> bool {
        match self {
            Self::Last | Self::Recent(_) => true,
            Self::Season(season) => origin >= season.steps(history),
            Self::Levelled(season) => origin >= season.steps(history) + history.steps_in(LEVEL_WINDOW),
            Self::KindProfile => origin >= 3 * history.day,
            Self::LevelledKind => origin >= 4 * history.day,
            Self::LevelledWeeks(_) => origin >= 2 * history.week,
            Self::Smoothed => origin >= history.week + history.day,
        }
    }

    /// Forecasts of the steps from `origin` on, one a lead, from what lies before it.
    pub(crate) fn forecast(self, history: &History, origin: usize, out: &mut [f64]) {
        match self {
            Self::Last => out.fill(history.values[origin - 1]),
            Self::Recent(seconds) => out.fill(history.mean(origin, history.steps_in(seconds))),
            Self::Season(season) => {
                let steps = season.steps(history);
                each(out, |k| seasonal(history, origin, k, steps));
            }
            Self::Levelled(season) => levelled(history, origin, season.steps(history), out),
            Self::Smoothed => history.smoothing_ahead(origin, out),
            Self::LevelledWeeks(level) => weeks::forecast(history, origin, level.steps(history), out),
            Self::LevelledKind => levelled_kind(history, origin, out),
            Self::KindProfile => each(out, |k| {
                let found =
                    history.kind_profile(origin + k, origin).or_else(|| history.day_profile(origin + k, origin));
                found.unwrap_or_else(|| history.clipped[origin - 1])
            }),
        }
    }
}

fn each(out: &mut [f64], value: impl Fn(usize) -> f64) {
    for (k, out) in out.iter_mut().enumerate() {
        *out = value(k);
    }
}

/// The value a season ago; before a whole season was seen, a day ago, and else the last value.
pub(super) fn seasonal(history: &History, origin: usize, k: usize, season: usize) -> f64 {
    let at = history
        .season_before(origin + k, origin, season, 0)
        .or_else(|| history.season_before(origin + k, origin, history.day, 0));
    history.clipped[at.unwrap_or(origin - 1)]
}

/// The kind profile, times the last day over its profile, times what the last hours add to that, fading.
fn levelled_kind(history: &History, origin: usize, out: &mut [f64]) {
    Simple::KindProfile.forecast(history, origin, out);
    let ratio = |count: usize| {
        let (now, then) = (history.mean(origin, count), history.mean_kind_profile(origin, count));
        if then > 0.0 && now >= 0.0 { (now / then).clamp(0.25, 4.0) } else { 1.0 }
    };
    let long = ratio(if history.has_day() { history.day } else { DAYS_OF_A_WEEK });
    let short = ratio(history.steps_in(LEVEL_WINDOW));
    let decay = libm::exp(-(history.step as f64) / LEVEL_DECAY);
    let mut fade = 1.0;
    for out in out.iter_mut() {
        *out *= long + (short - long) * fade;
        fade *= decay;
    }
}

/// Last season times 1 + (r - 1) exp(-k step / 6 h), r the last three hours over the same hours a season ago.
fn levelled(history: &History, origin: usize, season: usize, out: &mut [f64]) {
    let window = history.steps_in(LEVEL_WINDOW);
    let reference = [season, history.day]
        .iter()
        .find_map(|lag| history.days_before(origin, lag / history.day).filter(|at| *at >= window))
        .map(|at| history.mean(at, window));
    let now = history.mean(origin, window);
    let ratio = match reference {
        Some(then) if then > 0.0 && now >= 0.0 => (now / then).clamp(0.25, 4.0),
        _ => 1.0,
    };
    let decay = libm::exp(-(history.step as f64) / LEVEL_DECAY);
    let mut fade = 1.0;
    for (k, out) in out.iter_mut().enumerate() {
        *out = seasonal(history, origin, k, season) * (1.0 + (ratio - 1.0) * fade);
        fade *= decay;
    }
}
