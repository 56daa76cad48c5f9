//! A run of an experiment as it happens: a line an event, and on a terminal what each check measures now.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use stormglass_chaos::engine::{Listener, Progress};

/// The display.
pub(crate) struct Live {
    bar: Option<ProgressBar>,
    checks: Mutex<BTreeMap<String, (bool, String)>>,
}

impl Live {
    /// A display on standard error.
    pub(crate) fn start() -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{spinner} {elapsed} {wide_msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        });
        Self { bar, checks: Mutex::new(BTreeMap::new()) }
    }

    /// What the run calls.
    pub(crate) fn listener(self) -> Listener {
        Arc::new(move |progress| self.tell(progress))
    }

    fn tell(&self, progress: &Progress) {
        if let Progress::Measured { check, measurement } = progress {
            let mut checks = self.checks.lock().unwrap_or_else(PoisonError::into_inner);
            let before = checks.insert(check.clone(), (measurement.ok, measurement.summary.clone()));
            if let Some(bar) = &self.bar {
                let each = checks
                    .iter()
                    .map(|(name, (ok, summary))| format!("{name} {} {summary}", if *ok { "✓" } else { "✗" }));
                bar.set_message(each.collect::<Vec<_>>().join("   "));
            }
            // A line where a check changes, none where it goes on as before.
            if before.map_or(measurement.ok, |(ok, _)| ok == measurement.ok) {
                return;
            }
        }
        let line = format!("{} {}", Timestamp::now().strftime("%H:%M:%SZ"), words(progress));
        match &self.bar {
            Some(bar) => bar.println(line),
            // Nobody can be told that standard error is gone.
            None => drop(writeln!(io::stderr(), "{line}")),
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn words(progress: &Progress) -> String {
    match progress {
        Progress::Waiting(until) => format!("waits for a window until {until}"),
        Progress::Queued { target, patience } => {
            format!("another experiment touches {target}; waits up to {} s for its end", patience.as_secs())
        }
        Progress::Journal(path) => format!("journal {}", path.display()),
        Progress::Steady => "the steady state is there".to_owned(),
        Progress::Measured { check, measurement } if measurement.ok => {
            format!("check {check} passes again: {}", measurement.summary)
        }
        Progress::Measured { check, measurement } => format!("check {check} fails: {}", measurement.summary),
        Progress::Injected(name) => format!("fault {name} is in force"),
        Progress::Undone(name) => format!("fault {name} is undone"),
        Progress::Stopping(why) => format!("stops: {why}"),
        Progress::Recovering => "all faults are undone; the steady state is awaited".to_owned(),
    }
}
