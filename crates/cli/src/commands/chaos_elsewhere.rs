//! `stormglass chaos` where experiments cannot run: says so.

use clap::Args;

use crate::error::CliError;

/// Arguments of `chaos`, which nobody reads here.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    all: Vec<String>,
}

/// Says where experiments run.
pub(crate) fn run(_: &Arguments, _: bool) -> Result<(), CliError> {
    let system = std::env::consts::OS;
    Err(CliError::Usage(format!("chaos experiments run on Linux alone, and this is {system}; run the command there")))
}
