//! `stormglass chaos`: experiments whose faults cannot outlive them.

mod list;
mod run;
mod status;
mod undo;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use stormglass_chaos::engine::journal::default_folder;

use crate::error::CliError;

/// Arguments of `chaos`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

/// What can be done with experiments.
#[derive(Debug, Subcommand)]
enum Command {
    /// Run an experiment
    Run(run::Arguments),
    /// Undo what experiments may have left
    Undo(undo::Arguments),
    /// List past runs
    List(list::Arguments),
    /// Show the faults that are in force now
    Status(status::Arguments),
}

/// Where journals lie.
#[derive(Debug, Args)]
struct Journals {
    /// Folder of the journals, one that outlives a restart of this machine; default the user's state folder
    #[arg(long, value_name = "DIR")]
    journal_dir: Option<PathBuf>,
}

impl Journals {
    fn folder(&self) -> PathBuf {
        self.journal_dir.clone().unwrap_or_else(default_folder)
    }

    fn error(&self) -> impl FnOnce(std::io::Error) -> CliError {
        let folder = self.folder();
        move |error| CliError::Failed(format!("the journals in {} cannot be read: {error}", folder.display()))
    }
}

/// Does it.
pub(crate) fn run(arguments: &Arguments, quiet: bool) -> Result<(), CliError> {
    match &arguments.command {
        Command::Run(arguments) => run::run(arguments, quiet),
        Command::Undo(arguments) => undo::run(arguments),
        Command::List(arguments) => list::run(arguments),
        Command::Status(arguments) => status::run(arguments),
    }
}
