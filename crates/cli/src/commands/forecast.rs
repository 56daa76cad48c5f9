//! `stormglass forecast`: the next steps of a series, with quantiles.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use forecast_core::model::Member;
use forecast_core::{Ahead, Fitted, Forecast, Series};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use stormglass_ops::duration::Span;

use crate::error::CliError;
use crate::input::{self, SeriesArgs};
use crate::levels::{self, LevelText};
use crate::model;
use crate::output::json::{Pairs, finite};
use crate::output::number::{or_dash, percent, short};
use crate::output::plot::{self, Line};
use crate::output::table::{Align, Table};
use crate::output::{self, Format, Ink, Screen};

/// Rows of the table on a terminal; a pipe gets them all.
const ROWS_SHOWN: usize = 24;

/// Arguments of `forecast`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  stormglass forecast requests.csv --horizon 24h --timezone Europe/Berlin")]
pub(crate) struct Arguments {
    #[command(flatten)]
    series: SeriesArgs,
    /// How far ahead, for example 24h
    #[arg(long, value_name = "SPAN")]
    horizon: Span,
    /// Name of the model; `stormglass models` lists them
    #[arg(long, default_value = "auto", value_name = "NAME")]
    model: String,
    /// Steps of a season, for models that are not told one
    #[arg(long, value_name = "N")]
    season: Option<usize>,
    /// Series file of a similar service, which stands in for the history that this one lacks
    #[arg(long, value_name = "FILE")]
    borrow_from: Option<PathBuf>,
    /// Quantiles, as probabilities
    #[arg(long, value_delimiter = ',', default_value = "0.1,0.9", value_name = "P,…")]
    levels: Vec<LevelText>,
    #[command(flatten)]
    format: Format,
}

/// Forecasts and prints.
pub(crate) fn run(arguments: &Arguments, quiet: bool) -> Result<(), CliError> {
    let y = arguments.series.series(quiet)?;
    let horizon = input::horizon(&y, arguments.horizon)?;
    let forecaster = model::forecaster(&arguments.model, arguments.season, Some(horizon))?;
    let forecaster = arguments.series.borrowing(arguments.borrow_from.as_deref(), &y, forecaster, quiet)?;
    let began = Instant::now();
    let fitted = forecaster.fit(&y).map_err(CliError::usage)?;
    let fit_seconds = began.elapsed().as_secs_f64();
    let levels = levels::ascending(&arguments.levels);
    let forecast = fitted.forecast(&Ahead::steps(horizon), &levels::bare(&levels)).map_err(CliError::usage)?;
    if arguments.format.json {
        return output::print_json(&Answer::new(fitted.as_ref(), &forecast, &levels, fit_seconds));
    }
    let zone = y.calendar().time_zone().clone();
    let screen = Screen::of_stdout();
    let mut text = heading(fitted.as_ref(), &y, fit_seconds, &screen);
    if screen.draws(arguments.format.plot) {
        text.push_str(&drawing(&y, &forecast, &levels, &zone, &screen));
    }
    text.push('\n');
    text.push_str(&table(&forecast, &levels, &zone, &screen));
    output::print(&text)
}

/// What `--json` prints; keys that a model lacks are null.
#[derive(Debug, Serialize)]
struct Answer {
    model: String,
    n_used: usize,
    parameters: BTreeMap<String, Option<f64>>,
    log_likelihood: Option<f64>,
    sse: Option<f64>,
    aicc: Option<f64>,
    /// Differences and seasonal differences of ARIMA.
    d: Option<usize>,
    #[serde(rename = "D")]
    seasonal_d: Option<usize>,
    /// Which likelihood ARIMA maximizes.
    likelihood: Option<&'static str>,
    /// Region that the smoothing parameters of ETS are held in.
    region: Option<&'static str>,
    fit_seconds: f64,
    forecast: Vec<Step>,
    members: Vec<Member>,
}

/// One step of the answer.
#[derive(Debug, Serialize)]
struct Step {
    lead: usize,
    time: Timestamp,
    forecast: Option<f64>,
    quantiles: Pairs<Option<f64>>,
}

impl Answer {
    fn new(fitted: &dyn Fitted, forecast: &Forecast, levels: &[LevelText], fit_seconds: f64) -> Self {
        let step = |index: usize| Step {
            lead: index + 1,
            time: forecast.time(index),
            forecast: finite(forecast.point[index]),
            quantiles: levels
                .iter()
                .zip(forecast.quantiles.row(index))
                .map(|(level, value)| (level.text.clone(), finite(*value)))
                .collect(),
        };
        Self {
            model: fitted.name(),
            n_used: fitted.n_used(),
            parameters: fitted.parameters().into_iter().map(|(name, value)| (name, finite(value))).collect(),
            log_likelihood: fitted.log_likelihood().and_then(finite),
            sse: fitted.sse().and_then(finite),
            aicc: fitted.aicc().and_then(finite),
            d: fitted.differences().map(|(d, _)| d),
            seasonal_d: fitted.differences().map(|(_, seasonal)| seasonal),
            likelihood: fitted.likelihood(),
            region: fitted.name().starts_with("ets(").then_some("usual"),
            fit_seconds,
            forecast: (0..forecast.horizon()).map(step).collect(),
            members: fitted.members(),
        }
    }
}

fn heading(fitted: &dyn Fitted, y: &Series, fit_seconds: f64, screen: &Screen) -> String {
    let missing = y.observed().iter().filter(|seen| !**seen).count();
    let gaps = if missing == 0 { String::new() } else { format!(", {missing} of them missing") };
    let mut text = format!(
        "{}  from {} steps of {}{gaps}, fitted in {} s\n",
        screen.paint(Ink::Bold, &fitted.name()),
        y.len(),
        Span(y.step()),
        short(fit_seconds)
    );
    for (name, value) in [("log-likelihood", fitted.log_likelihood()), ("AICc", fitted.aicc()), ("SSE", fitted.sse())] {
        if value.is_some() {
            text.push_str(&format!("  {name} {}", or_dash(value)));
        }
    }
    let parameters: Vec<String> =
        fitted.parameters().iter().take(12).map(|(name, value)| format!("{name} {}", short(*value))).collect();
    if !parameters.is_empty() {
        text.push_str(&format!("  {}", parameters.join("  ")));
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(&members(&fitted.members(), screen));
    text
}

/// The members of a mixture that have at least a hundredth of it, the heaviest first.
fn members(all: &[Member], screen: &Screen) -> String {
    let mean = |member: &Member| member.weights.iter().sum::<f64>() / member.weights.len().max(1) as f64;
    let mut weighed: Vec<(f64, &Member)> = all.iter().map(|m| (mean(m), m)).filter(|(w, _)| *w >= 0.01).collect();
    weighed.sort_by(|a, b| b.0.total_cmp(&a.0));
    if weighed.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[("member", Align::Left), ("weight", Align::Right), ("why", Align::Left)]);
    for (weight, member) in weighed {
        table.row([member.name.clone(), percent(Some(weight)), member.reason.clone()]);
    }
    format!("\n{}\n", table.render(screen))
}

/// The last of the past, three times as long as the horizon, and the forecast between its outer quantiles.
fn drawing(y: &Series, forecast: &Forecast, levels: &[LevelText], zone: &TimeZone, screen: &Screen) -> String {
    let from = y.len().saturating_sub(3 * forecast.horizon().max(8));
    let past = (from..y.len()).map(|t| (y.time(t), y.observation(t))).collect();
    let over_time = |values: &mut dyn Iterator<Item = f64>| -> Vec<(Timestamp, Option<f64>)> {
        values.enumerate().map(|(k, v)| (forecast.time(k), finite(v))).collect()
    };
    let mut lines = vec![Line { name: "seen", ink: Ink::Seen, points: past, stairs: false, sparse: false }];
    for (column, level) in levels.iter().enumerate() {
        if column == 0 || column + 1 == levels.len() {
            let points = over_time(&mut forecast.quantiles.column(column).iter().copied());
            lines.push(Line { name: &level.text, ink: Ink::Dim, points, stairs: false, sparse: true });
        }
    }
    let points = over_time(&mut forecast.point.iter().copied());
    lines.push(Line { name: "forecast", ink: Ink::Forecast, points, stairs: false, sparse: false });
    plot::draw(&lines, zone, screen)
}

fn table(forecast: &Forecast, levels: &[LevelText], zone: &TimeZone, screen: &Screen) -> String {
    let mut table = Table::new(&[("lead", Align::Right), ("time", Align::Left), ("forecast", Align::Right)]);
    for level in levels {
        table.column(level.text.clone(), Align::Right);
    }
    let every = if screen.terminal { forecast.horizon().div_ceil(ROWS_SHOWN) } else { 1 };
    for k in (0..forecast.horizon()).step_by(every.max(1)) {
        let time = input::local(forecast.time(k), zone);
        let quantiles = forecast.quantiles.row(k).iter().map(|q| short(*q)).collect::<Vec<_>>();
        table.row([(k + 1).to_string(), time, short(forecast.point[k])].into_iter().chain(quantiles));
    }
    let mut text = table.render(screen);
    if every > 1 {
        let note = format!("every {every}th of {} steps; in a pipe and with --json all\n", forecast.horizon());
        text.push_str(&screen.paint(Ink::Dim, &note));
    }
    text
}
