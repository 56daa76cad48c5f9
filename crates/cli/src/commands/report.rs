//! `stormglass report`: a capacity plan with all that it rests on, as one HTML file.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;
use stormglass_integrations::report_file;

use crate::error::CliError;
use crate::job::{self, JobArgs};
use crate::output;

/// Arguments of `report`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  stormglass report settings.yaml --out report.html --title Checkout")]
pub(crate) struct Arguments {
    #[command(flatten)]
    job: JobArgs,
    /// The file to write
    #[arg(long, default_value = "report.html", value_name = "FILE")]
    out: PathBuf,
    /// Name of the service; the settings file's name if not given
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Print one JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Plans and writes the page.
pub(crate) fn run(arguments: &Arguments, quiet: bool) -> Result<(), CliError> {
    let done = job::run(&arguments.job, quiet)?;
    let stem = arguments
        .job
        .settings
        .as_ref()
        .and_then(|path| path.file_stem())
        .map(|name| name.to_string_lossy().into_owned());
    let title = arguments.title.clone().or(stem).unwrap_or_else(|| done.outcome().source.clone());
    report_file::write(&arguments.out, &title, &done.remembered, &done.settings).map_err(CliError::failed)?;
    let path = arguments.out.display().to_string();
    if arguments.json {
        return output::print_json(&Answer { path });
    }
    output::print(&format!("{path} has the report; open it in a browser\n"))
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Answer {
    path: String,
}
