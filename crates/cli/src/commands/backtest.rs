//! `stormglass backtest`: how good such forecasts would have been, from rolling origins in the past.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use forecast_core::backtest::Row;
use forecast_core::{Backtest, BacktestError, Observer, RollingOrigin};
use serde::Serialize;
use stormglass_ops::duration::Span;

use super::panel;
use crate::error::CliError;
use crate::input::{self, SeriesArgs};
use crate::levels::{self, LevelText};
use crate::model;
use crate::output::json::{Pairs, finite};
use crate::output::number::{or_dash, percent, short};
use crate::output::progress::Progress;
use crate::output::table::{Align, Table};
use crate::output::{self, Format, Ink, Screen};

/// Arguments of `backtest`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    stormglass backtest requests.csv --step 5m --horizon 24h --stride 1h --refit-every 24h\n  \
    stormglass backtest --panel train.csv --test test.csv --season 24")]
pub(crate) struct Arguments {
    #[command(flatten)]
    series: SeriesArgs,
    /// How far ahead each forecast reaches, for example 24h
    #[arg(long, value_name = "SPAN", required_unless_present = "panel")]
    horizon: Option<Span>,
    /// Time from one origin to the next
    #[arg(long, default_value = "1h", value_name = "SPAN")]
    stride: Span,
    /// Time after which parameters are learned anew
    #[arg(long, default_value = "24h", value_name = "SPAN")]
    refit_every: Span,
    /// Share of the series, at its end, that holds the origins
    #[arg(long, default_value_t = 0.25, value_name = "SHARE")]
    test_fraction: f64,
    /// Leave out what lies nearer than this
    #[arg(long, value_name = "SPAN")]
    lead_from: Option<Span>,
    /// Name of the model; `stormglass models` lists them
    #[arg(long, default_value = "auto", value_name = "NAME")]
    model: String,
    /// Steps of a season, for models that are not told one and for the scale of MASE
    #[arg(long, value_name = "N")]
    season: Option<usize>,
    /// Series file of a similar service, which stands in for the history that this one lacks
    #[arg(long, value_name = "FILE", conflicts_with = "panel")]
    borrow_from: Option<PathBuf>,
    /// Quantiles to score, as probabilities
    #[arg(long, value_delimiter = ',', default_value = "0.025,0.05,0.1,0.5,0.9,0.95,0.975", value_name = "P,…")]
    levels: Vec<LevelText>,
    /// Write every forecast beside what came
    #[arg(long, value_name = "CSV")]
    dump: Option<PathBuf>,
    /// Fits made at once; the result does not depend on it
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// A panel to learn from: a series a row, `id,v1,v2,…`
    #[arg(long, value_name = "TRAIN", conflicts_with_all = ["file", "horizon", "lead_from"], requires = "test")]
    panel: Option<PathBuf>,
    /// What came after the panel, its rows in any order
    #[arg(long, value_name = "TEST", requires = "panel")]
    test: Option<PathBuf>,
    /// Season of the naive forecast that MASE divides by, where it is not `--season`
    #[arg(long, value_name = "N", requires = "panel")]
    mase_season: Option<usize>,
    #[command(flatten)]
    format: Format,
}

/// Runs through the origins, prints the scores.
pub(crate) fn run(arguments: &Arguments, quiet: bool) -> Result<(), CliError> {
    let threads = input::threads(arguments.threads)?;
    if let (Some(train), Some(test)) = (&arguments.panel, &arguments.test) {
        let setup = panel::Backtest {
            train,
            test,
            season: arguments
                .season
                .ok_or_else(|| CliError::usage("a panel has no times; give its --season in steps"))?,
            mase_season: arguments.mase_season,
            model: &arguments.model,
            dump: arguments.dump.as_deref(),
            threads,
        };
        return panel::backtest(&setup, arguments.format, quiet);
    }
    let Some(horizon) = arguments.horizon else {
        return Err(CliError::usage("--horizon is missing; expected how far ahead, for example 24h"));
    };
    let y = arguments.series.series(quiet)?;
    let horizon = input::horizon(&y, horizon)?;
    let levels = levels::ascending(&arguments.levels);
    let mut setup = RollingOrigin::new(&y, horizon);
    setup.stride = input::steps_or_one(&y, arguments.stride, "--stride")?;
    setup.refit_every = input::steps_or_one(&y, arguments.refit_every, "--refit-every")?;
    setup.test_fraction = arguments.test_fraction;
    setup.levels = levels::bare(&levels);
    setup.threads = threads;
    if let Some(from) = arguments.lead_from {
        setup.lead_from = input::steps_or_one(&y, from, "--lead-from")?;
    }
    if let Some(season) = arguments.season {
        setup.season_length = season;
    }
    let forecaster = model::forecaster(&arguments.model, arguments.season, Some(horizon))?;
    let forecaster = arguments.series.borrowing(arguments.borrow_from.as_deref(), &y, forecaster, quiet)?;
    let mut looker_on = LookerOn {
        progress: Progress::new("backtest", "origins", quiet),
        dump: arguments.dump.as_deref().map(|path| Dump::create(path, &levels)).transpose()?,
    };
    let began = Instant::now();
    let scores = forecast_core::backtest(forecaster.as_ref(), &y, &setup, &mut looker_on, &|| false)
        .map_err(|error| wrong_or_failed(&error))?;
    let seconds = began.elapsed().as_secs_f64();
    let LookerOn { progress, dump } = looker_on;
    drop(progress);
    if let Some(dump) = dump {
        dump.finish()?;
    }
    let answer = Answer::new(&scores, &levels, seconds);
    if arguments.format.json {
        return output::print_json(&answer);
    }
    let by_lead = by_lead(&scores, y.step().as_secs());
    output::print(&answer.text(&by_lead, &Screen::of_stdout()))
}

/// Too little data and wrong settings are the caller's; the rest is not.
fn wrong_or_failed(error: &BacktestError) -> CliError {
    match error {
        BacktestError::Setting { .. }
        | BacktestError::TooShort { .. }
        | BacktestError::NothingObserved { .. }
        | BacktestError::Fit { .. } => CliError::usage(error),
        _ => CliError::failed(error),
    }
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Answer {
    model: String,
    wape: Option<f64>,
    accuracy: Option<f64>,
    mase: Option<f64>,
    rmsse: Option<f64>,
    pinball: Pairs<Option<f64>>,
    coverage: Pairs<Option<f64>>,
    interval_coverage: Pairs<Option<f64>>,
    origins: usize,
    seconds: f64,
}

impl Answer {
    fn new(scores: &Backtest, levels: &[LevelText], seconds: f64) -> Self {
        let named = |values: &[f64]| {
            levels.iter().zip(values).map(|(level, value)| (level.text.clone(), finite(*value))).collect()
        };
        Self {
            model: scores.model.clone(),
            wape: finite(scores.wape),
            accuracy: finite(scores.accuracy()),
            mase: finite(scores.mase),
            rmsse: finite(scores.rmsse),
            pinball: named(&scores.pinball),
            coverage: named(&scores.coverage),
            interval_coverage: scores
                .interval_coverage
                .iter()
                .map(|(nominal, seen)| (format!("{nominal:.2}"), finite(*seen)))
                .collect(),
            origins: scores.origins.len(),
            seconds,
        }
    }

    fn text(&self, by_lead: &[(String, f64)], screen: &Screen) -> String {
        let mut text = format!(
            "{}  accuracy {}  from {} origins in {} s\n",
            screen.paint(Ink::Bold, &self.model),
            screen.paint(Ink::Good, &percent(self.accuracy)),
            self.origins,
            short(self.seconds)
        );
        text.push_str(&format!(
            "  WAPE {}  MASE {}  RMSSE {}\n\n",
            or_dash(self.wape),
            or_dash(self.mase),
            or_dash(self.rmsse)
        ));
        let mut table =
            Table::new(&[("quantile", Align::Right), ("at or below", Align::Right), ("pinball", Align::Right)]);
        for ((level, coverage), (_, pinball)) in self.coverage.0.iter().zip(&self.pinball.0) {
            table.row([level.clone(), percent(*coverage), or_dash(*pinball)]);
        }
        text.push_str(&table.render(screen));
        if !self.interval_coverage.0.is_empty() {
            let mut table = Table::new(&[("interval", Align::Right), ("inside", Align::Right)]);
            for (nominal, seen) in &self.interval_coverage.0 {
                table.row([nominal.clone(), percent(*seen)]);
            }
            text.push('\n');
            text.push_str(&table.render(screen));
        }
        if by_lead.len() > 1 {
            let mut table = Table::new(&[("lead up to", Align::Right), ("accuracy", Align::Right)]);
            for (until, wape) in by_lead {
                table.row([until.clone(), percent(finite(1.0 - wape))]);
            }
            text.push('\n');
            text.push_str(&table.render(screen));
        }
        text
    }
}

/// WAPE of up to eight groups of leads, each named by its last one.
fn by_lead(scores: &Backtest, step_seconds: u64) -> Vec<(String, f64)> {
    let horizon = scores.by_lead.len();
    let size = horizon.div_ceil(8).max(1);
    let groups = scores.by_lead.chunks(size).enumerate();
    groups
        .filter_map(|(index, group)| {
            let until = ((index + 1) * size).min(horizon) as u64;
            let (errors, truths) = group.iter().fold((0.0, 0.0), |sum, lead| (sum.0 + lead.0, sum.1 + lead.1));
            (truths > 0.0).then(|| (Span::seconds(until * step_seconds).to_string(), errors / truths))
        })
        .collect()
}

/// Writes the dump and shows progress while the backtest runs.
struct LookerOn {
    progress: Progress,
    dump: Option<Dump>,
}

impl Observer for LookerOn {
    fn row(&mut self, row: &Row<'_>) {
        if let Some(dump) = &mut self.dump {
            dump.row(row);
        }
    }

    fn progress(&mut self, done: usize, total: usize) {
        self.progress.tell(done, total);
    }
}

/// A file with a row for each step forecast. Numbers are the shortest text that reads back as the same number.
struct Dump {
    path: PathBuf,
    out: BufWriter<File>,
    failed: Option<io::Error>,
}

impl Dump {
    fn create(path: &Path, levels: &[LevelText]) -> Result<Self, CliError> {
        let fails = || CliError::output(path.display().to_string());
        let mut out = BufWriter::new(File::create(path).map_err(fails())?);
        let names: String = levels.iter().map(|level| format!(",{}", level.text)).collect();
        writeln!(out, "origin,lead,time,forecast{names},actual").map_err(fails())?;
        Ok(Self { path: path.to_owned(), out, failed: None })
    }

    /// Writes a row; the first failure is kept until the end.
    fn row(&mut self, row: &Row<'_>) {
        if self.failed.is_none() {
            self.failed = self.try_row(row).err();
        }
    }

    fn try_row(&mut self, row: &Row<'_>) -> io::Result<()> {
        write!(self.out, "{},{},{},{}", row.origin, row.lead, row.time, row.forecast)?;
        for quantile in row.quantiles {
            write!(self.out, ",{quantile}")?;
        }
        match row.actual {
            Some(actual) => writeln!(self.out, ",{actual}"),
            None => writeln!(self.out, ","),
        }
    }

    fn finish(mut self) -> Result<(), CliError> {
        let result = self.failed.map_or_else(|| self.out.flush(), Err);
        result.map_err(CliError::output(self.path.display().to_string()))
    }
}
