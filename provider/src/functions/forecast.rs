//! `forecast(values, season_length, horizon)`: a forecast of a short list, in the configuration itself.

use std::time::Duration;

use forecast_core::backtest::{RollingOrigin, backtest};
use forecast_core::{Ahead, Forecaster, Series, grammar};
use jiff::Timestamp;
use tfplugin::provider::{Function, FunctionError, Signature, parameter};
use tfplugin::value::Type;

/// Longest horizon: a list in a configuration is no database.
const MAX_HORIZON: i64 = 10_000;

/// The function.
pub(crate) struct Forecast;

impl Function for Forecast {
    type Arguments = (Vec<f64>, i64, i64);
    type Output = Vec<f64>;

    fn name(&self) -> &'static str {
        "forecast"
    }

    fn signature(&self) -> Signature {
        Signature::new("The next values of a series.", Type::list(Type::Number))
            .describe(
                "Tries `naive`, `drift`, `seasonal_naive` and additive `holt_winters` on the last quarter of the values and \
                 forecasts with the one that would have erred least (by mean absolute error; of equals the simpler). For load \
                 with a clock, with accuracy and quantiles, use the data source `stormglass_capacity_forecast`.",
            )
            .parameter(parameter("values", Type::list(Type::Number)).describe("The series, oldest first, evenly spaced."))
            .parameter(parameter("season_length", Type::Number).describe("Values after which the series repeats itself; 1 for none."))
            .parameter(parameter("horizon", Type::Number).describe("How many values to forecast, 1 to 10,000."))
    }

    fn call(&self, (values, season_length, horizon): Self::Arguments) -> Result<Vec<f64>, FunctionError> {
        if !(1..=MAX_HORIZON).contains(&horizon) {
            return Err(FunctionError::argument(2, format!("horizon is {horizon}; expected 1 to {MAX_HORIZON}.")));
        }
        let season = usize::try_from(season_length).ok().filter(|s| *s >= 1);
        let season = season.ok_or_else(|| {
            FunctionError::argument(1, format!("season_length is {season_length}; expected 1 or more."))
        })?;
        // The step has no meaning here; an hour keeps seasons whole.
        let y = Series::new(Timestamp::UNIX_EPOCH, Duration::from_secs(3_600), values)
            .map_err(|e| FunctionError::argument(0, format!("values: {e}.")))?;
        let horizon = usize::try_from(horizon).unwrap_or(1);
        let model = best(&y, season, horizon)?;
        let fitted = model.fit(&y).map_err(|e| FunctionError::argument(0, format!("values: {e}.")))?;
        let forecast = fitted.forecast(&Ahead::steps(horizon), &[]).map_err(|e| FunctionError::new(format!("{e}.")))?;
        Ok(forecast.point)
    }
}

/// The model with the least mean absolute error in the last quarter; the first one where none can be tried.
fn best(y: &Series, season: usize, horizon: usize) -> Result<Box<dyn Forecaster>, FunctionError> {
    let mut names = vec!["naive".to_owned(), "drift".to_owned()];
    if season > 1 {
        names.push(format!("seasonal_naive[{season}]"));
        names.push(format!("holt_winters(additive)[{season}]"));
    }
    let mut best: Option<(f64, Box<dyn Forecaster>)> = None;
    for name in names {
        let model = grammar::parse(&name).map_err(|e| FunctionError::new(format!("{e}")))?;
        let lead = horizon.min(season.max(2)).min((y.len() / 4).max(1));
        let setup = RollingOrigin { refit_every: y.len(), ..RollingOrigin::new(y, lead) };
        let error = backtest(model.as_ref(), y, &setup, &mut (), &|| false).map_or(f64::INFINITY, |b| b.wape);
        if best.as_ref().is_none_or(|(least, _)| error < *least) {
            best = Some((error, model));
        }
    }
    best.map(|(_, model)| model).ok_or_else(|| FunctionError::new("no model is known"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forecast(values: &[f64], season: i64, horizon: i64) -> Result<Vec<f64>, FunctionError> {
        Forecast.call((values.to_vec(), season, horizon))
    }

    #[test]
    fn what_repeats_itself_goes_on() {
        let values: Vec<f64> = (0..84).map(|i| f64::from(i % 12)).collect();
        assert_eq!(forecast(&values, 12, 3).unwrap(), [0.0, 1.0, 2.0]);
    }

    #[test]
    fn a_straight_line_goes_on() {
        let values: Vec<f64> = (0..40).map(f64::from).collect();
        let next = forecast(&values, 1, 2).unwrap();
        assert!((next[0] - 40.0).abs() < 1e-9 && (next[1] - 41.0).abs() < 1e-9, "{next:?}");
    }

    #[test]
    fn the_argument_at_fault_is_named() {
        assert_eq!(forecast(&[], 1, 1).unwrap_err().argument, Some(0));
        assert_eq!(forecast(&[1.0], 0, 1).unwrap_err().argument, Some(1));
        assert_eq!(forecast(&[1.0], 1, 0).unwrap_err().argument, Some(2));
    }
}
