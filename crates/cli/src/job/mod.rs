//! The main job on the command line: settings from a file and options, sources, progress, the outcome.

mod args;
mod settings;

pub(crate) use args::JobArgs;

use std::sync::Mutex;

use jiff::Timestamp;
use stormglass_integrations::memory::{Memory, Remembered};
use stormglass_ops::hooks::{Hooks, Stage};
use stormglass_ops::job::{self, Scope};
use stormglass_ops::{JobError, JobInputs, JobSettings, Outcome, SourceError};

use crate::error::CliError;
use crate::output::progress::Progress;
use settings::Settings;

/// What was asked for, and what came of it.
#[derive(Debug)]
pub(crate) struct Done {
    /// Settings in force.
    pub(crate) settings: JobSettings,
    /// What was found, and how forecasts made before did.
    pub(crate) remembered: Remembered,
    /// The clock that the job went by.
    pub(crate) now: Timestamp,
}

/// Runs the main job up to the capacity plan.
pub(crate) fn run(arguments: &JobArgs, quiet: bool) -> Result<Done, CliError> {
    let asked = Settings::read(arguments)?;
    let source = asked.source.open("source", &asked.connections)?;
    let units = asked.units.map(|units| units.open("load.units", &asked.connections)).transpose()?;
    let similar = asked.borrow_from.map(|similar| similar.open("load.borrow_from", &asked.connections)).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::failed)?;
    let now = Timestamp::now();
    let inputs = JobInputs { source: source.as_ref(), units: units.as_deref(), borrow_from: similar.as_deref() };
    let shown = Shown(Mutex::new((None, quiet)));
    shown.progress(Stage::Read, 0, 1);
    let measured = runtime.block_on(job::read(inputs, &asked.job, now)).map_err(|error| named(&error))?;
    shown.progress(Stage::Read, 1, 1);
    let memory = Memory::from_environment();
    let remembered = memory.decide(&measured, &asked.job, &Scope::default(), &shown).map_err(|error| named(&error))?;
    Ok(Done { now: remembered.outcome.plan.as_of.unwrap_or(now), settings: asked.job, remembered })
}

impl Done {
    /// What was found.
    pub(crate) fn outcome(&self) -> &Outcome {
        &self.remembered.outcome
    }
}

/// An error with the setting at fault; a source that is out of reach and a forecast that failed are no wrong use.
fn named(error: &JobError) -> CliError {
    match error {
        JobError::Source(SourceError::Unreachable { .. } | SourceError::Interrupted { .. })
        | JobError::Units(SourceError::Unreachable { .. } | SourceError::Interrupted { .. })
        | JobError::Similar(SourceError::Unreachable { .. } | SourceError::Interrupted { .. })
        | JobError::Stale { .. }
        | JobError::LowAccuracy { .. }
        | JobError::Forecast(_)
        | JobError::Replay(_)
        | JobError::Cancelled => CliError::failed(error),
        JobError::Source(source) => CliError::Usage(format!("source: {source}")),
        _ => CliError::usage(error),
    }
}

/// Shows how far the job has come, a line or bar for each stage.
struct Shown(Mutex<(Option<(Stage, Progress)>, bool)>);

impl Hooks for Shown {
    fn progress(&self, stage: Stage, done: usize, total: usize) {
        let Ok(mut shown) = self.0.lock() else { return };
        let quiet = shown.1;
        let (what, each) = match stage {
            Stage::Read => ("read", "sources"),
            Stage::Fit => ("fit", "models"),
            Stage::Backtest => ("backtest", "origins"),
            Stage::Replay => ("replay", "timetables"),
            _ => ("plan", "timetables"),
        };
        if shown.0.as_ref().is_none_or(|(before, _)| *before != stage) {
            shown.0 = Some((stage, Progress::new(what, each, quiet)));
        }
        if let Some((_, progress)) = &mut shown.0 {
            progress.tell(done, total);
        }
    }
}
