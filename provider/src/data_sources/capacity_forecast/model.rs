//! The attributes of `stormglass_capacity_forecast` and their Rust model.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tfplugin::schema::{
    Attribute, Schema, duration, float64, int64, map, nested, nested_list, nested_map, one_of, string, timestamp,
};
use tfplugin::validators;
use tfplugin::value::Type;

use crate::attributes::capacity::{CapacityModel, capacity_attribute};
use crate::attributes::capacity_plan::{CapacityPlanModel, Role, capacity_plan_attribute};
use crate::attributes::forecast::{ForecastModel, forecast_attribute};
use crate::attributes::load::{LoadModel, load_attribute};
use crate::sources::{SourceModel, source_attribute};

/// The model of configuration and result.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CapacityForecastModel {
    pub(crate) source: SourceModel,
    pub(crate) load: Option<LoadModel>,
    pub(crate) forecast: Option<ForecastModel>,
    pub(crate) capacity: CapacityModel,
    pub(crate) preset: Option<String>,
    pub(crate) refresh_interval: Option<String>,
    pub(crate) settling: Option<String>,
    pub(crate) time_zone: Option<String>,
    pub(crate) events: Option<Vec<EventModel>>,
    pub(crate) as_of: Option<String>,
    pub(crate) on_source_error: Option<String>,
    pub(crate) report_path: Option<String>,

    pub(crate) id: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) capacity_plan: Option<CapacityPlanModel>,
    pub(crate) steps: Option<Vec<StepModel>>,
    pub(crate) quantiles: Option<Vec<QuantileModel>>,
    pub(crate) quiet_windows: Option<Vec<WindowModel>>,
    pub(crate) model: Option<String>,
    pub(crate) accuracy: Option<f64>,
    pub(crate) skill: Option<f64>,
    pub(crate) backtest: Option<BacktestModel>,
    pub(crate) savings: Option<BTreeMap<String, SavingsModel>>,
    pub(crate) origin: Option<String>,
    pub(crate) valid_until: Option<String>,
    pub(crate) per_unit: Option<f64>,
}

/// One element of `events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventModel {
    pub(crate) name: String,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) factor: Option<f64>,
}

/// One element of `steps`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StepModel {
    pub(crate) time: String,
    pub(crate) units: i64,
    pub(crate) reason: String,
}

/// One element of `quantiles`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct QuantileModel {
    pub(crate) time: String,
    pub(crate) values: BTreeMap<String, f64>,
}

/// One element of `quiet_windows`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct WindowModel {
    pub(crate) from: String,
    pub(crate) to: String,
}

/// `backtest`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct BacktestModel {
    pub(crate) origins: i64,
    pub(crate) wape: f64,
    pub(crate) naive_wape: Option<f64>,
    pub(crate) from_lead: String,
    pub(crate) to_lead: String,
    pub(crate) coverage: BTreeMap<String, f64>,
}

/// One entry of `savings`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavingsModel {
    pub(crate) unit_hours: f64,
    pub(crate) slo: f64,
    pub(crate) cost: Option<f64>,
}

/// The schema of the data source.
pub(crate) fn schema() -> Schema {
    Schema::new(
        "Forecasts load from its past and turns the forecast into a timetable of units. It is read while Terraform plans; within \
         one `refresh_interval` the result is the same on every machine. Hand `capacity_plan` to a \
         `stormglass_predictive_scaling_policy`, which shows it in the plan's text and puts it in force.",
    )
    .attribute(source_attribute("source").required().describe("Where the load is measured: exactly one kind of source."))
    .attribute(load_attribute())
    .attribute(forecast_attribute())
    .attribute(capacity_attribute())
    .attributes(settings())
    .attributes(results())
}

fn settings() -> Vec<Attribute> {
    vec![
        one_of("preset", ["fast", "standard", "thorough"]).optional().describe(
            "Pool of the model `auto` and effort of the backtest. `fast`: naive methods and profiles, at most 50 backtest origins, 50 \
             joint paths. `standard` (the default): four direct regressions and MSTL besides, 120 origins, 200 paths. `thorough`: six \
             regressions, learned anew each day of the backtest rather than each week, 400 origins, 500 paths.",
        ),
        duration("refresh_interval").optional().validate(validators::duration_within("5m", "7d")).describe(
            "The history's window moves in steps of this (default `6h`), so that plans in between are empty.",
        ),
        duration("settling").optional().validate(validators::duration_within("0s", "1d")).describe(
            "Time until a measurement is complete (default `5m`); the window ends this much before the refresh.",
        ),
        string("time_zone").optional().validate(TimeZoneName).describe("Time zone that days and weeks follow (IANA name); `UTC` by default."),
        nested_list(
            "events",
            [
                string("name").required().describe("Name; events of one name are taken to have one effect."),
                timestamp("from").required().describe("First instant, RFC 3339."),
                timestamp("to").required().describe("First instant after it, RFC 3339."),
                float64("factor").optional().validate(validators::range(0.0, 1000.0)).describe(
                    "Factor on the usual load while it lasts; left out, the model `prophet` learns the effect from earlier events of the name, and others leave it alone.",
                ),
            ],
        )
        .optional()
        .describe("Times that are unlike others: sales, releases, holidays; of the past and to come."),
        timestamp("as_of").optional().describe(
            "Fixed clock for stored data, RFC 3339; a source of stored data uses the end of its last sample where it is not set.",
        ),
        one_of("on_source_error", ["fail", "keep"]).optional().describe(
            "When the source cannot be read: `fail` (the default), or `keep`: `capacity_plan` is null, `status` says why, and the policy \
             keeps the schedule that it has.",
        ),
        string("report_path").optional().describe("Where to write the report, one HTML file. It is written while reading, that is while planning."),
    ]
}

fn results() -> Vec<Attribute> {
    let from = || timestamp("from").computed().describe("First instant.");
    let to = || timestamp("to").computed().describe("First instant after it.");
    vec![
        string("id").computed().describe("Fingerprint of settings and history; equal results have equal ones."),
        string("status").computed().describe("`ok`, or why there is no forecast."),
        capacity_plan_attribute(Role::Computed).computed().describe("All that a policy needs."),
        nested_list(
            "steps",
            [
                timestamp("time").computed().describe("From when on."),
                int64("units").computed().describe("Units from then on."),
                string("reason").computed().describe("Why."),
            ],
        )
        .computed()
        .describe("The timetable for `for_each` and machines."),
        nested_list(
            "quantiles",
            [
                timestamp("time").computed().describe("Time of the forecast step."),
                map("values", Type::Number).computed().describe("A level, as text, to the load that is not exceeded with this probability."),
            ],
        )
        .computed()
        .describe("The forecast at `forecast.levels`; null where none is asked for."),
        nested_list("quiet_windows", [from(), to()]).computed().describe("When load is low: the time for maintenance and experiments."),
        string("model").computed().describe("The model that made the forecast."),
        float64("accuracy").computed().describe(
            "1 - WAPE of such forecasts on the past, a fraction, over the leads that the refresh interval lives on; null without enough history.",
        ),
        float64("skill").computed().describe("Gain over the best naive method in the same backtest, 1 - WAPE / WAPE of the naive."),
        nested(
            "backtest",
            [
                int64("origins").computed().describe("Forecasts that were made and scored."),
                float64("wape").computed().describe("Sum of absolute errors over sum of absolute loads."),
                float64("naive_wape").computed().describe("The same of the best naive method."),
                duration("from_lead").computed().describe("Shortest lead scored."),
                duration("to_lead").computed().describe("Longest lead scored."),
                map("coverage", Type::Number).computed().describe("A level, as text, to the share of loads at or below its quantile."),
            ],
        )
        .computed()
        .describe("How such forecasts did on the past."),
        nested_map(
            "savings",
            [
                float64("unit_hours").computed().describe("Billed unit-hours."),
                float64("slo").computed().describe("Share of the load that arrived while supply was below demand."),
                float64("cost").computed().describe("Cost, where units are priced."),
            ],
        )
        .computed()
        .describe("Replay over the last part of the history: `ours`, `static` (the highest demand all the time), `hpa` (a reactive autoscaler)."),
        timestamp("origin").computed().describe("First instant planned."),
        timestamp("valid_until").computed().describe("End of the timetable."),
        float64("per_unit").computed().describe("Load that one unit serves at full utilization, as set or as learned."),
    ]
}

/// Accepts IANA names.
struct TimeZoneName;

impl validators::Validator for TimeZoneName {
    fn describe(&self) -> String {
        "the IANA name of a time zone, such as `Europe/Berlin`".into()
    }

    fn check(&self, cx: &validators::Validate<'_>) -> tfplugin::Diagnostics {
        match cx.value {
            tfplugin::Value::String(name) if stormglass_ops::schedule::time_zone(name).is_err() => {
                cx.invalid(&self.describe(), &cx.found())
            }
            _ => tfplugin::Diagnostics::new(),
        }
    }

    fn examples(&self) -> Vec<tfplugin::Value> {
        vec!["UTC".into()]
    }
}
