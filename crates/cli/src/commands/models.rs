//! `stormglass models`: what models there are and how their names are written.

use clap::Args;
use forecast_core::models::CATALOGUE;
use serde::Serialize;

use crate::error::CliError;
use crate::output::table::{Align, Table};
use crate::output::{self, Screen};

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
    let mut table = Table::new(&[("name", Align::Left), ("what it is", Align::Left)]);
    for entry in CATALOGUE {
        table.row([entry.form.to_owned(), entry.summary.to_owned()]);
    }
    output::print(&table.render(&Screen::of_stdout()))
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
    form: &'static str,
    description: &'static str,
}
