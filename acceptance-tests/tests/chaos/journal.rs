//! Journals that cannot be written, are full, or are damaged: nothing is touched without one, and damage hides nothing.

use std::fs;
use std::process::{Command, Stdio};

use acceptance_tests::stormglass;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::lab::{HOLDER, Lab, WATCHDOG, eventually, finish, signal};

fn burn() -> Value {
    json!([{"fault": "cpu_burn", "name": "busy", "share": 0.2, "cores": 1, "duration": "60s"}])
}

#[test]
fn without_a_journal_nothing_is_injected() {
    let lab = Lab::new();
    fs::write(lab.journals(), "a file where a folder should be").unwrap();
    let done = lab.run(&lab.experiment(burn()), &[]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(done.err.contains("the journal in"), "{done:?}");
}

#[test]
fn a_journal_folder_that_is_read_only_is_told() {
    let lab = Lab::new();
    let experiment = lab.write(&lab.experiment(burn()));
    fs::create_dir(lab.journals()).unwrap();
    let script = "mount -t tmpfs -o ro tmpfs \"$0\" && exec \"$1\" chaos run \"$2\" --json --journal-dir \"$0\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--map-root-user", "sh", "-c", script]).arg(lab.journals());
    command.arg(stormglass()).arg(&experiment).stdout(Stdio::piped()).stderr(Stdio::piped());
    let done = finish(command.spawn().unwrap());
    assert!(done.code == Some(1) && done.err.contains("Read-only file system"), "{done:?}");
    assert!(lab.helpers(HOLDER).is_empty());
}

#[test]
fn a_disk_that_fills_up_ends_the_experiment_with_nothing_left() {
    let lab = Lab::new();
    let experiment = lab.write(&lab.experiment(burn()));
    fs::create_dir(lab.journals()).unwrap();
    // A file system of 16 KiB that nobody but this command sees; what fits is taken away by degrees.
    for filler in [0, 4, 8, 12] {
        let script = "mount -t tmpfs -o size=16k tmpfs \"$1\" && head -c \"$4\" /dev/zero > \"$1/filler\"; shift; exec \"$1\" chaos run \"$2\" --json --journal-dir \"$0\"";
        let mut command = Command::new("unshare");
        command.args(["--mount", "--map-root-user", "sh", "-c", script]).arg(lab.journals()).arg(lab.journals());
        command.arg(stormglass()).arg(&experiment).arg((filler * 1024).to_string());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        std::thread::sleep(std::time::Duration::from_millis(1500));
        signal(pid, Signal::INT);
        let done = finish(child);
        // Never begun, aborted because a line could not be written, or ended by us.
        assert!(matches!(done.code, Some(1 | 3 | 4)), "{filler}: {done:?}");
        eventually("the holder's end", || lab.helpers(HOLDER).is_empty());
    }
}

#[test]
fn a_damaged_journal_does_not_hide_a_holder() {
    for undo_after in [false, true] {
        let lab = Lab::new();
        let child = lab.start(&lab.experiment(burn()), &[]);
        eventually("the fault", || lab.records().iter().any(|r| r == "injected"));
        let journal = lab.journal().unwrap();
        let length = fs::metadata(&journal).unwrap().len();
        fs::write(&journal, vec![0xFF; usize::try_from(length).unwrap()]).unwrap();
        if undo_after {
            // Everyone who would undo by himself is stopped.
            signal(child.id(), Signal::STOP);
            let undo = lab.chaos(&["undo", "--all", "--json"]);
            assert_eq!(undo.code, Some(0), "{undo:?}");
            assert!(lab.helpers(HOLDER).is_empty() && lab.helpers(WATCHDOG).is_empty());
            signal(child.id(), Signal::CONT);
        }
        signal(child.id(), Signal::KILL);
        finish(child);
        eventually("the holder's end", || lab.helpers(HOLDER).is_empty());
    }
}

#[test]
fn a_deleted_journal_does_not_hide_a_holder() {
    let lab = Lab::new();
    let child = lab.start(&lab.experiment(burn()), &[]);
    eventually("the fault", || lab.records().iter().any(|r| r == "injected"));
    signal(child.id(), Signal::STOP);
    fs::remove_file(lab.journal().unwrap()).unwrap();
    let undo = lab.chaos(&["undo", "--all", "--json"]);
    assert_eq!(undo.code, Some(0), "{undo:?}");
    assert!(lab.helpers(HOLDER).is_empty());
    signal(child.id(), Signal::KILL);
    signal(child.id(), Signal::CONT);
    finish(child);
}

#[test]
fn the_next_run_undoes_what_a_dead_one_left() {
    let lab = Lab::new();
    let child = lab.start(&lab.experiment(burn()), &[]);
    eventually("the fault", || lab.records().iter().any(|r| r == "injected"));
    let dead = lab.journal().unwrap();
    // Stopped first, so that none of them sees another one die.
    let all = [lab.helpers(HOLDER), lab.helpers(WATCHDOG), vec![child.id()]].concat();
    all.iter().for_each(|pid| signal(*pid, Signal::STOP));
    all.iter().for_each(|pid| signal(*pid, Signal::KILL));
    finish(child);
    assert!(!fs::read_to_string(&dead).unwrap().contains("finished"));
    let mut next = lab.experiment(burn());
    next["method"][0]["duration"] = json!("500ms");
    let done = lab.run(&next, &[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let text = fs::read_to_string(&dead).unwrap();
    assert!(text.contains("\"outcome\":\"interrupted\"") && text.contains("\"by\":\"undo\""), "{text}");
}
