//! Experiments on the real service through real Terraform, under load.

use std::path::Path;
use std::process::{Command, Stdio};

use acceptance_tests::Workspace;
use rustix::process::Signal;
use serde_json::Value;

use super::{Checkout, healthy, ip};
use crate::lab::{HOLDER, Lab, eventually, finish, signal};

const ADDRESS: &str = "stormglass_chaos_experiment.checkout";

/// All four faults, one after the other, or those of `only`.
fn hcl(checkout: &Checkout, lab: &Lab, start: &str, seconds: u32, only: &[&str]) -> String {
    let Checkout { near, far, namespace, database, proxy, first, second, .. } = checkout;
    let steps = [
        (
            "slow-database",
            format!(
                "fault = \"tcp_proxy\", listen = \"{near}:{proxy}\", upstream = \"{near}:{database}\", latency = \"100ms\", jitter = \"20ms\""
            ),
        ),
        ("dead-instance", format!("fault = \"process_kill\", port = {first}{start}")),
        ("busy-neighbor", "fault = \"cpu_burn\", share = 0.5, cores = 1".to_owned()),
        ("partition", format!("fault = \"network_partition\", namespace = \"{namespace}\"")),
    ];
    let steps = steps.iter().filter(|(name, _)| only.is_empty() || only.contains(name));
    let method: Vec<String> =
        steps.map(|(name, step)| format!("{{ name = \"{name}\", duration = \"{seconds}s\", {step} }}")).collect();
    format!(
        r#"
provider "stormglass" {{
  allowed_targets = ["{near}:{proxy}", "{near}:{database}", "{far}:{second}", "port:{first}", "namespace:{namespace}"]
}}
resource "stormglass_chaos_experiment" "checkout" {{
  title              = "Checkout survives"
  journal_dir        = "{journals}"
  order              = "sequence"
  lock_timeout       = "10m"
  lease              = "2s"
  recovery_objective = "8s"
  steady_state = [
    {{ name = "front", type = "http", url = "http://{front}/health", interval = "200ms", timeout = "3s", tolerance = {{ status = [200], regex = "^up$" }} }},
    {{ name = "first", type = "http", url = "http://127.0.0.1:{first}/health", interval = "200ms", timeout = "3s" }},
    {{ name = "second", type = "http", url = "http://{far}:{second}/health", interval = "200ms", timeout = "1s" }},
  ]
  method = [{method}]
}}
"#,
        journals = lab.journals().display(),
        front = checkout.front(),
        method = method.join(", "),
    )
}

fn start(checkout: &Checkout) -> String {
    format!(", start = {}", serde_json::to_string(&checkout.start_command()).expect("texts"))
}

/// Nothing of any fault: no listener, no rule, no holder.
fn nothing_left(checkout: &Checkout, lab: &Lab) -> bool {
    let proxy = format!("{}:{}", checkout.near, checkout.proxy);
    let rules = Command::new("ip").args(["netns", "exec", &checkout.namespace, "nft", "list", "ruleset"]).output();
    lab.helpers(HOLDER).is_empty()
        && std::net::TcpStream::connect(proxy).is_err()
        && rules.is_ok_and(|out| out.status.success() && out.stdout.trim_ascii().is_empty())
}

#[test]
fn a_service_breaks_and_comes_back_under_load() {
    let (checkout, lab) = (Checkout::start(), Lab::new());
    let url = format!("http://{}/health", checkout.front());
    let mut load = Command::new("wrk");
    load.args(["-t1", "-c4", "-d18s", "--timeout", "5s", &url]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let load = load.spawn().expect("wrk starts");
    let workspace = Workspace::new(&hcl(&checkout, &lab, &start(&checkout), 3, &[]));
    let run = workspace.apply();
    let state = workspace.state(ADDRESS);
    assert_eq!((run.code, &state["outcome"]), (0, &"passed".into()), "{}\n{}", state["reason"], run.text);
    let failed = |i: usize| state["probes"][i]["failed"].as_i64().expect("a count");
    // The first instance was killed, the second one cut off; what users see was there all the time, or nearly.
    assert!(failed(1) > 0 && failed(2) > 0, "{state}");
    assert!(state["detection_seconds"].as_f64().is_some_and(|s| s > 0.0), "{state}");
    assert!(state["recovery_seconds"].as_f64().is_some_and(|s| s < 300.0), "{state}");
    for fault in state["faults"].as_array().expect("faults") {
        assert!(fault["injected"].is_string() && fault["undone"].is_string() && fault["error"].is_null(), "{fault}");
    }
    eventually("the end of every fault", || nothing_left(&checkout, &lab));
    let load = finish(load);
    let (asked, failed) = answered(&load.out);
    println!(
        "requests {asked}, failed {failed}, availability {:.4} %; detected after {} s, recovered after {} s",
        100.0 * (1.0 - failed as f64 / asked as f64),
        state["detection_seconds"],
        state["recovery_seconds"]
    );
    assert!(asked > 100, "{load:?}");
}

#[test]
fn a_service_that_cannot_come_back_is_reported_as_failed() {
    let (checkout, lab) = (Checkout::start(), Lab::new());
    let workspace = Workspace::new(&hcl(&checkout, &lab, "", 2, &["dead-instance"]));
    workspace
        .apply()
        .expect_code(1)
        .expect_text("Experiment failed")
        .expect_text("did not come back within 8s: `first`:");
    let state = workspace.state(ADDRESS);
    assert_eq!((&state["outcome"], &state["recovery_seconds"]), (&"failed".into(), &Value::Null));
    assert!(healthy(&checkout.front()), "the other instance serves");
    eventually("the end of every fault", || nothing_left(&checkout, &lab));
}

/// `examples/scenarios/quiet-window-experiment`, on this service's addresses and a load whose quiet hours are now.
#[test]
fn the_scenario_waits_for_nothing_in_a_quiet_hour() {
    let (checkout, lab) = (Checkout::start(), Lab::new());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/scenarios/quiet-window-experiment");
    let text = std::fs::read_to_string(folder.join("main.tf")).expect("the scenario");
    let start = serde_json::to_string(&checkout.start_command()).expect("texts");
    let text = text
        .replace(r#"["systemctl", "start", "checkout@8081"]"#, &start)
        .replace("127.0.0.1:8080", &checkout.front())
        .replace("8081", &checkout.first.to_string())
        .replace("\"30s\"", "\"3s\"")
        .replace("  triggers ", &format!("  journal_dir = \"{}\"\n  triggers ", lab.journals().display()));
    let workspace = Workspace::empty();
    workspace.write("main.tf", &text);
    workspace.write("load.csv", &quiet_now());
    let apply = ["apply", "-no-color", "-input=false", "-auto-approve", "-var=release=1"];
    workspace.run(&apply).expect_code(0);
    let state = workspace.state("stormglass_chaos_experiment.instance_dies");
    assert_eq!(state["outcome"], "passed", "{state}");
    assert!(state["faults"][0]["injected"].is_string(), "{state}");
    assert!(workspace.path("schedule.json").is_file());
    // The same release is not tried again, the next one is.
    workspace.run(&["plan", "-no-color", "-input=false", "-detailed-exitcode", "-var=release=2"]).expect_code(2);
    eventually("the first instance", || healthy(&format!("127.0.0.1:{}", checkout.first)));
}

/// Four weeks of hours, low from two hours before now to three hours after it, high otherwise.
fn quiet_now() -> String {
    let now = jiff::Timestamp::now().as_second() / 3600;
    let line = |hour: i64| {
        let (near, time) = ((hour - now).rem_euclid(24), jiff::Timestamp::from_second(3600 * hour).expect("a time"));
        let load = if !(4..22).contains(&near) { 100.0 } else { 900.0 + 10.0 * (hour % 7) as f64 };
        format!("{time},{load}\n")
    };
    format!("timestamp,value\n{}", (now - 28 * 24..now).map(line).collect::<String>())
}

#[test]
fn ctrl_c_in_the_middle_leaves_the_service_whole() {
    let (checkout, lab) = (Checkout::start(), Lab::new());
    for fault in ["slow-database", "partition"] {
        let workspace = Workspace::new(&hcl(&checkout, &lab, "", 60, &[fault]));
        let child = workspace.spawn(&["apply", "-no-color", "-input=false", "-auto-approve"]);
        eventually("the fault", || lab.records().iter().any(|r| r == "injected") && !nothing_left(&checkout, &lab));
        signal(child.id(), Signal::INT);
        workspace.wait(child).expect_code(1).expect_text("Experiment was interrupted");
        eventually("the end of every fault", || nothing_left(&checkout, &lab));
        eventually("the service", || healthy(&checkout.front()));
        assert_eq!(workspace.state(ADDRESS)["outcome"], "interrupted");
    }
    ip(&format!("netns exec {} true", checkout.namespace));
}

/// Requests, and those of them without a good answer, as wrk tells.
fn answered(text: &str) -> (u64, u64) {
    let number = |before: &str| {
        let at = text.find(before)? + before.len();
        text[at..].trim_start().split(|c: char| !c.is_ascii_digit()).next()?.parse::<u64>().ok()
    };
    let asked =
        text.lines().find(|l| l.contains(" requests in ")).and_then(|l| l.split_whitespace().next()?.parse().ok());
    let errors: u64 =
        ["connect", "read", "write", "timeout"].iter().filter_map(|kind| number(&format!("{kind} "))).sum();
    (asked.unwrap_or(0), errors + number("Non-2xx or 3xx responses:").unwrap_or(0))
}
