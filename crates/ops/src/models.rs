//! A model by its name, with the effort of a preset, and with a similar service's load to learn from.

use forecast_core::auto::{Auto, Preset};
use forecast_core::grammar::{self, GrammarError};
use forecast_core::model::Forecaster;
use forecast_core::{Borrowing, Series};

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

/// The model that learns from a similar service's load, too, if there is one.
pub fn borrowing(model: Box<dyn Forecaster>, similar: Option<Series>) -> Box<dyn Forecaster> {
    match similar {
        Some(similar) => Box::new(Borrowing::new(model, similar)),
        None => model,
    }
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
