//! `stormglass man`: the man pages, made from the same list as the help.

use std::fs;
use std::path::PathBuf;

use clap::{Args, CommandFactory};

use crate::error::CliError;
use crate::output;

/// Arguments of `man`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  stormglass man | man -l -")]
pub(crate) struct Arguments {
    /// Write a page for each command into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Prints the main page, or writes them all.
pub(crate) fn run(arguments: &Arguments) -> Result<(), CliError> {
    let command = crate::args::Arguments::command();
    match &arguments.out {
        Some(folder) => {
            let fails = || CliError::output(format!("the man pages in {}", folder.display()));
            fs::create_dir_all(folder).map_err(fails())?;
            clap_mangen::generate_to(command, folder).map_err(fails())
        }
        None => {
            let mut text = Vec::new();
            clap_mangen::Man::new(command).render(&mut text).map_err(CliError::output("the man page"))?;
            output::print(&String::from_utf8_lossy(&text))
        }
    }
}
