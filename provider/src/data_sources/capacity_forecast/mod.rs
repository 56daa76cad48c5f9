//! `stormglass_capacity_forecast`: the main job up to the capacity plan, read while Terraform plans.

mod model;
mod result;

use std::path::Path;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use stormglass_integrations::connection::Connections;
use stormglass_integrations::memory::{Memory, Remembered};
use stormglass_integrations::pool;
use stormglass_ops::hooks::Hooks;
use stormglass_ops::job::{self, JobError, JobInputs, Scope};
use stormglass_ops::{JobSettings, MetricSource};
use tfplugin::diagnostics::{Diagnostic, Diagnostics};
use tfplugin::provider::{Config, Context, DataSource, ValidateContext, async_trait};
use tfplugin::schema::Schema;
use tfplugin::serve::CancellationToken;

use crate::attributes::job::settings;
use crate::errors::sentence;
use crate::provider::Shared;
use crate::sources::SourceModel;
use model::CapacityForecastModel;

/// The data source.
pub(crate) struct CapacityForecast;

#[async_trait]
impl DataSource for CapacityForecast {
    type Model = CapacityForecastModel;

    fn name(&self) -> &'static str {
        "stormglass_capacity_forecast"
    }

    fn schema(&self) -> Schema {
        model::schema()
    }

    async fn validate(&self, _cx: &ValidateContext, config: &Config) -> Diagnostics {
        let mut found = Diagnostics::new();
        let number = |path: &str| config.get::<f64>(path).ok().and_then(|f| f.into_known());
        if let (Some(min), Some(max)) = (number("capacity.min"), number("capacity.max"))
            && min > max
        {
            found.push(
                Diagnostic::error(
                    "Invalid value",
                    format!("`capacity.min` is {min}; expected at most `capacity.max`, which is {max}."),
                )
                .at("capacity.min"),
            );
        }
        let kind = config.get::<String>("load.kind").ok().and_then(|f| f.into_known());
        let units = config.get::<tfplugin::Value>("load.units").map(|f| f.is_null()).unwrap_or(false);
        if kind.as_deref() == Some("per_unit") && units {
            let detail = "`load.kind` is `per_unit`, but `load.units` is not set; name the source of the unit count, or take a metric \
                          of all units together and `total`.";
            found.push(Diagnostic::error("Missing unit count", detail).at("load.units"));
        }
        found
    }

    async fn read(&self, cx: &Context, config: CapacityForecastModel) -> Result<CapacityForecastModel, Diagnostics> {
        let settings = job_settings(&config)?;
        let connections = &cx.data::<Shared>()?.connections;
        match outcome(cx, &config, &settings, connections).await {
            Ok(remembered) => {
                if let Some(flag) = remembered.flag() {
                    cx.warn(Diagnostic::warning("Forecasts were worse than promised", sentence(&flag)).at("source"));
                }
                if let Some(path) = &config.report_path {
                    let title = Path::new(path).file_stem().map_or("forecast".into(), |s| s.to_string_lossy());
                    stormglass_integrations::report_file::write(Path::new(path), &title, &remembered, &settings)
                        .map_err(|e| {
                            Diagnostics::from(
                                Diagnostic::error("Report cannot be written", sentence(&e.to_string()))
                                    .at("report_path"),
                            )
                        })?;
                }
                result::of(config, &remembered.outcome)
            }
            Err(error) if config.on_source_error.as_deref() == Some("keep") && is_about_the_source(&error) => {
                let reason = error.to_string();
                let detail = format!(
                    "{} `on_source_error` is `keep`: `capacity_plan` is null, and policies keep their schedules.",
                    sentence(&reason)
                );
                cx.warn(Diagnostic::warning("No new forecast", detail).at("source"));
                Ok(CapacityForecastModel { status: Some(reason), ..config })
            }
            Err(error) => Err(diagnostic(&error)),
        }
    }
}

/// Reads with the runtime, computes on the pool.
async fn outcome(
    cx: &Context,
    config: &CapacityForecastModel,
    settings: &JobSettings,
    connections: &Connections,
) -> Result<Remembered, JobError> {
    let load = source(connections, &config.source, "source", settings).map_err(JobError::Source)?;
    let of_load = |model: Option<&SourceModel>, attribute: &str| {
        model.map(|model| source(connections, model, attribute, settings)).transpose()
    };
    let more = config.load.as_ref();
    let units = of_load(more.and_then(|l| l.units.as_ref()), "load.units").map_err(JobError::Units)?;
    let similar = of_load(more.and_then(|l| l.borrow_from.as_ref()), "load.borrow_from").map_err(JobError::Similar)?;
    let inputs = JobInputs { source: load.as_ref(), units: units.as_deref(), borrow_from: similar.as_deref() };
    let measured = tokio::select! {
        measured = job::read(inputs, settings, Timestamp::now()) => measured?,
        _ = cx.cancelled() => return Err(JobError::Cancelled),
    };
    let (settings, hooks) = (settings.clone(), Stop(cx.cancellation().clone()));
    let decided =
        pool::run(move || Memory::from_environment().decide(&measured, &settings, &Scope::default(), &hooks)).await;
    decided.unwrap_or(Err(JobError::Cancelled))
}

fn source(
    connections: &Connections,
    model: &SourceModel,
    attribute: &str,
    settings: &JobSettings,
) -> Result<Box<dyn MetricSource>, stormglass_ops::SourceError> {
    let wrong = |reason: String| stormglass_ops::SourceError::Setting { setting: attribute.to_owned(), reason };
    model.config().map_err(wrong)?.or_step(settings.forecast.step).source(connections)
}

/// Stops the computation when Terraform wants to stop.
struct Stop(CancellationToken);

impl Hooks for Stop {
    fn cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// The settings of the main job, by name.
fn job_settings(config: &CapacityForecastModel) -> Result<JobSettings, Diagnostics> {
    let mut all = serde_json::to_value(config).unwrap_or_default();
    let mut take = |name: &str| all.get_mut(name).map(Value::take).unwrap_or_default();
    let mut out = Map::new();
    for name in ["load", "forecast", "capacity", "refresh_interval", "settling", "time_zone", "events", "as_of"] {
        out.insert(name.to_owned(), take(name));
    }
    if let Some(load) = out.get_mut("load").and_then(Value::as_object_mut) {
        load.remove("units");
        load.remove("borrow_from");
    }
    if let Some(preset) = &config.preset {
        let forecast = out.entry("forecast").or_insert(Value::Null);
        if forecast.is_null() {
            *forecast = json!({});
        }
        forecast["preset"] = json!(preset);
    }
    settings(&out).map_err(|e| Diagnostics::error("Invalid value", sentence(&e)))
}

/// Whether the source is at fault, so that there may be a forecast again later without a change of settings.
fn is_about_the_source(error: &JobError) -> bool {
    matches!(
        error,
        JobError::Source(_)
            | JobError::Units(_)
            | JobError::Similar(_)
            | JobError::SimilarClean(_)
            | JobError::Clean { .. }
            | JobError::Stale { .. }
            | JobError::Load(_)
    )
}

fn diagnostic(error: &JobError) -> Diagnostics {
    let (summary, advice) = match error {
        error if is_about_the_source(error) => (
            "Load cannot be read",
            "\n\nTo keep the schedule in force meanwhile, set `on_source_error = \"keep\"`; to destroy without reading, run \
             `terraform destroy -refresh=false`.",
        ),
        JobError::LowAccuracy { .. } => ("Forecast is not accurate enough", ""),
        JobError::Cancelled => ("Forecast was interrupted", ""),
        JobError::Setting { .. } | JobError::Model(_) => ("Invalid value", ""),
        _ => ("No forecast", ""),
    };
    Diagnostic::error(summary, format!("{}{advice}", sentence(&error.to_string()))).at(error.setting().as_str()).into()
}
