//! An experiment as users write it, read and checked as a whole before anything is looked at or touched.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::catalogue::Catalogue;
use crate::fault::{Class, Fault, FaultKind};
use crate::probe::Probe;
use crate::radius::Allowed;
use crate::settings::{Kind, Problem, Setting, Settings};
use crate::span::Span;
use crate::tolerance::Tolerance;

/// An experiment, checked.
pub struct Experiment {
    /// What it shows, a sentence.
    pub title: String,
    /// The steady state: every check has to pass before, and again after.
    pub steady_state: Vec<Check>,
    /// The faults.
    pub method: Vec<Step>,
    /// Whether the faults come together or one after the other.
    pub order: Order,
    /// What ends the experiment early.
    pub abort_when: Vec<AbortWhen>,
    /// What the experiment says that it touches at most.
    pub blast_radius: Option<Vec<Allowed>>,
    /// Longest recovery that passes.
    pub recovery_objective: Duration,
    /// How long a holder lives without a word of the runner.
    pub lease: Duration,
    /// How long to wait for another experiment on the same target.
    pub lock_timeout: Duration,
    /// When it may run; empty is any time.
    pub windows: Vec<Window>,
    /// How long to wait for a window.
    pub window_timeout: Duration,
    /// The experiment as it was written, for the journal.
    pub written: Value,
}

/// One check of the steady state.
pub struct Check {
    /// Its name, unique.
    pub name: String,
    /// The probe's kind.
    pub kind: &'static str,
    /// Longest time of one measurement.
    pub timeout: Duration,
    /// Time between two measurements.
    pub interval: Duration,
    /// What a measurement is held against.
    pub tolerance: Tolerance,
    /// What measures.
    pub probe: Box<dyn Probe>,
}

/// One fault of the method.
pub struct Step {
    /// Its name, unique.
    pub name: String,
    /// The fault's kind.
    pub kind: &'static dyn FaultKind,
    /// How long the fault is in force.
    pub duration: Duration,
    /// How long after its turn it begins.
    pub delay: Duration,
    /// How long its strength takes from nought to full.
    pub ramp: Duration,
    /// The settings of its kind, a seed included, as the holder reads them again.
    pub settings: Map<String, Value>,
    /// The fault.
    pub fault: Box<dyn Fault>,
}

/// How the faults of a method follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// All at once, each after its own delay.
    Together,
    /// Each after the end of the one before it.
    Sequence,
}

/// What ends an experiment early.
#[derive(Debug, Clone, PartialEq)]
pub struct AbortWhen {
    /// Name of the check that is watched.
    pub probe: String,
    /// The limit.
    pub limit: Limit,
}

/// How bad a watched check may become.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Limit {
    /// So many measurements failed in a row.
    Failures(u64),
    /// More than a share of the measurements in a window failed, of at least five.
    Budget {
        /// Share of failing measurements.
        share: f64,
        /// Length of the window.
        window: Duration,
    },
}

/// A stretch of time in which an experiment may run, end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First instant.
    pub from: Timestamp,
    /// First instant after it.
    pub to: Timestamp,
}

/// What an experiment takes beside `steady_state`, `method`, `abort_when` and `wait_for_window`.
pub const EXPERIMENT: &[Setting] = &[
    Setting::required("title", Kind::Text, "What the experiment shows, a sentence."),
    Setting::optional(
        "order",
        Kind::Word(&["together", "sequence"]),
        "together",
        "Whether the faults come together or one after the other.",
    ),
    Setting::open(
        "blast_radius",
        Kind::Texts,
        "What the experiment touches at most, in the words of `allowed_targets`.",
    ),
    Setting::optional("recovery_objective", Kind::Duration, "60s", "Longest recovery that passes."),
    Setting::optional(
        "lease",
        Kind::Duration,
        "5s",
        "How long a fault outlives the program that runs the experiment; 1s to 10m.",
    ),
    Setting::optional(
        "lock_timeout",
        Kind::Duration,
        "0s",
        "How long to wait for another experiment on the same target.",
    ),
    Setting::optional("window_timeout", Kind::Duration, "0s", "How long to wait for a window of `wait_for_window`."),
    Setting::optional("allow_irreversible", Kind::Flag, "false", "Whether faults that cannot be undone are wanted."),
    Setting::optional("seed", Kind::Integer, "1", "Seed of everything random."),
];

/// What every check takes beside its kind's own settings; `tolerance` has a list of its own.
pub const CHECK: &[Setting] = &[
    Setting::required("type", Kind::Text, "Kind of the probe."),
    Setting::open("name", Kind::Text, "Name, unique among the checks; the kind where it is absent."),
    Setting::optional("timeout", Kind::Duration, "1s", "Longest time of one measurement."),
    Setting::optional("interval", Kind::Duration, "1s", "Time between two measurements; 50ms at least."),
];

/// What every fault takes beside its kind's own settings.
pub const STEP: &[Setting] = &[
    Setting::required("fault", Kind::Text, "Kind of the fault."),
    Setting::open("name", Kind::Text, "Name, unique among the faults; the kind where it is absent."),
    Setting::required("duration", Kind::Duration, "How long the fault is in force."),
    Setting::optional("delay", Kind::Duration, "0s", "How long after its turn the fault begins."),
    Setting::optional("ramp", Kind::Duration, "0s", "How long the strength takes from nought to full."),
];

/// What one element of `abort_when` takes.
pub const ABORT: &[Setting] = &[
    Setting::required("probe", Kind::Text, "Name of the check that is watched."),
    Setting::open("failures", Kind::Integer, "How many failures in a row are too many."),
    Setting::open(
        "error_budget",
        Kind::Share,
        "Share of failures within `window` above which it ends; five measurements at least.",
    ),
    Setting::optional("window", Kind::Duration, "30s", "Length of the window of `error_budget`."),
];

/// Longest method, lease included; a fault of a week is an outage.
const LONGEST: Duration = Duration::from_hours(24);

impl Experiment {
    /// Reads an experiment; no I/O.
    ///
    /// # Errors
    /// All that is wrong in it, each with its path.
    pub fn read(written: &Value, catalogue: &Catalogue) -> Result<Self, Vec<Problem>> {
        let Value::Object(map) = written else {
            return Err(vec![problem("experiment", "is no object; expected `title`, `steady_state` and `method`")]);
        };
        let mut problems = Vec::new();
        let apart = ["steady_state", "method", "abort_when", "wait_for_window"];
        let mut top = Settings::new("experiment", EXPERIMENT, map, &apart);
        let seed = top.integer("seed").unwrap_or(1);
        let steady_state =
            collect(list(map, "steady_state", &mut problems), &mut problems, |at, v| check(at, v, catalogue));
        let method = collect(list(map, "method", &mut problems), &mut problems, |at, v| step(at, v, catalogue, seed));
        let abort_when = collect(optional_list(map, "abort_when", &mut problems), &mut problems, abort);
        let windows = collect(optional_list(map, "wait_for_window", &mut problems), &mut problems, window);
        let radius = radius(&mut top);
        let lease = top.duration("lease").map(|s| s.0);
        if lease.is_some_and(|lease| !(Duration::from_secs(1)..=Duration::from_mins(10)).contains(&lease)) {
            top.problem("lease", "is out of bounds; expected 1s to 10m");
        }
        let objective = top.duration("recovery_objective").map(|s| s.0);
        if objective.is_some_and(|o| o.is_zero()) {
            top.problem("recovery_objective", "is zero; nothing recovers in no time");
        }
        let order = if top.text("order").as_deref() == Some("sequence") { Order::Sequence } else { Order::Together };
        let title = top.text("title");
        let lock_timeout = top.duration("lock_timeout").unwrap_or_default().0;
        let window_timeout = top.duration("window_timeout").unwrap_or_default().0;
        let allow_irreversible = top.flag("allow_irreversible");
        unique("steady_state", steady_state.iter().map(|c: &Check| c.name.as_str()), &mut problems);
        unique("method", method.iter().map(|s: &Step| s.name.as_str()), &mut problems);
        for (i, abort) in abort_when.iter().enumerate() {
            let abort: &AbortWhen = abort;
            if !steady_state.iter().any(|c| c.name == abort.probe) && problems.is_empty() {
                let known: Vec<String> = steady_state.iter().map(|c| format!("`{}`", c.name)).collect();
                let found = format!("is `{}`; expected a check of `steady_state`: {}", abort.probe, known.join(", "));
                problems.push(problem(&format!("abort_when[{i}].probe"), &found));
            }
        }
        for (i, step) in method.iter().enumerate() {
            if step.fault.class() == Class::Irreversible && !allow_irreversible {
                problems.push(problem(
                    &format!("method[{i}]"),
                    &format!("`{}` cannot be undone; set `allow_irreversible = true` if that is wanted", step.name),
                ));
            }
        }
        let read = top.finish(title.zip(lease).zip(objective));
        let ((title, lease), recovery_objective) = match read {
            Ok(read) if problems.is_empty() => read,
            Ok(_) => return Err(problems),
            Err(mut more) => {
                more.append(&mut problems);
                return Err(more.into_iter().map(without_root).collect());
            }
        };
        let experiment = Self {
            title,
            steady_state,
            method,
            order,
            abort_when,
            blast_radius: radius,
            recovery_objective,
            lease,
            lock_timeout,
            windows,
            window_timeout,
            written: written.clone(),
        };
        if experiment.length() > LONGEST {
            let length = Span(experiment.length());
            return Err(vec![problem("method", &format!("takes {length}; an experiment takes 24h at most"))]);
        }
        Ok(experiment)
    }

    /// How long the faults take, without the checks before and after.
    pub fn length(&self) -> Duration {
        let each = self.method.iter().map(|s| s.delay.saturating_add(s.duration));
        match self.order {
            Order::Together => each.max().unwrap_or_default(),
            Order::Sequence => each.fold(Duration::ZERO, Duration::saturating_add),
        }
    }
}

/// One check.
fn check(at: &str, map: &Map<String, Value>, catalogue: &Catalogue) -> Result<Check, Vec<Problem>> {
    let known: Vec<&str> = catalogue.probes.iter().map(|p| p.name()).collect();
    let kind = named(at, map, "type", "probe", &known)?;
    let kind = catalogue.probe(kind).ok_or_else(|| vec![problem(at, "names no probe")])?;
    let tolerance = Tolerance::read(&format!("{at}.tolerance"), map.get("tolerance"));
    let own: Vec<&str> = map.keys().map(String::as_str).filter(|k| !CHECK.iter().any(|s| s.name == *k)).collect();
    let mut common = Settings::new(at, CHECK, map, &own);
    let timeout = positive(&mut common, "timeout", Duration::from_millis(1));
    let interval = positive(&mut common, "interval", Duration::from_millis(50));
    let name = if common.has("name") { common.text("name") } else { Some(kind.name().to_owned()) };
    let common = common.finish(name.zip(timeout).zip(interval));
    let of_engine = ["type", "name", "timeout", "interval", "tolerance"];
    let probe = kind.read(Settings::new(at, kind.settings(), map, &of_engine));
    match (common, tolerance, probe) {
        (Ok(((name, timeout), interval)), Ok(tolerance), Ok(probe)) => {
            Ok(Check { name, kind: kind.name(), timeout, interval, tolerance, probe })
        }
        (common, tolerance, probe) => {
            Err([common.err(), tolerance.err(), probe.err()].into_iter().flatten().flatten().collect())
        }
    }
}

/// One fault.
fn step(at: &str, map: &Map<String, Value>, catalogue: &Catalogue, seed: u64) -> Result<Step, Vec<Problem>> {
    let known: Vec<&str> = catalogue.faults.iter().map(|f| f.name()).collect();
    let kind = named(at, map, "fault", "fault", &known)?;
    let kind = catalogue.fault(kind).ok_or_else(|| vec![problem(at, "names no fault")])?;
    let is_common = |name: &str| STEP.iter().any(|s| s.name == name);
    let own: Vec<&str> = map.keys().map(String::as_str).filter(|k| !is_common(k)).collect();
    let mut common = Settings::new(at, STEP, map, &own);
    let duration = common.duration("duration").map(|s| s.0);
    if duration.is_some_and(|d| d.is_zero()) {
        common.problem("duration", "is zero; a fault of no length shows nothing");
    }
    let delay = common.duration("delay").unwrap_or_default().0;
    let ramp = common.duration("ramp").unwrap_or_default().0;
    if let Some(duration) = duration.filter(|d| ramp > *d) {
        common.problem("ramp", format!("is {}, longer than `duration`, {}", Span(ramp), Span(duration)));
    }
    let name = if common.has("name") { common.text("name") } else { Some(kind.name().to_owned()) };
    let common = common.finish(name.zip(duration));
    let mut settings: Map<String, Value> =
        map.iter().filter(|(k, v)| !is_common(k) && !v.is_null()).map(|(k, v)| (k.clone(), v.clone())).collect();
    if kind.settings().iter().any(|s| s.name == "seed") && !settings.contains_key("seed") {
        settings.insert("seed".to_owned(), Value::from(derived(seed, at)));
    }
    let fault = kind.read(Settings::new(at, kind.settings(), &settings, &[]));
    match (common, fault) {
        (Ok((name, duration)), Ok(fault)) => Ok(Step { name, kind, duration, delay, ramp, settings, fault }),
        (common, fault) => Err([common.err(), fault.err()].into_iter().flatten().flatten().collect()),
    }
}

/// One abort condition.
fn abort(at: &str, map: &Map<String, Value>) -> Result<AbortWhen, Vec<Problem>> {
    let mut settings = Settings::new(at, ABORT, map, &[]);
    let probe = settings.text("probe");
    let window = settings.duration("window").unwrap_or_default().0;
    let limit = match (settings.integer("failures"), settings.number("error_budget")) {
        (Some(0), None) => {
            settings.problem("failures", "is 0; expected 1 or more");
            None
        }
        (Some(failures), None) => Some(Limit::Failures(failures)),
        (None, Some(_)) if window.is_zero() => {
            settings.problem("window", "is zero; expected a duration such as `30s`");
            None
        }
        (None, Some(share)) => Some(Limit::Budget { share, window }),
        (Some(_), Some(_)) => {
            settings.problem("error_budget", "is set beside `failures`; keep one, or write two conditions");
            None
        }
        (None, None) => {
            if !settings.has("failures") && !settings.has("error_budget") {
                settings.problem("failures", "is absent, and `error_budget` too; set one of them");
            }
            None
        }
    };
    settings.finish(probe.zip(limit)).map(|(probe, limit)| AbortWhen { probe, limit })
}

/// One window; what else it has (`peak` of a quiet window) is let be.
fn window(at: &str, map: &Map<String, Value>) -> Result<Window, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut time = |name: &str| -> Option<Timestamp> {
        let read = map.get(name).and_then(Value::as_str).and_then(|text| text.parse().ok());
        if read.is_none() {
            let found = map.get(name).map_or_else(|| "absent".to_owned(), |v| format!("`{v}`"));
            problems.push(problem(
                &format!("{at}.{name}"),
                &format!("is {found}; expected a time such as `2026-02-02T03:00:00Z`"),
            ));
        }
        read
    };
    match (time("from"), time("to")) {
        (Some(from), Some(to)) if from < to => Ok(Window { from, to }),
        (Some(from), Some(to)) => Err(vec![problem(at, &format!("ends at {to}, not after its begin {from}"))]),
        _ => Err(problems),
    }
}

/// The word under `key`, which has to be one of `known`.
fn named<'a>(
    at: &str,
    map: &'a Map<String, Value>,
    key: &str,
    what: &str,
    known: &[&str],
) -> Result<&'a str, Vec<Problem>> {
    let path = format!("{at}.{key}");
    let listed = || known.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
    match map.get(key) {
        Some(Value::String(name)) if known.contains(&name.as_str()) => Ok(name),
        Some(Value::Null) | None => Err(vec![problem(&path, &format!("is required; known {what}s: {}", listed()))]),
        Some(other) => {
            Err(vec![problem(&path, &format!("is `{}`, which is no {what}; known: {}", plain(other), listed()))])
        }
    }
}

/// `blast_radius`: absent, or at least one word.
fn radius(top: &mut Settings<'_>) -> Option<Vec<Allowed>> {
    if !top.has("blast_radius") {
        return None;
    }
    let texts = top.texts("blast_radius");
    if texts.is_empty() {
        top.problem(
            "blast_radius",
            "is empty: such an experiment may touch nothing; leave it out, or name what it touches",
        );
    }
    let mut radius = Vec::new();
    for (i, text) in texts.iter().enumerate() {
        match text.parse::<Allowed>() {
            Ok(allowed) => radius.push(allowed),
            Err(error) => top.problem(&format!("blast_radius[{i}]"), error.to_string()),
        }
    }
    Some(radius)
}

fn positive(settings: &mut Settings<'_>, name: &'static str, least: Duration) -> Option<Duration> {
    let span = settings.duration(name)?;
    if span.0 < least {
        settings.problem(name, format!("is {span}; expected {} at least", Span(least)));
        return None;
    }
    Some(span.0)
}

/// A list that has to be there and to have elements.
fn list<'a>(
    map: &'a Map<String, Value>,
    name: &'static str,
    problems: &mut Vec<Problem>,
) -> (&'static str, &'a [Value]) {
    let found = optional_list(map, name, problems);
    let absent = map.get(name).is_none_or(Value::is_null);
    if absent || (found.1.is_empty() && map[name].is_array()) {
        let why = if name == "method" { "faults" } else { "checks: without one nobody can say whether it held" };
        problems.push(problem(name, &format!("has no element; expected a list of {why}")));
    }
    found
}

fn optional_list<'a>(
    map: &'a Map<String, Value>,
    name: &'static str,
    problems: &mut Vec<Problem>,
) -> (&'static str, &'a [Value]) {
    match map.get(name) {
        Some(Value::Array(items)) => (name, items),
        None | Some(Value::Null) => (name, &[]),
        Some(other) => {
            problems.push(problem(name, &format!("is `{}`; expected a list", plain(other))));
            (name, &[])
        }
    }
}

/// Reads each element and notes what is wrong.
fn collect<T>(
    (name, items): (&'static str, &[Value]),
    problems: &mut Vec<Problem>,
    mut read: impl FnMut(&str, &Map<String, Value>) -> Result<T, Vec<Problem>>,
) -> Vec<T> {
    let mut all = Vec::new();
    for (i, item) in items.iter().enumerate() {
        let at = format!("{name}[{i}]");
        let result = match item {
            Value::Object(map) => read(&at, map),
            other => Err(vec![problem(&at, &format!("is `{}`; expected names with values", plain(other)))]),
        };
        match result {
            Ok(value) => all.push(value),
            Err(mut more) => problems.append(&mut more),
        }
    }
    all
}

fn unique<'a>(at: &str, names: impl Iterator<Item = &'a str>, problems: &mut Vec<Problem>) {
    let mut seen = BTreeSet::new();
    for (i, name) in names.enumerate() {
        if !seen.insert(name) {
            problems
                .push(problem(&format!("{at}[{i}].name"), &format!("is `{name}`, as another one's; names are unique")));
        }
    }
}

/// A seed of one fault's own: other faults draw other numbers, and the same experiment draws the same.
fn derived(seed: u64, at: &str) -> u64 {
    let salted = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(crc32fast::hash(at.as_bytes()));
    salted >> 11
}

fn problem(path: &str, reason: &str) -> Problem {
    Problem { path: path.to_owned(), reason: reason.to_owned() }
}

/// The experiment's own settings stand at the top.
fn without_root(problem: Problem) -> Problem {
    let path = problem.path.strip_prefix("experiment.").map(str::to_owned).unwrap_or(problem.path);
    Problem { path, reason: problem.reason }
}

fn plain(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.chars().count() > 60 { text.chars().take(60).chain("…".chars()).collect() } else { text }
}
