//! What happens when the load cannot be read: fail by default, keep on request, and destroy always works.

use acceptance_tests::{Workspace, hcl};

fn service(forecast: &str) -> Workspace {
    let workspace = Workspace::new(&hcl::service(forecast, ""));
    workspace.write("load.csv", &hcl::load());
    workspace
}

fn lose_the_source(workspace: &Workspace) {
    std::fs::remove_file(workspace.path("load.csv")).expect("the series is there");
}

#[test]
fn a_dead_source_fails_the_plan_and_says_how_to_destroy() {
    let workspace = service("");
    workspace.apply().expect_code(0);
    lose_the_source(&workspace);
    workspace.plan().expect_code(1).expect_text("load.csv").expect_text("destroy -refresh=false");
    assert!(workspace.path("schedule.json").is_file(), "the schedule stays in force");
    workspace.run(&["destroy", "-no-color", "-auto-approve", "-refresh=false"]).expect_code(0);
    assert!(!workspace.path("schedule.json").exists());
}

#[test]
fn keep_leaves_the_schedule_in_force_and_says_so() {
    let workspace = service("on_source_error = \"keep\"");
    workspace.apply().expect_code(0);
    let before = workspace.read("schedule.json");
    lose_the_source(&workspace);
    workspace.plan().expect_code(0).expect_text("Schedule is kept");
    workspace.apply().expect_code(0);
    assert_eq!(workspace.read("schedule.json"), before);
    let status = workspace.state("data.stormglass_capacity_forecast.web")["status"].clone();
    assert!(status.as_str().is_some_and(|s| s.contains("load.csv")), "status says why: {status}");
}

#[test]
fn keep_with_nothing_to_keep_is_an_error() {
    let workspace = service("on_source_error = \"keep\"");
    lose_the_source(&workspace);
    workspace.plan().expect_code(1).expect_text("No capacity plan").expect_text("no schedule yet");
}

#[test]
fn keep_works_with_configurations_that_refer_to_the_kept_values() {
    let workspace = service("on_source_error = \"keep\"");
    let more = "\noutput \"peak\" {\n  value = stormglass_predictive_scaling_policy.web.capacity_plan.peak\n}\n";
    workspace.hcl(&format!("{}{more}", hcl::service("on_source_error = \"keep\"", "")));
    workspace.apply().expect_code(0);
    lose_the_source(&workspace);
    workspace.plan().expect_code(0);
}

#[test]
fn a_source_that_is_created_in_the_same_run_is_known_after_apply() {
    let hcl = hcl::service("", "").replace("path = \"load.csv\"", "path = terraform_data.place.output");
    let workspace =
        Workspace::new(&format!("{hcl}\nresource \"terraform_data\" \"place\" {{\n  input = \"load.csv\"\n}}\n"));
    workspace.write("load.csv", &hcl::load());
    workspace.plan().expect_code(2).expect_text("(known after apply)");
    workspace.apply().expect_code(0);
    workspace.plan().expect_code(0);
}

#[test]
fn a_provider_block_that_is_unknown_while_planning_says_what_to_do() {
    let prometheus = r#"source = { prometheus = { connection = "main", query = "up" } }"#;
    let service = hcl::service("", "").replace("source   = { csv = { path = \"load.csv\" } }", prometheus);
    let workspace = Workspace::new(&format!(
        "resource \"terraform_data\" \"place\" {{\n  input = \"http://127.0.0.1:9\"\n}}\n\
         provider \"stormglass\" {{\n  connection = {{ main = {{ endpoint = terraform_data.place.output }} }}\n}}\n{service}"
    ));
    let run = workspace.plan().expect_code(1);
    run.expect_text("Provider is not configured yet").expect_text("-target");
    // What the block depends on is applied first, as the message says; then it is known, and the source is asked.
    workspace.run(&["apply", "-no-color", "-auto-approve", "-target=terraform_data.place"]).expect_code(0);
    workspace.plan().expect_code(1).expect_text("127.0.0.1:9");
}
