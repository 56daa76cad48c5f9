//! The text of a plan is a product: what a person reads before saying yes. Golden, at most 40 lines a policy.

use acceptance_tests::{Workspace, hcl};

/// The part of a plan's text that is about the policy.
fn policy(text: &str) -> String {
    let lines = text.lines().skip_while(|l| !l.contains("# stormglass_predictive_scaling_policy.web"));
    lines.take_while(|l| !l.starts_with("Plan:")).collect::<Vec<_>>().join("\n").trim_end().to_owned()
}

#[test]
fn a_first_plan_shows_the_week_and_a_second_one_what_changes() {
    let workspace = Workspace::new(&hcl::service("", ""));
    workspace.write("load.csv", &hcl::load());
    let first = policy(&workspace.plan().expect_code(2).text);
    assert!(first.lines().count() <= 40, "{} lines:\n{first}", first.lines().count());
    insta::assert_snapshot!("first", first);

    workspace.apply().expect_code(0);
    let id = workspace.state("stormglass_predictive_scaling_policy.web")["id"].as_str().unwrap_or_default().to_owned();
    // A launch on one day of the week: one line of the schedule changes.
    let launch =
        r#"overrides = [{ from = "2026-11-05T09:00:00Z", to = "2026-11-05T13:00:00Z", min = 18, reason = "launch" }],"#;
    workspace.hcl(&hcl::service("", "").replace("min = 2,", &format!("min = 2, {launch}")));
    let second = policy(&workspace.plan().expect_code(2).text);
    assert!(second.lines().count() <= 40, "{} lines:\n{second}", second.lines().count());
    insta::assert_snapshot!("second", second.replace(&id, "ID"));
}
