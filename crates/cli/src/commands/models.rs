//! `stormglass models`: what models there are and how their names are written.

use clap::Args;
use forecast_core::models::CATALOGUE;
use serde::Serialize;

use crate::error::CliError;
use crate::output::{self, Ink, Screen};

/// Arguments of `models`.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Print one JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Prints the catalogue.
pub(crate) fn run(arguments: &Arguments) -> Result<(), CliError> {
    if arguments.json {
        let models = CATALOGUE.iter().map(|e| Model { name: e.name, form: e.form, description: e.summary }).collect();
        return output::print_json(&Answer { models });
    }
    let screen = Screen::of_stdout();
    let entries = CATALOGUE.iter().map(|e| format!("{}\n    {}\n", screen.paint(Ink::Bold, e.form), e.summary));
    output::print(&entries.collect::<String>())
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Answer {
    models: Vec<Model>,
}

/// One model of the catalogue.
#[derive(Debug, Serialize)]
struct Model {
    name: &'static str,
    /// How its name is written, with what it takes.
    form: &'static str,
    description: &'static str,
}
