//! Models by the names that users write.

use forecast_core::{Auto, Forecaster, grammar};

use crate::error::CliError;

/// Longest season in steps: a year of half-minutes.
const LONGEST_SEASON: usize = 1_051_200;

/// The model of a name; `season` serves models that name none, `horizon` tells the mixture what to train for.
pub(crate) fn forecaster(
    name: &str,
    season: Option<usize>,
    horizon: Option<usize>,
) -> Result<Box<dyn Forecaster>, CliError> {
    if let Some(season) = season.filter(|season| !(1..=LONGEST_SEASON).contains(season)) {
        let expected = format!("a number of steps from 1, for no season, to {LONGEST_SEASON}");
        return Err(CliError::Usage(format!("--season is {season}; expected {expected}")));
    }
    let parsed = grammar::parse_with_season(name, season)
        .map_err(|error| CliError::Usage(format!("{error}\n  `stormglass models` lists all of them")))?;
    match horizon {
        Some(horizon) if parsed.name() == "auto" => Ok(Box::new(Auto::for_horizon(horizon))),
        _ => Ok(parsed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_models() {
        assert_eq!(forecaster("auto", None, Some(24)).unwrap().name(), "auto");
        assert_eq!(forecaster("seasonal_naive", Some(24), None).unwrap().name(), "seasonal_naive[24]");
        let error = forecaster("seasonal_navie", None, None).unwrap_err().to_string();
        assert!(error.contains('^') && error.contains("seasonal_naive"), "{error}");
        assert!(forecaster("naive", Some(0), None).is_err());
    }
}
