//! `stormglass chaos undo`: ends running experiments and undoes what dead ones left.

use clap::Args;
use stormglass_chaos::engine::undo::undo_all;
use stormglass_integrations::faults::CATALOGUE;

use super::Journals;
use crate::error::CliError;
use crate::output;

/// Arguments of `chaos undo`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example, at boot or after a crash:\n  stormglass chaos undo --journal-dir /var/lib/stormglass/chaos --all"
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    journals: Journals,
    /// Every run of the folder, those that are under way included
    #[arg(long, required = true)]
    all: bool,
    /// Print one JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Undoes, and fails where something is left.
pub(super) fn run(arguments: &Arguments) -> Result<(), CliError> {
    let undone = undo_all(&arguments.journals.folder(), &CATALOGUE).map_err(arguments.journals.error())?;
    if arguments.json {
        output::print_json(&undone)?;
    } else if undone.undone.is_empty() && undone.failed.is_empty() {
        output::print("nothing was left\n")?;
    } else {
        let lines: String = undone.undone.iter().map(|name| format!("undone: {name}\n")).collect();
        output::print(&lines)?;
    }
    if undone.failed.is_empty() { Ok(()) } else { Err(CliError::Failed(format!("left: {}", undone.failed.join("; ")))) }
}
