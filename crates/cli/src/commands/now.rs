//! `stormglass now`: the units that a schedule file has in force, what follows its end included.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use stormglass_integrations::targets::file::read_schedule;

use crate::error::CliError;
use crate::output;

/// Most characters of a message: a file of another form is repeated by its reader.
const LONGEST: usize = 300;

/// Arguments of `now`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  kubectl scale deployment/web --replicas=$(stormglass now schedule.json)")]
pub(crate) struct Arguments {
    /// Schedule file, JSON or YAML
    file: PathBuf,
    /// Another time than now, RFC 3339
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Print one JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Prints the units.
pub(crate) fn run(arguments: &Arguments) -> Result<(), CliError> {
    let file = read_schedule(&arguments.file).map_err(|error| CliError::Usage(shortened(error.to_string())))?;
    let at = arguments.at.unwrap_or_else(Timestamp::now);
    let units = file.units_at(at).ok_or_else(|| {
        let (path, until) = (arguments.file.display(), file.valid_until);
        CliError::Failed(format!(
            "{path}: nothing is in force at {at}; the schedule ended at {until}, and what was there before it is restored"
        ))
    })?;
    if arguments.json {
        return output::print_json(&Answer { units, at, valid_until: file.valid_until, ended: at >= file.valid_until });
    }
    output::print(&format!("{units}\n"))
}

/// A message that repeats no more than the beginning of a file.
fn shortened(text: String) -> String {
    if text.chars().count() <= LONGEST { text } else { text.chars().take(LONGEST).chain("…".chars()).collect() }
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Answer {
    units: u32,
    at: Timestamp,
    valid_until: Timestamp,
    /// Whether what follows the schedule's end is in force.
    ended: bool,
}
