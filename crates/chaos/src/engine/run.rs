//! Runs one experiment: resolves its targets, waits for a window and for others, opens the journal, and drives it to its end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::watch;

use super::driver::Driver;
use super::journal::{Journal, Record, default_folder};
use super::lock::{LockError, Locks};
use super::process::{Identity, caller};
use crate::catalogue::Catalogue;
use crate::experiment::Experiment;
use crate::fault::{Ending, Touch};
use crate::radius::{Allowed, refusal};
use crate::report::{Measurement, Report};
use crate::settings::Problem;
use crate::span::Span;

/// Hears of what happens in a run, from the run's own loop.
pub type Listener = Arc<dyn Fn(&Progress) + Send + Sync>;

/// How an experiment is run.
#[derive(Clone, Default)]
pub struct Options {
    /// Where the journal goes; naming a folder declares that it outlives the machine's restart. `None` is
    /// [`default_folder`], where faults that need somebody alive to end them are refused.
    pub journal_folder: Option<PathBuf>,
    /// What may be touched beside what needs nobody's word.
    pub allowed: Vec<Allowed>,
    /// Who hears of what happens.
    pub progress: Option<Listener>,
}

/// Something that happens in a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Progress {
    /// It waits until then for a window.
    Waiting(Timestamp),
    /// It waits for another experiment on the same target.
    Queued {
        /// What the other one touches.
        target: String,
        /// How long it waits at most.
        patience: Duration,
    },
    /// The journal is there.
    Journal(PathBuf),
    /// The steady state is there; the faults begin.
    Steady,
    /// A measurement of a check.
    Measured {
        /// The check's name.
        check: String,
        /// What was measured.
        measurement: Measurement,
    },
    /// A fault is in force.
    Injected(String),
    /// A fault is undone.
    Undone(String),
    /// No fault begins any more, and why.
    Stopping(String),
    /// All faults have ended; the steady state is awaited.
    Recovering,
}

/// Why an experiment was not run. Nothing was touched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// It cannot be run as it is written, or not by this user.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<Problem>),
    /// Not now: another experiment runs on the same target, or no window is open.
    #[error("{0}")]
    Refused(String),
    /// No journal, no experiment.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What happened.
        source: std::io::Error,
    },
}

/// What an experiment would touch, fault by fault, held against the blast radius; touches nothing.
///
/// # Errors
/// A target is not there, or may not be touched.
pub fn dry_run(experiment: &Experiment, options: &Options) -> Result<Vec<Touch>, RunError> {
    let caller = caller();
    let radius = experiment.blast_radius.as_deref();
    let mut problems = Vec::new();
    let mut note = |path: String, reason: String| problems.push(Problem { path, reason });
    for (i, check) in experiment.steady_state.iter().enumerate() {
        for target in check.probe.targets() {
            if let Some(reason) = refusal(&target, &options.allowed, radius, &caller) {
                note(format!("steady_state[{i}]"), reason);
            }
        }
    }
    let mut touches = Vec::new();
    for (i, step) in experiment.method.iter().enumerate() {
        let at = format!("method[{i}]");
        if step.kind.ending() == Ending::BySomebody && options.journal_folder.is_none() {
            note(
                at.clone(),
                format!(
                    "`{}` has to be undone by somebody, even after a restart of this machine; name a `journal_dir` that outlives it",
                    step.kind.name()
                ),
            );
        }
        match step.fault.resolve() {
            Ok(touch) => {
                for target in &touch.targets {
                    if let Some(reason) = refusal(target, &options.allowed, radius, &caller) {
                        note(at.clone(), reason);
                    }
                }
                touches.push(touch);
            }
            Err(error) => note(at, error.to_string()),
        }
    }
    if problems.is_empty() { Ok(touches) } else { Err(RunError::Wrong(problems)) }
}

/// Runs an experiment to its end. `stop` turning true interrupts it; faults are undone then too.
///
/// # Errors
/// It was not run, and nothing was touched.
pub async fn run(
    experiment: Arc<Experiment>,
    catalogue: Catalogue,
    options: Options,
    mut stop: watch::Receiver<bool>,
) -> Result<Report, RunError> {
    let (touches, mut locks) = claim(&experiment, &catalogue, &options, &mut stop).await?;
    let folder = options.journal_folder.clone().unwrap_or_else(default_folder);
    let io = |source| RunError::Io { what: format!("the journal in {}", folder.display()), source };
    let mut journal = Journal::create(&folder, &experiment.title).map_err(io)?;
    locks.name(journal.path()).map_err(io)?;
    begin(&mut journal, &experiment, &touches).map_err(io)?;
    let mut driver = Driver::new(experiment, catalogue, options, touches, journal).map_err(io)?;
    let report = driver.drive(&mut stop).await;
    if !driver.has_left() {
        locks.clear();
    }
    Ok(report)
}

/// What will be touched, and the locks of it: waits for a window, then for experiments on the same targets, until nothing that
/// was found before a wait has changed by its end.
async fn claim(
    experiment: &Experiment,
    catalogue: &Catalogue,
    options: &Options,
    stop: &mut watch::Receiver<bool>,
) -> Result<(Vec<Touch>, Locks), RunError> {
    let targets = |touches: &[Touch]| touches.iter().flat_map(|t| t.targets.clone()).collect::<Vec<_>>();
    let mut touches = dry_run(experiment, options)?;
    let mut until = None;
    loop {
        if wait_for_window(experiment, options, stop).await? {
            until = None;
            touches = dry_run(experiment, options)?;
        }
        let until = *until.get_or_insert_with(|| Instant::now() + experiment.lock_timeout);
        let found = targets(&touches);
        let now = Instant::now();
        let locks = match Locks::take(&found, now, catalogue).await {
            Ok(locks) => return Ok((touches, locks)),
            Err(LockError::Taken { target, .. }) if until > now => {
                if let Some(progress) = &options.progress {
                    progress(&Progress::Queued { target, patience: until - now });
                }
                tokio::select! {
                    taken = Locks::take(&found, until, catalogue) => taken.map_err(refused)?,
                    () = stopped(stop) => return Err(RunError::Refused(
                        "ended while it waited for another experiment; nothing was touched".to_owned(),
                    )),
                }
            }
            Err(error) => return Err(refused(error)),
        };
        touches = dry_run(experiment, options)?;
        if targets(&touches) == found && fits_now(experiment) {
            return Ok((touches, locks));
        }
    }
}

fn refused(error: LockError) -> RunError {
    match error {
        LockError::Io { path, source } => RunError::Io { what: format!("the lock {path}"), source },
        other => RunError::Refused(other.to_string()),
    }
}

/// Whether the whole method fits into a window that is open.
fn fits_now(experiment: &Experiment) -> bool {
    let now = Timestamp::now();
    experiment.windows.is_empty() || next_start(experiment, now) == Some(now)
}

/// When the whole method first fits into a window.
fn next_start(experiment: &Experiment, now: Timestamp) -> Option<Timestamp> {
    let length = experiment.length();
    let starts = experiment.windows.iter().filter_map(|w| {
        let start = w.from.max(now);
        (w.to.duration_since(start).unsigned_abs() >= length && w.to > start).then_some(start)
    });
    starts.min()
}

/// Waits until the whole method fits into a window; whether it had to wait.
async fn wait_for_window(
    experiment: &Experiment,
    options: &Options,
    stop: &mut watch::Receiver<bool>,
) -> Result<bool, RunError> {
    if experiment.windows.is_empty() {
        return Ok(false);
    }
    let now = Timestamp::now();
    let Some(start) = next_start(experiment, now) else {
        let length = Span(experiment.length());
        let words = format!("no window of `wait_for_window` that is still to come has room for {length}");
        return Err(RunError::Refused(words));
    };
    let wait = start.duration_since(now).unsigned_abs();
    if wait > experiment.window_timeout {
        return Err(RunError::Refused(format!(
            "the next window begins at {start}, in {} s; `window_timeout` is {}: raise it, or run the experiment then",
            wait.as_secs(),
            Span(experiment.window_timeout)
        )));
    }
    if wait.is_zero() {
        return Ok(false);
    }
    if let Some(progress) = &options.progress {
        progress(&Progress::Waiting(start));
    }
    tokio::select! {
        () = tokio::time::sleep(wait) => Ok(true),
        () = stopped(stop) => Err(RunError::Refused("ended while it waited for a window; nothing was touched".to_owned())),
    }
}

/// The journal's first lines: all that is needed to undo, before anything is touched.
fn begin(journal: &mut Journal, experiment: &Experiment, touches: &[Touch]) -> std::io::Result<()> {
    journal.append(Record::Started {
        runner: Identity::own(),
        title: experiment.title.clone(),
        lease_seconds: experiment.lease.as_secs_f64(),
        experiment: experiment.written.clone(),
    })?;
    for (fault, (step, touch)) in experiment.method.iter().zip(touches).enumerate() {
        journal.append(Record::Planned {
            fault,
            name: step.name.clone(),
            kind: step.kind.name().to_owned(),
            needs_undo: step.kind.ending() == Ending::BySomebody,
            plan: touch.plan.clone(),
            undo: touch.undo.clone(),
        })?;
    }
    Ok(())
}

/// Resolves when the run is to end; never where whoever could say so is gone.
pub(super) async fn stopped(stop: &mut watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}
