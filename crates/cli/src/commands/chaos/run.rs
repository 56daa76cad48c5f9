//! `stormglass chaos run`: one experiment, from its file to its verdict.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};
use stormglass_chaos::engine::{self, Options, RunError};
use stormglass_chaos::experiment::Step;
use stormglass_chaos::{Allowed, Experiment, Outcome, Report, Touch};
use stormglass_integrations::faults::CATALOGUE;
use stormglass_integrations::report_file;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::Journals;
use crate::error::CliError;
use crate::output;
use crate::output::experiment::Live;

/// Arguments of `chaos run`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 passed, 1 failed, 2 wrong experiment, 3 aborted, 4 interrupted.\nExample:\n  stormglass chaos run slow-database.yaml --journal-dir /var/lib/stormglass/chaos --allow port:8080"
)]
pub(crate) struct Arguments {
    /// Experiment file, YAML or JSON
    file: PathBuf,
    #[command(flatten)]
    journals: Journals,
    /// What may be touched beside loopback addresses and this host's own processor and memory: `pid_file:PATH`,
    /// `executable:PATH`, `port:N`, `cgroup:PATH`, `folder:PATH`, `namespace:NAME` or `HOST:PORT`
    #[arg(long, value_name = "TARGET")]
    allow: Vec<String>,
    /// Show what would be touched, and touch nothing
    #[arg(long)]
    dry_run: bool,
    /// Write the verdict as JUnit XML too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the report as one HTML file too
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Print one JSON object on standard output
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub(super) fn run(arguments: &Arguments, quiet: bool) -> Result<(), CliError> {
    let written = read(&arguments.file)?;
    let wrong = |problems: &[String]| {
        let list: String = problems.iter().map(|p| format!("\n  {p}")).collect();
        CliError::Usage(format!("{}: the experiment cannot be run:{list}", arguments.file.display()))
    };
    let experiment = Experiment::read(&written, &CATALOGUE)
        .map_err(|problems| wrong(&problems.iter().map(ToString::to_string).collect::<Vec<_>>()))?;
    let mut allowed = Vec::new();
    for text in &arguments.allow {
        allowed.push(text.parse::<Allowed>().map_err(|e| CliError::Usage(format!("--allow {e}")))?);
    }
    let mut options = Options { journal_folder: arguments.journals.journal_dir.clone(), allowed, progress: None };
    let refused = |error: RunError| match error {
        RunError::Wrong(problems) => wrong(&problems.iter().map(ToString::to_string).collect::<Vec<_>>()),
        other => CliError::failed(other),
    };
    if arguments.dry_run {
        let touches = engine::dry_run(&experiment, &options).map_err(refused)?;
        return show(&experiment, &touches, arguments.json);
    }
    options.progress = (!quiet).then(|| Live::start().listener());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(CliError::failed)?;
    let report = runtime.block_on(async {
        let stop = signals()?;
        engine::run(Arc::new(experiment), CATALOGUE, options, stop).await.map_err(refused)
    })?;
    if let Some(path) = &arguments.junit {
        fs::write(path, report.junit()).map_err(CliError::output(path.display().to_string()))?;
    }
    if let Some(path) = &arguments.html {
        report_file::write_experiment(path, &report).map_err(CliError::failed)?;
    }
    answer(&report, arguments.json)?;
    match report.outcome {
        Outcome::Passed => Ok(()),
        outcome => Err(CliError::Experiment { outcome, reason: report.reason }),
    }
}

/// Reads the file; the suffix tells JSON from YAML.
fn read(path: &Path) -> Result<Value, CliError> {
    let wrong = |reason: String| CliError::Usage(format!("{}: {reason}", path.display()));
    let text = fs::read_to_string(path).map_err(|e| wrong(format!("the experiment cannot be read: {e}")))?;
    if path.extension().is_some_and(|e| e == "json") {
        serde_json::from_str(&text).map_err(|e| wrong(format!("is no JSON: {e}")))
    } else {
        serde_yaml_ng::from_str(&text).map_err(|e| wrong(format!("is no YAML: {e}")))
    }
}

/// Turns true at the first SIGINT, SIGTERM or SIGHUP; later ones are ignored, because undoing takes its time.
fn signals() -> Result<watch::Receiver<bool>, CliError> {
    let (sender, receiver) = watch::channel(false);
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    for kind in kinds {
        let mut signals = signal(kind).map_err(CliError::failed)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                let _ = sender.send(true);
            }
        });
    }
    Ok(receiver)
}

/// What `--dry-run` says of a fault.
#[derive(Debug, Serialize)]
struct Would<'a> {
    name: &'a str,
    fault: &'static str,
    class: stormglass_chaos::Class,
    ending: stormglass_chaos::Ending,
    #[serde(flatten)]
    touch: &'a Touch,
}

fn show(experiment: &Experiment, touches: &[Touch], json: bool) -> Result<(), CliError> {
    let would = |(step, touch): (&'_ Step, &'_ Touch)| {
        let (class, ending) = (step.fault.class(), step.kind.ending());
        serde_json::to_value(Would { name: &step.name, fault: step.kind.name(), class, ending, touch })
    };
    if json {
        let all: Result<Vec<Value>, _> = experiment.method.iter().zip(touches).map(would).collect();
        return output::print_json(
            &json!({"experiment": experiment.title, "would_touch": all.map_err(CliError::failed)?}),
        );
    }
    let mut text = format!("{} would touch, and nothing is touched now:\n", experiment.title);
    for (step, touch) in experiment.method.iter().zip(touches) {
        text.push_str(&format!("  {}: {}\n", step.name, touch.plan));
        for target in &touch.targets {
            text.push_str(&format!("    {target}\n"));
        }
    }
    output::print(&text)
}

fn answer(report: &Report, json: bool) -> Result<(), CliError> {
    if json {
        // Single measurements stay in the journal and in the report.
        let mut value = serde_json::to_value(report).map_err(CliError::failed)?;
        for probe in value["probes"].as_array_mut().into_iter().flatten() {
            probe.as_object_mut().map(|p| p.remove("timeline"));
        }
        return output::print_json(&value);
    }
    let seconds = |s: Option<f64>| s.map_or_else(|| "never".to_owned(), |s| format!("{s:.1} s"));
    let mut text = format!("{}: {}: {}\n", report.experiment, report.outcome.name(), report.reason);
    text.push_str(&format!(
        "  detected {}, recovered {}\n",
        seconds(report.detection_seconds),
        seconds(report.recovery_seconds)
    ));
    for fault in &report.faults {
        let time =
            |t: Option<jiff::Timestamp>| t.map_or_else(|| "never".to_owned(), |t| t.strftime("%H:%M:%S").to_string());
        let error = fault.error.as_ref().map_or_else(String::new, |e| format!(" ({e})"));
        text.push_str(&format!(
            "  {}: injected {}, undone {}{error}\n",
            fault.name,
            time(fault.injected),
            time(fault.undone)
        ));
    }
    for probe in &report.probes {
        text.push_str(&format!("  {}: {} passed, {} failed\n", probe.name, probe.passed, probe.failed));
    }
    text.push_str(&format!("  journal {}\n", report.journal));
    output::print(&text)
}
