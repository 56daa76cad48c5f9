//! `stormglass_backtest`: models side by side on the user's own series.

use std::collections::BTreeMap;

use forecast_core::backtest::{RollingOrigin, backtest};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use stormglass_integrations::pool;
use stormglass_ops::duration::{Span, SpanError};
use stormglass_ops::job::{self, JobError, JobInputs, Measured, Prepared};
use stormglass_ops::{JobSettings, models};
use tfplugin::diagnostics::{Diagnostic, Diagnostics};
use tfplugin::provider::{Context, DataSource, async_trait};
use tfplugin::schema::{Schema, duration, float64, int64, list, map, nested_list, one_of, string, timestamp};
use tfplugin::validators;
use tfplugin::value::Type;

use crate::attributes::forecast::ModelName;
use crate::attributes::job::settings;
use crate::data_sources::short;
use crate::errors::sentence;
use crate::provider::Shared;
use crate::sources::{SourceModel, source_attribute};

/// The data source.
pub(crate) struct Backtest;

/// The model of configuration and result.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BacktestModel {
    source: SourceModel,
    borrow_from: Option<SourceModel>,
    models: Vec<String>,
    horizon: String,
    stride: Option<String>,
    refit_every: Option<String>,
    step: Option<String>,
    history: Option<String>,
    test_fraction: Option<f64>,
    preset: Option<String>,
    refresh_interval: Option<String>,
    settling: Option<String>,
    time_zone: Option<String>,
    as_of: Option<String>,
    id: Option<String>,
    best: Option<String>,
    results: Option<Vec<ResultModel>>,
}

/// One element of `results`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ResultModel {
    model: String,
    accuracy: f64,
    wape: f64,
    mase: Option<f64>,
    origins: i64,
    coverage: BTreeMap<String, f64>,
}

#[async_trait]
impl DataSource for Backtest {
    type Model = BacktestModel;

    fn name(&self) -> &'static str {
        "stormglass_backtest"
    }

    fn schema(&self) -> Schema {
        Schema::new(
            "Puts models side by side on a series of one's own: each forecasts the last part of it again and again from the past alone, \
             and is scored by what came.",
        )
        .attribute(source_attribute("source").required().describe("Where the load is measured: exactly one kind of source."))
        .attribute(source_attribute("borrow_from").optional().describe(
            "Load of a similar service, for one that is new: it stands in for the history before the first own sample, up to four weeks in all.",
        ))
        .attribute(
            list("models", Type::String)
                .required()
                .validate(validators::items(1, 50))
                .validate(validators::each(ModelName))
                .describe("Names of the models, for example `[\"auto\", \"naive\"]`; `stormglass models` lists them."),
        )
        .attribute(duration("horizon").required().validate(validators::duration_within("1s", "35d")).describe("How far ahead; every step up to it is scored."))
        .attribute(duration("stride").optional().describe("Time between two forecasts; `1h` by default, or the step where that is longer."))
        .attribute(duration("refit_every").optional().describe("Time after which parameters are learned anew; `1d` by default."))
        .attribute(duration("step").optional().describe("Time between two steps; finer data are averaged to it. By default the data's own, at least `5m`."))
        .attribute(duration("history").optional().describe("How much of the past is read; `56d` by default. A stored series is read whole."))
        .attribute(float64("test_fraction").optional().validate(validators::range(0.05, 0.9)).describe("Share of the series, at its end, that is scored; 0.25 by default."))
        .attribute(one_of("preset", ["fast", "standard", "thorough"]).optional().describe("Pool of the model `auto`; `standard` by default."))
        .attribute(duration("refresh_interval").optional().validate(validators::duration_within("5m", "7d")).describe("The history's window moves in steps of this; `6h` by default."))
        .attribute(duration("settling").optional().describe("Time until a measurement is complete; `5m` by default."))
        .attribute(string("time_zone").optional().describe("Time zone that days and weeks follow (IANA name); `UTC` by default."))
        .attribute(timestamp("as_of").optional().describe("Fixed clock, RFC 3339."))
        .attribute(string("id").computed().describe("The models and the end of the history."))
        .attribute(string("best").computed().describe("The model with the least WAPE; of equals the first."))
        .attribute(
            nested_list(
                "results",
                [
                    string("model").computed().describe("The model."),
                    float64("accuracy").computed().describe("1 - WAPE, a fraction."),
                    float64("wape").computed().describe("Sum of absolute errors over sum of absolute loads."),
                    float64("mase").computed().describe("Mean absolute error over that of the seasonal naive method; null for a constant series."),
                    int64("origins").computed().describe("Forecasts that were made and scored."),
                    map("coverage", Type::Number).computed().describe("A level, as text, to the share of loads at or below its quantile."),
                ],
            )
            .computed()
            .describe("One element a model, in the order of `models`."),
        )
    }

    async fn read(&self, cx: &Context, config: BacktestModel) -> Result<BacktestModel, Diagnostics> {
        let settings = job_settings(&config)?;
        let shared = cx.data::<Shared>()?;
        let open = |model: &SourceModel, attribute: &str| {
            let wrong = |reason: String| {
                Diagnostics::from(Diagnostic::error("Load cannot be read", sentence(&reason)).at(attribute))
            };
            let config = model.config().map_err(wrong)?.or_step(settings.forecast.step);
            config.source(&shared.connections).map_err(|e| wrong(e.to_string()))
        };
        let source = open(&config.source, "source")?;
        let similar = config.borrow_from.as_ref().map(|model| open(model, "borrow_from")).transpose()?;
        let inputs = JobInputs { source: source.as_ref(), units: None, borrow_from: similar.as_deref() };
        let measured = tokio::select! {
            measured = job::read(inputs, &settings, Timestamp::now()) => measured.map_err(|e| failed(&e))?,
            _ = cx.cancelled() => return Err(interrupted()),
        };
        let stop = cx.cancellation().clone();
        pool::run(move || score(config, &measured, &settings, &|| stop.is_cancelled()))
            .await
            .map_err(|_| interrupted())?
    }
}

/// Runs every model over the series.
fn score(
    config: BacktestModel,
    measured: &Measured,
    settings: &JobSettings,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> Result<BacktestModel, Diagnostics> {
    let Prepared { series: y, similar, .. } = job::prepare(measured, settings).map_err(|e| failed(&e))?;
    let steps = |attribute: &str, text: Option<&str>, default: &str| -> Result<usize, Diagnostics> {
        let span: Result<Span, _> = text.unwrap_or(default).parse();
        let wrong = |e: SpanError| Diagnostic::error("Invalid value", sentence(&e.to_string())).at(attribute);
        span.map(|span| y.steps_in(span.0)).map_err(|e| wrong(e).into())
    };
    let setup = RollingOrigin {
        stride: steps("stride", config.stride.as_deref(), "1h")?,
        refit_every: steps("refit_every", config.refit_every.as_deref(), "1d")?,
        test_fraction: config.test_fraction.unwrap_or(0.25),
        ..RollingOrigin::new(&y, steps("horizon", Some(&config.horizon), "1h")?)
    };
    let mut results = Vec::with_capacity(config.models.len());
    for (index, name) in config.models.iter().enumerate() {
        let at = |text: String| {
            Diagnostics::from(
                Diagnostic::error("Backtest failed", sentence(&text)).at(format!("models[{index}]").as_str()),
            )
        };
        let model =
            models::forecaster(name, settings.forecast.preset, Some(setup.horizon)).map_err(|e| at(e.to_string()))?;
        let model = models::borrowing(model, similar.clone());
        let scored =
            backtest(model.as_ref(), &y, &setup, &mut (), cancelled).map_err(|e| at(format!("{name}: {e}")))?;
        results.push(ResultModel {
            model: name.clone(),
            accuracy: short(scored.accuracy()),
            wape: short(scored.wape),
            mase: scored.mase.is_finite().then(|| short(scored.mase)),
            origins: i64::try_from(scored.origins.len()).unwrap_or(i64::MAX),
            coverage: scored
                .levels
                .iter()
                .zip(&scored.coverage)
                .map(|(l, c)| (l.probability().to_string(), short(*c)))
                .collect(),
        });
    }
    let best = results.iter().min_by(|a, b| a.wape.total_cmp(&b.wape)).map(|r| r.model.clone());
    let id = Some(format!("{} {}", config.models.join(" "), y.end()));
    Ok(BacktestModel { id, best, results: Some(results), ..config })
}

/// The settings of the main job that reading needs, by name.
fn job_settings(config: &BacktestModel) -> Result<JobSettings, Diagnostics> {
    let named = json!({
        "forecast": { "step": config.step, "history": config.history, "preset": config.preset },
        "refresh_interval": config.refresh_interval,
        "settling": config.settling,
        "time_zone": config.time_zone,
        "as_of": config.as_of,
    });
    settings(&named).map_err(|e| Diagnostics::error("Invalid value", sentence(&e)))
}

/// What was wrong, at the attribute: settings of the forecast and of the load stand at the top here.
fn failed(error: &JobError) -> Diagnostics {
    let setting = error.setting();
    let at = ["forecast.", "load."].iter().find_map(|group| setting.strip_prefix(group)).unwrap_or(&setting);
    let summary = if ["source", "borrow_from"].contains(&at) { "Load cannot be read" } else { "Invalid value" };
    Diagnostic::error(summary, sentence(&error.to_string())).at(at).into()
}

fn interrupted() -> Diagnostics {
    Diagnostics::error("Backtest was interrupted", "Terraform asked to stop, or the computation did not end.")
}
