//! `stormglass chaos` as users meet it: forms, exit codes, status, abort, interruption, locks, windows.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::fd::AsFd as _;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::lab::{Done, HOLDER, Lab, WATCHDOG, eventually, finish, signal};

fn burn(duration: &str) -> Value {
    json!({"fault": "cpu_burn", "name": "busy", "share": 0.2, "cores": 1, "duration": duration})
}

fn under_way(lab: &Lab) {
    eventually("the fault", || lab.records().iter().any(|r| r == "injected"));
}

#[test]
fn a_run_that_holds_passes_and_is_listed() {
    let lab = Lab::new();
    let (junit, html) = (lab.path("verdict.xml"), lab.path("report.html"));
    let more = ["--junit", junit.to_str().unwrap(), "--html", html.to_str().unwrap()];
    let done = lab.run(&lab.experiment(json!([burn("500ms")])), &more);
    assert_eq!(done.code, Some(0), "{done:?}");
    let report = done.json();
    assert_eq!((&report["experiment"], &report["outcome"]), (&json!("Lab"), &json!("passed")));
    assert_eq!(report["detection_seconds"], Value::Null);
    let fault = &report["faults"][0];
    let time = |v: &Value| v.as_str().unwrap().parse::<String>().unwrap();
    assert!(fault["name"] == "busy" && time(&fault["injected"]) < time(&fault["undone"]), "{report}");
    assert!(
        fs::read_to_string(lab.path("verdict.xml"))
            .unwrap()
            .contains("<testsuite name=\"Lab\" tests=\"2\" failures=\"0\"")
    );
    assert!(fs::read_to_string(html).unwrap().contains("The steady state held"));
    let list = lab.chaos(&["list", "--json"]).json();
    assert_eq!((list["runs"].as_array().unwrap().len(), &list["runs"][0]["outcome"]), (1, &json!("passed")));
    assert_eq!(lab.chaos(&["status", "--json"]).out, "{\"active\":[]}\n");
    assert_eq!(lab.chaos(&["undo", "--all", "--json"]).out, "{\"undone\":[],\"failed\":[]}\n");
    eventually("the helpers' end", || lab.helpers(HOLDER).is_empty() && lab.helpers(WATCHDOG).is_empty());
}

#[test]
fn without_a_steady_state_nothing_is_injected() {
    let lab = Lab::new();
    lab.close();
    let done = lab.run(&lab.experiment(json!([burn("30s")])), &[]);
    assert_eq!(done.code, Some(1), "{done:?}");
    assert!(!lab.records().iter().any(|r| r == "injecting"), "{:?}", lab.records());
    assert!(done.json()["reason"].as_str().unwrap().contains("nothing was injected: `answers`"), "{done:?}");
}

#[test]
fn a_service_that_does_not_come_back_fails() {
    let lab = Lab::new();
    let mut experiment = lab.experiment(json!([burn("1s")]));
    experiment["recovery_objective"] = json!("1s");
    let child = lab.start(&experiment, &[]);
    under_way(&lab);
    lab.close();
    let done = finish(child);
    assert_eq!(done.code, Some(1), "{done:?}");
    let report = done.json();
    assert_eq!(report["recovery_seconds"], Value::Null);
    assert!(report["detection_seconds"].as_f64().unwrap() >= 0.0);
    assert!(report["reason"].as_str().unwrap().starts_with("the steady state did not come back within 1s"), "{report}");
}

#[test]
fn an_abort_condition_ends_the_faults_early() {
    let lab = Lab::new();
    let mut experiment = lab.experiment(json!([burn("60s")]));
    experiment["abort_when"] = json!([{"probe": "answers", "failures": 3}]);
    experiment["recovery_objective"] = json!("1s");
    let begun = Instant::now();
    let child = lab.start(&experiment, &[]);
    under_way(&lab);
    lab.close();
    let done = finish(child);
    assert_eq!(done.code, Some(3), "{done:?}");
    assert!(begun.elapsed() < Duration::from_secs(50));
    let report = done.json();
    assert!(report["reason"].as_str().unwrap().starts_with("`answers` failed 3 times in a row"), "{report}");
    assert_ne!(report["faults"][0]["undone"], Value::Null);
}

#[test]
fn an_interruption_undoes_and_says_so() {
    let lab = Lab::new();
    let child = lab.start(&lab.experiment(json!([burn("60s")])), &[]);
    under_way(&lab);
    let status = lab.chaos(&["status", "--json"]).json();
    let active = &status["active"][0];
    assert_eq!((&active["experiment"], &active["fault"]), (&json!("Lab"), &json!("busy")));
    assert_eq!(u64::from(lab.helpers(HOLDER)[0]), active["holder_pid"].as_u64().unwrap());
    assert!(active["deadline"].as_str().unwrap().ends_with('Z'));
    signal(child.id(), Signal::INT);
    let done = finish(child);
    assert_eq!((done.code, &done.json()["outcome"]), (Some(4), &json!("interrupted")));
    eventually("the holder's end", || lab.helpers(HOLDER).is_empty());
}

#[test]
fn undo_ends_a_run_that_is_under_way() {
    let lab = Lab::new();
    let child = lab.start(&lab.experiment(json!([burn("60s")])), &[]);
    under_way(&lab);
    let undo = lab.chaos(&["undo", "--all", "--json"]);
    assert_eq!(undo.code, Some(0), "{undo:?}");
    assert!(lab.helpers(HOLDER).is_empty());
    assert_eq!(finish(child).code, Some(4));
}

#[test]
fn helpers_keep_neither_the_session_nor_a_descriptor() {
    let lab = Lab::new();
    // A pipe that is inherited, as Terraform's are.
    let (reader, writer) = rustix::pipe::pipe().unwrap();
    rustix::io::fcntl_setfd(&writer, rustix::io::FdFlags::empty()).unwrap();
    let child = lab.start(&lab.experiment(json!([burn("60s")])), &[]);
    under_way(&lab);
    let inherited =
        fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer.as_fd()))).unwrap();
    let session = |pid: u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat[stat.rfind(')').unwrap() + 2..].split(' ').nth(3).unwrap().to_owned()
    };
    for pid in [lab.helpers(HOLDER), lab.helpers(WATCHDOG)].concat() {
        assert_eq!(session(pid), pid.to_string(), "a session of its own");
        for fd in fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
            let to = fs::read_link(fd.path()).unwrap_or_default();
            assert_ne!(to, inherited, "{pid} has the pipe");
            if fd.file_name() == "0" || fd.file_name() == "1" {
                assert_eq!(to.to_str(), Some("/dev/null"));
            }
        }
    }
    drop((reader, writer));
    signal(child.id(), Signal::INT);
    finish(child);
}

#[test]
fn two_experiments_on_one_target_wait_for_each_other_or_are_refused() {
    let lab = Lab::new();
    let first = lab.start(&lab.experiment(json!([burn("60s")])), &[]);
    under_way(&lab);
    let other = Lab::new();
    let mut second = other.experiment(json!([burn("1s")]));
    second["lock_timeout"] = json!("0s");
    let refused = other.run(&second, &[]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.err.contains("another experiment touches this host's processor and memory"), "{refused:?}");
    assert!(refused.err.contains(lab.journals().to_str().unwrap()), "{refused:?}");
    // A wait is ended as a run is.
    let mut second = other.start(&other.experiment(json!([burn("1s")])), &[]);
    let mut line = String::new();
    let mut stderr = BufReader::new(second.stderr.take().expect("a pipe"));
    stderr.read_line(&mut line).expect("a line");
    assert!(line.contains("another experiment touches this host's processor and memory; waits up to"), "{line}");
    signal(second.id(), Signal::INT);
    let mut ended = Done { code: second.wait().expect("an end").code(), out: String::new(), err: String::new() };
    stderr.read_to_string(&mut ended.err).expect("a text");
    assert!(ended.err.contains("ended while it waited for another experiment; nothing was touched"), "{ended:?}");
    assert!(other.journal().is_none(), "nothing was begun");
    signal(first.id(), Signal::INT);
    finish(first);
}

/// Nothing takes a lock from a program that stands still, whose faults have ended: it is named instead.
#[test]
fn a_program_that_stands_still_keeps_its_lock_and_is_named() {
    let (lab, other) = (Lab::new(), Lab::new());
    let first = lab.start(&lab.experiment(json!([burn("60s")])), &[]);
    under_way(&lab);
    signal(first.id(), Signal::STOP);
    eventually("the holder's end", || lab.helpers(HOLDER).is_empty());
    let mut second = other.experiment(json!([burn("1s")]));
    second["lock_timeout"] = json!("0s");
    let refused = other.run(&second, &[]);
    let pid = first.id();
    let words = format!("; its program, process {pid}, is stopped: let it go on (`kill -CONT {pid}`), or kill it");
    assert!(refused.code == Some(1) && refused.err.contains(&words), "{refused:?}");
    // A fault that ended before its time proves nothing.
    signal(pid, Signal::CONT);
    let done = finish(first);
    assert_eq!(done.code, Some(4), "{done:?}");
    let reason = done.json()["reason"].to_string();
    assert!(reason.contains("it stood still for ") && reason.contains("longer than its lease of 1s"), "{reason}");
}

/// The first one replaces the process that the second one found before it had to wait.
#[test]
fn who_waited_for_another_looks_at_its_targets_again() {
    let (lab, other) = (Lab::new(), Lab::new());
    let pid_file = lab.path("service.pid");
    let pid = || fs::read_to_string(&pid_file).ok()?.trim().parse::<u32>().ok();
    let start = format!("sleep 600 & echo $! > {}", pid_file.display());
    assert!(Command::new("sh").args(["-c", &start]).status().is_ok_and(|s| s.success()));
    let first_pid = pid().expect("a process");
    let kill = |delay: &str| json!({"fault": "process_kill", "pid_file": pid_file, "start": ["sh", "-c", start], "delay": delay, "duration": "1s"});
    let allow = format!("pid_file:{}", pid_file.display());
    let first = lab.start(&lab.experiment(json!([kill("3s")])), &["--allow", &allow]);
    eventually("the first run", || lab.records().iter().any(|r| r == "steady"));
    let second = other.start(&other.experiment(json!([kill("0s")])), &["--allow", &allow]);
    assert_eq!(finish(first).code, Some(0));
    let done = finish(second);
    assert_eq!(done.code, Some(0), "{done:?}");
    let plan = done.json()["faults"][0]["plan"].to_string();
    assert!(!plan.contains(&first_pid.to_string()), "{plan}");
    assert!(done.err.contains("another experiment touches process"), "{done:?}");
    signal(pid().expect("a process"), Signal::KILL);
}

#[test]
fn a_check_slower_than_the_lease_does_not_lose_the_run() {
    let lab = Lab::new();
    let mut experiment = lab.experiment(json!([burn("500ms")]));
    let slow = json!({"name": "slow", "type": "command", "command": ["sleep", "3"], "timeout": "20s"});
    experiment["steady_state"].as_array_mut().unwrap().push(slow);
    let done = lab.run(&experiment, &[]);
    assert_eq!(done.code, Some(0), "{done:?}");
    let count = |record: &str| lab.records().iter().filter(|r| *r == record).count();
    assert_eq!((count("watchdog"), count("finished")), (1, 1), "{:?}", lab.records());
}

#[test]
fn windows_are_waited_for_or_refused() {
    let lab = Lab::new();
    let mut experiment = lab.experiment(json!([burn("500ms")]));
    experiment["wait_for_window"] =
        json!([{"from": "2020-01-01T00:00:00Z", "to": "2020-01-02T00:00:00Z", "peak": 3.0}]);
    let done = lab.run(&experiment, &[]);
    assert!(
        done.code == Some(1) && done.err.contains("no window of `wait_for_window` that is still to come"),
        "{done:?}"
    );
    experiment["wait_for_window"] = json!([{"from": "2126-01-01T00:00:00Z", "to": "2126-01-02T00:00:00Z"}]);
    let done = lab.run(&experiment, &[]);
    assert!(done.code == Some(1) && done.err.contains("the next window begins at 2126-01-01T00:00:00Z"), "{done:?}");
    experiment["wait_for_window"] = json!([{"from": "2020-01-01T00:00:00Z", "to": "2126-01-02T00:00:00Z"}]);
    assert_eq!(lab.run(&experiment, &[]).code, Some(0));
}

#[test]
fn a_dry_run_shows_and_touches_nothing() {
    let lab = Lab::new();
    let done = lab.run(&lab.experiment(json!([burn("30s")])), &["--dry-run"]);
    assert_eq!(done.code, Some(0), "{done:?}");
    assert_eq!(done.json()["would_touch"][0]["targets"], json!(["host"]));
    assert!(lab.journal().is_none());
}
