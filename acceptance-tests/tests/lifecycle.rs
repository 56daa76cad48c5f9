//! From HCL to a schedule file and back: plan, apply, an empty second plan, drift, import, update, destroy.

use acceptance_tests::{Workspace, hcl};
use serde_json::{Value, json};

fn service(forecast: &str, policy: &str) -> Workspace {
    let workspace = Workspace::new(&hcl::service(forecast, policy));
    workspace.write("load.csv", &hcl::load());
    workspace
}

fn schedule(workspace: &Workspace) -> Value {
    serde_json::from_str(&workspace.read("schedule.json")).expect("the schedule file is JSON")
}

const POLICY: &str = "stormglass_predictive_scaling_policy.web";

#[test]
fn apply_writes_exactly_what_the_plan_showed_and_a_second_plan_is_empty() {
    let workspace = service("", "");
    let plan = workspace.plan().expect_code(2);
    workspace.apply().expect_code(0);
    workspace.plan().expect_code(0).expect_text("No changes.");

    let file = schedule(&workspace);
    let state = workspace.state(POLICY);
    assert_eq!(file["managed_by"], format!("stormglass/{}", state["id"].as_str().unwrap_or("?")));
    let most = file["steps"].as_array().and_then(|s| s.iter().filter_map(|s| s["units"].as_i64()).max());
    assert_eq!(most, state["capacity_plan"]["peak"].as_i64());
    for line in state["capacity_plan"]["schedule"].as_object().into_iter().flat_map(|days| days.values()) {
        let line = line.as_str().expect("a day's line is text");
        assert!(plan.text.contains(line), "the plan's text lacks `{line}`:\n{}", plan.text);
    }
}

#[test]
fn a_saved_plan_is_applied_as_it_was_shown() {
    let workspace = service("", "");
    workspace.run(&["plan", "-no-color", "-out=saved"]).expect_code(0);
    workspace.run(&["apply", "-no-color", "saved"]).expect_code(0);
    workspace.plan().expect_code(0);
}

#[test]
fn a_plan_from_another_folder_agrees() {
    let first = service("", "");
    first.apply().expect_code(0);
    let second = service("", "");
    second.write("terraform.tfstate", &first.read("terraform.tfstate"));
    second.write("schedule.json", &first.read("schedule.json"));
    second.plan().expect_code(0);
}

#[test]
fn an_edit_by_hand_shows_as_drift_and_is_put_right() {
    let workspace = service("", "");
    workspace.apply().expect_code(0);
    let mut file = schedule(&workspace);
    let last = file["steps"].as_array().map_or(0, |s| s.len() - 1);
    file["steps"][last]["units"] = 19.into();
    workspace.write("schedule.json", &file.to_string());
    workspace.plan().expect_code(2).expect_text("will be updated in-place");
    workspace.apply().expect_code(0);
    assert_ne!(schedule(&workspace)["steps"][last]["units"], 19);
    workspace.plan().expect_code(0);
}

#[test]
fn a_bound_edited_by_hand_shows_as_drift_and_is_put_right() {
    let workspace = service("", "");
    workspace.apply().expect_code(0);
    let written = schedule(&workspace);
    let edits = [("min", 1.into()), ("max", 99.into()), ("mode", "exact".into()), ("after", json!({"kind": "hold"}))];
    for (key, value) in edits {
        let mut file = written.clone();
        file[key] = value;
        workspace.write("schedule.json", &file.to_string());
        workspace.plan().expect_code(2).expect_text("will be updated in-place");
        workspace.apply().expect_code(0);
        assert_eq!(schedule(&workspace)[key], written[key], "{key}");
    }
    workspace.plan().expect_code(0);
}

#[test]
fn a_schedule_that_is_gone_is_written_again() {
    let workspace = service("", "");
    workspace.apply().expect_code(0);
    std::fs::remove_file(workspace.path("schedule.json")).expect("the schedule file is there");
    workspace.plan().expect_code(2).expect_text("will be created");
    workspace.apply().expect_code(0);
    workspace.plan().expect_code(0);
}

#[test]
fn an_update_changes_the_schedule_in_place() {
    let workspace = service("", "");
    workspace.apply().expect_code(0);
    let before = workspace.state(POLICY)["id"].clone();
    workspace.hcl(&hcl::service("", "").replace("min = 2", "min = 4"));
    workspace.plan().expect_code(2).expect_text("will be updated in-place");
    workspace.apply().expect_code(0);
    assert_eq!(workspace.state(POLICY)["id"], before);
    assert_eq!(schedule(&workspace)["min"], 4);
    workspace.plan().expect_code(0);
}

#[test]
fn another_target_takes_over_before_the_old_one_is_given_up() {
    let workspace = service("", "");
    workspace.apply().expect_code(0);
    workspace.hcl(&hcl::service("", "").replace("schedule.json", "other.json"));
    workspace.apply().expect_code(0);
    assert!(workspace.path("other.json").is_file());
    assert!(!workspace.path("schedule.json").exists());
    workspace.plan().expect_code(0);
}

#[test]
fn a_new_instance_replaces_the_old_one() {
    let workspace = service("", "");
    workspace.apply().expect_code(0);
    let before = workspace.state(POLICY)["id"].clone();
    workspace.run(&["apply", "-no-color", "-auto-approve", &format!("-replace={POLICY}")]).expect_code(0);
    assert_ne!(workspace.state(POLICY)["id"], before);
    workspace.plan().expect_code(0);
}

#[test]
fn destroy_removes_the_file_that_was_not_there_before() {
    let workspace = service("", "");
    workspace.apply().expect_code(0);
    workspace.destroy().expect_code(0);
    assert!(!workspace.path("schedule.json").exists());
}

#[test]
fn a_policy_is_imported_by_its_file() {
    let workspace = service("", "");
    workspace.apply().expect_code(0);
    let id = workspace.state(POLICY)["id"].clone();
    workspace.run(&["state", "rm", POLICY]).expect_code(0);
    workspace.run(&["import", "-no-color", POLICY, "file:schedule.json"]).expect_code(0);
    assert_eq!(workspace.state(POLICY)["id"], id);
    workspace.apply().expect_code(0);
    workspace.plan().expect_code(0);
}

#[test]
fn somebody_elses_file_is_a_conflict_until_it_is_taken() {
    let workspace = service("", "");
    let foreign = r#"{"version":1,"managed_by":"by hand","time_zone":"UTC","mode":"floor","min":1,"max":9,"steps":[{"from":"2026-11-02T00:00:00Z","units":3,"reason":"by hand"}],"valid_until":"2026-12-01T00:00:00Z","after":{"kind":"hold"}}"#;
    workspace.write("schedule.json", foreign);
    workspace.apply().expect_code(1).expect_text("by hand");
    assert_eq!(workspace.read("schedule.json"), foreign);

    workspace.hcl(&hcl::service("", "on_conflict = \"take\""));
    workspace.apply().expect_code(0);
    assert_ne!(workspace.read("schedule.json"), foreign);
    workspace.destroy().expect_code(0);
    assert_eq!(workspace.read("schedule.json"), foreign, "destroy restores what was there");
}

#[test]
fn observing_writes_nothing() {
    let workspace = service("", "mode = \"observe\"");
    workspace.apply().expect_code(0);
    assert!(!workspace.path("schedule.json").exists());
    workspace.plan().expect_code(0);
    workspace.destroy().expect_code(0);
}

#[test]
fn a_near_forecast_keeps_the_prior_schedule() {
    let workspace = service("", "replan_tolerance = 0.5\n  min_remaining = \"1d\"");
    workspace.apply().expect_code(0);
    let before = workspace.read("schedule.json");
    // Two more hours of the same kind change the forecast a little.
    let longer = format!("{}2026-11-02T00:00:00Z,121\n2026-11-02T01:00:00Z,111\n", hcl::load());
    workspace.write("load.csv", &longer);
    workspace.plan().expect_code(0).expect_text("No changes.");
    assert_eq!(workspace.read("schedule.json"), before);
}

#[test]
fn two_hundred_policies_are_planned_and_applied() {
    let workspace = Workspace::new(
        &hcl::service(
            "for_each = toset([for i in range(200) : tostring(i)])",
            "for_each = toset([for i in range(200) : tostring(i)])",
        )
        .replace("capacity_forecast.web.capacity_plan", "capacity_forecast.web[each.key].capacity_plan")
        .replace("schedule.json", "schedule-${each.key}.json"),
    );
    workspace.write("load.csv", &hcl::load());
    workspace.apply().expect_code(0).expect_text("200 added");
    workspace.plan().expect_code(0);
    assert!(workspace.path("schedule-199.json").is_file());
}
