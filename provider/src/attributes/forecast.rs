//! `forecast`: how the load is forecast.

use serde::{Deserialize, Serialize};
use tfplugin::schema::{Attribute, duration, float64, list, nested, one_of, string};
use tfplugin::validators;
use tfplugin::value::Type;

/// The model of `forecast`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ForecastModel {
    pub(crate) model: Option<String>,
    pub(crate) horizon: Option<String>,
    pub(crate) step: Option<String>,
    pub(crate) history: Option<String>,
    pub(crate) levels: Option<Vec<f64>>,
    pub(crate) minimum_accuracy: Option<f64>,
    pub(crate) minimum_skill: Option<f64>,
    pub(crate) on_low_accuracy: Option<String>,
}

/// The attribute `forecast`.
pub(crate) fn forecast_attribute() -> Attribute {
    nested(
        "forecast",
        [
            model_attribute("model").describe(
                "Name of the model, `auto` by default: a mixture of methods, weighted by how well each did lately. \
                 `stormglass models` lists the others.",
            ),
            duration("horizon")
                .optional()
                .validate(validators::duration_within("1h", "35d"))
                .describe("How far ahead; `7d` by default."),
            duration("step")
                .optional()
                .validate(validators::duration_within("1s", "1d"))
                .describe("Time between two forecast steps; finer data are averaged to it. By default the data's own, at least `5m`."),
            duration("history")
                .optional()
                .validate(validators::duration_within("1h", "800d"))
                .describe("How much of the past is read; `56d` by default. A stored series is read whole."),
            list("levels", Type::Number)
                .optional()
                .validate(validators::each(validators::range(0.001, 0.999)))
                .describe("Probabilities of the `quantiles` to return, for example `[0.1, 0.5, 0.9]`; none by default, to keep the state small."),
            float64("minimum_accuracy").optional().validate(validators::range(0.0, 1.0)).describe(
                "Least accuracy (1 - WAPE of the backtest, a fraction) at which the forecast is used; see `on_low_accuracy`.",
            ),
            float64("minimum_skill").optional().validate(validators::range(-1.0, 1.0)).describe(
                "Least gain over the best naive method in the backtest (1 - WAPE / WAPE of the naive) at which the forecast is used.",
            ),
            one_of("on_low_accuracy", ["reactive_floor", "fail"]).optional().describe(
                "What happens below `minimum_accuracy` or `minimum_skill`: `reactive_floor` (the default) plans `min` units and \
                 leaves the rest to the reactive autoscaler, `fail` is an error.",
            ),
        ],
    )
    .optional()
    .describe("How the load is forecast.")
}

/// A text that is a name in the grammar of models.
pub(crate) fn model_attribute(name: &str) -> Attribute {
    string(name).optional().validate(ModelName)
}

/// Accepts what [`forecast_core::grammar`] accepts, and shows where a name goes wrong.
pub(crate) struct ModelName;

impl validators::Validator for ModelName {
    fn describe(&self) -> String {
        "a model's name, such as `auto` or `seasonal_naive[168]`".into()
    }

    fn check(&self, cx: &validators::Validate<'_>) -> tfplugin::diagnostics::Diagnostics {
        let tfplugin::value::Value::String(text) = cx.value else { return tfplugin::diagnostics::Diagnostics::new() };
        match forecast_core::grammar::check(text) {
            Ok(()) => tfplugin::diagnostics::Diagnostics::new(),
            Err(error) => cx.invalid(&self.describe(), &format!("`{text}`.\n\n{error}")),
        }
    }

    fn examples(&self) -> Vec<tfplugin::value::Value> {
        vec!["auto".into(), "naive".into()]
    }
}
