//! `stormglass_chaos_experiment`: one run of an experiment; each change of a setting is another run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use stormglass_chaos::experiment::Step;
use stormglass_chaos::{Outcome, Report};
use stormglass_integrations::report_file;
use tfplugin::diagnostics::{Diagnostic, Diagnostics};
use tfplugin::model::Field;
use tfplugin::provider::{Config, Context, Failure, PlanContext, Resource, ValidateContext, async_trait};
use tfplugin::schema::{
    Attribute, Schema, Timeouts, boolean, float64, int64, list, map, nested_list, one_of, string, timeouts,
};
use tfplugin::value::Type;

use crate::attributes::experiment::{ExperimentModel, experiment_attributes};
use crate::chaos::{self, Setting};
use crate::provider::Shared;

/// The resource.
pub(crate) struct ChaosExperiment;

/// The model of configuration, plan and state.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ChaosExperimentModel {
    #[serde(flatten)]
    experiment: ExperimentModel,
    triggers: Option<BTreeMap<String, String>>,
    journal_dir: Option<String>,
    report_path: Option<String>,
    dry_run: Option<bool>,
    on_failure: Option<String>,
    timeouts: Option<Timeouts>,
    id: Field<String>,
    outcome: Field<String>,
    reason: Field<String>,
    started: Field<String>,
    ended: Field<String>,
    detection_seconds: Field<f64>,
    recovery_seconds: Field<f64>,
    would_touch: Field<Vec<String>>,
    faults: Field<Vec<FaultModel>>,
    probes: Field<Vec<ProbeModel>>,
    journal: Field<String>,
}

/// One element of `faults`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FaultModel {
    name: String,
    injected: Option<String>,
    undone: Option<String>,
    error: Option<String>,
}

/// One element of `probes`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ProbeModel {
    name: String,
    passed: i64,
    failed: i64,
}

#[async_trait]
impl Resource for ChaosExperiment {
    type Model = ChaosExperimentModel;

    fn name(&self) -> &'static str {
        "stormglass_chaos_experiment"
    }

    fn schema(&self) -> Schema {
        let mut schema = Schema::new(
            "Breaks something on purpose inside a declared blast radius, proves that the steady state comes back, and leaves \
             nothing broken. Each create is one run; a change of any setting or of `triggers` is another run. The state is locked \
             while it runs: keep experiments in a state of their own.",
        );
        let own = [
            map("triggers", Type::String).optional().describe("Any values; a change runs the experiment again."),
            string("journal_dir").optional().describe(
                "Folder of the journal, one that outlives a restart of the machine. Without it the journal lies in the user's \
                 state folder, and faults that somebody has to undo are refused.",
            ),
            string("report_path").optional().describe("File for the report of the run, one HTML page with a timeline."),
            boolean("dry_run").optional().describe("Touch nothing; `would_touch` says what would be touched."),
            one_of("on_failure", ["error", "warn"]).optional().describe(
                "What an outcome other than `passed` does. `error`, the default, fails the apply and leaves the run tainted, so \
                 that the next apply runs it again; `warn` records it, and the next apply runs nothing.",
            ),
        ];
        for attribute in experiment_attributes().into_iter().chain(own) {
            schema = schema.attribute(attribute.requires_replace());
        }
        for attribute in results() {
            schema = schema.attribute(attribute.computed());
        }
        schema.attribute(timeouts())
    }

    async fn validate(&self, _: &ValidateContext, config: &Config) -> Diagnostics {
        // What is not known yet is checked in the plan.
        let Ok(model) = config.model::<ChaosExperimentModel>() else { return Diagnostics::new() };
        model.experiment.read(None).err().unwrap_or_default()
    }

    fn plan(
        &self,
        cx: &PlanContext<ChaosExperimentModel>,
        mut plan: ChaosExperimentModel,
    ) -> Result<ChaosExperimentModel, Diagnostics> {
        chaos::supported()?;
        if cx.prior().is_none() {
            let experiment = plan.experiment.read(None)?;
            plan.would_touch = Field::Unknown;
            cx.warn(will_run(&experiment.title, &experiment.method, plan.dry_run == Some(true)));
        }
        Ok(plan)
    }

    async fn create(
        &self,
        cx: &Context,
        plan: ChaosExperimentModel,
    ) -> Result<ChaosExperimentModel, Failure<ChaosExperimentModel>> {
        let limit = plan.timeouts.as_ref().and_then(|t| t.create.as_deref());
        let experiment = plan.experiment.read(limit)?;
        let allowed = cx.data::<Shared>()?.allowed.clone();
        let setting = Setting { journal_folder: plan.journal_dir.as_ref().map(Into::into), allowed };
        let id = crate::resources::new_id()?;
        if plan.dry_run == Some(true) {
            let touches = chaos::dry_run(&experiment, setting)?;
            let steps = experiment.method.iter().zip(&touches).map(|(step, touch)| touched(&step.name, &touch.plan));
            return Ok(ChaosExperimentModel { would_touch: Field::Known(steps.collect()), ..dry(plan, id) });
        }
        let report = chaos::run(cx, experiment, setting, None).await?;
        let model = ran(plan, id, &report);
        if let Some(Err(error)) =
            model.report_path.as_deref().map(|path| report_file::write_experiment(path.as_ref(), &report))
        {
            // The verdict counts; a report that is missing does not change it.
            cx.warn(Diagnostic::warning("Report was not written", format!("{error}.")).at("report_path"));
        }
        if report.outcome == Outcome::Passed {
            return Ok(model);
        }
        let detail = format!("{}: {}. Journal: {}.", report.experiment, report.reason, report.journal);
        let summary = format!("Experiment {}", report.outcome.words());
        if model.on_failure.as_deref() == Some("warn") {
            cx.warn(Diagnostic::warning(summary, detail));
            return Ok(model);
        }
        Err(Failure::with(model, Diagnostics::error(summary, detail)))
    }

    async fn read(
        &self,
        _: &Context,
        state: ChaosExperimentModel,
    ) -> Result<Option<ChaosExperimentModel>, Diagnostics> {
        Ok(Some(state))
    }

    /// Only `timeouts` change in place, and they are of the next run.
    async fn update(
        &self,
        _: &Context,
        prior: ChaosExperimentModel,
        plan: ChaosExperimentModel,
    ) -> Result<ChaosExperimentModel, Failure<ChaosExperimentModel>> {
        Ok(ChaosExperimentModel { timeouts: plan.timeouts, ..prior })
    }

    /// Undoes what might be left; the journal stays, as a record.
    async fn delete(&self, _: &Context, state: ChaosExperimentModel) -> Result<(), Failure<ChaosExperimentModel>> {
        match state.journal.known() {
            Some(journal) => Ok(chaos::undo(journal.clone()).await?),
            None => Ok(()),
        }
    }
}

/// What a run computes.
fn results() -> Vec<Attribute> {
    let time = |name: &str, what: &str| string(name).computed().describe(what);
    vec![
        string("id").keep_prior().describe("Identifier of the run."),
        string("outcome")
            .keep_prior()
            .describe("`passed`, `failed`, `aborted` or `interrupted`; `dry_run` where nothing was touched."),
        string("reason").keep_prior().describe("Why, one sentence."),
        string("started").keep_prior().describe("When the run began."),
        string("ended").keep_prior().describe("When it ended."),
        float64("detection_seconds")
            .keep_prior()
            .describe("From the first injection to the first failing check; null where the steady state never broke."),
        float64("recovery_seconds").keep_prior().describe(
            "How long the steady state took to come back; 0 where it never broke, null where it did not come back.",
        ),
        list("would_touch", Type::String).keep_prior().describe("What each fault touches."),
        nested_list(
            "faults",
            [
                string("name").computed().describe("Name of the fault."),
                time("injected", "When it came into force; null where it never did."),
                time("undone", "When it was undone."),
                string("error").computed().describe("What went wrong with it."),
            ],
        )
        .keep_prior()
        .describe("The faults as they came and went."),
        nested_list(
            "probes",
            [
                string("name").computed().describe("Name of the check."),
                int64("passed").computed().describe("Measurements within the tolerance."),
                int64("failed").computed().describe("Measurements outside of it."),
            ],
        )
        .keep_prior()
        .describe("What the checks measured; every single measurement is in the journal."),
        string("journal").keep_prior().describe("Path of the journal."),
    ]
}

/// Shown with the plan: a create that breaks things is no create as others are.
fn will_run(title: &str, method: &[Step], dry: bool) -> Diagnostic {
    let faults: Vec<String> = method
        .iter()
        .map(|s| format!("{} ({}) for {}", s.name, s.kind.name(), stormglass_chaos::Span(s.duration)))
        .collect();
    let verb = if dry { "would inject" } else { "injects" };
    Diagnostic::warning("Apply runs an experiment", format!("{title}: {verb} {}.", faults.join(", ")))
}

/// What one fault touches, as `would_touch` has it.
fn touched(name: &str, plan: &str) -> String {
    format!("{name}: {plan}")
}

fn ran(plan: ChaosExperimentModel, id: String, report: &Report) -> ChaosExperimentModel {
    let text = |t: Option<jiff::Timestamp>| t.map(|t| t.to_string());
    let known = |v: Option<f64>| v.map_or(Field::Null, Field::Known);
    let faults = report.faults.iter().map(|f| FaultModel {
        name: f.name.clone(),
        injected: text(f.injected),
        undone: text(f.undone),
        error: f.error.clone(),
    });
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let probes = report.probes.iter().map(|p| ProbeModel {
        name: p.name.clone(),
        passed: count(p.passed),
        failed: count(p.failed),
    });
    ChaosExperimentModel {
        id: Field::Known(id),
        outcome: Field::Known(report.outcome.name().to_owned()),
        reason: Field::Known(report.reason.clone()),
        started: Field::Known(report.started.to_string()),
        ended: Field::Known(report.ended.to_string()),
        detection_seconds: known(report.detection_seconds),
        recovery_seconds: known(report.recovery_seconds),
        would_touch: Field::Known(report.faults.iter().map(|f| touched(&f.name, &f.plan)).collect()),
        faults: Field::Known(faults.collect()),
        probes: Field::Known(probes.collect()),
        journal: Field::Known(report.journal.clone()),
        ..plan
    }
}

/// Nothing was touched, and nothing measured.
fn dry(plan: ChaosExperimentModel, id: String) -> ChaosExperimentModel {
    ChaosExperimentModel {
        id: Field::Known(id),
        outcome: Field::Known("dry_run".to_owned()),
        reason: Field::Null,
        started: Field::Null,
        ended: Field::Null,
        detection_seconds: Field::Null,
        recovery_seconds: Field::Null,
        faults: Field::Null,
        probes: Field::Null,
        journal: Field::Null,
        ..plan
    }
}
