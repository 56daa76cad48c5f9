//! A model by its name, with the effort of a preset.

use forecast_core::auto::{Auto, Preset};
use forecast_core::grammar::{self, GrammarError};
use forecast_core::model::Forecaster;

/// Name of the mixture.
const AUTO: &str = "auto";

/// A name that is no model's.
pub type ModelError = GrammarError;

/// The model of a name; `auto` takes its pool from the preset and is trained for `horizon` steps, a day by default.
///
/// # Errors
/// A text that is no model's name, with the character at fault.
pub fn forecaster(name: &str, preset: Preset, horizon: Option<usize>) -> Result<Box<dyn Forecaster>, ModelError> {
    if name.trim() != AUTO {
        return grammar::parse(name);
    }
    Ok(Box::new(Auto { horizon, preset }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_models() {
        assert_eq!(forecaster("auto", Preset::Fast, Some(12)).unwrap().name(), "auto");
        assert_eq!(forecaster("seasonal_naive[24]", Preset::Fast, None).unwrap().name(), "seasonal_naive[24]");
        assert!(forecaster("crystal_ball", Preset::Fast, None).unwrap_err().to_string().contains("crystal_ball"));
    }
}
