//! `stormglass plan`: the capacity that a load will need, as a timetable that a person can read.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use stormglass_integrations::archive::TrackRecord;
use stormglass_integrations::targets::file::{FileConfig, FileTarget};
use stormglass_ops::job::BacktestSummary;
use stormglass_ops::ports::{Mode, OnConflict};
use stormglass_ops::quiet::QuietWindow;
use stormglass_ops::{After, Applied, ApplyRequest, CapacityPlan, Owner, ScalingTarget, TargetError, schedule};

use crate::error::CliError;
use crate::input;
use crate::job::{self, Done, JobArgs};
use crate::output::number::{or_dash, percent, short};
use crate::output::plot::{self, Line};
use crate::output::table::{Align, Table};
use crate::output::{self, Format, Ink, Screen};

/// Arguments of `plan`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stormglass plan settings.yaml --out schedule.json\n  \
    stormglass plan --csv load.csv --per-unit 1000 --min 2 --max 60 --timezone Europe/Berlin")]
pub(crate) struct Arguments {
    #[command(flatten)]
    job: JobArgs,
    /// Write the timetable into this schedule file, JSON or YAML by suffix
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Who manages the schedule file; another owner's file is left alone
    #[arg(long, default_value = "stormglass/cli", value_name = "NAME", requires = "out")]
    owner: String,
    /// Replace a schedule file that somebody else manages
    #[arg(long, requires = "out")]
    take: bool,
    /// How the schedule file is meant: a minimum under a reactive autoscaler, or exactly so many
    #[arg(long, value_enum, default_value_t, requires = "out")]
    mode: ModeArg,
    #[command(flatten)]
    format: Format,
}

/// How a schedule is meant.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ModeArg {
    /// A minimum under a reactive autoscaler
    #[default]
    Floor,
    /// Exactly so many
    Exact,
}

/// Plans, writes the schedule file if asked to, prints.
pub(crate) fn run(arguments: &Arguments, quiet: bool) -> Result<(), CliError> {
    let done = job::run(&arguments.job, quiet)?;
    let applied = arguments.out.as_ref().map(|path| apply(arguments, path.clone(), &done)).transpose()?;
    let zone = input::zone(&done.outcome().plan.time_zone)?;
    if arguments.format.json {
        return output::print_json(&Answer::new(&done)?);
    }
    let screen = Screen::of_stdout();
    let mut text = text(&done, &zone, &screen)?;
    if screen.draws(arguments.format.plot) {
        text.push('\n');
        text.push_str(&drawing(&done, &zone, &screen));
    }
    if let Some(applied) = applied {
        text.push_str(&format!("\n{} holds this timetable\n", applied.id));
    }
    output::print(&text)
}

/// Puts the timetable into the schedule file.
fn apply(arguments: &Arguments, path: PathBuf, done: &Done) -> Result<Applied, CliError> {
    let target = FileTarget::new(FileConfig { path }).map_err(|error| match error {
        TargetError::Setting { reason, .. } => CliError::Usage(format!("--out {reason}")),
        error => CliError::usage(error),
    })?;
    let request = ApplyRequest {
        owner: Owner(arguments.owner.clone()),
        plan: done.outcome().plan.clone(),
        mode: match arguments.mode {
            ModeArg::Floor => Mode::Floor,
            ModeArg::Exact => Mode::Exact,
        },
        now: done.now,
        on_conflict: if arguments.take { OnConflict::Take } else { OnConflict::Error },
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CliError::failed)?;
    runtime.block_on(target.apply(&request)).map_err(|error| match error {
        TargetError::Conflict { what, owner, .. } => {
            CliError::Failed(format!("{what} is managed by {owner}; choose another path, or take it over with --take"))
        }
        error => CliError::failed(error),
    })
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    capacity_plan: &'a CapacityPlan,
    schedule: BTreeMap<String, String>,
    status: String,
    unit_hours: f64,
    per_unit: f64,
    per_unit_learned: bool,
    backtest: Option<&'a BacktestSummary>,
    record: Option<&'a TrackRecord>,
    members: &'a [forecast_core::model::Member],
    quiet_windows: &'a [QuietWindow],
}

impl<'a> Answer<'a> {
    fn new(done: &'a Done) -> Result<Self, CliError> {
        let outcome = done.outcome();
        let plan = &outcome.plan;
        Ok(Self {
            capacity_plan: plan,
            schedule: schedule::render(&plan.steps, plan.valid_until, &plan.time_zone).map_err(CliError::failed)?,
            status: outcome.status.to_string(),
            unit_hours: outcome.unit_hours,
            per_unit: outcome.per_unit,
            per_unit_learned: outcome.per_unit_learned,
            backtest: outcome.backtest.as_ref(),
            record: done.remembered.record.as_ref(),
            members: &outcome.members,
            quiet_windows: &outcome.quiet_windows,
        })
    }
}

fn text(done: &Done, zone: &TimeZone, screen: &Screen) -> Result<String, CliError> {
    let plan = &done.outcome().plan;
    let mut out = format!(
        "{} for {}, times in {}\n\n",
        screen.paint(Ink::Bold, "Capacity plan"),
        done.outcome().source,
        plan.time_zone
    );
    out.push_str("  schedule (units from each time on)\n");
    let lines = schedule::render(&plan.steps, plan.valid_until, &plan.time_zone).map_err(CliError::failed)?;
    for (day, line) in &lines {
        out.push_str(&format!("    {}  {line}\n", screen.paint(Ink::Good, day)));
    }
    out.push_str(&format!("  from {} on\n", input::local(plan.valid_until, zone)));
    match &plan.after {
        After::Weekly { steps } => {
            for (day, line) in schedule::render_week(steps) {
                out.push_str(&format!("    {}  {line}\n", screen.paint(Ink::Good, &day)));
            }
        }
        After::Restore => out.push_str("    what was there before is restored\n"),
        After::Hold => out.push_str("    the last step stays\n"),
    }
    out.push('\n');
    out.push_str(&facts(done, zone, screen));
    out.push_str(&savings(plan, screen));
    let warnings: Vec<String> = plan.warnings.iter().cloned().chain(done.remembered.flag()).collect();
    for warning in &warnings {
        out.push_str(&format!("\n  {} {warning}", screen.paint(Ink::Warning, "warning:")));
    }
    if !warnings.is_empty() {
        out.push('\n');
    }
    Ok(out)
}

/// What the timetable is, and how far it can be trusted.
fn facts(done: &Done, zone: &TimeZone, screen: &Screen) -> String {
    let outcome = done.outcome();
    let plan = &outcome.plan;
    let mut facts = vec![("peak", format!("{} units, of {} to {}", plan.peak, plan.min, plan.max))];
    let cost = plan.cost.map_or_else(String::new, |cost| format!(", cost {cost:.2}"));
    facts.push(("unit-hours", format!("{}{cost}", short(outcome.unit_hours))));
    let learned = if outcome.per_unit_learned { ", learned from history" } else { "" };
    facts.push(("a unit", format!("serves {} at full utilization{learned}", short(outcome.per_unit))));
    facts.push(("model", format!("{}, from {} steps", plan.model, outcome.history.len())));
    let accuracy = match &outcome.backtest {
        Some(b) => {
            format!("{} over {} to {} ahead, {} origins", percent(Some(b.accuracy)), b.from_lead, b.to_lead, b.origins)
        }
        None => "unknown: the history is too short".into(),
    };
    facts.push(("accuracy", accuracy));
    if let Some(record) = &done.remembered.record {
        let (accuracy, since) = (percent(Some(record.accuracy)), input::local(record.since, zone));
        let plural = if record.forecasts == 1 { "" } else { "s" };
        let text = format!("{accuracy} in {} forecast{plural} made since {since}", record.forecasts);
        facts.push(("record", text));
    }
    if let Some((skill, naive)) = outcome.backtest.as_ref().and_then(|b| Some((b.skill?, b.naive.as_deref()?))) {
        let word = if skill < 0.0 { "more" } else { "less" };
        let size = percent(Some(skill.abs()));
        facts.push(("skill", format!("{size} {word} error than {naive}, the best naive method")));
    }
    if let Some(risk) = plan.risk {
        facts.push(("risk", format!("{} of the load is expected to meet too few units", percent(Some(risk)))));
    }
    if let [first, others @ ..] = outcome.quiet_windows.as_slice() {
        let more = if others.is_empty() { String::new() } else { format!(", and {} more", others.len()) };
        let (from, to) = (input::local(first.from, zone), input::local(first.to, zone));
        facts.push(("quiet", format!("{from} to {to}{more}")));
    }
    facts
        .iter()
        .map(|(name, value)| format!("  {}{value}\n", screen.paint(Ink::Bold, &format!("{name:<12}"))))
        .collect()
}

/// What the same kind of timetable would have saved in the past.
fn savings(plan: &CapacityPlan, screen: &Screen) -> String {
    let Some(savings) = &plan.savings else { return String::new() };
    let mut table = Table::new(&[
        ("", Align::Left),
        ("unit-hours", Align::Right),
        ("cost", Align::Right),
        ("load short of units", Align::Right),
    ]);
    for (name, row) in &savings.rows {
        table.row([name.clone(), short(row.unit_hours), or_dash(row.cost), percent(Some(row.slo))]);
    }
    let rows: String = table.render(screen).lines().map(|line| format!("    {line}\n")).collect();
    format!("\n  {} in a replay of the last {:.1} days\n{rows}", screen.paint(Ink::Bold, "savings"), savings.days)
}

/// The forecast load, and the load that the timetable's units serve at full utilization.
fn drawing(done: &Done, zone: &TimeZone, screen: &Screen) -> String {
    let outcome = done.outcome();
    let forecast = &outcome.forecast;
    let points = (0..forecast.horizon()).map(|k| (forecast.time(k), Some(forecast.point[k]))).collect();
    let plan = &outcome.plan;
    let capacity = |units: u32| Some(f64::from(units) * outcome.per_unit);
    let mut steps: Vec<(Timestamp, Option<f64>)> = plan.steps.iter().map(|s| (s.from, capacity(s.units))).collect();
    steps.extend(plan.steps.last().map(|s| (plan.valid_until, capacity(s.units))));
    let lines = [
        Line { name: "capacity", ink: Ink::Good, points: steps, stairs: true, sparse: false },
        Line { name: "forecast load", ink: Ink::Forecast, points, stairs: false, sparse: false },
    ];
    plot::draw(&lines, zone, screen)
}
