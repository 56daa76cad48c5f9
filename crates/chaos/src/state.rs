//! The states of an experiment and the one function that moves between them: no clock, no I/O, no fault's own knowledge.
//!
//! The driver feeds [`Event`]s and carries out [`Command`]s. Whatever the order of events, the machine ends with each fault
//! undone, never begun, or left to `chaos undo` by name; the property test below plays all of that.

use serde::{Deserialize, Serialize};

use crate::experiment::Order;

/// How an experiment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The steady state held, or came back within the recovery objective.
    Passed,
    /// The steady state was not there before, did not come back in time, or something is left broken.
    Failed,
    /// An abort condition was met, or a fault could not be injected or held.
    Aborted,
    /// Somebody ended it.
    Interrupted,
}

impl Outcome {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
            Self::Interrupted => "interrupted",
        }
    }

    /// What an experiment did, as the end of a sentence: "the experiment was aborted".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Aborted => "was aborted",
            Self::Interrupted => "was interrupted",
        }
    }
}

/// Where one fault stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultState {
    /// Its turn has not come.
    Planned,
    /// The holder was told to inject.
    Injecting,
    /// In force.
    Active,
    /// The holder was told to undo.
    Undoing,
    /// The holder is gone; undo runs from data.
    UndoingFromData,
    /// Undone.
    Undone,
    /// Never begun.
    Skipped,
    /// Undo failed twice: for `chaos undo`.
    Left,
}

impl FaultState {
    /// Whether something may be broken by it now, with somebody at work on it.
    pub const fn in_flight(self) -> bool {
        matches!(self, Self::Injecting | Self::Active | Self::Undoing | Self::UndoingFromData)
    }
}

/// Where the experiment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The steady state is looked at before anything is touched.
    Checking,
    /// Faults come and go.
    Running,
    /// No fault begins any more; those in force end.
    Undoing,
    /// All faults have ended; the steady state is awaited.
    Recovering,
    /// Over.
    Ended(Outcome),
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The steady state was looked at before.
    Steady(bool),
    /// A fault's time has come.
    Due(usize),
    /// The holder has injected.
    Injected(usize),
    /// The holder could not inject.
    InjectFailed(usize),
    /// A fault is undone, by its holder or from data.
    Undone(usize),
    /// Undo failed.
    UndoFailed(usize),
    /// The holder is gone without a word.
    HolderLost(usize),
    /// An abort condition is met.
    Abort,
    /// Somebody wants it to end.
    Interrupt,
    /// The steady state after: whether it came back in time.
    Settled(bool),
}

/// What the driver has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Send [`Event::Due`] of this fault after its delay.
    Wait(usize),
    /// Journal, then tell the holder to inject.
    Inject(usize),
    /// Tell the holder to undo.
    Undo(usize),
    /// End what is left of the holder, then undo from data.
    UndoFromData(usize),
    /// Look whether the steady state comes back.
    Recover,
    /// It is over.
    Finish(Outcome),
}

/// An experiment's state.
#[derive(Debug, Clone)]
pub struct Machine {
    order: Order,
    phase: Phase,
    faults: Vec<FaultState>,
    cause: Option<Outcome>,
}

impl Machine {
    /// The state before anything happened, of an experiment with so many faults.
    pub fn new(order: Order, faults: usize) -> Self {
        Self { order, phase: Phase::Checking, faults: vec![FaultState::Planned; faults], cause: None }
    }

    /// Where the experiment stands.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Where each fault stands.
    pub fn faults(&self) -> &[FaultState] {
        &self.faults
    }

    /// Moves on. An event that does not fit the state changes nothing.
    pub fn step(&mut self, event: Event) -> Vec<Command> {
        match (self.phase, event) {
            (Phase::Ended(_), _) => Vec::new(),
            (Phase::Checking, Event::Steady(true)) => {
                self.phase = Phase::Running;
                let first = if self.order == Order::Together { self.faults.len() } else { 1 };
                let waits: Vec<Command> = (0..first.min(self.faults.len())).map(Command::Wait).collect();
                if waits.is_empty() { self.settle() } else { waits }
            }
            (Phase::Checking, Event::Steady(false)) => self.end(Outcome::Failed),
            (Phase::Checking, Event::Interrupt) => self.end(Outcome::Interrupted),
            (Phase::Checking, Event::Abort) => self.end(Outcome::Aborted),
            (Phase::Recovering, Event::Settled(well)) => {
                let decided = self.cause.unwrap_or(if well { Outcome::Passed } else { Outcome::Failed });
                let left = self.faults.contains(&FaultState::Left);
                self.end(if left { Outcome::Failed } else { decided })
            }
            (Phase::Recovering, Event::Interrupt) => {
                let left = self.faults.contains(&FaultState::Left);
                self.end(if left { Outcome::Failed } else { Outcome::Interrupted })
            }
            (Phase::Running | Phase::Undoing, Event::Abort) => self.stop(Outcome::Aborted),
            (Phase::Running | Phase::Undoing, Event::Interrupt) => self.stop(Outcome::Interrupted),
            (Phase::Running | Phase::Undoing, event) => self.fault_event(event),
            _ => Vec::new(),
        }
    }

    /// An event of one fault while faults may be in force.
    fn fault_event(&mut self, event: Event) -> Vec<Command> {
        use FaultState as S;
        let (i, next, command, stop) = match event {
            Event::Due(i) if self.at(i) == Some(S::Planned) => (i, S::Injecting, Some(Command::Inject(i)), false),
            Event::Injected(i) if self.at(i) == Some(S::Injecting) => match self.phase {
                Phase::Running => (i, S::Active, None, false),
                _ => (i, S::Undoing, Some(Command::Undo(i)), false),
            },
            // A holder that failed half-way is not believed: the data undo once more, which harms nothing.
            Event::InjectFailed(i) | Event::HolderLost(i) if self.at(i) == Some(S::Injecting) => {
                (i, S::UndoingFromData, Some(Command::UndoFromData(i)), true)
            }
            Event::HolderLost(i) | Event::UndoFailed(i) if self.at(i) == Some(S::Active) => {
                (i, S::UndoingFromData, Some(Command::UndoFromData(i)), true)
            }
            Event::HolderLost(i) | Event::UndoFailed(i) if self.at(i) == Some(S::Undoing) => {
                (i, S::UndoingFromData, Some(Command::UndoFromData(i)), false)
            }
            // A holder whose lease lapsed may undo before it was heard to inject.
            Event::Undone(i) if self.at(i).is_some_and(S::in_flight) => {
                let early = self.at(i) == Some(S::Injecting);
                (i, S::Undone, None, early)
            }
            Event::UndoFailed(i) if self.at(i) == Some(S::UndoingFromData) => (i, S::Left, None, true),
            _ => return Vec::new(),
        };
        self.faults[i] = next;
        let mut commands: Vec<Command> = command.into_iter().collect();
        if stop {
            commands.extend(self.stop(Outcome::Aborted));
        } else {
            if next == S::Undone
                && self.phase == Phase::Running
                && self.order == Order::Sequence
                && i + 1 < self.faults.len()
            {
                commands.push(Command::Wait(i + 1));
            }
            commands.extend(self.settle());
        }
        commands
    }

    /// Begins no fault any more and ends those in force. The first cause stays.
    fn stop(&mut self, cause: Outcome) -> Vec<Command> {
        if self.phase == Phase::Undoing && cause == Outcome::Interrupted {
            self.cause = Some(cause);
        }
        self.cause.get_or_insert(cause);
        self.phase = Phase::Undoing;
        let mut commands = Vec::new();
        for (i, state) in self.faults.iter_mut().enumerate() {
            match state {
                FaultState::Planned => *state = FaultState::Skipped,
                FaultState::Active => {
                    *state = FaultState::Undoing;
                    commands.push(Command::Undo(i));
                }
                _ => {}
            }
        }
        commands.extend(self.settle());
        commands
    }

    /// On to recovery once nothing is in force and nothing will be. Who interrupts does not want to wait for it.
    fn settle(&mut self) -> Vec<Command> {
        let busy = self.faults.iter().any(|s| s.in_flight() || (*s == FaultState::Planned));
        if busy || !matches!(self.phase, Phase::Running | Phase::Undoing) {
            return Vec::new();
        }
        if self.cause == Some(Outcome::Interrupted) {
            let left = self.faults.contains(&FaultState::Left);
            return self.end(if left { Outcome::Failed } else { Outcome::Interrupted });
        }
        self.phase = Phase::Recovering;
        vec![Command::Recover]
    }

    fn end(&mut self, outcome: Outcome) -> Vec<Command> {
        for state in &mut self.faults {
            if *state == FaultState::Planned {
                *state = FaultState::Skipped;
            }
        }
        self.phase = Phase::Ended(outcome);
        vec![Command::Finish(outcome)]
    }

    fn at(&self, i: usize) -> Option<FaultState> {
        self.faults.get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The world that a driver would see: which faults are in force, and which answers are still to come.
    struct World {
        machine: Machine,
        in_force: Vec<bool>,
        pending: Vec<Event>,
        finished: Option<Outcome>,
        begun_after_stop: bool,
        stopped: bool,
    }

    impl World {
        fn new(order: Order, faults: usize) -> Self {
            let machine = Machine::new(order, faults);
            let (in_force, pending) = (vec![false; faults], Vec::new());
            Self { machine, in_force, pending, finished: None, begun_after_stop: false, stopped: false }
        }

        /// Feeds an event; `dice` decides how the world answers each command.
        fn feed(&mut self, event: Event, dice: u8) {
            self.stopped |= matches!(event, Event::Abort | Event::Interrupt);
            for command in self.machine.step(event) {
                match command {
                    Command::Wait(i) => self.pending.push(Event::Due(i)),
                    Command::Inject(i) => {
                        self.begun_after_stop |= self.stopped;
                        match dice % 4 {
                            0 => self.pending.push(Event::InjectFailed(i)),
                            // Died with the fault in force, or only just before.
                            1 => {
                                self.in_force[i] = dice & 16 == 0;
                                self.pending.push(Event::HolderLost(i));
                            }
                            _ => {
                                self.in_force[i] = true;
                                self.pending.push(Event::Injected(i));
                                let end = [Event::Undone(i), Event::HolderLost(i), Event::UndoFailed(i)];
                                self.pending.push(end[usize::from(dice / 8 % 3)]);
                            }
                        }
                    }
                    // The end is in `pending` already: a holder undoes by itself when its time is over.
                    Command::Undo(_) => {}
                    Command::UndoFromData(i) => {
                        self.pending.retain(
                            |e| !matches!(e, Event::Undone(j) | Event::HolderLost(j) | Event::UndoFailed(j) if *j == i),
                        );
                        self.pending.push(if dice & 64 == 0 { Event::Undone(i) } else { Event::UndoFailed(i) });
                    }
                    Command::Recover => self.pending.push(Event::Settled(dice & 1 == 0)),
                    Command::Finish(outcome) => {
                        assert_eq!(self.finished, None, "ends once");
                        self.finished = Some(outcome);
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn it_always_ends_undone_or_in_the_hands_of_chaos_undo(
            sequence in any::<bool>(),
            faults in 1usize..5,
            steady in prop::bool::weighted(0.9),
            choices in prop::collection::vec((any::<u8>(), any::<u8>()), 60),
        ) {
            let order = if sequence { Order::Sequence } else { Order::Together };
            let mut world = World::new(order, faults);
            world.pending.push(Event::Steady(steady));
            for (choice, dice) in choices {
                if world.finished.is_some() {
                    break;
                }
                match choice {
                    0..=5 => world.feed(Event::Abort, dice),
                    6..=11 => world.feed(Event::Interrupt, dice),
                    // Events out of nowhere: late, doubled, for faults that do not exist.
                    12..=30 => {
                        let i = usize::from(dice % 6);
                        let known = i < faults && world.machine.faults()[i].in_flight();
                        if !known {
                            let stray = [Event::Undone(i), Event::Injected(i), Event::HolderLost(i), Event::Due(99)];
                            world.feed(stray[usize::from(choice % 4)], dice);
                        }
                    }
                    _ if !world.pending.is_empty() => {
                        let event = world.pending.remove(usize::from(choice) % world.pending.len());
                        match event {
                            // A holder speaks in order: injected first, then undone.
                            Event::Undone(i) | Event::UndoFailed(i) if world.pending.contains(&Event::Injected(i)) => {
                                world.pending.push(event);
                            }
                            Event::Undone(i) => {
                                world.in_force[i] = false;
                                world.feed(event, dice);
                            }
                            _ => world.feed(event, dice),
                        }
                    }
                    _ => {}
                }
            }
            // What is pending comes in the end.
            let mut turns = 0;
            while world.finished.is_none() {
                turns += 1;
                prop_assert!(turns < 500, "stuck in {:?} {:?}", world.machine.phase(), world.machine.faults());
                prop_assert!(!world.pending.is_empty(), "nothing to wait for in {:?} {:?}", world.machine.phase(), world.machine.faults());
                let event = world.pending.remove(0);
                match event {
                    Event::Undone(i) | Event::UndoFailed(i) if world.pending.contains(&Event::Injected(i)) => world.pending.push(event),
                    Event::Undone(i) => {
                        world.in_force[i] = false;
                        world.feed(event, 2);
                    }
                    _ => world.feed(event, 2),
                }
            }
            for (i, state) in world.machine.faults().iter().enumerate() {
                prop_assert!(!state.in_flight() && *state != FaultState::Planned, "{i} {state:?}");
                prop_assert!(!world.in_force[i] || *state == FaultState::Left, "fault {i} is in force and called {state:?}");
                if *state == FaultState::Left {
                    prop_assert_eq!(world.finished, Some(Outcome::Failed));
                }
            }
            prop_assert!(!world.begun_after_stop);
            if !steady {
                prop_assert!(world.machine.faults().iter().all(|s| *s == FaultState::Skipped));
            }
        }
    }

    #[test]
    fn faults_in_sequence_begin_after_the_end_of_the_one_before() {
        let mut machine = Machine::new(Order::Sequence, 2);
        assert_eq!(machine.step(Event::Steady(true)), [Command::Wait(0)]);
        assert_eq!(machine.step(Event::Due(0)), [Command::Inject(0)]);
        assert_eq!(machine.step(Event::Injected(0)), []);
        assert_eq!(machine.step(Event::Undone(0)), [Command::Wait(1)]);
        assert_eq!(machine.step(Event::Due(1)), [Command::Inject(1)]);
        assert_eq!(machine.step(Event::Injected(1)), []);
        assert_eq!(machine.step(Event::Undone(1)), [Command::Recover]);
        assert_eq!(machine.step(Event::Settled(true)), [Command::Finish(Outcome::Passed)]);
    }

    #[test]
    fn a_lost_holder_is_undone_from_data_and_the_experiment_aborted() {
        let mut machine = Machine::new(Order::Together, 2);
        machine.step(Event::Steady(true));
        machine.step(Event::Due(0));
        machine.step(Event::Injected(0));
        assert_eq!(machine.step(Event::HolderLost(0)), [Command::UndoFromData(0)]);
        assert_eq!(machine.faults()[1], FaultState::Skipped);
        assert_eq!(machine.step(Event::Undone(0)), [Command::Recover]);
        assert_eq!(machine.step(Event::Settled(true)), [Command::Finish(Outcome::Aborted)]);
    }
}
