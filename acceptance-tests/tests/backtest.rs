//! `data.stormglass_backtest`: models side by side, through Terraform.

use acceptance_tests::{Workspace, hcl};
use serde_json::Value;

fn backtest(more: &str) -> Workspace {
    let workspace = Workspace::new(&format!(
        r#"
data "stormglass_backtest" "web" {{
  source  = {{ csv = {{ path = "load.csv" }} }}
  models  = ["naive", "seasonal_naive[24]", "seasonal_naive[168]"]
  horizon = "1d"
  {more}
}}

output "best" {{
  value = data.stormglass_backtest.web.best
}}
"#
    ));
    workspace.write("load.csv", &hcl::load());
    workspace
}

fn results(workspace: &Workspace) -> Vec<Value> {
    workspace.state("data.stormglass_backtest.web")["results"].as_array().cloned().unwrap_or_default()
}

#[test]
fn models_are_put_side_by_side_and_the_best_is_named() {
    let workspace = backtest("");
    workspace.apply().expect_code(0).expect_text("best = \"seasonal_naive[168]\"");
    let results = results(&workspace);
    let wape = |i: usize| results[i]["wape"].as_f64().expect("a number");
    assert_eq!(results.len(), 3);
    // The load repeats weekly, with a small wave over it: a week before says most, an hour before least.
    assert!(wape(2) < wape(1) && wape(1) < wape(0), "{results:?}");
    assert!(results.iter().all(|r| r["origins"].as_i64() > Some(100)), "{results:?}");
    workspace.plan().expect_code(0).expect_text("No changes.");
}

#[test]
fn a_wrong_model_a_wrong_zone_and_a_dead_source_are_named_where_they_stand() {
    let workspace = backtest("time_zone = \"Mars/Olympus\"");
    workspace.plan().expect_code(1).expect_text("Mars/Olympus");
    let workspace = backtest("step = \"2d\"");
    workspace.plan().expect_code(1).expect_text("use a longer history or `naive`");
    let workspace = backtest("");
    std::fs::remove_file(workspace.path("load.csv")).expect("the series is there");
    workspace.plan().expect_code(1).expect_text("Load cannot be read").expect_text("load.csv");
}
