//! `stormglass bench`: how long the fit of a model takes, and nothing but the fit.
//!
//! Each repetition fits a series that differs from the others by about one part in a million, so that nothing can be
//! remembered from one to the next.

use std::time::{Duration, Instant};

use clap::Args;
use forecast_core::Series;
use forecast_core::paths::Dice;
use serde::Serialize;

use crate::error::CliError;
use crate::input::{self, SeriesArgs};
use crate::output::number::{or_dash, short};
use crate::output::progress::Progress;
use crate::output::{self, Format};
use crate::{machine, model, parallel};

/// Size of the perturbation, as a share of each value.
const PERTURBATION: f64 = 1e-6;

/// Arguments of `bench`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  stormglass bench requests.csv --model 'ets(A,N,A)' --season 24 --repeat 50")]
pub(crate) struct Arguments {
    #[command(flatten)]
    series: SeriesArgs,
    /// Name of the model; `stormglass models` lists them
    #[arg(long, value_name = "NAME")]
    model: String,
    /// Steps of a season, for models that are not told one
    #[arg(long, value_name = "N")]
    season: Option<usize>,
    /// Number of fits
    #[arg(long, default_value_t = 50, value_name = "N")]
    repeat: usize,
    /// Fits made at once
    #[arg(long, default_value_t = 1, value_name = "N")]
    threads: usize,
    #[command(flatten)]
    format: Format,
}

/// Fits again and again.
pub(crate) fn run(arguments: &Arguments, quiet: bool) -> Result<(), CliError> {
    if arguments.repeat == 0 {
        return Err(CliError::usage("--repeat is 0; expected at least 1"));
    }
    let threads = input::threads(Some(arguments.threads))?;
    let y = arguments.series.series(quiet)?;
    let forecaster = model::forecaster(&arguments.model, arguments.season, None)?;
    let perturbed: Vec<Series> = (0..arguments.repeat).map(|i| perturb(&y, i as u64)).collect::<Result<_, _>>()?;
    let mut progress = Progress::new("bench", "fits", quiet);
    let (cpu, began) = (machine::cpu_time(), Instant::now());
    let fit = |y: &Series| {
        let began = Instant::now();
        let fitted = forecaster.fit(y);
        let took = began.elapsed();
        fitted.map(|_| took)
    };
    let fits = parallel::map(&perturbed, threads, fit, |done| progress.tell(done, arguments.repeat));
    let (wall, cpu) =
        (began.elapsed(), machine::cpu_time().zip(cpu).map(|(after, before)| after.saturating_sub(before)));
    drop(progress);
    let mut times: Vec<Duration> = fits.into_iter().collect::<Result<_, _>>().map_err(CliError::usage)?;
    let first = times.first().copied().unwrap_or_default();
    times.sort();
    let answer = Answer {
        first_seconds: first.as_secs_f64(),
        median_seconds: median(&times),
        wall_seconds: wall.as_secs_f64(),
        cpu_seconds: cpu.map(|c| c.as_secs_f64()),
        peak_memory_bytes: machine::peak_memory_bytes(),
        repeat: arguments.repeat,
        threads,
    };
    if arguments.format.json {
        return output::print_json(&answer);
    }
    output::print(&format!(
        "{}: median {} s, first {} s; {} fits of {} steps took {} s, {} s of processor time, on {threads} threads\n",
        forecaster.name(),
        short(answer.median_seconds),
        short(answer.first_seconds),
        arguments.repeat,
        y.len(),
        short(answer.wall_seconds),
        or_dash(answer.cpu_seconds),
    ))
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Answer {
    first_seconds: f64,
    median_seconds: f64,
    wall_seconds: f64,
    cpu_seconds: Option<f64>,
    peak_memory_bytes: Option<u64>,
    repeat: usize,
    threads: usize,
}

/// The same series with each value changed a little, the same way for the same seed.
fn perturb(y: &Series, seed: u64) -> Result<Series, CliError> {
    let mut dice = Dice::new(seed);
    let values = (0..y.len())
        .map(|t| {
            let factor = 1.0 + PERTURBATION * (2.0 * dice.unit() - 1.0);
            y.observation(t).map(|value| value * factor)
        })
        .collect();
    let perturbed = Series::from_options(y.start(), y.step(), values).map_err(CliError::failed)?;
    Ok(perturbed.with_calendar(y.calendar().as_ref().clone()))
}

/// The middle of sorted times, in seconds; the mean of the two in the middle of an even number.
fn median(sorted: &[Duration]) -> f64 {
    let (low, high) = (sorted.len().saturating_sub(1) / 2, sorted.len() / 2);
    let at = |i: usize| sorted.get(i).map_or(0.0, Duration::as_secs_f64);
    (at(low) + at(high)) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perturbed_series_differ_a_little_and_keep_gaps() {
        let hour = Duration::from_secs(3600);
        let y = Series::from_options(jiff::Timestamp::UNIX_EPOCH, hour, vec![Some(1.0), None, Some(3.0)]).unwrap();
        let (a, b) = (perturb(&y, 0).unwrap(), perturb(&y, 1).unwrap());
        assert_ne!(a.values(), b.values());
        assert_eq!(a, perturb(&y, 0).unwrap());
        assert_eq!(a.observed(), [true, false, true]);
        assert!((a.values()[2] / 3.0 - 1.0).abs() <= PERTURBATION);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let times: Vec<Duration> = [1, 2, 4, 9].map(Duration::from_secs).to_vec();
        assert_eq!(median(&times), 3.0);
        assert_eq!(median(&times[..3]), 2.0);
    }
}
