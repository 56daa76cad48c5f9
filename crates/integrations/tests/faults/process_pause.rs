//! `process_pause`: all threads stand, and run again, whoever is killed.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use stormglass_chaos::{Class, Ending, Target};

use crate::holder::{Holder, kind, read, refused, until};
use crate::victim::Victim;

const SHORT: Duration = Duration::from_millis(100);
const LONG: Duration = Duration::from_secs(20);

fn all_stand(victim: &Victim) -> bool {
    victim.states().chars().all(|state| state == 't')
}

fn all_run(victim: &Victim) -> bool {
    !victim.states().contains('t')
}

#[test]
fn all_threads_stand_until_it_is_undone() {
    let victim = Victim::start();
    assert!(victim.answers(LONG));
    let mut holder = Holder::inject("process_pause", &json!({ "port": victim.port }));
    assert!(all_stand(&victim), "{}", victim.states());
    assert!(!victim.answers(SHORT));
    let counts = holder.counts();
    assert_eq!(counts["processes"], 1);
    assert!(counts["threads"].as_u64() >= Some(5), "{counts}");
    holder.undo(|_| {
        assert!(all_run(&victim), "{}", victim.states());
        assert!(victim.answers(LONG));
    });
}

#[test]
fn the_kernel_lets_it_run_when_the_holder_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("victim.pid");
    let victim = Victim::start();
    std::fs::write(&file, victim.pid().to_string()).unwrap();
    let holder = Holder::inject("process_pause", &json!({ "pid_file": file }));
    let [Target::Process { pid, uid, executable, named_by, .. }] = holder.touch.targets.as_slice() else {
        panic!("{:?}", holder.touch);
    };
    assert_eq!((*pid, *uid), (victim.pid(), rustix::process::getuid().as_raw()));
    assert_eq!(executable, std::env::current_exe().unwrap().to_str().unwrap());
    assert_eq!(*named_by, format!("pid_file:{}", file.display()));
    assert!(all_stand(&victim), "{}", victim.states());
    holder.kill(|_| until("it runs", || all_run(&victim)));
    assert!(victim.answers(LONG));
}

#[test]
fn signals_of_others_wait_or_win() {
    let mut victim = Victim::start();
    let holder = Holder::inject("process_pause", &json!({ "port": victim.port }));
    victim.signal(Signal::TERM);
    assert!(all_stand(&victim) && !victim.has_ended());
    holder.undo(|_| {});
    assert!(!victim.ended().success());

    let mut victim = Victim::start();
    let holder = Holder::inject("process_pause", &json!({ "port": victim.port }));
    victim.signal(Signal::KILL);
    assert!(!victim.ended().success(), "its parent hears of its end while the holder lives");
    holder.undo(|_| {});
}

#[test]
fn a_stopped_process_stays_stopped() {
    let victim = Victim::start();
    victim.signal(Signal::STOP);
    until("it stops", || victim.states().chars().all(|state| state == 'T'));
    let holder = Holder::inject("process_pause", &json!({ "port": victim.port }));
    holder.undo(|_| until("it is stopped as before", || victim.states().chars().all(|state| state == 'T')));
    victim.signal(Signal::CONT);
    assert!(victim.answers(LONG));
}

#[test]
fn who_is_traced_already_and_who_is_another_is_refused() {
    let victim = Victim::start();
    let settings = json!({ "port": victim.port });
    let fault = read("process_pause", &settings).unwrap();
    assert_eq!((fault.class(), kind("process_pause").ending()), (Class::Reversible, Ending::WithHolder));
    let mut touch = fault.resolve().unwrap();
    let exe = std::env::current_exe().unwrap();
    assert_eq!(touch.plan, format!("pause process {} (`{}`)", victim.pid(), exe.display()));
    let holder = Holder::inject("process_pause", &settings);
    let expected = format!(
        "port:{}: process {} is traced by process {} already; end that first",
        victim.port,
        victim.pid(),
        holder.pid()
    );
    assert_eq!(refused("process_pause", &settings), expected);
    let said = Holder::inject_resolved("process_pause", &settings, touch.clone()).err().unwrap();
    assert!(said.contains("EPERM: Operation not permitted; it is traced already"), "{said}");
    holder.undo(|_| assert!(all_run(&victim)));
    touch.undo = json!({ "processes": [{ "pid": victim.pid(), "started": 1 }] });
    let said = Holder::inject_resolved("process_pause", &settings, touch).err().unwrap();
    assert_eq!(said, format!("process {}: has ended since it was found; nothing was paused", victim.pid()));
    assert!(all_run(&victim));
}

#[test]
fn wrong_settings_are_told_apart() {
    for (settings, expected) in [
        (
            json!({}),
            "method[0].pid_file: is not set; set one of `pid_file`, `executable`, `port` or `cgroup`, to name a process",
        ),
        (json!({ "port": 1, "pid_file": "/x" }), "method[0].port: is set beside `pid_file`; set one of them"),
        (json!({ "port": 70_000 }), "method[0].port: is 70000; expected 1 to 65535"),
        (json!({ "port": 0 }), "method[0].port: is 0; expected 1 to 65535"),
        (json!({ "port": "http" }), "method[0].port: is `\"http\"`; expected an integer of at least 0"),
        (json!({ "executable": "nginx" }), "method[0].executable: is `nginx`; expected an absolute path"),
        (json!({ "cgroup": "/" }), "method[0].cgroup: is `/`, which is every process; name a group below it"),
    ] {
        assert_eq!(read("process_pause", &settings).err().unwrap(), expected, "{settings}");
    }
    assert_eq!(
        refused("process_pause", &json!({ "executable": "/no/such/program" })),
        "executable:/no/such/program: no process of /no/such/program runs that this user can see"
    );
}
