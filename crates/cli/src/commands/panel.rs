//! `stormglass panel`: one model over many series at once; and the backtest of such a panel, scored as the M4
//! competition did (Makridakis, Spiliotis, Assimakopoulos 2020, International Journal of Forecasting 36, 54-74).

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use forecast_core::{Ahead, Series, fit_panel, scores};
use serde::Serialize;

use crate::error::CliError;
use crate::input::{self, PanelRow};
use crate::output::json::finite;
use crate::output::number::{or_dash, short};
use crate::output::progress::Progress;
use crate::output::{self, Format, Ink, Screen};
use crate::{machine, model};

/// Arguments of `panel`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  stormglass panel fleet.csv --horizon 24 --season 24 --dump forecasts.csv")]
pub(crate) struct Arguments {
    /// A series a row, `id,v1,v2,…`, without a header; gzip by suffix
    file: PathBuf,
    /// Steps to forecast
    #[arg(long, value_name = "N")]
    horizon: usize,
    /// Steps of a season; 1 for none
    #[arg(long, value_name = "N")]
    season: usize,
    /// Name of the model; `stormglass models` lists them
    #[arg(long, default_value = "auto", value_name = "NAME")]
    model: String,
    /// Series fitted at once; the result does not depend on it
    #[arg(long, value_name = "N")]
    threads: Option<usize>,
    /// Write the forecasts, a series a row: `id,f1,…`
    #[arg(long, value_name = "CSV")]
    dump: Option<PathBuf>,
    #[command(flatten)]
    format: Format,
}

/// Fits and forecasts every series.
pub(crate) fn run(arguments: &Arguments, quiet: bool) -> Result<(), CliError> {
    let threads = input::threads(arguments.threads)?;
    let rows = input::read_panel(&arguments.file, threads)?;
    let began = Instant::now();
    let work = Work { model: &arguments.model, season: arguments.season, horizon: arguments.horizon, threads };
    let forecasts = work.forecasts(&rows, quiet)?;
    let seconds = began.elapsed().as_secs_f64();
    if let Some(path) = &arguments.dump {
        dump(path, &rows, &forecasts)?;
    }
    let answer = Answer {
        series: rows.len(),
        seconds,
        series_per_second: finite(rows.len() as f64 / seconds),
        threads,
        peak_memory_bytes: machine::peak_memory_bytes(),
    };
    if arguments.format.json {
        return output::print_json(&answer);
    }
    let memory = answer.peak_memory_bytes.map_or_else(String::new, |b| format!(", {} MB at the peak", b / 1_000_000));
    output::print(&format!(
        "{} series in {} s on {threads} threads: {} a second{memory}\n",
        answer.series,
        short(seconds),
        or_dash(answer.series_per_second)
    ))
}

/// What `panel --json` prints.
#[derive(Debug, Serialize)]
struct Answer {
    series: usize,
    seconds: f64,
    series_per_second: Option<f64>,
    threads: usize,
    peak_memory_bytes: Option<u64>,
}

/// A panel, and what came after it.
pub(crate) struct Backtest<'a> {
    pub(crate) train: &'a Path,
    pub(crate) test: &'a Path,
    pub(crate) season: usize,
    pub(crate) mase_season: Option<usize>,
    pub(crate) model: &'a str,
    pub(crate) dump: Option<&'a Path>,
    pub(crate) threads: usize,
}

/// Forecasts a panel and scores it by what came.
pub(crate) fn backtest(setup: &Backtest<'_>, format: Format, quiet: bool) -> Result<(), CliError> {
    let rows = input::read_panel(setup.train, setup.threads)?;
    let truths = truths(setup, &rows)?;
    let horizon = truths.iter().map(Vec::len).max().unwrap_or(0);
    if let Some((row, truth)) = rows.iter().zip(&truths).find(|(_, truth)| truth.len() != horizon) {
        let (path, id, got) = (setup.test.display(), &row.id, truth.len());
        return Err(CliError::Usage(format!(
            "{path}: series `{id}` has {got} values, others {horizon}; expected as many"
        )));
    }
    let began = Instant::now();
    let work = Work { model: setup.model, season: setup.season, horizon, threads: setup.threads };
    let forecasts = work.forecasts(&rows, quiet)?;
    let seconds = began.elapsed().as_secs_f64();
    if let Some(path) = setup.dump {
        dump(path, &rows, &forecasts)?;
    }
    let mase_season = setup.mase_season.unwrap_or(setup.season);
    let (mut smape, mut mase) = (Mean::default(), Mean::default());
    for ((row, truth), forecast) in rows.iter().zip(&truths).zip(&forecasts) {
        smape.add(scores::smape(truth, forecast));
        mase.add(scores::mase(&row.values, truth, forecast, mase_season));
    }
    let answer = Scores { smape: smape.value(), mase: mase.value(), series: rows.len(), seconds };
    if format.json {
        return output::print_json(&answer);
    }
    let screen = Screen::of_stdout();
    output::print(&format!(
        "{}  sMAPE {}  MASE {}  over {} series, {horizon} steps ahead, in {} s\n",
        screen.paint(Ink::Bold, setup.model),
        or_dash(answer.smape),
        or_dash(answer.mase),
        answer.series,
        short(seconds)
    ))
}

/// What `backtest --panel --json` prints.
#[derive(Debug, Serialize)]
struct Scores {
    smape: Option<f64>,
    mase: Option<f64>,
    series: usize,
    seconds: f64,
}

/// The plain mean of what is defined.
#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    fn add(&mut self, value: Option<f64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
        }
    }

    fn value(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum / self.count as f64)
    }
}

/// What came after each series of a panel, in the panel's order.
fn truths(setup: &Backtest<'_>, rows: &[PanelRow]) -> Result<Vec<Vec<Option<f64>>>, CliError> {
    let path = setup.test;
    let mut by_id: BTreeMap<String, Vec<Option<f64>>> =
        input::read_panel(path, setup.threads)?.into_iter().map(|row| (row.id, row.values)).collect();
    let truth = |row: &PanelRow| {
        by_id.remove(&row.id).ok_or_else(|| {
            let (path, id) = (path.display(), &row.id);
            CliError::Usage(format!("{path}: no row `{id}`; expected one for each series learned from"))
        })
    };
    rows.iter().map(truth).collect()
}

/// One model over all series.
struct Work<'a> {
    model: &'a str,
    season: usize,
    horizon: usize,
    threads: usize,
}

impl Work<'_> {
    /// Point forecasts, one row a series.
    fn forecasts(&self, rows: &[PanelRow], quiet: bool) -> Result<Vec<Vec<f64>>, CliError> {
        let horizon = input::useful_horizon(self.horizon)?;
        let step = input::panel_step(self.season)?;
        let forecaster = model::forecaster(self.model, Some(self.season), Some(horizon))?;
        let mut progress = Progress::new("panel", "series", quiet);
        let series = |row: &PanelRow| {
            let series = Series::from_options(jiff::Timestamp::UNIX_EPOCH, step, row.values.clone());
            series.expect("a row that was read has a value, and only finite ones")
        };
        let results = fit_panel(
            forecaster.as_ref(),
            rows.iter().map(series),
            self.threads,
            |at, _, fitted| {
                let ahead = fitted.map_err(|e| named(&rows[at], &e))?.forecast(&Ahead::steps(self.horizon), &[]);
                Ok(ahead.map_err(|e| named(&rows[at], &e))?.point)
            },
            |done| progress.tell(done, rows.len()),
        );
        results.into_iter().collect()
    }
}

fn named(row: &PanelRow, error: &dyn Display) -> CliError {
    CliError::Usage(format!("series `{}`: {error}", row.id))
}

fn dump(path: &Path, rows: &[PanelRow], forecasts: &[Vec<f64>]) -> Result<(), CliError> {
    let fails = || CliError::output(path.display().to_string());
    let mut out = BufWriter::new(File::create(path).map_err(fails())?);
    for (row, forecast) in rows.iter().zip(forecasts) {
        let values: String = forecast.iter().map(|v| format!(",{v}")).collect();
        writeln!(out, "{}{values}", row.id).map_err(fails())?;
    }
    out.flush().map_err(fails())
}
