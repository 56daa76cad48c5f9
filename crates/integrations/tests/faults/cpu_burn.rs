//! `cpu_burn`: threads that burn a share, and are gone.

use std::path::PathBuf;
use std::time::Instant;

use serde_json::json;
use stormglass_chaos::{Class, Ending, Target};

use crate::holder::{Holder, alive, kind, read, refused, until};

/// Processor time in clock ticks of each thread that burns.
fn burners(pid: u32) -> Vec<u64> {
    let tasks = std::fs::read_dir(PathBuf::from(format!("/proc/{pid}/task"))).into_iter().flatten().flatten();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.path().join("stat")).ok())
        .filter(|stat| stat.contains("(burn-"))
        .map(|stat| {
            let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
            fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
        })
        .collect()
}

#[test]
fn a_share_of_one_core_is_burnt_and_not_more() {
    let begin = Instant::now();
    let mut holder = Holder::inject("cpu_burn", &json!({ "share": 0.3, "cores": 1 }));
    assert_eq!(holder.touch.targets, [Target::Host]);
    until("half a second of burning", || burners(holder.pid()).iter().sum::<u64>() >= 50);
    // A tick is 10 ms; a busy machine makes it take longer, never shorter.
    let ticks = burners(holder.pid()).iter().sum::<u64>() as f64 / 100.0;
    let share = ticks / begin.elapsed().as_secs_f64();
    assert!(share < 0.33, "{share}");
    let counts = holder.counts();
    assert_eq!(counts["threads"], 1);
    assert!(counts["cpu_seconds"].as_f64().unwrap() > 0.2, "{counts}");
    holder.undo(|pid| {
        assert!(alive(pid));
        assert_eq!(burners(pid), Vec::<u64>::new());
    });
}

#[test]
fn a_ramp_begins_at_nothing() {
    let mut holder = Holder::inject("cpu_burn", &json!({ "share": 1, "cores": 1 }));
    holder.ramp(0.0);
    // One more round may be under way; after it the count stands still while the strength is nought.
    until("no more burning", || {
        let before = burners(holder.pid());
        std::thread::sleep(std::time::Duration::from_millis(100));
        burners(holder.pid()) == before
    });
    let still = burners(holder.pid())[0];
    holder.ramp(0.5);
    until("burning", || burners(holder.pid())[0] > still + 5);
    holder.undo(|pid| assert_eq!(burners(pid), Vec::<u64>::new()));
}

#[test]
fn the_kernel_ends_it_with_its_holder() {
    let holder = Holder::inject("cpu_burn", &json!({ "share": 0.1 }));
    let pid = holder.pid();
    let cores = std::thread::available_parallelism().unwrap().get();
    until("a thread a core", || burners(pid).len() == cores);
    assert_eq!(kind("cpu_burn").ending(), Ending::WithHolder);
    holder.kill(|pid| {
        assert!(!alive(pid));
        assert_eq!(burners(pid), Vec::<u64>::new());
    });
}

#[test]
fn a_reserve_of_the_host_stays() {
    let fault = read("cpu_burn", &json!({ "share": 1.0, "cores": 1 })).unwrap();
    assert_eq!(fault.class(), Class::Reversible);
    let touch = fault.resolve().unwrap();
    let cores = std::thread::available_parallelism().unwrap();
    let plan = format!("burn 0.95 of the time of 1 of {cores} cores, not 1, so that the host stays usable");
    assert_eq!(touch.plan, plan);
    let much = json!({ "share": 0.5, "cores": 100_000 });
    let expected = format!("`cores` is 100000: this process may use {cores} on this host; ask for at most that many");
    assert_eq!(refused("cpu_burn", &much), expected);
}

#[test]
fn wrong_settings_are_told_apart() {
    for (settings, expected) in [
        (
            json!({}),
            "method[0].share: is required: Share of each core's time to burn, above 0; at most 0.95 is burnt, so that the host stays usable.",
        ),
        (json!({ "share": 0 }), "method[0].share: is `0`; expected a share above 0 and at most 1"),
        (json!({ "share": 1.5 }), "method[0].share: is `1.5`; expected a share between 0 and 1"),
        (json!({ "share": "half" }), "method[0].share: is `\"half\"`; expected share, 0 to 1"),
        (json!({ "share": 0.5, "cores": 0 }), "method[0].cores: is `0`; expected at least 1"),
        (json!({ "share": 0.5, "cores": 1.5 }), "method[0].cores: is `1.5`; expected an integer of at least 0"),
        (json!({ "share": 0.5, "core": 1 }), "method[0].core: is not known here; known: `share`, `cores`"),
    ] {
        let found = read("cpu_burn", &settings).err().unwrap();
        assert_eq!(found, expected, "{settings}");
    }
}
