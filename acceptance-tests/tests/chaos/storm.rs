//! The kill storm: seeded kills at journal lines and at random moments, after which nothing may be left.
//!
//! 100 kills here; `STORMGLASS_STORM=1000` in `cargo xtask prove`, which prints the table that the docs have.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::faults::{Bandwidth, CASES, Case, holder_left};
use crate::lab::{HOLDER, Lab, WATCHDOG, eventually, finish, signal};
use crate::runs::{Door, Run, lives};

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    /// The command, or the provider.
    Runner,
    /// Terraform, whose provider lives on.
    Core,
    Holder,
    Watchdog,
    AllButHolder,
    AllButWatchdog,
    AllButRunner,
    /// Followed by `chaos undo`.
    All,
    /// Through Terraform it is `StopProvider`.
    Interrupt,
    Terminate,
    /// Stopped, so that it does not even close its sockets.
    Frozen,
}

const STRIKES: [(Door, Victim); 18] = [
    (Door::Command, Victim::Runner),
    (Door::Command, Victim::Holder),
    (Door::Command, Victim::Watchdog),
    (Door::Command, Victim::AllButHolder),
    (Door::Command, Victim::AllButWatchdog),
    (Door::Command, Victim::AllButRunner),
    (Door::Command, Victim::All),
    (Door::Command, Victim::Interrupt),
    (Door::Command, Victim::Terminate),
    (Door::Command, Victim::Frozen),
    (Door::Terraform, Victim::Runner),
    (Door::Terraform, Victim::Core),
    (Door::Terraform, Victim::Holder),
    (Door::Terraform, Victim::AllButHolder),
    (Door::Terraform, Victim::All),
    (Door::Terraform, Victim::Interrupt),
    (Door::Terraform, Victim::Terminate),
    (Door::Terraform, Victim::Frozen),
];

/// When it happens.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// As soon as the journal has so many lines.
    Line(usize),
    /// So long after the start.
    After(Duration),
}

/// How often each was struck, how often of these a holder was there, and the slowest end in seconds.
type Table<'a> = BTreeMap<(Door, Victim, &'a str), (usize, usize, f64)>;

/// Lease of every experiment here, and what a machine under load may take on top before the test calls it a leak.
const LEASE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(40);

#[test]
fn nothing_outlives_a_killed_experiment() {
    let kills: usize = std::env::var("STORMGLASS_STORM").ok().and_then(|n| n.parse().ok()).unwrap_or(100);
    let table: Mutex<Table<'_>> = Mutex::new(BTreeMap::new());
    let leaks: Mutex<Vec<String>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for (lane, (name, case)) in CASES.iter().enumerate() {
            let (table, leaks) = (&table, &leaks);
            scope.spawn(move || {
                let mut seed = lane;
                while seed < kills {
                    let lab = Lab::new();
                    let case = case(&lab);
                    let (door, victim, moment) = drawn(seed);
                    match strike(&lab, case.as_ref(), door, victim, moment) {
                        Ok((held, took)) => {
                            let mut table = table.lock().expect("a table");
                            let row = table.entry((door, victim, *name)).or_default();
                            *row = (row.0 + 1, row.1 + usize::from(held), row.2.max(took.as_secs_f64()));
                        }
                        Err(left) => {
                            leaks
                                .lock()
                                .expect("a list")
                                .push(format!("seed {seed} {name} {door:?} {victim:?} {moment:?}: {left}"));
                        }
                    }
                    seed += CASES.len();
                }
            });
        }
    });
    let table = table.into_inner().expect("a table");
    print(&table);
    let leaks = leaks.into_inner().expect("a list");
    assert!(leaks.is_empty(), "{} of {kills} kills left something:\n{}", leaks.len(), leaks.join("\n"));
    assert_eq!(table.values().map(|row| row.0).sum::<usize>(), kills);
}

/// A fault that a program of the system injects, killed in the middle of that: what it was about to do, it must not do later.
/// The program is the real one, which waits before it adds a queue so that the kill comes in time.
#[test]
fn a_program_that_injects_does_not_outlive_its_holder() {
    for victim in [Victim::Holder, Victim::AllButWatchdog, Victim::All] {
        let lab = Lab::new();
        let case = Bandwidth::new();
        let (programs, adding) = (lab.folder("programs"), lab.path("adding"));
        let real = ["/usr/sbin/tc", "/sbin/tc"].into_iter().find(|tc| Path::new(tc).is_file()).expect("iproute2");
        let wait = format!(
            "#!/bin/sh\ncase \"$*\" in *'qdisc add'*) echo > {}; sleep 1;; esac\nexec {real} \"$@\"\n",
            adding.display()
        );
        fs::write(programs.join("tc"), wait).expect("a program");
        fs::set_permissions(programs.join("tc"), Permissions::from_mode(0o755)).expect("a program");
        let path = std::env::var("PATH").unwrap_or_default();
        let experiment = lab.write(&lab.experiment(json!([case.step("60s")])));
        let allow = case.allow().remove(0);
        let mut command = lab.command(&["run", experiment.to_str().expect("a text path"), "--allow", &allow]);
        command.env("PATH", format!("{}:{path}", programs.display()));
        let run = command.spawn().expect("the command starts");
        eventually("the queue's addition", || adding.exists());
        let pids = |roles: &[&str]| roles.iter().flat_map(|role| lab.helpers(role)).collect::<Vec<_>>();
        let victims = match victim {
            Victim::Holder => pids(&[HOLDER]),
            Victim::AllButWatchdog => [vec![run.id()], pids(&[HOLDER])].concat(),
            _ => [vec![run.id()], pids(&[HOLDER, WATCHDOG])].concat(),
        };
        victims.into_iter().for_each(|pid| signal(pid, Signal::KILL));
        let done = finish(run);
        if victim == Victim::All {
            let undo = lab.chaos(&["undo", "--all", "--json"]);
            assert_eq!(undo.code, Some(0), "{undo:?}");
        }
        eventually("the run's end", || lab.records().iter().any(|record| record == "finished"));
        // What was about to be added would be there by then.
        std::thread::sleep(Duration::from_millis(1_500));
        assert_eq!(case.left(), None, "{victim:?}: {done:?}, {:?}", lab.records());
    }
}

/// A row a door and victim, a column a fault: how often, and the slowest end.
fn print(table: &Table<'_>) {
    let faults: Vec<&str> = CASES.iter().map(|(name, _)| *name).collect();
    println!("| by | killed | {} | with a holder | slowest end, s |", faults.join(" | "));
    println!("|---|---|{}---|---|", "---|".repeat(faults.len()));
    for (door, victim) in STRIKES {
        let cell = |fault: &&str| table.get(&(door, victim, *fault)).copied().unwrap_or_default();
        let times: Vec<String> = faults.iter().map(|f| cell(f).0.to_string()).collect();
        let held: usize = faults.iter().map(|f| cell(f).1).sum();
        let slowest = faults.iter().map(|f| cell(f).2).fold(0.0, f64::max);
        println!("| {door:?} | {victim:?} | {} | {held} | {slowest:.2} |", times.join(" | "));
    }
}

/// Door, victim and moment of a seed: a splitmix64 step, so that each number is its own.
fn drawn(seed: usize) -> (Door, Victim, Moment) {
    let mut z = (seed as u64).wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    let (door, victim) = STRIKES[(z % STRIKES.len() as u64) as usize];
    // Terraform plans before its provider runs anything.
    let longest = if door == Door::Command { 1_600 } else { 4_000 };
    let moment = if (z >> 8).is_multiple_of(2) {
        Moment::Line(1 + ((z >> 16) % 6) as usize)
    } else {
        Moment::After(Duration::from_millis((z >> 16) % longest))
    };
    (door, victim, moment)
}

/// Runs, kills, and waits until nothing is left; whether a holder was there when it struck, and how long the end took.
fn strike(lab: &Lab, case: &dyn Case, door: Door, victim: Victim, moment: Moment) -> Result<(bool, Duration), String> {
    // A fault of a minute: it ends because somebody ends it. Where nobody is hurt who matters, it ends by itself.
    let run = Run::start(lab, case, if victim == Victim::Watchdog { "1s" } else { "60s" }, door);
    let began = Instant::now();
    let due = || match moment {
        Moment::Line(line) => lab.records().len() >= line,
        Moment::After(wait) => began.elapsed() >= wait,
    };
    // A line that never comes, because the run has fewer, is replaced by the fault in force.
    let longest = Duration::from_secs(if door == Door::Command { 3 } else { 10 });
    while !due() && began.elapsed() < longest {
        std::thread::sleep(Duration::from_millis(1));
    }
    let runners = run.runners();
    let held = !lab.helpers(HOLDER).is_empty();
    let struck = Instant::now();
    kill(lab, &run, &runners, victim);
    // A provider that only planned is followed by one that applies: that run is ended as a user would.
    if door == Door::Terraform && matches!(victim, Victim::Runner | Victim::Frozen) && lab.records().is_empty() {
        run.interrupt();
    }
    let ended = run.finish();
    if victim == Victim::All {
        let undo = lab.chaos(&["undo", "--all", "--json"]);
        if undo.code != Some(0) {
            return Err(format!("undo: {undo:?}"));
        }
    }
    // Of the command's end its own end is waited for below; a provider could outlive Terraform.
    let provider = || {
        let outlives = door == Door::Terraform && victim != Victim::Frozen && runners.iter().any(|pid| lives(*pid));
        outlives.then(|| format!("providers {runners:?}"))
    };
    let left = || case.left().or_else(|| holder_left(lab)).or_else(provider);
    let mut seen = left();
    while seen.is_some() && struck.elapsed() < LEASE + PATIENCE {
        std::thread::sleep(Duration::from_millis(10));
        seen = left();
    }
    let took = struck.elapsed();
    if victim == Victim::Frozen {
        runners.iter().for_each(|pid| signal(*pid, Signal::KILL));
    }
    let done = ended.join().map_err(|_| "the end of the run was missed".to_owned())?;
    if let Some(seen) = seen {
        return Err(format!("{seen}; {done:?}; journal {:?}", lab.records()));
    }
    // And it stays so: nobody injects late, and a holder that was being started when it struck ends unused.
    let late = Instant::now();
    while late.elapsed() < Duration::from_millis(100) || (late.elapsed() < LEASE + PATIENCE && left().is_some()) {
        if let Some(late) = case.left() {
            return Err(format!("came back: {late}; {done:?}; journal {:?}", lab.records()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    match left() {
        Some(late) => Err(format!("came late: {late}; {done:?}; journal {:?}", lab.records())),
        None => Ok((held, took)),
    }
}

fn kill(lab: &Lab, run: &Run, runners: &[u32], victim: Victim) {
    let runner = || runners.iter().for_each(|pid| signal(*pid, Signal::KILL));
    let core = || signal(run.started(), Signal::KILL);
    let all = |role: &str| {
        let helpers = lab.helpers(role);
        helpers.iter().for_each(|pid| signal(*pid, Signal::KILL));
        helpers.len()
    };
    match victim {
        Victim::Runner => runner(),
        Victim::Core => core(),
        Victim::Holder | Victim::AllButRunner => {
            let struck = all(HOLDER);
            if victim == Victim::AllButRunner {
                all(WATCHDOG);
            }
            // Where no holder was there yet, nobody was hurt whose loss ends the run: it is ended as a user would.
            if struck == 0 {
                run.interrupt();
            }
        }
        Victim::Watchdog => drop(all(WATCHDOG)),
        Victim::AllButHolder => {
            all(WATCHDOG);
            runner();
            core();
        }
        Victim::AllButWatchdog => {
            all(HOLDER);
            runner();
            core();
        }
        Victim::All => {
            core();
            runner();
            all(HOLDER);
            all(WATCHDOG);
        }
        Victim::Interrupt => run.interrupt(),
        Victim::Terminate => signal(run.started(), Signal::TERM),
        Victim::Frozen => runners.iter().for_each(|pid| signal(*pid, Signal::STOP)),
    }
}
