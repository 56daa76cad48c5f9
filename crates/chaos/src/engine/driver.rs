//! Carries out what the state machine commands, in one loop that also renews the leases: a runner that hangs loses them, and its
//! faults end.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use super::holder::{FromHolder, Order, ToHolder};
use super::journal::{Journal, Record};
use super::run::{Options, Progress, stopped};
use super::spawn::{BOUND, HOLDER, Helper, WATCHDOG, stop_file};
use super::timeline::{Outage, PASSES, Timelines, measure};
use super::undo::undo_from_data;
use super::watchdog::{Guarded, Guards, ToWatchdog};
use crate::catalogue::Catalogue;
use crate::experiment::Experiment;
use crate::fault::Touch;
use crate::report::{FaultReport, Measurement, Report};
use crate::span::Span;
use crate::state::{Command, Event, FaultState, Machine, Outcome, Phase};

/// What reaches the loop.
enum Happening {
    Machine(Event),
    Said(usize, FromHolder),
    Gone(usize),
    /// A fault took longer than it may.
    Overdue(usize, FaultState),
    Measured {
        check: usize,
        asked: Instant,
        measurement: Measurement,
    },
    Guarded(Guards),
    /// The watchdog of this number is gone.
    WatchdogGone(u64),
    /// The steady state did not come back in time.
    TooLate,
}

/// A run under way.
pub(super) struct Driver {
    experiment: Arc<Experiment>,
    catalogue: Catalogue,
    options: Options,
    touches: Vec<Touch>,
    journal: Journal,
    machine: Machine,
    holders: Vec<Option<Helper>>,
    faults: Vec<FaultReport>,
    watchdog: Option<Helper>,
    watchdogs: u64,
    timelines: Timelines,
    sender: UnboundedSender<Happening>,
    receiver: UnboundedReceiver<Happening>,
    started: Timestamp,
    first_fault: Option<Instant>,
    detected: Option<Instant>,
    last_undo: Option<Instant>,
    recovery_seconds: Option<f64>,
    /// Why it ended as it did; the first reason stays.
    reason: Option<String>,
    probes: Vec<tokio::task::JoinHandle<()>>,
}

impl Driver {
    pub(super) fn new(
        experiment: Arc<Experiment>,
        catalogue: Catalogue,
        options: Options,
        touches: Vec<Touch>,
        journal: Journal,
    ) -> std::io::Result<Self> {
        let (sender, receiver) = unbounded_channel();
        let steps = experiment.method.iter().zip(&touches);
        let faults = steps.map(|(step, touch)| FaultReport {
            name: step.name.clone(),
            fault: step.kind.name().to_owned(),
            class: step.fault.class(),
            plan: touch.plan.clone(),
            injected: None,
            undone: None,
            error: None,
            counts: Value::Object(serde_json::Map::new()),
        });
        let mut driver = Self {
            machine: Machine::new(experiment.order, experiment.method.len()),
            holders: experiment.method.iter().map(|_| None).collect(),
            faults: faults.collect(),
            timelines: Timelines::new(&experiment.steady_state),
            experiment,
            catalogue,
            options,
            touches,
            journal,
            watchdog: None,
            watchdogs: 0,
            sender,
            receiver,
            started: Timestamp::now(),
            first_fault: None,
            detected: None,
            last_undo: None,
            recovery_seconds: None,
            reason: None,
            probes: Vec::new(),
        };
        driver.progress(&Progress::Journal(driver.journal.path().to_owned()));
        driver.start_watchdog()?;
        Ok(driver)
    }

    pub(super) async fn drive(&mut self, stop: &mut watch::Receiver<bool>) -> Report {
        let check = tokio::select! {
            before = self.check_steady() => before,
            () = stopped(stop) => None,
        };
        let event = match check {
            Some(Ok(before)) => {
                self.note(Record::Steady { held: true });
                self.progress(&Progress::Steady);
                self.start_probes(&before);
                Event::Steady(true)
            }
            Some(Err(why)) => {
                self.note(Record::Steady { held: false });
                self.because(format!(
                    "the steady state was not there before the faults, and nothing was injected: {why}"
                ));
                Event::Steady(false)
            }
            None => {
                self.because("ended before the faults began".to_owned());
                Event::Interrupt
            }
        };
        let mut outcome = self.feed(event);
        let mut beat = tokio::time::interval(self.between_beats());
        let mut tick = tokio::time::interval(Duration::from_millis(250));
        let (mut interrupted, mut beaten) = (false, Instant::now());
        while outcome.is_none() {
            outcome = tokio::select! {
                biased;
                _ = beat.tick() => {
                    let silent = std::mem::replace(&mut beaten, Instant::now()).elapsed();
                    self.beat();
                    self.interrupt_after(silent, &mut interrupted)
                }
                () = stopped(stop), if !interrupted => {
                    interrupted = true;
                    self.interrupt("ended from outside")
                }
                _ = tick.tick(), if !interrupted => {
                    if stop_file(self.journal.path()).exists() {
                        interrupted = true;
                        self.interrupt("ended by `stormglass chaos undo`")
                    } else {
                        None
                    }
                }
                happening = self.receiver.recv() => match happening {
                    Some(happening) => {
                        // What a holder said while this process stood still may be heard before the next beat.
                        let ended = self.interrupt_after(beaten.elapsed(), &mut interrupted);
                        ended.or_else(|| self.happen(happening))
                    }
                    None => Some(Outcome::Failed),
                },
            };
        }
        for probe in self.probes.drain(..) {
            probe.abort();
        }
        self.finish(outcome.unwrap_or(Outcome::Failed))
    }

    /// Whether a fault could not be undone.
    pub(super) fn has_left(&self) -> bool {
        self.machine.faults().contains(&FaultState::Left)
    }

    /// Ends the run after a silence in which the holders have undone: what is measured from here on says nothing about the faults.
    fn interrupt_after(&mut self, silent: Duration, interrupted: &mut bool) -> Option<Outcome> {
        let lost = silent >= self.experiment.lease && self.machine.faults().iter().any(|f| f.in_flight());
        if !lost || std::mem::replace(interrupted, true) {
            return None;
        }
        let (lease, silent) = (Span(self.experiment.lease), silent.as_secs_f64());
        self.interrupt(&format!("it stood still for {silent:.1} s, longer than its lease of {lease}"))
    }

    fn interrupt(&mut self, why: &str) -> Option<Outcome> {
        self.because(why.to_owned());
        self.progress(&Progress::Stopping(why.to_owned()));
        self.feed(Event::Interrupt)
    }

    /// Looks whether every check passes, up to three times each; the numbers measured, or which check never passed.
    async fn check_steady(&mut self) -> Option<Result<Vec<Option<f64>>, String>> {
        let experiment = Arc::clone(&self.experiment);
        let mut before = Vec::new();
        for (i, check) in experiment.steady_state.iter().enumerate() {
            let mut tries = 0;
            loop {
                let asked = Instant::now();
                let (measurement, number) = self.alive(measure(check, None)).await;
                let (ok, summary) = (measurement.ok, measurement.summary.clone());
                self.progress(&Progress::Measured { check: check.name.clone(), measurement: measurement.clone() });
                self.timelines.note(i, measurement, asked, false, None);
                tries += 1;
                if ok {
                    before.push(number);
                    break;
                }
                if tries == PASSES {
                    return Some(Err(format!("`{}` ({}): {summary}", check.name, check.probe.describe())));
                }
                self.alive(tokio::time::sleep(check.interval)).await;
            }
        }
        Some(Ok(before))
    }

    /// Waits for something before the faults begin, and tells the watchdog meanwhile that this run lives.
    async fn alive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut beat = tokio::time::interval(self.between_beats());
        tokio::pin!(work);
        loop {
            tokio::select! {
                done = &mut work => return done,
                _ = beat.tick() => self.beat(),
            }
        }
    }

    fn between_beats(&self) -> Duration {
        (self.experiment.lease / 4).min(Duration::from_secs(1))
    }

    /// Measures every check again and again until the end.
    fn start_probes(&mut self, before: &[Option<f64>]) {
        for check in 0..self.experiment.steady_state.len() {
            let (experiment, sender, before) = (Arc::clone(&self.experiment), self.sender.clone(), before[check]);
            self.probes.push(tokio::spawn(async move {
                let mut interval = tokio::time::interval(experiment.steady_state[check].interval);
                interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
                loop {
                    interval.tick().await;
                    let asked = Instant::now();
                    let (measurement, _) = measure(&experiment.steady_state[check], before).await;
                    if sender.send(Happening::Measured { check, asked, measurement }).is_err() {
                        return;
                    }
                }
            }));
        }
    }

    /// Says to everyone that this process lives.
    fn beat(&mut self) {
        for holder in self.holders.iter_mut().flatten() {
            let _ = holder.say(&ToHolder::Beat { lease: self.experiment.lease });
        }
        if let Some(watchdog) = &mut self.watchdog {
            let _ = watchdog.say(&ToWatchdog::Beat { lease: self.experiment.lease });
        }
    }

    fn happen(&mut self, happening: Happening) -> Option<Outcome> {
        match happening {
            Happening::Machine(event) => self.feed(event),
            Happening::Measured { check, asked, measurement } => self.measured(check, asked, measurement),
            Happening::Said(i, message) => self.said(i, message),
            Happening::Gone(i) => {
                if self.machine.faults()[i].in_flight() && self.machine.faults()[i] != FaultState::UndoingFromData {
                    self.failed(i, "its holder ended without a word");
                }
                self.feed(Event::HolderLost(i))
            }
            Happening::Overdue(i, state) if self.machine.faults()[i] == state => {
                self.failed(i, "its holder did not answer in time");
                self.feed(Event::HolderLost(i))
            }
            Happening::Overdue(..) => None,
            Happening::Guarded(guards) => self.order(guards.fault),
            Happening::WatchdogGone(number) if number == self.watchdogs => {
                // Everything that is in force gets a new guard.
                if let Err(error) = self.start_watchdog() {
                    self.because(format!("no watchdog can be started: {error}"));
                    return self.feed(Event::Abort);
                }
                None
            }
            Happening::WatchdogGone(_) => None,
            Happening::TooLate => {
                let objective = Span(self.experiment.recovery_objective);
                let failing = self.timelines.failing();
                self.because(format!("the steady state did not come back within {objective}: {failing}"));
                self.feed(Event::Settled(false))
            }
        }
    }

    fn measured(&mut self, check: usize, asked: Instant, measurement: Measurement) -> Option<Outcome> {
        let name = self.experiment.steady_state[check].name.clone();
        self.progress(&Progress::Measured { check: name, measurement: measurement.clone() });
        let begun = self.first_fault.is_some_and(|first| asked >= first);
        if !measurement.ok && begun && self.detected.is_none() {
            self.detected = Some(asked);
        }
        let after = self.last_undo.filter(|_| self.machine.phase() == Phase::Recovering);
        self.timelines.note(check, measurement, asked, begun, after);
        match self.machine.phase() {
            Phase::Running => {
                let exceeded = self.timelines.exceeded(&self.experiment.steady_state, &self.experiment.abort_when)?;
                self.progress(&Progress::Stopping(exceeded.clone()));
                self.because(exceeded);
                self.feed(Event::Abort)
            }
            Phase::Recovering => {
                let outage = self.timelines.recovered()?;
                self.recovered(outage)
            }
            _ => None,
        }
    }

    /// The steady state is back, after this outage where it had been away.
    fn recovered(&mut self, outage: Option<Outage>) -> Option<Outcome> {
        let seconds = outage.map_or(0.0, |outage| {
            // What came back after the faults was hindered by them until then.
            let hindered = self.last_undo.filter(|undo| *undo <= outage.to).unwrap_or(outage.from);
            outage.to.duration_since(hindered).as_secs_f64()
        });
        self.recovery_seconds = Some(seconds);
        let well = seconds <= self.experiment.recovery_objective.as_secs_f64();
        let objective = Span(self.experiment.recovery_objective);
        self.because(match (well, self.detected) {
            (true, None) => "the steady state held".to_owned(),
            (true, Some(_)) => format!("the steady state came back after {seconds:.1} s"),
            (false, _) => format!("the steady state came back after {seconds:.1} s, later than {objective}"),
        });
        self.feed(Event::Settled(well))
    }

    fn said(&mut self, i: usize, message: FromHolder) -> Option<Outcome> {
        match message {
            FromHolder::Injected => {
                let now = Timestamp::now();
                let step = &self.experiment.method[i];
                let length = step.duration;
                self.faults[i].injected = Some(now);
                self.progress(&Progress::Injected(step.name.clone()));
                self.note(Record::Injected { fault: i, deadline: now + length });
                let outcome = self.feed(Event::Injected(i));
                self.overdue(i, FaultState::Active, length + BOUND + Duration::from_secs(2));
                outcome
            }
            FromHolder::InjectFailed { reason } => {
                self.failed(i, &reason);
                self.feed(Event::InjectFailed(i))
            }
            FromHolder::Undone { counts } => {
                self.faults[i].counts = counts;
                self.undone(i)
            }
            FromHolder::UndoFailed { reason } => {
                self.failed(i, &reason);
                self.feed(Event::UndoFailed(i))
            }
        }
    }

    fn undone(&mut self, i: usize) -> Option<Outcome> {
        self.faults[i].undone = Some(Timestamp::now());
        self.last_undo = Some(Instant::now());
        if let Some(watchdog) = &mut self.watchdog {
            let _ = watchdog.say(&ToWatchdog::Release { fault: i });
        }
        self.progress(&Progress::Undone(self.faults[i].name.clone()));
        self.feed(Event::Undone(i))
    }

    /// Moves the machine and carries out what it commands.
    fn feed(&mut self, event: Event) -> Option<Outcome> {
        let mut outcome = None;
        for command in self.machine.step(event) {
            match command {
                Command::Wait(i) => self.later(self.experiment.method[i].delay, Happening::Machine(Event::Due(i))),
                Command::Inject(i) => self.inject(i),
                Command::Undo(i) => {
                    let said = self.holders[i].as_mut().map(|h| h.say(&ToHolder::Undo));
                    if matches!(said, Some(Ok(()))) {
                        self.overdue(i, FaultState::Undoing, BOUND + Duration::from_secs(2));
                    } else {
                        self.later(Duration::ZERO, Happening::Gone(i));
                    }
                }
                Command::UndoFromData(i) => self.undo_from_data(i),
                Command::Recover => {
                    self.last_undo.get_or_insert_with(Instant::now);
                    self.progress(&Progress::Recovering);
                    let slowest = self
                        .experiment
                        .steady_state
                        .iter()
                        .map(|c| c.interval.max(c.timeout))
                        .max()
                        .unwrap_or_default();
                    let patience = self.experiment.recovery_objective + slowest * (PASSES as u32 + 1);
                    self.later(patience, Happening::TooLate);
                }
                Command::Finish(end) => outcome = Some(end),
            }
        }
        outcome
    }

    /// Starts a holder and puts it under guard; the order to inject follows once the watchdog has answered.
    fn inject(&mut self, i: usize) {
        let mut holder = match Helper::start(HOLDER, self.journal.path(), Some(i)) {
            Ok(holder) => holder,
            Err(error) => return self.cannot(i, format!("no holder can be started: {error}")),
        };
        let (says, gone) = (self.sender.clone(), self.sender.clone());
        // One that does not hear it hears of the runner's end, or waits a little longer.
        let _ = holder.say(&ToHolder::Beat { lease: self.experiment.lease });
        let each = move |message| drop(says.send(Happening::Said(i, message)));
        let end = move || drop(gone.send(Happening::Gone(i)));
        let (identity, listens) = (holder.identity, holder.messages(each, end));
        self.holders[i] = Some(holder);
        if let Err(error) = listens {
            return self.cannot(i, format!("its holder cannot be listened to: {error}"));
        }
        if let Err(error) = self.journal.append(Record::Injecting { fault: i, holder: identity }) {
            return self.cannot(i, format!("the journal cannot be written: {error}"));
        }
        self.guard(i);
        self.overdue(i, FaultState::Injecting, BOUND * 2);
    }

    /// Tells the watchdog of a fault.
    fn guard(&mut self, i: usize) {
        let Some(holder) = self.holders[i].as_ref().map(|h| h.identity) else { return };
        let kind = self.experiment.method[i].kind.name().to_owned();
        let guarded = Guarded { fault: i, kind, undo: self.touches[i].undo.clone(), holder };
        if let Some(watchdog) = &mut self.watchdog {
            // A watchdog that is gone is noticed by its reader, and the next one is told again.
            let _ = watchdog.say(&ToWatchdog::Guard(guarded));
        }
    }

    /// The watchdog knows the fault: now it may be injected. A guard renewed after that changes nothing.
    fn order(&mut self, i: usize) -> Option<Outcome> {
        let step = &self.experiment.method[i];
        if self.machine.faults()[i] != FaultState::Injecting || self.faults[i].injected.is_some() {
            return None;
        }
        self.first_fault.get_or_insert_with(Instant::now);
        let order = Order {
            kind: step.kind.name().to_owned(),
            settings: step.settings.clone(),
            touch: self.touches[i].clone(),
            duration: step.duration,
            ramp: step.ramp,
            lease: self.experiment.lease,
        };
        // The end of a holder that cannot be told is heard from its reader.
        if let Some(holder) = &mut self.holders[i] {
            let _ = holder.say(&ToHolder::Inject(Box::new(order)));
        }
        None
    }

    fn undo_from_data(&mut self, i: usize) {
        let holder = self.holders[i].take().map(|h| h.identity);
        let (catalogue, kind, undo) =
            (self.catalogue, self.experiment.method[i].kind.name(), self.touches[i].undo.clone());
        let sender = self.sender.clone();
        let path = self.journal.path().to_owned();
        tokio::task::spawn_blocking(move || {
            let by = "runner".to_owned();
            let (record, event) = match undo_from_data(&catalogue, holder, kind, &undo) {
                Ok(()) => (Record::Undone { fault: i, by }, FromHolder::Undone { counts: Value::Null }),
                Err(reason) => {
                    (Record::UndoFailed { fault: i, by, reason: reason.clone() }, FromHolder::UndoFailed { reason })
                }
            };
            let _ = Journal::open(&path).and_then(|mut journal| journal.append(record));
            let _ = sender.send(Happening::Said(i, event));
        });
    }

    fn start_watchdog(&mut self) -> std::io::Result<()> {
        self.watchdogs += 1;
        let number = self.watchdogs;
        let mut watchdog = Helper::start(WATCHDOG, self.journal.path(), None)?;
        let (says, gone) = (self.sender.clone(), self.sender.clone());
        watchdog.messages(
            move |guards| drop(says.send(Happening::Guarded(guards))),
            move || drop(gone.send(Happening::WatchdogGone(number))),
        )?;
        watchdog.say(&ToWatchdog::Beat { lease: self.experiment.lease })?;
        self.note(Record::Watchdog { watchdog: watchdog.identity });
        self.watchdog = Some(watchdog);
        for i in 0..self.holders.len() {
            if self.machine.faults()[i].in_flight() {
                self.guard(i);
            }
        }
        Ok(())
    }

    /// A fault that cannot be injected; nothing was broken.
    fn cannot(&mut self, i: usize, why: String) {
        self.later(Duration::ZERO, Happening::Said(i, FromHolder::InjectFailed { reason: why }));
    }

    fn failed(&mut self, i: usize, why: &str) {
        self.faults[i].error.get_or_insert_with(|| why.to_owned());
        let name = &self.faults[i].name;
        self.because(format!("fault `{name}`: {why}"));
    }

    fn overdue(&self, i: usize, state: FaultState, after: Duration) {
        self.later(after, Happening::Overdue(i, state));
    }

    /// Sends a happening to the loop after some time.
    fn later(&self, after: Duration, happening: Happening) {
        let sender = self.sender.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let _ = sender.send(happening);
        });
    }

    /// Writes a line that tells what has happened already; where it cannot be written, no further fault begins.
    fn note(&mut self, record: Record) {
        if let Err(error) = self.journal.append(record) {
            self.because(format!("the journal {} cannot be written: {error}", self.journal.path().display()));
            self.later(Duration::ZERO, Happening::Machine(Event::Abort));
        }
    }

    fn because(&mut self, reason: String) {
        self.reason.get_or_insert(reason);
    }

    fn progress(&self, progress: &Progress) {
        if let Some(call) = &self.options.progress {
            call(progress);
        }
    }

    fn finish(&mut self, outcome: Outcome) -> Report {
        let empty = Timelines::new(&[]);
        let left: Vec<&str> = (0..self.faults.len())
            .filter(|i| self.machine.faults()[*i] == FaultState::Left)
            .map(|i| self.faults[i].name.as_str())
            .collect();
        let mut reason = self.reason.clone().unwrap_or_else(|| outcome.name().to_owned());
        if !left.is_empty() {
            let folder = self.journal.path().parent().unwrap_or_else(|| Path::new(".")).display();
            let names = left.join("`, `");
            reason = format!(
                "`{names}` could not be undone; run `stormglass chaos undo --journal-dir {folder} --all` ({reason})"
            );
        }
        let between =
            |from: Option<Instant>, to: Option<Instant>| Some(to?.checked_duration_since(from?)?.as_secs_f64());
        let report = Report {
            experiment: self.experiment.title.clone(),
            outcome,
            reason,
            started: self.started,
            ended: Timestamp::now(),
            detection_seconds: between(self.first_fault, self.detected),
            recovery_seconds: self.recovery_seconds,
            faults: std::mem::take(&mut self.faults),
            probes: std::mem::replace(&mut self.timelines, empty).into_reports(),
            journal: self.journal.path().display().to_string(),
        };
        let record = Record::Finished { outcome, report: Some(Box::new(report.clone())) };
        if let Err(error) = self.journal.append(record) {
            self.progress(&Progress::Stopping(format!("the journal cannot be closed: {error}")));
        }
        if let Some(mut watchdog) = self.watchdog.take() {
            let _ = watchdog.say(&ToWatchdog::Done);
        }
        report
    }
}
