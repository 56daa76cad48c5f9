//! `stormglass_chaos_report`: past runs of experiments, from their journals.

use serde::{Deserialize, Serialize};
use tfplugin::diagnostics::Diagnostics;
use tfplugin::provider::{Context, DataSource, async_trait};
use tfplugin::schema::{Schema, float64, nested_list, string};

/// The data source.
pub(crate) struct ChaosReport;

/// The model of configuration and result.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ChaosReportModel {
    journal_dir: Option<String>,
    experiment: Option<String>,
    runs: Option<Vec<RunModel>>,
}

/// One element of `runs`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct RunModel {
    experiment: Option<String>,
    started: Option<String>,
    outcome: Option<String>,
    reason: Option<String>,
    detection_seconds: Option<f64>,
    recovery_seconds: Option<f64>,
    journal: String,
}

#[async_trait]
impl DataSource for ChaosReport {
    type Model = ChaosReportModel;

    fn name(&self) -> &'static str {
        "stormglass_chaos_report"
    }

    fn schema(&self) -> Schema {
        Schema::new("Past runs of chaos experiments on this machine, oldest first.")
            .attribute(
                string("journal_dir")
                    .optional()
                    .describe("Folder of the journals; the user's state folder where it is not set."),
            )
            .attribute(string("experiment").optional().describe("Title of an experiment; runs of others are left out."))
            .attribute(
                nested_list(
                    "runs",
                    [
                        string("experiment")
                            .computed()
                            .describe("Title of the experiment; null where the journal is damaged."),
                        string("started").computed().describe("When the run began."),
                        string("outcome")
                            .computed()
                            .describe("`passed`, `failed`, `aborted` or `interrupted`; null while it runs."),
                        string("reason").computed().describe("Why; null where the run was cut off."),
                        float64("detection_seconds")
                            .computed()
                            .describe("From the first injection to the first failing check."),
                        float64("recovery_seconds").computed().describe("How long the steady state took to come back."),
                        string("journal").computed().describe("Path of the journal."),
                    ],
                )
                .computed()
                .describe("The runs."),
            )
    }

    async fn read(&self, _: &Context, config: ChaosReportModel) -> Result<ChaosReportModel, Diagnostics> {
        let runs = runs(&config)?;
        Ok(ChaosReportModel { runs: Some(runs), ..config })
    }
}

#[cfg(target_os = "linux")]
fn runs(config: &ChaosReportModel) -> Result<Vec<RunModel>, Diagnostics> {
    use stormglass_chaos::engine::journal::{Contents, default_folder, journals};

    let folder = config.journal_dir.as_ref().map_or_else(default_folder, Into::into);
    let error = |e: std::io::Error| -> Diagnostics {
        let detail = format!("The journals in {} cannot be read: {e}.", folder.display());
        tfplugin::Diagnostic::error("Unreadable journals", detail).at("journal_dir").into()
    };
    let mut all = Vec::new();
    for path in journals(&folder).map_err(error)? {
        let contents = Contents::read(&path).map_err(error)?;
        if config.experiment.as_deref().is_some_and(|wanted| contents.title() != Some(wanted)) {
            continue;
        }
        let finished = contents.finished();
        let report = finished.and_then(|f| f.1);
        all.push(RunModel {
            experiment: contents.title().map(str::to_owned),
            started: contents.entries.first().map(|e| e.at.to_string()),
            outcome: finished.map(|f| f.0.name().to_owned()),
            reason: report.map(|r| r.reason.clone()),
            detection_seconds: report.and_then(|r| r.detection_seconds),
            recovery_seconds: report.and_then(|r| r.recovery_seconds),
            journal: path.display().to_string(),
        });
    }
    Ok(all)
}

#[cfg(not(target_os = "linux"))]
fn runs(_: &ChaosReportModel) -> Result<Vec<RunModel>, Diagnostics> {
    Err(crate::chaos::unsupported())
}
