//! Runs experiments on Linux: who does what, in which process.
//!
//! ```text
//! runner (this program)  -- lease socket -->  holder, one a fault: injects, undoes
//!        \               -- lease socket -->  watchdog: undoes for dead holders when the runner is gone
//!         \-- journal (a file, each line synced)  <-- read by watchdog, `chaos undo` and the next run
//! ```
//! Holder and watchdog are this executable again ([`helper_main`]), in sessions of their own, with no descriptor but their
//! lease. Whoever is left alive can undo: the holder when its lease ends, the runner when a holder dies, the watchdog when
//! runner and holder died, and [`undo::undo_all`] when all of them did; each of them first ends the holder with the programs
//! that it runs for its fault, which could inject late.

mod driver;
mod holder;
pub mod journal;
mod lock;
pub mod process;
mod run;
mod spawn;
pub mod stat;
mod timeline;
pub mod undo;
mod watchdog;

use std::process::ExitCode;

pub use run::{Listener, Options, Progress, RunError, dry_run, run};

use crate::catalogue::Catalogue;

/// To be called first thing in `main` by every program that runs experiments: where this process is a holder or a watchdog,
/// it does that work and returns the code to exit with.
pub fn helper_main(catalogue: Catalogue) -> Option<ExitCode> {
    let mut arguments = std::env::args_os().skip(1);
    let role = arguments.next()?;
    let journal = std::path::PathBuf::from(arguments.next()?);
    match role.to_str()? {
        spawn::HOLDER => {
            let fault = arguments.next()?.to_str()?.parse().ok()?;
            Some(holder::main(&catalogue, &journal, fault))
        }
        spawn::WATCHDOG => Some(watchdog::main(&catalogue, &journal)),
        _ => None,
    }
}
