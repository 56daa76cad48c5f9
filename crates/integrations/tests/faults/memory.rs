//! `memory`: pages that are really held, and are gone.

use serde_json::json;
use stormglass_chaos::{Class, Target};

use crate::holder::{Holder, alive, read, refused, until};

/// Resident memory of a process, bytes.
fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().strip_suffix("kB").unwrap_or("0").trim().parse::<u64>().unwrap() << 10
}

fn total() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap();
    let line = text.lines().find_map(|l| l.strip_prefix("MemTotal:")).unwrap();
    line.trim().strip_suffix("kB").unwrap().trim().parse::<u64>().unwrap() << 10
}

#[test]
fn bytes_are_resident_follow_a_ramp_and_are_given_back() {
    let mut holder = Holder::inject("memory", &json!({ "bytes": "200MiB" }));
    assert_eq!(holder.touch.targets, [Target::Host]);
    let pid = holder.pid();
    until("200 MiB", || resident(pid) >= 200 << 20);
    until("the count", || holder.counts()["bytes"] == 200_u64 << 20);
    let first_to_end = std::fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
    assert_eq!(first_to_end.trim(), "1000");
    holder.ramp(0.25);
    until("a quarter", || holder.counts()["bytes"] == 50_u64 << 20);
    assert!(resident(pid) < 100 << 20, "{}", resident(pid));
    holder.undo(|pid| {
        assert!(alive(pid));
        assert!(resident(pid) < 50 << 20, "{}", resident(pid));
    });
}

#[test]
fn the_kernel_takes_it_back_with_the_holder() {
    let holder = Holder::inject("memory", &json!({ "bytes": "100MiB" }));
    until("100 MiB", || resident(holder.pid()) >= 100 << 20);
    holder.kill(|pid| assert_eq!((alive(pid), resident(pid)), (false, 0)));
}

#[test]
fn what_is_asked_is_held_against_what_is_left() {
    let fault = read("memory", &json!({ "share": 1 })).unwrap();
    assert_eq!(fault.class(), Class::Reversible);
    let plan = fault.resolve().unwrap().plan;
    assert!(plan.contains("less than asked, so that the floor stays free"), "{plan}");
    let floor = format!("{}B", total());
    let said = refused("memory", &json!({ "bytes": "1MiB", "keep_free": floor }));
    assert!(said.starts_with("bytes 1MiB: there is nothing to take: this host has "), "{said}");
    let said = refused("memory", &json!({ "share": 0.000_001 }));
    assert!(said.starts_with("share 0.000001: there is nothing to take: "), "{said}");
}

#[test]
fn wrong_settings_are_told_apart() {
    for (settings, expected) in [
        (json!({}), "method[0].share: is not set, and `bytes` is not either; set one of them"),
        (json!({ "share": 0.5, "bytes": "1MiB" }), "method[0].bytes: is set beside `share`; set one of them"),
        (json!({ "share": 0 }), "method[0].share: is `0`; expected a share above 0 and at most 1"),
        (json!({ "share": 2 }), "method[0].share: is `2`; expected a share between 0 and 1"),
        (json!({ "bytes": "0B" }), "method[0].bytes: is 0; expected at least `1B`"),
        (
            json!({ "bytes": "1MB" }),
            "method[0].bytes: is `1MB`; expected an integer with `B`, `KiB`, `MiB` or `GiB`, for example `64MiB`",
        ),
        (json!({ "bytes": 5, "keep_free": "1GiB" }), "method[0].bytes: is `5`; expected bytes, such as `64MiB`"),
        (
            json!({ "bytes": "1GiB", "keep_free": "x" }),
            "method[0].keep_free: is `x`; expected an integer with `B`, `KiB`, `MiB` or `GiB`, for example `64MiB`",
        ),
    ] {
        assert_eq!(read("memory", &settings).err().unwrap(), expected, "{settings}");
    }
}
