//! Guard: a forecast that did badly on the past is not planned by.

use super::outcome::BacktestSummary;
use crate::settings::ForecastSettings;

/// A bound that was missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missed {
    /// Path of the bound.
    pub(crate) setting: &'static str,
    /// What was found and what was expected.
    pub(crate) reason: String,
}

/// The first bound that the backtest misses; `saves` is whether the replay needed no more than a fixed size.
pub(crate) fn missed(
    settings: &ForecastSettings,
    backtest: Option<&BacktestSummary>,
    saves: Option<bool>,
) -> Option<Missed> {
    let accuracy = backtest.map(|b| b.accuracy);
    let skill = backtest.and_then(|b| b.skill);
    below("forecast.minimum_accuracy", "accuracy", settings.minimum_accuracy, accuracy)
        .or_else(|| below("forecast.minimum_skill", "skill", settings.minimum_skill, skill))
        .or_else(|| {
            let reason = "a replay of the past needed more units by timetables than a fixed size would have taken";
            (saves == Some(false)).then(|| Missed { setting: "forecast", reason: reason.into() })
        })
}

fn below(setting: &'static str, what: &str, least: Option<f64>, found: Option<f64>) -> Option<Missed> {
    let least = least?;
    let reason = match found {
        Some(found) if found >= least => return None,
        Some(found) => format!("{what} on the past is {found:.3}, below the {least} asked for"),
        None => format!("{what} on the past is unknown, as the history is too short; at least {least} is asked for"),
    };
    Some(Missed { setting, reason })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::duration::Span;

    fn backtest(accuracy: f64, skill: Option<f64>) -> BacktestSummary {
        BacktestSummary {
            model: "auto".into(),
            origins: 20,
            from_lead: Span::seconds(300),
            to_lead: Span::seconds(43_500),
            wape: 1.0 - accuracy,
            wape_95: 1.0,
            accuracy,
            naive: None,
            naive_wape: None,
            skill,
            mase: 1.0,
            coverage: BTreeMap::new(),
        }
    }

    fn check(accuracy: Option<f64>, skill: Option<f64>, found: Option<&BacktestSummary>, setting: Option<&str>) {
        let settings =
            ForecastSettings { minimum_accuracy: accuracy, minimum_skill: skill, ..ForecastSettings::default() };
        assert_eq!(missed(&settings, found, Some(true)).map(|m| m.setting), setting);
    }

    #[test]
    fn bounds_are_kept_or_named() {
        let good = backtest(0.9, Some(0.1));
        check(None, None, None, None);
        check(Some(0.9), Some(0.1), Some(&good), None);
        check(Some(0.91), None, Some(&good), Some("forecast.minimum_accuracy"));
        check(Some(0.8), Some(0.2), Some(&good), Some("forecast.minimum_skill"));
        check(Some(0.8), None, None, Some("forecast.minimum_accuracy"));
        check(None, Some(0.0), Some(&backtest(0.9, None)), Some("forecast.minimum_skill"));
    }

    #[test]
    fn timetables_that_save_nothing_are_no_use() {
        assert!(missed(&ForecastSettings::default(), None, None).is_none());
        assert!(missed(&ForecastSettings::default(), None, Some(false)).is_some());
    }
}
