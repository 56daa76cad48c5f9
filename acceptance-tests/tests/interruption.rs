//! Ctrl-C, a signal to Terraform, and its sudden death: the provider ends with it, and nothing that exists is forgotten.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use acceptance_tests::{Workspace, hcl};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// A forecast whose source runs until it is ended, and says when it has begun.
fn endless() -> Workspace {
    let exec = r#"source = { exec = { command = ["sh", "-c", "echo $$ > begun; exec sleep 600"], timeout = "10m" } }"#;
    let workspace = Workspace::new(&hcl::service("", "").replace("source   = { csv = { path = \"load.csv\" } }", exec));
    workspace.write("load.csv", &hcl::load());
    workspace
}

/// Waits until something holds; a generous bound, so that a slow machine does not fail the test.
fn eventually(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} did not happen within a minute");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The process id that the endless source wrote.
fn source_pid(workspace: &Workspace) -> String {
    eventually("the source's start", || {
        std::fs::read_to_string(workspace.path("begun")).is_ok_and(|t| t.ends_with('\n'))
    });
    workspace.read("begun").trim().to_owned()
}

fn alive(pid: &str) -> bool {
    // A zombie has ended; only its parent has not looked yet.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| !s.contains(") Z "))
}

fn signal(signal: Signal, process: u32) {
    kill_process(pid(process), signal).expect("the process is there");
}

fn pid(process: u32) -> Pid {
    i32::try_from(process).ok().and_then(Pid::from_raw).expect("a process id is positive")
}

/// Provider processes below a Terraform process.
fn providers(terraform: u32) -> Vec<String> {
    let out = Command::new("ps").args(["-o", "pid=", "--ppid", &terraform.to_string()]).output().expect("ps starts");
    String::from_utf8_lossy(&out.stdout).split_whitespace().map(str::to_owned).collect()
}

/// Starts a plan in a process group of its own, as a terminal does.
fn start(workspace: &Workspace) -> Child {
    let mut command = workspace.command(&["plan", "-no-color", "-input=false"]);
    command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("terraform starts")
}

#[test]
fn ctrl_c_in_a_terminal_ends_a_read_and_what_it_started() {
    let workspace = endless();
    let child = start(&workspace);
    let source = source_pid(&workspace);
    kill_process_group(pid(child.id()), Signal::INT).expect("the group is there");
    let run = workspace.wait(child);
    assert_ne!(run.code, 0);
    eventually("the source's end", || !alive(&source));
}

#[test]
fn stop_provider_alone_ends_a_read() {
    let workspace = endless();
    let child = start(&workspace);
    let source = source_pid(&workspace);
    signal(Signal::INT, child.id());
    assert_ne!(workspace.wait(child).code, 0);
    eventually("the source's end", || !alive(&source));
}

#[test]
fn the_sudden_death_of_terraform_ends_the_provider_and_what_it_started() {
    let workspace = endless();
    let child = start(&workspace);
    let source = source_pid(&workspace);
    let providers = providers(child.id());
    assert!(!providers.is_empty(), "terraform has started the provider");
    signal(Signal::KILL, child.id());
    workspace.wait(child);
    eventually("the source's end", || !alive(&source));
    eventually("the provider's end", || providers.iter().all(|p| !alive(p)));
}

#[test]
fn ten_heavy_reads_do_not_delay_the_stop() {
    let services = hcl::service("for_each = toset([for i in range(10) : tostring(i)])", "")
        .split("resource ")
        .next()
        .map(|data| data.replace("preset   = \"fast\"", "preset   = \"thorough\""))
        .unwrap_or_default();
    let heavy = r#"source = { exec = { command = ["sh", "-c", "echo $$ > begun-${each.key}; cat load.csv"] } }"#;
    let workspace = Workspace::new(&services.replace("source   = { csv = { path = \"load.csv\" } }", heavy));
    workspace.write("load.csv", &hcl::load());
    let child = start(&workspace);
    eventually("the start of a read", || (0..10).any(|i| workspace.path(&format!("begun-{i}")).is_file()));
    signal(Signal::INT, child.id());
    let asked = Instant::now();
    workspace.wait(child);
    // No timing claim: a bound that only a stop that waits for all ten forecasts would miss by far.
    assert!(asked.elapsed() < Duration::from_secs(30), "terraform ended {:?} after it was asked to", asked.elapsed());
}

#[test]
fn a_failed_delete_keeps_the_object() {
    let workspace = Workspace::new(&hcl::service("", "").replace("schedule.json", "folder/schedule.json"));
    workspace.write("load.csv", &hcl::load());
    std::fs::create_dir(workspace.path("folder")).expect("the folder can be made");
    workspace.apply().expect_code(0);
    // A folder in place of the file can be neither read nor removed as a schedule.
    std::fs::rename(workspace.path("folder/schedule.json"), workspace.path("kept.json"))
        .expect("the file can be moved");
    std::fs::create_dir(workspace.path("folder/schedule.json")).expect("the folder can be made");
    workspace.run(&["destroy", "-no-color", "-auto-approve", "-refresh=false"]).expect_code(1);
    assert!(!workspace.state("stormglass_predictive_scaling_policy.web").is_null(), "the object stays in state");
    std::fs::remove_dir(workspace.path("folder/schedule.json")).expect("the folder can be removed");
    std::fs::rename(workspace.path("kept.json"), workspace.path("folder/schedule.json"))
        .expect("the file can be moved");
    workspace.destroy().expect_code(0);
}

#[test]
fn a_create_that_fails_leaves_nothing_or_a_tainted_object() {
    let workspace = Workspace::new(&hcl::service("", "").replace("schedule.json", "missing/schedule.json"));
    workspace.write("load.csv", &hcl::load());
    workspace.apply().expect_code(1).expect_text("missing");
    std::fs::create_dir(workspace.path("missing")).expect("the folder can be made");
    workspace.apply().expect_code(0);
    workspace.plan().expect_code(0);
}
