//! The same way through the newer core: life cycle, identity.

use std::path::Path;

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

/// Actions came with this core; the demonstration provider of `tfplugin` has one.
#[test]
fn an_action_runs_after_what_triggers_it_and_says_how_far_it_got() {
    let workspace = Workspace::with_core(embedded_core(), "");
    let own = std::env::current_exe().expect("a test has a path");
    let examples = own.parent().and_then(Path::parent).map(|folder| folder.join("examples")).expect("Cargo's folders");
    let demo = examples.join(format!("terraform-provider-demo{}", std::env::consts::EXE_SUFFIX));
    assert!(demo.is_file(), "{} is missing: run `cargo build --package tfplugin --examples` first", demo.display());
    workspace.write(
        "demo.rc",
        &format!("provider_installation {{\n  dev_overrides {{\n    \"example/demo\" = {examples:?}\n  }}\n}}\n"),
    );
    workspace.write(
        "main.tf",
        r#"
terraform {
  required_providers {
    demo = { source = "example/demo" }
  }
}

provider "demo" {
  folder = path.module
  token  = "secret"
}

resource "demo_note" "a" {
  path = "a.txt"
  text = "hello"

  lifecycle {
    action_trigger {
      events  = [after_create]
      actions = [action.demo_publish.copy]
    }
  }
}

action "demo_publish" "copy" {
  config {
    from = "a.txt"
    to   = "copy.txt"
  }
}
"#,
    );
    let mut apply = workspace.command(&["apply", "-no-color", "-input=false", "-auto-approve"]);
    let output = apply.env("TF_CLI_CONFIG_FILE", workspace.path("demo.rc")).output().expect("the core starts");
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(output.status.success(), "{text}");
    assert_eq!(workspace.read("copy.txt"), "hello");
    assert!(text.contains("copying") && text.contains("copied"), "progress is shown:\n{text}");
}
