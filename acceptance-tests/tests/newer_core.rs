//! The same way through the newer core: life cycle, identity.

use acceptance_tests::{Workspace, embedded_core, hcl};

const POLICY: &str = "stormglass_predictive_scaling_policy.web";

#[test]
fn plan_apply_and_an_empty_second_plan() {
    let workspace = Workspace::with_core(embedded_core(), &hcl::service("", ""));
    workspace.write("load.csv", &hcl::load());
    workspace.plan().expect_code(2).expect_text("will be created");
    workspace.apply().expect_code(0);
    workspace.plan().expect_code(0).expect_text("No changes.");
    workspace.destroy().expect_code(0);
    assert!(!workspace.path("schedule.json").exists());
}

#[test]
fn a_policy_is_imported_by_its_identity() {
    let workspace = Workspace::with_core(embedded_core(), &hcl::service("", ""));
    workspace.write("load.csv", &hcl::load());
    workspace.apply().expect_code(0);
    let id = workspace.state(POLICY)["id"].clone();
    workspace.run(&["state", "rm", POLICY]).expect_code(0);
    let import =
        format!("\nimport {{\n  to       = {POLICY}\n  identity = {{ target = \"file:schedule.json\" }}\n}}\n");
    workspace.hcl(&format!("{}{import}", hcl::service("", "")));
    workspace.apply().expect_code(0).expect_text("1 imported");
    assert_eq!(workspace.state(POLICY)["id"], id);
    workspace.plan().expect_code(0);
}
