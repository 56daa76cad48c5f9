//! How far long work has come: a bar on a terminal, a plain line for each tenth in a pipe.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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
    Lines { tenth: usize },
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
            Way::Lines { tenth: 0 }
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
            Way::Lines { tenth } => {
                let now = done * 10 / total;
                if now > *tenth {
                    *tenth = now;
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
