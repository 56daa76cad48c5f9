//! `stormglass_run_chaos_experiment`: an experiment at a user's word, without state; Terraform 1.14 and newer.

use serde::{Deserialize, Serialize};
use stormglass_chaos::Outcome;
use tfplugin::diagnostics::Diagnostics;
use tfplugin::provider::{Action, Config, Context, Progress, ValidateContext, async_trait};
use tfplugin::schema::{Schema, string};

use crate::attributes::experiment::{ExperimentModel, experiment_attributes};
use crate::chaos::{self, Setting};
use crate::provider::Shared;

/// The action.
pub(crate) struct RunChaosExperiment;

/// The model of the configuration.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RunChaosExperimentModel {
    #[serde(flatten)]
    experiment: ExperimentModel,
    journal_dir: Option<String>,
}

#[async_trait]
impl Action for RunChaosExperiment {
    type Model = RunChaosExperimentModel;

    fn name(&self) -> &'static str {
        "stormglass_run_chaos_experiment"
    }

    fn schema(&self) -> Schema {
        let schema = Schema::new(
            "Runs a chaos experiment without keeping it in the state; it fails where the experiment does not pass.",
        );
        experiment_attributes().into_iter().fold(schema, Schema::attribute).attribute(
            string("journal_dir")
                .optional()
                .describe("Folder of the journal, one that outlives a restart of the machine."),
        )
    }

    async fn validate(&self, _: &ValidateContext, config: &Config) -> Diagnostics {
        let Ok(model) = config.model::<RunChaosExperimentModel>() else { return Diagnostics::new() };
        model.experiment.read(None).err().unwrap_or_default()
    }

    async fn plan(&self, _: &Context, _: &Config) -> Result<(), Diagnostics> {
        chaos::supported()
    }

    async fn invoke(
        &self,
        cx: &Context,
        config: RunChaosExperimentModel,
        progress: &Progress,
    ) -> Result<(), Diagnostics> {
        let experiment = config.experiment.read(None)?;
        let title = experiment.title.clone();
        let allowed = cx.data::<Shared>()?.allowed.clone();
        progress.say(format!("{title}: runs")).await;
        let setting = Setting { journal_folder: config.journal_dir.map(Into::into), allowed };
        let report = chaos::run(cx, experiment, setting, None).await?;
        progress.say(format!("{title}: {}: {}", report.outcome.name(), report.reason)).await;
        if report.outcome == Outcome::Passed {
            return Ok(());
        }
        let detail = format!("{title}: {}. Journal: {}.", report.reason, report.journal);
        Err(Diagnostics::error(format!("Experiment {}", report.outcome.words()), detail))
    }
}
