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

/// A service of two days beside one of four weeks, three times as large.
fn new_service(borrow: &str) -> Workspace {
    let workspace = Workspace::new(&hcl::service(borrow, ""));
    let whole = hcl::load();
    let (head, rows) = whole.split_once('\n').expect("a header");
    let rows: Vec<&str> = rows.lines().collect();
    workspace.write("load.csv", &format!("{head}\n{}\n", rows[rows.len() - 48..].join("\n")));
    let thrice = |row: &&str| {
        let (time, value) = row.split_once(',').expect("time and value");
        format!("{time},{}\n", 3.0 * value.parse::<f64>().expect("a number"))
    };
    workspace.write("similar.csv", &format!("{head}\n{}", rows.iter().map(thrice).collect::<String>()));
    workspace
}

#[test]
fn a_new_service_borrows_history_and_the_plan_says_so() {
    // The series ends with a Sunday, and only the similar one has seen a Monday.
    let peak = |workspace: &Workspace| {
        workspace.apply().expect_code(0);
        let forecast = workspace.state("data.stormglass_capacity_forecast.web");
        let warnings = forecast["capacity_plan"]["warnings"].to_string();
        (forecast["capacity_plan"]["peak"].as_i64().expect("units"), warnings)
    };
    let borrowing = new_service("load = { borrow_from = { csv = { path = \"similar.csv\" } } }");
    let (with, said) = peak(&borrowing);
    assert!(said.contains("624 steps before it are those of load.borrow_from times 0.3333"), "{said}");
    borrowing.plan().expect_code(0);
    let (without, said) = peak(&new_service(""));
    assert!(!said.contains("borrow"), "{said}");
    assert!(with > without, "{with} units with the similar week, {without} without");
}

#[test]
fn a_similar_service_that_cannot_be_read_is_named_where_it_stands() {
    let workspace = new_service("load = { borrow_from = { csv = { path = \"nowhere.csv\" } } }");
    workspace
        .plan()
        .expect_code(1)
        .expect_text("Load cannot be read")
        .expect_text("borrow_from")
        .expect_text("nowhere.csv");
}
