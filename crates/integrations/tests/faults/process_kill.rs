//! `process_kill`: exactly the named processes end, and the start command lives on.

use std::os::unix::process::ExitStatusExt;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use stormglass_chaos::Class;

use crate::holder::{Holder, alive, read, refused, until};
use crate::victim::Victim;

/// The session of a process.
fn session(pid: u32) -> u32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(3).unwrap().parse().unwrap()
}

#[test]
fn the_named_process_ends_and_no_other() {
    let (mut victim, other) = (Victim::start(), Victim::start());
    let settings = json!({ "port": victim.port });
    let fault = read("process_kill", &settings).unwrap();
    assert_eq!(fault.class(), Class::SelfHealing);
    let exe = std::env::current_exe().unwrap();
    assert_eq!(
        fault.resolve().unwrap().plan,
        format!("send SIGKILL to process {} (`{}`)", victim.pid(), exe.display())
    );
    let mut holder = Holder::inject("process_kill", &settings);
    assert_eq!(victim.ended().signal(), Some(9));
    assert_eq!(holder.counts(), json!({ "killed": 1, "started_pid": null }));
    holder.undo(|_| assert!(alive(other.pid())));
}

#[test]
fn term_asks_and_the_start_command_outlives_the_holder() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("victim.pid");
    let mut victim = Victim::start();
    std::fs::write(&file, victim.pid().to_string()).unwrap();
    let settings = json!({ "pid_file": file, "signal": "TERM", "start": ["sleep", "300"] });
    let mut holder = Holder::inject("process_kill", &settings);
    assert_eq!(victim.ended().signal(), Some(15));
    let started = u32::try_from(holder.counts()["started_pid"].as_u64().unwrap()).unwrap();
    until("it is what was asked for", || {
        std::fs::read(format!("/proc/{started}/cmdline")).is_ok_and(|line| line == b"sleep\x00300\x00")
    });
    assert_eq!(session(started), started);
    assert_eq!(std::fs::read_link(format!("/proc/{started}/fd/1")).unwrap().to_str(), Some("/dev/null"));
    // While it loads its libraries a program has one of them open.
    let open = || std::fs::read_dir(format!("/proc/{started}/fd")).unwrap().count();
    until("it has its standard streams and nothing else", || open() == 3);
    holder.kill(|_| assert!(alive(started)));
    assert!(alive(started));
    kill_process(Pid::from_raw(started.cast_signed()).unwrap(), Signal::KILL).unwrap();
}

#[test]
fn another_process_of_the_same_id_is_not_killed() {
    let victim = Victim::start();
    let settings = json!({ "port": victim.port });
    let mut touch = read("process_kill", &settings).unwrap().resolve().unwrap();
    touch.undo["processes"][0]["started"] = json!(1);
    let said = Holder::inject_resolved("process_kill", &settings, touch.clone()).err().unwrap();
    assert_eq!(said, format!("process {}: has ended since it was found; nothing was killed", victim.pid()));
    assert!(alive(victim.pid()));
    touch.undo["processes"][0]["pid"] = json!(1);
    let said = Holder::inject_resolved("process_kill", &settings, touch).err().unwrap();
    assert_eq!(said, "process 1: is never touched");
}

#[test]
fn a_start_command_that_does_not_exist_is_said() {
    let mut victim = Victim::start();
    let settings = json!({ "port": victim.port, "start": ["/no/such/program"] });
    let touch = read("process_kill", &settings).unwrap().resolve().unwrap();
    let said = Holder::inject_resolved("process_kill", &settings, touch).err().unwrap();
    assert!(said.starts_with("starting [\"/no/such/program\"] after the kill: ENOENT"), "{said}");
    assert_eq!(victim.ended().signal(), Some(9));
}

#[test]
fn wrong_settings_are_told_apart() {
    for (settings, expected) in [
        (
            json!({ "signal": "KILL" }),
            "method[0].pid_file: is not set; set one of `pid_file`, `executable`, `port` or `cgroup`, to name a process",
        ),
        (json!({ "port": 1, "signal": "HUP" }), "method[0].signal: is `HUP`; expected one of `KILL`, `TERM`"),
        (
            json!({ "port": 1, "start": [] }),
            "method[0].start: has no program; expected it and its arguments, for example [\"systemctl\", \"start\", \"web\"]",
        ),
        (json!({ "port": 1, "start": "web" }), "method[0].start: is `\"web\"`; expected a list of texts"),
        (
            json!({ "port": 1, "start": ["a\u{0}b"] }),
            "method[0].start: has a NUL character, which no program can be given",
        ),
    ] {
        let found = read("process_kill", &settings).err().unwrap();
        assert_eq!(found.lines().next().unwrap(), expected, "{settings}");
    }
    let said = refused("process_kill", &json!({ "pid_file": "/no/such/file" }));
    assert_eq!(said, "pid_file:/no/such/file: there is no /no/such/file");
}
