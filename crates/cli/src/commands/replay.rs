//! `stormglass replay`: ways to scale over a past load, side by side, with what each costs and misses.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use clap::{Args, ValueEnum};
use serde::Serialize;
use stormglass_ops::hooks::{Hooks, Stage};
use stormglass_ops::replay::{self, Cadence, Mode, PolicyFile, ReplayError, Row, Trace};

use crate::error::CliError;
use crate::input::series::{self, FormatArgs};
use crate::output::json::finite;
use crate::output::number::{percent, short};
use crate::output::progress::Progress;
use crate::output::table::{Align, Table};
use crate::output::{self, Screen};

/// Arguments of `replay`.
#[derive(Debug, Args)]
#[command(after_help = "Example of a policy file:\n  \
    {\"policies\": [{\"name\": \"static\", \"kind\": \"static\"},\n                \
    {\"name\": \"hpa\", \"kind\": \"hpa\", \"target_utilization\": 0.7},\n                \
    {\"name\": \"oracle\", \"kind\": \"oracle5\"},\n                \
    {\"name\": \"ours\", \"kind\": \"stormglass\", \"risk\": 0.005, \"min\": 1, \"max\": 200}],\n   \
    \"startup_seconds\": 180, \"slo_utilization\": 0.85, \"peak_units\": 40}")]
pub(crate) struct Arguments {
    /// Series file with the load
    file: PathBuf,
    /// What is replayed, JSON or YAML
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Which reactive scaler: ticks of a minute, or the Kubernetes controller as it is
    #[arg(long, value_enum, default_value_t)]
    mode: ModeArg,
    /// How often timetables are made anew: as a pipeline applies them, or all the time
    #[arg(long, value_enum, default_value_t)]
    cadence: CadenceArg,
    /// Time zone whose days and weeks the seasons follow, instead of the policy file's
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    #[command(flatten)]
    format: FormatArgs,
    /// Print one JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Which reactive scaler.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ModeArg {
    /// Ticks of a minute, as published figures have it
    #[default]
    Reference,
    /// Every 15 s, with unready pods and `behavior`
    Kubernetes,
}

/// How often timetables are made anew.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum CadenceArg {
    /// Every refresh interval, in force after settling and apply
    #[default]
    Terraform,
    /// With every new value
    Daemon,
}

/// Replays and prints a row for each way to scale.
pub(crate) fn run(arguments: &Arguments, quiet: bool) -> Result<(), CliError> {
    let mut file = read_policies(&arguments.policy)?;
    if let Some(zone) = &arguments.timezone {
        file.world.time_zone.clone_from(zone);
    }
    let raw = series::read(&arguments.file, &arguments.format.format())?;
    let named = |error: ReplayError| match error {
        ReplayError::TooShort { .. } | ReplayError::Series(_) => {
            CliError::Usage(format!("{}: {error}", arguments.file.display()))
        }
        ReplayError::Setting { .. } | ReplayError::TimeZone(_) | ReplayError::Model(_) => {
            CliError::Usage(format!("{}: {error}", arguments.policy.display()))
        }
        error => CliError::failed(error),
    };
    let trace = Trace::new(&raw).map_err(named)?;
    let mode = match arguments.mode {
        ModeArg::Reference => Mode::Reference,
        ModeArg::Kubernetes => Mode::Kubernetes,
    };
    let cadence = match arguments.cadence {
        CadenceArg::Terraform => Cadence::Terraform,
        CadenceArg::Daemon => Cadence::Daemon,
    };
    let looker_on = Shown(Mutex::new(Progress::new("replay", "timetables", quiet)));
    let rows = replay::replay(&trace, &file, mode, cadence, &looker_on).map_err(named)?;
    drop(looker_on);
    if arguments.json {
        return output::print_json(&Answer { rows: rows.iter().map(AnswerRow::from).collect() });
    }
    output::print(&text(&rows, trace.scored_days(), &file))
}

/// Reads what is to be replayed; YAML holds JSON too.
fn read_policies(path: &Path) -> Result<PolicyFile, CliError> {
    let wrong = |reason: String| CliError::Usage(format!("{}: {reason}", path.display()));
    let text = fs::read_to_string(path).map_err(|e| wrong(format!("the policy file cannot be read: {e}")))?;
    let file: PolicyFile = if path.extension().is_some_and(|e| e == "json") {
        serde_json::from_str(&text).map_err(|e| wrong(format!("is no policy file: {e}")))?
    } else {
        serde_yaml_ng::from_str(&text).map_err(|e| wrong(format!("is no policy file: {e}")))?
    };
    if file.policies.is_empty() {
        return Err(wrong(
            "`policies` is empty; expected at least one, for example {\"name\":\"hpa\",\"kind\":\"hpa\"}".into(),
        ));
    }
    Ok(file)
}

/// Shows how far a replay has come.
struct Shown(Mutex<Progress>);

impl Hooks for Shown {
    fn progress(&self, stage: Stage, done: usize, total: usize) {
        if stage == Stage::Replay
            && let Ok(mut progress) = self.0.lock()
        {
            progress.tell(done, total);
        }
    }
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Answer {
    rows: Vec<AnswerRow>,
}

/// One way to scale.
#[derive(Debug, Serialize)]
struct AnswerRow {
    name: String,
    unit_hours: Option<f64>,
    slo: Option<f64>,
    unserved: Option<f64>,
    time_short: Option<f64>,
    changes_per_day: Option<f64>,
    cost: Option<f64>,
}

impl From<&Row> for AnswerRow {
    fn from(row: &Row) -> Self {
        Self {
            name: row.name.clone(),
            unit_hours: finite(row.unit_hours),
            slo: finite(row.slo),
            unserved: finite(row.unserved),
            time_short: finite(row.time_short),
            changes_per_day: finite(row.changes_per_day),
            cost: row.cost.and_then(finite),
        }
    }
}

fn text(rows: &[Row], days: f64, file: &PolicyFile) -> String {
    let priced = rows.iter().any(|row| row.cost.is_some());
    let (right, left) = (Align::Right, Align::Left);
    let mut table = Table::new(&[
        ("", left),
        ("unit-hours", right),
        ("load short", right),
        ("unserved", right),
        ("time short", right),
        ("changes a day", right),
    ]);
    if priced {
        table.column("cost", right);
    }
    for row in rows {
        let share = |value: f64| percent(finite(value));
        let cells = [
            row.name.clone(),
            short(row.unit_hours),
            share(row.slo),
            share(row.unserved),
            share(row.time_short),
            short(row.changes_per_day),
        ];
        table.row(cells.into_iter().chain(row.cost.map(short)));
    }
    format!(
        "{}\nthe last {days:.1} days; short: utilization over {}; a unit starts in {} s\n",
        table.render(&Screen::of_stdout()),
        percent(Some(file.world.slo_utilization)),
        file.world.startup_seconds
    )
}
