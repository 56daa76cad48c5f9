//! Time: plans that are too old, days of 25 hours, and a pipeline that stopped for a week.

use std::process::Command;

use acceptance_tests::{Workspace, hcl, stormglass};

/// A source that grows: four weeks of hours up to now.
const LIVE: &str = r#"now=$(date +%s)
awk -v now="$now" 'BEGIN {
  print "timestamp,value"
  for (i = 672; i > 0; i--) { t = now - now % 3600 - i * 3600; print t "," 500 + 300 * sin(t / 13751) }
}'
"#;

fn live(policy: &str) -> Workspace {
    let exec = r#"source = { exec = { command = ["sh", "load.sh"], time_format = "unix" } }"#;
    let service = hcl::service("", policy).replace("source   = { csv = { path = \"load.csv\" } }", exec);
    let workspace = Workspace::new(&service);
    workspace.write("load.sh", LIVE);
    workspace
}

#[test]
fn a_saved_plan_that_is_too_old_is_refused() {
    let workspace = live("max_plan_age = \"1s\"");
    workspace.run(&["plan", "-no-color", "-out=saved"]).expect_code(0);
    workspace.run(&["apply", "-no-color", "saved"]).expect_code(1).expect_text("Capacity plan is too old");
    assert!(!workspace.path("schedule.json").exists(), "nothing is written");
}

#[test]
fn a_source_that_grows_gives_an_empty_second_plan_within_the_refresh_interval() {
    let workspace = live("");
    workspace.apply().expect_code(0);
    workspace.plan().expect_code(0).expect_text("No changes.");
}

#[test]
fn a_day_of_twenty_five_hours_is_planned_and_stays() {
    let more = "as_of = \"2026-10-23T00:00:00Z\"\n  time_zone = \"Europe/Berlin\"";
    let workspace = Workspace::new(&hcl::service(more, ""));
    workspace.write("load.csv", &hcl::load());
    workspace.plan().expect_code(2).expect_text("2026-10-25 Sun");
    workspace.apply().expect_code(0);
    workspace.plan().expect_code(0);
}

#[test]
fn a_day_of_twenty_three_hours_is_planned_and_stays() {
    let more = "as_of = \"2026-03-26T00:00:00Z\"\n  time_zone = \"Europe/Berlin\"";
    let workspace = Workspace::new(&hcl::service(more, ""));
    workspace.write("load.csv", &hcl::load_from(2, 27));
    workspace.plan().expect_code(2).expect_text("2026-03-29 Sun");
    workspace.apply().expect_code(0);
    workspace.plan().expect_code(0);
}

#[test]
fn a_pipeline_that_stopped_leaves_the_typical_week() {
    let workspace = Workspace::new(&hcl::service("", ""));
    workspace.write("load.csv", &hcl::load());
    workspace.apply().expect_code(0);
    let now = |at: &str| -> u32 {
        let mut command = Command::new(stormglass());
        let out =
            command.arg("now").arg(workspace.path("schedule.json")).args(["--at", at]).output().expect("it starts");
        String::from_utf8_lossy(&out.stdout).trim().parse().expect("a number of units")
    };
    // The schedule ends at 2026-11-09; these are the same hours of a Wednesday within it and two weeks after its end.
    assert_eq!(now("2026-11-04T11:30:00Z"), now("2026-11-25T11:30:00Z"));
    assert_eq!(now("2026-11-04T02:30:00Z"), now("2026-11-25T02:30:00Z"));
    assert!(now("2026-11-25T11:30:00Z") > now("2026-11-25T02:30:00Z"));
}
