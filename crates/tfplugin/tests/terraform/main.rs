//! The demonstration provider under real Terraform: what the framework promises, seen from outside.
#![allow(clippy::unwrap_used)]

mod workspace;

use std::fs;
#[cfg(unix)]
use std::io::{BufRead, BufReader};

use workspace::Workspace;

const NOTE: &str = r#"
resource "demo_note" "a" {
  path = "a.txt"
  text = "hello"
}
"#;

fn note(more: &str) -> String {
    format!("resource \"demo_note\" \"a\" {{\n  path = \"a.txt\"\n  text = \"hello\"\n{more}\n}}\n")
}

const EVERYTHING: &str = r#"
resource "demo_everything" "e" {
  share     = 0.1
  count_of  = 12
  exact     = 12345678901234567890.123
  texts     = ["b", "a"]
  tags      = ["b", "a"]
  sizes     = { x = 0.1, y = 12345678901234567890 }
  pair      = { left = "l", right = 0.7 }
  any       = ["x", 1, { a = 0.3 }]
  one       = { name = "one", deeper = { note = "n" } }
  several   = [{ name = "s1" }, { name = "s2", size = 9 }]
  unordered = [{ name = "u2" }, { name = "u1", size = 4 }]
  keyed     = { k = { name = "k1" } }
  rule { port = 1 }
  rule { port = 2 }
  label { port = 3 }
}
"#;

#[test]
fn every_kind_of_attribute_goes_through_plan_apply_and_an_empty_second_plan() {
    let workspace = Workspace::new(EVERYTHING);
    workspace.plan().check(2, &["+ exact = 12345678901234567890.123", "+ made = (known after apply)", "+ share = 0.1"]);
    workspace.apply().check(0, &["1 added"]);
    workspace.plan().check(0, &["No changes."]);
    let state = workspace.read("terraform.tfstate");
    for text in ["12345678901234567890.123", "\"share\": 0.1", "\"y\": 12345678901234567890", "\"made-u1\""] {
        assert!(state.contains(text), "expected {text} in {state}");
    }
    workspace.configure(&EVERYTHING.replace("size = 4", "size = 5").replace("0.7", "0.70000000000000000001"));
    workspace.plan().check(2, &["1 to change", "0.70000000000000000001"]);
    workspace.apply().check(0, &["1 changed"]);
    workspace.plan().check(0, &["No changes."]);
    workspace.configure(&format!("{EVERYTHING}\noutput \"peak\" {{ value = demo_everything.e.plan.peak }}"));
    workspace.apply().check(0, &["peak = 9.5"]);
    workspace.destroy().check(0, &["1 destroyed"]);
}

#[test]
fn notes_are_created_changed_replaced_and_destroyed() {
    let workspace = Workspace::new(NOTE);
    workspace.plan().check(2, &["+ length = 5", "+ revision = 1"]);
    workspace.apply().check(0, &["1 added"]);
    assert_eq!(workspace.read("a.txt"), "hello");
    workspace.plan().check(0, &["No changes."]);

    workspace.configure(&NOTE.replace("hello", "hello you"));
    workspace.plan().check(2, &["~ length = 5 -> 9", "~ revision = 1 -> 2", "1 to change"]);
    workspace.apply().check(0, &["1 changed"]);

    workspace.configure(&NOTE.replace("a.txt", "b.txt"));
    workspace.plan().check(2, &["must be replaced", "# forces replacement"]);
    workspace.apply().check(0, &["1 added, 0 changed, 1 destroyed"]);
    assert!(!workspace.path("a.txt").exists());

    workspace.destroy().check(0, &["1 destroyed"]);
    assert!(!workspace.path("b.txt").exists());
}

#[test]
fn a_plan_may_keep_the_prior_value_of_a_configured_attribute() {
    let workspace = Workspace::new(NOTE);
    workspace.apply().check(0, &["1 added"]);
    workspace.configure(&NOTE.replace("hello", "HELLO"));
    workspace.plan().check(0, &["No changes."]);
    workspace.apply().check(0, &["0 changed"]);
    assert_eq!(workspace.read("a.txt"), "hello");
}

#[test]
fn drift_is_shown_and_what_is_gone_is_made_again() {
    let workspace = Workspace::new(NOTE);
    workspace.apply().check(0, &["1 added"]);
    fs::write(workspace.path("a.txt"), "changed").unwrap();
    workspace.plan().check(2, &["~ text = \"changed\" -> \"hello\""]);
    fs::remove_file(workspace.path("a.txt")).unwrap();
    workspace.plan().check(2, &["1 to add"]);
    workspace.apply().check(0, &["1 added"]);
    assert_eq!(workspace.read("a.txt"), "hello");
}

#[test]
fn what_exists_after_a_failed_creation_is_tainted_and_replaced() {
    for mode in ["partial_create", "panic_create"] {
        let workspace = Workspace::new(&note(&format!("  mode = \"{mode}\"")));
        let summary = if mode == "panic_create" { "The provider failed unexpectedly" } else { "Note is incomplete" };
        workspace.apply().check(1, &[summary]);
        let instance = workspace.instance();
        assert_eq!(instance["status"], "tainted", "{instance}");
        assert_eq!(instance["attributes"]["path"], "a.txt");
        workspace.configure(NOTE);
        workspace.plan().check(2, &["is tainted, so must be replaced"]);
        workspace.apply().check(0, &["1 added, 0 changed, 1 destroyed"]);
        workspace.plan().check(0, &["No changes."]);
    }
}

#[test]
fn a_failed_update_keeps_the_prior_state() {
    let workspace = Workspace::new(&note("  mode = \"failed_update\""));
    workspace.apply().check(0, &["1 added"]);
    workspace.configure(&NOTE.replace("hello", "other"));
    workspace.apply().check(1, &["Note was not changed", "main.tf line"]);
    let instance = workspace.instance();
    assert_eq!(instance["attributes"]["text"], "hello", "{instance}");
    assert_eq!(instance["attributes"]["revision"], 1);
}

#[test]
fn a_failed_deletion_keeps_the_object() {
    let workspace = Workspace::new(&note("  mode = \"failed_delete\""));
    workspace.apply().check(0, &["1 added"]);
    workspace.destroy().check(1, &["Note was not deleted"]);
    assert_eq!(workspace.instance()["attributes"]["path"], "a.txt");
}

#[cfg(unix)]
#[test]
fn an_interrupted_creation_keeps_what_exists() {
    let workspace = Workspace::new(&note("  mode = \"wait\""));
    let mut terraform = workspace.start(&["apply", "-no-color", "-auto-approve"]);
    let mut stderr = BufReader::new(terraform.stderr.take().unwrap()).lines();
    stderr.find(|line| line.as_ref().unwrap().contains("waits")).expect("the operation runs").unwrap();
    let pid = rustix::process::Pid::from_raw(terraform.id().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let rest: Vec<String> = stderr.map(Result::unwrap).collect();
    assert!(!terraform.wait().unwrap().success());
    assert!(rest.join("\n").contains("Reason: Stopped"), "{rest:?}");
    assert_eq!(workspace.instance()["status"], "tainted");
    assert_eq!(workspace.read("a.txt"), "hello");
}

#[test]
fn a_time_out_interrupts_too() {
    let workspace = Workspace::new(&note("  mode = \"wait\"\n  timeouts = { create = \"0s\" }"));
    workspace.apply().check(1, &["Reason: TimedOut"]);
    assert_eq!(workspace.instance()["status"], "tainted");
}

#[test]
fn secrets_are_in_no_state_plan_or_log() {
    let workspace = Workspace::new(&note("  secret = \"hunter2-of-the-note\"\n  secret_version = 1"));
    let secrets = ["hunter2-of-the-note", "hunter2-of-the-provider"];
    let log = workspace.path("log");
    for arguments in [&["plan", "-no-color", "-out=saved"][..], &["apply", "-no-color", "saved"]] {
        let mut command = workspace.command(arguments);
        let output = command.env("TF_LOG_PROVIDER", "trace").env("TF_LOG_PATH", &log).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(workspace.read("a.secret"), secrets[0]);
    assert!(workspace.read("log").contains("configured"), "the provider logs");
    for file in ["log", "terraform.tfstate"] {
        let text = workspace.read(file);
        secrets.iter().for_each(|secret| assert!(!text.contains(secret), "{file} holds {secret}"));
    }
    workspace.plan().check(0, &["No changes."]);
    workspace.configure(&note("  secret = \"hunter3-of-the-note\"\n  secret_version = 2"));
    workspace.apply().check(0, &["1 changed"]).lacks(&["hunter3"]);
    assert_eq!(workspace.read("a.secret"), "hunter3-of-the-note");
}

#[test]
fn an_existing_note_is_imported() {
    let workspace = Workspace::new(NOTE);
    fs::write(workspace.path("a.txt"), "hello").unwrap();
    workspace.run(&["import", "-no-color", "demo_note.a", "a.txt"]).check(0, &["Import successful!"]);
    workspace.plan().check(0, &["No changes."]);
    workspace
        .run(&["import", "-no-color", "demo_everything.e", "x"])
        .check(1, &["does not exist in the configuration"]);
    workspace.configure(EVERYTHING);
    workspace.run(&["import", "-no-color", "demo_everything.e", "x"]).check(1, &["Import is not supported"]);
}

#[test]
fn older_state_is_upgraded_and_newer_state_refused() {
    let workspace = Workspace::new(NOTE);
    workspace.apply().check(0, &["1 added"]);
    let mut state = workspace.state();
    let instance = &mut state["resources"][0]["instances"][0];
    instance["schema_version"] = 0.into();
    instance["attributes"] = serde_json::json!({"file": "a.txt", "text": "hello"});
    fs::write(workspace.path("terraform.tfstate"), state.to_string()).unwrap();
    workspace.plan().check(0, &["No changes."]);
    state["resources"][0]["instances"][0]["schema_version"] = 7.into();
    fs::write(workspace.path("terraform.tfstate"), state.to_string()).unwrap();
    workspace.plan().check(1, &["newer"]);
}

#[test]
fn wrong_configuration_is_told_with_the_line_of_the_attribute() {
    let workspace = Workspace::new("");
    let check = |configuration: &str, texts: &[&str]| {
        workspace.configure(configuration);
        workspace.run(&["validate", "-no-color"]).check(1, texts);
    };
    let mode = "`mode`: expected one of `normal`, `partial_create`, `panic_create`, `failed_update`, `failed_delete`, \
                `wait`, found \"sleep\".";
    check(&note("  mode = \"sleep\""), &["on main.tf line", "mode = \"sleep\"", mode]);
    check(
        &note("  timeouts = { create = \"soon\" }"),
        &["`timeouts.create`: expected a duration such as 30s, 15m, 6h or 7d"],
    );
    check(
        &note("  secret_version = 0.5"),
        &["`secret_version`: expected a whole number of at most 18 digits, found 0.5."],
    );
    check(
        "resource \"demo_everything\" \"e\" {\n  plan = { peak = 1 }\n}",
        &["Inappropriate value for attribute \"plan\": attribute \"steps\" is required."],
    );
    check(
        "data \"demo_file\" \"f\" {\n  path = \"x\"\n  limit = 0\n}",
        &["`limit`: expected a number from 1 to 1000000, found 0."],
    );
}

#[test]
fn functions_name_the_argument_at_fault() {
    let workspace = Workspace::new("output \"o\" {\n  value = provider::demo::repeat(\"ab\", 2, \"c\", \"d\")\n}");
    workspace.apply().check(0, &["o = \"ababcd\""]);
    workspace.configure("output \"o\" {\n  value = provider::demo::repeat(\"ab\", 2000)\n}");
    workspace.plan().check(1, &["Invalid value for \"times\" parameter: expected at most 1000 times, found 2000"]);
    workspace.configure("output \"o\" {\n  value = provider::demo::repeat(\"ab\", 0.5)\n}");
    workspace.plan().check(1, &["Invalid value for \"times\" parameter: expected a whole number"]);
}

#[test]
fn data_sources_warn_beside_their_result() {
    let workspace = Workspace::new(
        "data \"demo_file\" \"f\" {\n  path = \"x.txt\"\n  limit = 2\n}\noutput \"o\" {\n  value = data.demo_file.f.text\n}",
    );
    fs::write(workspace.path("x.txt"), "hello").unwrap();
    workspace.apply().check(0, &["Warning: File is cut off", "o = \"he\""]);
    fs::remove_file(workspace.path("x.txt")).unwrap();
    workspace.plan().check(1, &["Error: File cannot be read", "on main.tf line"]);
}

#[test]
fn ephemeral_values_are_opened_used_and_closed() {
    let token = "ephemeral \"demo_token\" \"t\" {\n  name = \"ada\"\n}\n";
    let workspace = Workspace::new(&format!("{token}{}", note("  secret = ephemeral.demo_token.t.value")));
    workspace.apply().check(0, &["1 added"]).lacks(&["token-of-ada"]);
    assert_eq!(workspace.read("a.secret"), "token-of-ada");
    assert!(!workspace.path("ada.open").exists(), "it is closed");
    assert!(!workspace.read("terraform.tfstate").contains("token-of-ada"));
}

#[test]
fn an_unknown_provider_block_still_plans() {
    let workspace = Workspace::new("");
    let unknown = "resource \"terraform_data\" \"folder\" {\n  input = path.module\n}\n\
                   provider \"demo\" {\n  folder = terraform_data.folder.output\n}\n";
    workspace.configure_all(&format!("{unknown}{NOTE}"));
    workspace.plan().check(2, &["2 to add", "+ revision = 1"]);
    workspace.apply().check(0, &["2 added"]);
    assert_eq!(workspace.read("a.txt"), "hello");
    workspace.plan().check(0, &["No changes."]);
}

#[test]
fn unknown_input_is_planned_as_unknown() {
    let workspace = Workspace::new(
        "resource \"terraform_data\" \"d\" {\n  input = \"later\"\n}\n\
         resource \"demo_note\" \"a\" {\n  path = \"a.txt\"\n  text = terraform_data.d.output\n}\n\
         resource \"demo_everything\" \"e\" {\n  several = [{ name = terraform_data.d.output }]\n}\n",
    );
    workspace.plan().check(2, &["+ text = (known after apply)", "+ length = (known after apply)"]);
    workspace.apply().check(0, &["3 added"]);
    assert_eq!(workspace.read("a.txt"), "later");
    workspace.plan().check(0, &["No changes."]);
}
