//! `stormglass completions`: what a shell needs to complete the command's words.

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::error::CliError;
use crate::output;

/// Arguments of `completions`.
#[derive(Debug, Args)]
#[command(
    after_help = "Example, for bash:\n  stormglass completions bash > ~/.local/share/bash-completion/completions/stormglass"
)]
pub(crate) struct Arguments {
    /// The shell
    shell: Shell,
}

/// Prints the completions.
pub(crate) fn run(arguments: &Arguments) -> Result<(), CliError> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut crate::args::Arguments::command(), "stormglass", &mut text);
    output::print(&String::from_utf8_lossy(&text))
}
