//! The kill storm: seeded kills at journal lines and at random moments, after which nothing may be left.
//!
//! 100 kills here; `STORMGLASS_STORM=1000` in `cargo xtask prove`, which prints the table that the docs have.

use std::collections::BTreeMap;
use std::process::Child;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::json;

use crate::faults::{CASES, Case, holder_left};
use crate::lab::{HOLDER, Lab, WATCHDOG, finish, signal};

/// Who is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Victim {
    Runner,
    Holder,
    Watchdog,
    AllButHolder,
    AllButWatchdog,
    AllButRunner,
    /// Followed by `chaos undo`.
    All,
    Interrupt,
    Terminate,
    /// Stopped, so that it does not even close its sockets.
    Frozen,
}

const VICTIMS: [Victim; 10] = [
    Victim::Runner,
    Victim::Holder,
    Victim::Watchdog,
    Victim::AllButHolder,
    Victim::AllButWatchdog,
    Victim::AllButRunner,
    Victim::All,
    Victim::Interrupt,
    Victim::Terminate,
    Victim::Frozen,
];

/// When it happens.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// As soon as the journal has so many lines.
    Line(usize),
    /// So long after the start.
    After(Duration),
}

/// How often each was struck, and the slowest end in seconds.
type Table<'a> = BTreeMap<(&'a str, Victim), (usize, f64)>;

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
                    let (victim, moment) = drawn(seed);
                    match strike(&lab, case.as_ref(), victim, moment) {
                        Ok(took) => {
                            let mut table = table.lock().expect("a table");
                            let row = table.entry((name, victim)).or_default();
                            *row = (row.0 + 1, row.1.max(took.as_secs_f64()));
                        }
                        Err(left) => {
                            leaks
                                .lock()
                                .expect("a list")
                                .push(format!("seed {seed} {name} {victim:?} {moment:?}: {left}"));
                        }
                    }
                    seed += CASES.len();
                }
            });
        }
    });
    let table = table.into_inner().expect("a table");
    println!("| fault | killed | times | slowest end, s |\n|---|---|---|---|");
    for ((name, victim), (times, slowest)) in &table {
        println!("| `{name}` | {victim:?} | {times} | {slowest:.2} |");
    }
    let leaks = leaks.into_inner().expect("a list");
    assert!(leaks.is_empty(), "{} of {kills} kills left something:\n{}", leaks.len(), leaks.join("\n"));
    assert_eq!(table.values().map(|row| row.0).sum::<usize>(), kills);
}

/// Victim and moment of a seed: a splitmix64 step, so that each number is its own.
fn drawn(seed: usize) -> (Victim, Moment) {
    let mut z = (seed as u64).wrapping_add(0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    let victim = VICTIMS[(z % 10) as usize];
    let moment = if (z >> 8).is_multiple_of(2) {
        Moment::Line(1 + ((z >> 16) % 6) as usize)
    } else {
        Moment::After(Duration::from_millis((z >> 16) % 1_600))
    };
    (victim, moment)
}

/// Runs, kills, and waits until nothing is left; how long that took.
fn strike(lab: &Lab, case: &dyn Case, victim: Victim, moment: Moment) -> Result<Duration, String> {
    // A fault of a minute: it ends because somebody ends it. Where nobody is hurt who matters, it ends by itself.
    let lives_on = matches!(victim, Victim::Watchdog);
    let step = case.step(if lives_on { "1s" } else { "60s" });
    let allow: Vec<String> = case.allow().into_iter().flat_map(|a| ["--allow".to_owned(), a]).collect();
    let allow: Vec<&str> = allow.iter().map(String::as_str).collect();
    let child = lab.start(&lab.experiment(json!([step])), &allow);
    let began = Instant::now();
    let due = || match moment {
        Moment::Line(line) => lab.records().len() >= line,
        Moment::After(wait) => began.elapsed() >= wait,
    };
    // A line that never comes, because the run has fewer, is replaced by the fault in force.
    while !due() && began.elapsed() < Duration::from_secs(3) {
        std::thread::sleep(Duration::from_millis(1));
    }
    let struck = Instant::now();
    kill(lab, &child, victim);
    let runner = child.id();
    let ended = std::thread::spawn(move || finish(child));
    if victim == Victim::All {
        let undo = lab.chaos(&["undo", "--all", "--json"]);
        if undo.code != Some(0) {
            return Err(format!("undo: {undo:?}"));
        }
    }
    let mut left = Some(String::new());
    while struck.elapsed() < LEASE + PATIENCE {
        left = case.left().or_else(|| holder_left(lab));
        if left.is_none() {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let took = struck.elapsed();
    signal(runner, Signal::CONT);
    if victim == Victim::Frozen {
        signal(runner, Signal::KILL);
    }
    let done = ended.join().map_err(|_| "the command's end was missed".to_owned())?;
    if let Some(left) = left {
        return Err(format!("{left}; {done:?}; journal {:?}", lab.records()));
    }
    // And it stays so: nobody injects late.
    std::thread::sleep(Duration::from_millis(100));
    match case.left().or_else(|| holder_left(lab)) {
        Some(late) => Err(format!("came back: {late}; {done:?}; journal {:?}", lab.records())),
        None => Ok(took),
    }
}

fn kill(lab: &Lab, child: &Child, victim: Victim) {
    let runner = || signal(child.id(), Signal::KILL);
    let all = |role: &str| {
        let helpers = lab.helpers(role);
        helpers.iter().for_each(|pid| signal(*pid, Signal::KILL));
        helpers.len()
    };
    match victim {
        Victim::Runner => runner(),
        Victim::Holder | Victim::AllButRunner => {
            let struck = all(HOLDER);
            if victim == Victim::AllButRunner {
                all(WATCHDOG);
            }
            // Where no holder was there yet, nobody was hurt whose loss ends the run: it is ended as a user would.
            if struck == 0 {
                signal(child.id(), Signal::INT);
            }
        }
        Victim::Watchdog => drop(all(WATCHDOG)),
        Victim::AllButHolder => {
            all(WATCHDOG);
            runner();
        }
        Victim::AllButWatchdog => {
            all(HOLDER);
            runner();
        }
        Victim::All => {
            runner();
            all(HOLDER);
            all(WATCHDOG);
        }
        Victim::Interrupt => signal(child.id(), Signal::INT),
        Victim::Terminate => signal(child.id(), Signal::TERM),
        Victim::Frozen => signal(child.id(), Signal::STOP),
    }
}
