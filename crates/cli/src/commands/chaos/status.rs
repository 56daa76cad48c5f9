//! `stormglass chaos status`: the faults that are in force now.

use clap::Args;
use serde::Serialize;
use stormglass_chaos::engine::undo::{Active, active};
use stormglass_integrations::faults::CATALOGUE;

use super::Journals;
use crate::error::CliError;
use crate::output;

/// Arguments of `chaos status`.
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
    active: Vec<Active>,
}

/// Prints them.
pub(super) fn run(arguments: &Arguments) -> Result<(), CliError> {
    let active = active(&arguments.journals.folder(), &CATALOGUE).map_err(arguments.journals.error())?;
    if arguments.json {
        return output::print_json(&Answer { active });
    }
    if active.is_empty() {
        return output::print("no fault is in force\n");
    }
    let line = |a: &Active| {
        let until = a.deadline.map_or_else(|| "an unknown time".to_owned(), |t| t.to_string());
        let held = if a.held { "held by process" } else { "left by dead process" };
        format!("{}: {} until {until}, {held} {}\n", a.experiment, a.fault, a.holder_pid)
    };
    output::print(&active.iter().map(line).collect::<String>())
}
