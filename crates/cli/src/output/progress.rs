//! How far long work has come: a bar on a terminal, a plain line for each tenth in a pipe.
//!
//! Work that is done within a second says nothing in a pipe.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work that takes no longer needs no lines.
const SHORT: Duration = Duration::from_secs(1);

/// Shows on standard error how much of the work is done.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    each: &'static str,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Bar(ProgressBar),
    Lines { began: Instant, tenths: usize },
    Silent,
}

impl Progress {
    /// Progress of `what`, counted in `each`: a bar on a terminal, lines in a pipe, nothing where it is to be quiet.
    pub(crate) fn new(what: &'static str, each: &'static str, quiet: bool) -> Self {
        let way = if quiet {
            Way::Silent
        } else if io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{msg} {bar:30.cyan/dim} {pos}/{len} {prefix}, {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(what);
            bar.set_prefix(each);
            Way::Bar(bar)
        } else {
            Way::Lines { began: Instant::now(), tenths: 0 }
        };
        Self { what, each, way }
    }

    /// Tells that `done` of `total` are done; work of one piece has no progress.
    pub(crate) fn tell(&mut self, done: usize, total: usize) {
        if total <= 1 {
            return;
        }
        match &mut self.way {
            Way::Bar(bar) => {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
            }
            Way::Lines { began, tenths } => {
                if began.elapsed() >= SHORT
                    && let Some(now) = more_tenths(*tenths, done, total)
                {
                    *tenths = now;
                    // Nobody can be told that standard error is gone.
                    let _ = writeln!(io::stderr(), "{}: {done} of {total} {} ({} %)", self.what, self.each, now * 10);
                }
            }
            Way::Silent => {}
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Way::Bar(bar) = &self.way {
            bar.finish_and_clear();
        }
    }
}

/// Tenths that are done, if they are more than were told.
fn more_tenths(told: usize, done: usize, total: usize) -> Option<usize> {
    let now = done.saturating_mul(10) / total.max(1);
    (now > told).then_some(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tenth_is_told_once() {
        let mut told = 0;
        let mut lines = 0;
        for done in 1..=480 {
            if let Some(now) = more_tenths(told, done, 480) {
                told = now;
                lines += 1;
            }
        }
        assert_eq!((told, lines), (10, 10));
        assert_eq!(more_tenths(0, 3, 3), Some(10));
        assert_eq!(more_tenths(0, 0, 0), None);
    }
}
