//! `stormglass bench`: how long the fit of a model takes, and nothing but the fit; then a forecast and an update of the last.
//!
//! Each repetition fits a series that differs from the others by about one part in a million, so that nothing can be
//! remembered from one to the next. What follows the fits counts in no time of theirs, nor in the memory.

use std::time::{Duration, Instant};

use clap::Args;
use forecast_core::paths::Dice;
use forecast_core::{Ahead, Fitted, Level, Series};
use serde::Serialize;

use crate::error::CliError;
use crate::input::{self, SeriesArgs};
use crate::output::number::{or_dash, short};
use crate::output::progress::Progress;
use crate::output::{self, Format};
use crate::{machine, model, parallel};

/// Size of the perturbation, as a share of each value.
const PERTURBATION: f64 = 1e-6;
/// Most values that a fit is told one by one: a day of 5-minute steps.
const UPDATES: usize = 288;
/// What forecasts, and updates, may take together.
const BUDGET: Duration = Duration::from_secs(2);
/// Steps of a forecast where no season is given.
const HORIZON: usize = 24;
/// Bounds of the 80 and 95 % intervals.
const LEVELS: [f64; 4] = [0.025, 0.1, 0.9, 0.975];

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
    let perturbed: Vec<(usize, Series)> =
        (0..arguments.repeat).map(|i| Ok((i, perturb(&y, i as u64)?))).collect::<Result<_, CliError>>()?;
    let mut progress = Progress::new("bench", "fits", quiet);
    let began = Instant::now();
    let fit = |(i, y): &(usize, Series)| {
        let (before, began) = (machine::thread_cpu_time(), Instant::now());
        let fitted = forecaster.fit(y);
        let (took, after) = (began.elapsed(), machine::thread_cpu_time());
        let cpu = after.zip(before).map(|(after, before)| after.saturating_sub(before));
        fitted.map(|fitted| Fit { took, cpu, kept: (i + 1 == arguments.repeat).then_some(fitted) })
    };
    let fits = parallel::map(&perturbed, threads, fit, |done| progress.tell(done, arguments.repeat));
    let wall = began.elapsed();
    drop(progress);
    let peak_memory_bytes = machine::peak_memory_bytes();
    let fits: Vec<Fit> = fits.into_iter().collect::<Result<_, _>>().map_err(CliError::usage)?;
    let mut times: Vec<Duration> = fits.iter().map(|fit| fit.took).collect();
    let cpu: Option<Duration> = fits.iter().map(|fit| fit.cpu).sum();
    let kept = fits.into_iter().find_map(|fit| fit.kept);
    let mut fitted = kept.expect("there is a last fit, and it is kept");
    let forecasts = forecasts(&*fitted, arguments.season.unwrap_or(HORIZON))?;
    let updates = updates(&mut *fitted, &y)?;
    let first = times.first().copied().unwrap_or_default();
    times.sort();
    let answer = Answer {
        first_seconds: first.as_secs_f64(),
        median_seconds: median(&times),
        wall_seconds: wall.as_secs_f64(),
        cpu_seconds: cpu.map(|c| c.as_secs_f64()),
        forecast_seconds: median(&forecasts),
        update_seconds: median(&updates),
        update_p95_seconds: at(&updates, (updates.len() * 19).div_ceil(20).saturating_sub(1)),
        update_slowest_seconds: updates.last().map_or(0.0, Duration::as_secs_f64),
        peak_memory_bytes,
        repeat: arguments.repeat,
        threads,
    };
    if arguments.format.json {
        return output::print_json(&answer);
    }
    output::print(&format!(
        "{}: median {} s, first {} s; {} fits of {} steps took {} s, {} s of processor time, on {threads} threads; \
         a forecast takes {} s, an update {} s (95 %: {})\n",
        forecaster.name(),
        short(answer.median_seconds),
        short(answer.first_seconds),
        arguments.repeat,
        y.len(),
        short(answer.wall_seconds),
        or_dash(answer.cpu_seconds),
        short(answer.forecast_seconds),
        short(answer.update_seconds),
        short(answer.update_p95_seconds),
    ))
}

/// One fit; the last is kept.
struct Fit {
    took: Duration,
    cpu: Option<Duration>,
    kept: Option<Box<dyn Fitted>>,
}

/// What `--json` prints.
#[derive(Debug, Serialize)]
struct Answer {
    first_seconds: f64,
    median_seconds: f64,
    wall_seconds: f64,
    cpu_seconds: Option<f64>,
    /// A forecast of a season, or of 24 steps, with its 80 and 95 % intervals: the median.
    forecast_seconds: f64,
    /// One new value taken in: the median of at most a day of 5-minute steps.
    update_seconds: f64,
    /// One in twenty takes longer: weights of a mixture move at some steps only.
    update_p95_seconds: f64,
    update_slowest_seconds: f64,
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

/// Sorted times of forecasts of `horizon` steps with their intervals.
fn forecasts(fitted: &dyn Fitted, horizon: usize) -> Result<Vec<Duration>, CliError> {
    let levels: Vec<Level> = LEVELS.into_iter().map(Level::new).collect::<Result<_, _>>().map_err(CliError::failed)?;
    let ahead = Ahead::steps(horizon.max(1));
    timed(UPDATES, |_| fitted.forecast(&ahead, &levels).map(|_| ()).map_err(CliError::failed))
}

/// Sorted times of updates by one value each: those at the end of the series once more.
fn updates(fitted: &mut dyn Fitted, y: &Series) -> Result<Vec<Duration>, CliError> {
    let again = UPDATES.min(y.len());
    let new = |i: usize| {
        let value = y.observation(y.len() - again + i);
        let one = Series::from_options(y.time(y.len() + i), y.step(), vec![value]).map_err(CliError::failed)?;
        Ok(one.with_calendar(y.calendar().as_ref().clone()))
    };
    let new: Vec<Series> = (0..again).map(new).collect::<Result<_, CliError>>()?;
    timed(again, |i| fitted.update(&new[i]).map_err(CliError::failed))
}

/// Sorted times of doing something at least once and at most so often, as long as the budget lasts.
fn timed(most: usize, mut once: impl FnMut(usize) -> Result<(), CliError>) -> Result<Vec<Duration>, CliError> {
    let (mut times, all) = (Vec::with_capacity(most), Instant::now());
    for i in 0..most {
        let began = Instant::now();
        once(i)?;
        times.push(began.elapsed());
        if all.elapsed() > BUDGET {
            break;
        }
    }
    times.sort();
    Ok(times)
}

/// The middle of sorted times, in seconds; the mean of the two in the middle of an even number.
fn median(sorted: &[Duration]) -> f64 {
    (at(sorted, sorted.len().saturating_sub(1) / 2) + at(sorted, sorted.len() / 2)) / 2.0
}

fn at(sorted: &[Duration], index: usize) -> f64 {
    sorted.get(index).map_or(0.0, Duration::as_secs_f64)
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
    fn a_fit_is_told_at_most_a_day_value_by_value() {
        let values = (0..400).map(|t| f64::from(t % 24) + 10.0).collect();
        let y = Series::new(jiff::Timestamp::UNIX_EPOCH, Duration::from_secs(3600), values).unwrap();
        let mut fitted = model::forecaster("ets(A,N,A)[24]", None, None).unwrap().fit(&y).unwrap();
        let times = updates(&mut *fitted, &y).unwrap();
        assert!((1..=UPDATES).contains(&times.len()) && times.is_sorted());
        assert_eq!(fitted.residuals().len(), y.len() + times.len());
    }

    #[test]
    fn the_median_is_in_the_middle() {
        let times: Vec<Duration> = [1, 2, 4, 9].map(Duration::from_secs).to_vec();
        assert_eq!(median(&times), 3.0);
        assert_eq!(median(&times[..3]), 2.0);
    }
}
