//! Models by the names that users write.

use forecast_core::{Auto, Forecaster, grammar};

use crate::error::CliError;

/// The model of a name; `season` serves models that name none, `horizon` tells the mixture what to train for.
pub(crate) fn forecaster(
    name: &str,
    season: Option<usize>,
    horizon: Option<usize>,
) -> Result<Box<dyn Forecaster>, CliError> {
    if season == Some(0) {
        return Err(CliError::usage("--season is 0; expected a number of steps, 1 for no season"));
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
