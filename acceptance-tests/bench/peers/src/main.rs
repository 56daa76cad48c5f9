//! One peer's model of one series, or of the rows of a panel: what it takes and what it finds, as a line of JSON.
//!
//! Usage: `stormglass-peers series|panel PEER MODEL SEASON HORIZON FILE SECONDS`
//! A series is fitted, with the forecast of `HORIZON` steps and its 95 % interval, again and again for about `SECONDS`;
//! of a panel, a series a row, every row once. Times are processor time of this process.

mod anofox;
mod augurs;
mod foresight;

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// Most fits of one series.
const MOST: usize = 30;

/// What is asked of a peer, in the names of `stormglass`.
struct Ask<'a> {
    model: &'a str,
    season: usize,
    horizon: usize,
}

/// What a peer made of a series; what it does not state is `None`.
#[derive(Default, Serialize)]
struct Found {
    /// Sum of squared one-step errors.
    sse: Option<f64>,
    log_likelihood: Option<f64>,
    aicc: Option<f64>,
    /// The form or orders that it chose.
    chosen: Option<String>,
    forecast: Vec<f64>,
}

type Answer = Result<Found, String>;

#[derive(Serialize)]
struct Series {
    first_cpu: f64,
    median_cpu: f64,
    median_wall: f64,
    runs: usize,
    #[serde(flatten)]
    found: Found,
}

#[derive(Serialize)]
struct Panel {
    cpu: f64,
    forecasts: Vec<Vec<f64>>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let answer = answer(&arguments).unwrap_or_else(|error| serde_json::json!({ "error": error }).to_string());
    println!("{answer}");
}

fn answer(arguments: &[String]) -> Result<String, String> {
    let [what, peer, model, season, horizon, file, seconds] = arguments else {
        return Err("usage: stormglass-peers series|panel PEER MODEL SEASON HORIZON FILE SECONDS".into());
    };
    let number = |text: &str| text.parse::<usize>().map_err(|e| format!("{text}: {e}"));
    let ask = Ask { model, season: number(season)?, horizon: number(horizon)? };
    let fit = match peer.as_str() {
        "anofox" => anofox::fit,
        "augurs" => augurs::fit,
        "foresight" => foresight::fit,
        other => return Err(format!("no peer `{other}`")),
    };
    let text = std::fs::read_to_string(file).map_err(|e| format!("{file}: {e}"))?;
    let json = |value: Result<String, serde_json::Error>| value.map_err(|e| e.to_string());
    match what.as_str() {
        "series" => {
            let y = text.lines().skip(1).map(value_after_time).collect::<Result<Vec<f64>, String>>()?;
            json(serde_json::to_string(&series(|| fit(&ask, &y), Duration::from_secs(number(seconds)? as u64))?))
        }
        "panel" => {
            let rows = text.lines().map(row).collect::<Result<Vec<_>, String>>()?;
            let began = cpu();
            let found = rows.iter().map(|y| fit(&ask, y)).collect::<Result<Vec<Found>, String>>()?;
            let cpu = cpu() - began;
            json(serde_json::to_string(&Panel { cpu, forecasts: found.into_iter().map(|f| f.forecast).collect() }))
        }
        other => Err(format!("`{other}` is neither series nor panel")),
    }
}

/// Fits again and again, as long as time is left.
fn series(fit: impl Fn() -> Answer, at_most: Duration) -> Result<Series, String> {
    let (mut cpus, mut walls) = (Vec::new(), Vec::new());
    let began = Instant::now();
    loop {
        let (before, now) = (cpu(), Instant::now());
        let found = fit()?;
        walls.push(now.elapsed().as_secs_f64());
        cpus.push(cpu() - before);
        if cpus.len() == MOST || began.elapsed() > at_most {
            let (first_cpu, runs) = (cpus[0], cpus.len());
            return Ok(Series { first_cpu, median_cpu: median(cpus), median_wall: median(walls), runs, found });
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
}

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

fn value_after_time(line: &str) -> Result<f64, String> {
    line.rsplit(',').next().unwrap_or_default().parse().map_err(|e| format!("{line}: {e}"))
}

fn row(line: &str) -> Result<Vec<f64>, String> {
    line.split(',').skip(1).map(|text| text.parse().map_err(|e| format!("{text}: {e}"))).collect()
}

/// Sum of the squares of the errors, without those that are not known.
fn sum_of_squares(errors: &[f64]) -> f64 {
    errors.iter().filter(|e| e.is_finite()).map(|e| e * e).sum()
}
