//! `stormglass chaos list`: past runs with their outcomes.

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use stormglass_chaos::Outcome;
use stormglass_chaos::engine::journal::{Contents, journals};

use super::Journals;
use crate::error::CliError;
use crate::output;

/// Arguments of `chaos list`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    journals: Journals,
    /// Print one JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Answer {
    runs: Vec<Run>,
}

/// One run.
#[derive(Debug, Serialize)]
struct Run {
    experiment: String,
    started: Option<Timestamp>,
    /// Null while it runs, and where nobody has closed the journal.
    outcome: Option<Outcome>,
    recovery_seconds: Option<f64>,
    journal: String,
    damaged_lines: usize,
}

/// Prints them, oldest first.
pub(super) fn run(arguments: &Arguments) -> Result<(), CliError> {
    let paths = journals(&arguments.journals.folder()).map_err(arguments.journals.error())?;
    let mut runs = Vec::new();
    for path in paths {
        let contents = Contents::read(&path).map_err(arguments.journals.error())?;
        let finished = contents.finished();
        runs.push(Run {
            experiment: contents.title().unwrap_or("unknown").to_owned(),
            started: contents.entries.first().map(|e| e.at),
            outcome: finished.map(|f| f.0),
            recovery_seconds: finished.and_then(|f| f.1).and_then(|r| r.recovery_seconds),
            journal: path.display().to_string(),
            damaged_lines: contents.damaged,
        });
    }
    if arguments.json {
        return output::print_json(&Answer { runs });
    }
    let line = |r: &Run| {
        let started = r.started.map_or_else(|| "unknown".to_owned(), |t| t.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
        format!("{started}  {:<11}  {}\n", r.outcome.map_or("unfinished", Outcome::name), r.experiment)
    };
    output::print(&runs.iter().map(line).collect::<String>())
}
