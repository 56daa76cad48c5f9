//! Experiments as resources and actions run them: the engine with Terraform's interruption, on Linux.

use std::path::PathBuf;

use stormglass_chaos::{Allowed, Experiment, Report, Touch};
use tfplugin::diagnostics::Diagnostics;
use tfplugin::provider::Context;

/// How an experiment is run.
pub(crate) struct Setting {
    /// Where the journal goes.
    pub(crate) journal_folder: Option<PathBuf>,
    /// What the provider block allows.
    pub(crate) allowed: Vec<Allowed>,
}

#[cfg(target_os = "linux")]
pub(crate) use linux::{dry_run, run, undo};

#[cfg(target_os = "linux")]
mod linux {
    use std::path::Path;
    use std::sync::Arc;

    use stormglass_chaos::engine::undo::{Undone, undo_run};
    use stormglass_chaos::engine::{self, Listener, Options, RunError};
    use stormglass_integrations::faults::CATALOGUE;
    use tokio::sync::watch;

    use super::{Context, Diagnostics, Experiment, Report, Setting, Touch};
    use crate::attributes::experiment::wrong;

    /// Runs an experiment; an interrupted call undoes its faults and reports that.
    pub(crate) async fn run(
        cx: &Context,
        experiment: Experiment,
        setting: Setting,
        progress: Option<Listener>,
    ) -> Result<Report, Diagnostics> {
        let (sender, receiver) = watch::channel(false);
        let options = Options { journal_folder: setting.journal_folder, allowed: setting.allowed, progress };
        let running = engine::run(Arc::new(experiment), CATALOGUE, options, receiver);
        tokio::pin!(running);
        let report = tokio::select! {
            report = &mut running => report,
            _ = cx.cancelled() => {
                let _ = sender.send(true);
                running.await
            }
        };
        report.map_err(refused)
    }

    /// What an experiment would touch.
    pub(crate) fn dry_run(experiment: &Experiment, setting: Setting) -> Result<Vec<Touch>, Diagnostics> {
        let options = Options { journal_folder: setting.journal_folder, allowed: setting.allowed, progress: None };
        engine::dry_run(experiment, &options).map_err(refused)
    }

    /// Undoes what the run of a journal may have left.
    pub(crate) async fn undo(journal: String) -> Result<(), Diagnostics> {
        let work = move || {
            let mut undone = Undone::default();
            undo_run(Path::new(&journal), &CATALOGUE, &mut undone);
            undone
        };
        let undone =
            tokio::task::spawn_blocking(work).await.map_err(|e| Diagnostics::error("Undo broke off", e.to_string()))?;
        if undone.failed.is_empty() {
            return Ok(());
        }
        Err(Diagnostics::error("Faults are left", format!("{}.", undone.failed.join("; "))))
    }

    fn refused(error: RunError) -> Diagnostics {
        match error {
            RunError::Wrong(problems) => wrong(&problems),
            other => Diagnostics::error("Experiment was not run", format!("Nothing was touched: {other}.")),
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(crate) use elsewhere::{dry_run, run, undo};

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::{Context, Diagnostics, Experiment, Report, Setting, Touch, unsupported};

    pub(crate) async fn run<P>(_: &Context, _: Experiment, _: Setting, _: Option<P>) -> Result<Report, Diagnostics> {
        Err(unsupported())
    }

    pub(crate) fn dry_run(_: &Experiment, _: Setting) -> Result<Vec<Touch>, Diagnostics> {
        Err(unsupported())
    }

    pub(crate) async fn undo(_: String) -> Result<(), Diagnostics> {
        Ok(())
    }
}

/// Said while planning already, where experiments cannot run.
#[cfg_attr(target_os = "linux", expect(dead_code, reason = "experiments run here"))]
pub(crate) fn unsupported() -> Diagnostics {
    let detail = format!("Experiments run on Linux, and this is {}; run Terraform there.", std::env::consts::OS);
    Diagnostics::error("Experiments cannot run here", detail)
}

/// Refuses where experiments cannot run.
pub(crate) fn supported() -> Result<(), Diagnostics> {
    #[cfg(target_os = "linux")]
    return Ok(());
    #[cfg(not(target_os = "linux"))]
    Err(unsupported())
}
