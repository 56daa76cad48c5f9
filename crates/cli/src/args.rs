//! The arguments: one list of commands, from which help, completions and the man page are made.

use clap::{Parser, Subcommand};

#[cfg(target_os = "linux")]
use crate::commands::chaos;
#[cfg(not(target_os = "linux"))]
use crate::commands::chaos_elsewhere as chaos;
use crate::commands::{backtest, bench, completions, forecast, man, models, now, panel, plan, replay, report};
use crate::error::CliError;

/// Forecasts load and plans the capacity that it will need.
#[derive(Debug, Parser)]
#[command(name = "stormglass", version, propagate_version = true, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 2 wrong use, 1 any other failure.")]
pub(crate) struct Arguments {
    /// Show no progress
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Every command there is.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Forecast a series
    Forecast(forecast::Arguments),
    /// Score a model on the past of a series, or on a panel of series
    Backtest(backtest::Arguments),
    /// Plan the capacity that a load will need
    Plan(plan::Arguments),
    /// Replay ways to scale over a past load
    Replay(replay::Arguments),
    /// Write the report of a capacity plan as one HTML file
    Report(report::Arguments),
    /// List the models and how their names are written
    Models(models::Arguments),
    /// Fit and forecast every series of a panel
    Panel(panel::Arguments),
    /// Time the fit of a model
    Bench(bench::Arguments),
    /// Print the units that a schedule file has in force
    Now(now::Arguments),
    /// Break things on purpose, inside a blast radius, and undo it
    Chaos(chaos::Arguments),
    /// Print the completions of a shell
    Completions(completions::Arguments),
    /// Print the man page, or write one for each command
    Man(man::Arguments),
}

impl Command {
    /// Does it.
    pub(crate) fn run(self, quiet: bool) -> Result<(), CliError> {
        match self {
            Self::Forecast(arguments) => forecast::run(&arguments, quiet),
            Self::Backtest(arguments) => backtest::run(&arguments, quiet),
            Self::Plan(arguments) => plan::run(&arguments, quiet),
            Self::Replay(arguments) => replay::run(&arguments, quiet),
            Self::Report(arguments) => report::run(&arguments, quiet),
            Self::Models(arguments) => models::run(&arguments),
            Self::Panel(arguments) => panel::run(&arguments, quiet),
            Self::Bench(arguments) => bench::run(&arguments, quiet),
            Self::Now(arguments) => now::run(&arguments),
            Self::Chaos(arguments) => chaos::run(&arguments, quiet),
            Self::Completions(arguments) => completions::run(&arguments),
            Self::Man(arguments) => man::run(&arguments),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_sound() {
        Arguments::command().debug_assert();
    }
}
