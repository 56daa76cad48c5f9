//! The stormglass command: forecast, backtest, plan, replay and report without Terraform.
//!
//! Each command is one file under `commands`; [`args`] lists them. The exit code is 0 when the work is done, 2 for wrong
//! use and 1 for any other failure; standard output holds the answer alone.

#![allow(rustdoc::broken_intra_doc_links, reason = "help texts name settings in brackets")]

mod args;
mod commands;
mod error;
mod input;
mod job;
mod levels;
mod machine;
mod model;
mod output;
mod parallel;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    if let Some(code) = stormglass_chaos::helper_main(stormglass_integrations::faults::CATALOGUE) {
        return code;
    }
    let arguments = args::Arguments::parse();
    match arguments.command.run(arguments.quiet) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.reader_left() => ExitCode::SUCCESS,
        Err(error) => {
            // Nobody can be told that standard error is gone.
            let _ = writeln!(std::io::stderr().lock(), "error: {error}");
            error.exit_code()
        }
    }
}
