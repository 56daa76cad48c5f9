//! Experiments as a resource: passed, failed, warned, interrupted, killed; and wrong ones at their attributes.

use std::io::{BufRead as _, BufReader};

use acceptance_tests::{Workspace, embedded_core};
use rustix::process::Signal;

use crate::lab::{HOLDER, Lab, eventually, signal};

const ADDRESS: &str = "stormglass_chaos_experiment.busy";

fn hcl(lab: &Lab, duration: &str, more: &str) -> String {
    format!(
        r#"
resource "stormglass_chaos_experiment" "busy" {{
  title              = "Lab"
  journal_dir        = "{}"
  steady_state       = [{{ name = "answers", type = "tcp", address = "{}", interval = "100ms" }}]
  method             = [{{ name = "busy", fault = "cpu_burn", share = 0.2, cores = 1, duration = "{duration}" }}]
  lease              = "1s"
  lock_timeout       = "10m"
  recovery_objective = "2s"
{more}
}}
"#,
        lab.journals().display(),
        lab.service
    )
}

fn under_way(lab: &Lab) {
    eventually("the fault", || lab.records().iter().any(|r| r == "injected"));
}

#[test]
fn a_run_is_a_create_and_a_trigger_is_another_run() {
    let lab = Lab::new();
    let workspace = Workspace::new(&hcl(&lab, "1s", "  triggers = { release = \"1\" }"));
    workspace.plan().expect_code(2).expect_text("Lab: injects busy (cpu_burn) for 1s.");
    workspace.apply().expect_code(0);
    let state = workspace.state(ADDRESS);
    assert_eq!((&state["outcome"], &state["faults"][0]["name"]), (&"passed".into(), &"busy".into()), "{state}");
    workspace.plan().expect_code(0);
    workspace.hcl(&hcl(&lab, "1s", "  triggers = { release = \"2\" }"));
    workspace.plan().expect_code(2).expect_text("forces replacement");
    workspace.apply().expect_code(0);
    let report = "\ndata \"stormglass_chaos_report\" \"all\" {\n  journal_dir = stormglass_chaos_experiment.busy.journal_dir\n}\noutput \"runs\" { value = length(data.stormglass_chaos_report.all.runs) }\n";
    workspace.hcl(&format!("{}{report}", hcl(&lab, "1s", "  triggers = { release = \"2\" }")));
    workspace.apply().expect_code(0).expect_text("runs = 2");
    workspace.destroy().expect_code(0);
}

#[test]
fn a_failure_fails_the_apply_or_warns_and_the_next_apply_acts_as_the_docs_say() {
    let lab = Lab::new();
    lab.close();
    let workspace = Workspace::new(&hcl(&lab, "1s", ""));
    workspace.apply().expect_code(1).expect_text("Experiment failed").expect_text("nothing was injected: `answers`");
    workspace.plan().expect_code(2).expect_text("is tainted, so must be replaced");
    workspace.hcl(&hcl(&lab, "1s", "  on_failure = \"warn\""));
    workspace.apply().expect_code(0).expect_text("Warning: Experiment failed");
    workspace.plan().expect_code(0);
    assert_eq!(workspace.state(ADDRESS)["outcome"], "failed");
}

#[test]
fn a_dry_run_says_what_would_be_touched() {
    let lab = Lab::new();
    let workspace = Workspace::new(&hcl(&lab, "1s", "  dry_run = true"));
    workspace.apply().expect_code(0);
    let state = workspace.state(ADDRESS);
    assert_eq!(state["outcome"], "dry_run");
    assert!(state["would_touch"][0].as_str().is_some_and(|t| t.starts_with("busy: burn 0.2")), "{state}");
    assert!(lab.journal().is_none());
}

#[test]
fn a_window_is_waited_for_within_the_create_timeout_or_refused() {
    let lab = Lab::new();
    let from = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second() + 6).expect("a time");
    let windows = |create: &str| {
        format!(
            "  wait_for_window = [{{ from = \"2020-01-01T00:00:00Z\", to = \"2020-01-02T00:00:00Z\" }}, {{ from = \"{from}\", \
             to = \"2126-01-01T00:00:00Z\" }}]\n  timeouts = {{ create = \"{create}\" }}"
        )
    };
    Workspace::new(&hcl(&lab, "1s", &windows("1s"))).apply().expect_code(1).expect_text("the next window begins at");
    assert!(lab.journal().is_none(), "nothing was begun");
    let workspace = Workspace::new(&hcl(&lab, "1s", &windows("5m")));
    workspace.apply().expect_code(0);
    let state = workspace.state(ADDRESS);
    let started: jiff::Timestamp = state["started"].as_str().and_then(|t| t.parse().ok()).expect("a time");
    assert!(state["outcome"] == "passed" && started >= from, "{from}: {state}");
    // A wait is ended as a run is.
    let far = hcl(&lab, "2s", &windows("12h").replace(&from.to_string(), "2125-12-31T00:00:00Z"));
    let workspace = Workspace::new(&far.replace("12h", "999999h"));
    let mut child = workspace.spawn(&["apply", "-no-color", "-input=false", "-auto-approve"]);
    let mut out = BufReader::new(child.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    out.find(|line| line.contains("Still creating...")).expect("the create waits");
    signal(child.id(), Signal::INT);
    out.for_each(drop);
    workspace.wait(child).expect_code(1).expect_text("ended while it waited for a window; nothing was touched");
}

#[test]
fn ctrl_c_undoes_and_records() {
    let lab = Lab::new();
    let workspace = Workspace::new(&hcl(&lab, "60s", ""));
    let child = workspace.spawn(&["apply", "-no-color", "-input=false", "-auto-approve"]);
    under_way(&lab);
    signal(child.id(), Signal::INT);
    workspace.wait(child).expect_code(1).expect_text("Experiment was interrupted");
    eventually("the holder's end", || lab.helpers(HOLDER).is_empty());
    assert_eq!(workspace.state(ADDRESS)["outcome"], "interrupted");
}

#[test]
fn terraform_or_its_provider_killed_leaves_nothing_and_terraform_does_not_wait_for_the_holder() {
    for provider in [false, true] {
        let lab = Lab::new();
        let workspace = Workspace::new(&hcl(&lab, "60s", ""));
        let child = workspace.spawn(&["apply", "-no-color", "-input=false", "-auto-approve"]);
        under_way(&lab);
        let children =
            std::process::Command::new("ps").args(["-o", "pid=", "--ppid", &child.id().to_string()]).output();
        let providers = String::from_utf8_lossy(&children.expect("ps starts").stdout).into_owned();
        let victims: Vec<u32> = if provider {
            providers.split_whitespace().filter_map(|p| p.parse().ok()).collect()
        } else {
            vec![child.id()]
        };
        assert!(!victims.is_empty());
        victims.into_iter().for_each(|pid| signal(pid, Signal::KILL));
        assert_ne!(workspace.wait(child).code, 0);
        eventually("the holder's end", || lab.helpers(HOLDER).is_empty());
    }
}

#[test]
fn what_is_wrong_is_told_at_its_attribute() {
    let lab = Lab::new();
    let wrong = |from: &str, to: &str, text: &str| {
        let workspace = Workspace::new(&hcl(&lab, "1s", "").replace(from, to));
        workspace.run(&["validate", "-no-color"]).expect_code(1).expect_text(text);
    };
    wrong("\"cpu_burn\"", "\"cpu_brun\"", "method[0].fault: is `cpu_brun`, which is no fault");
    wrong("\"1s\" }]", "\"0s\" }]", "method[0].duration: is zero");
    wrong("type = \"tcp\"", "type = \"ping\"", "steady_state[0].type: is `ping`, which is no probe");
    wrong("share = 0.2", "share = 1.2", "method[0].share: is `1.2`; expected a share between 0 and 1");
    wrong("lease              = \"1s\"", "lease = \"1\"", "lease: is `1`; expected an integer with");
    let block = "provider \"stormglass\" {\n  allowed_targets = [\"web\"]\n}\n";
    let workspace = Workspace::new(&format!("{block}{}", hcl(&lab, "1s", "")));
    workspace.plan().expect_code(1).expect_text("allowed_targets[0] is `web`; expected `pid_file:PATH`");
    let folder = lab.folder("filled");
    let fill = format!("fault = \"disk_fill\", folder = \"{}\", bytes = \"1MiB\"", folder.display());
    let filled = hcl(&lab, "1s", "").replace("fault = \"cpu_burn\", share = 0.2, cores = 1", &fill);
    let workspace = Workspace::new(&filled);
    workspace.apply().expect_code(1).expect_text("is not among the allowed targets; allow `folder:");
    assert!(lab.journal().is_none(), "nothing was begun");
    let block = format!("provider \"stormglass\" {{\n  allowed_targets = [\"folder:{}\"]\n}}\n", folder.display());
    Workspace::new(&format!("{block}{filled}")).apply().expect_code(0);
}

/// On a core that has actions.
#[test]
fn the_action_runs_without_state() {
    let lab = Lab::new();
    let body = hcl(&lab, "1s", "");
    let config =
        body.trim().trim_start_matches("resource \"stormglass_chaos_experiment\" \"busy\" {").trim_end_matches('}');
    let action = format!("action \"stormglass_run_chaos_experiment\" \"busy\" {{\n  config {{\n{config}\n  }}\n}}\n");
    let workspace = Workspace::with_core(embedded_core(), &action);
    let invoke =
        ["apply", "-no-color", "-input=false", "-auto-approve", "-invoke=action.stormglass_run_chaos_experiment.busy"];
    workspace.run(&invoke).expect_code(0).expect_text("Lab: passed: the steady state held");
    lab.close();
    workspace.run(&invoke).expect_code(1).expect_text("Experiment failed");
}
