//! An experiment under way through either door, the command or Terraform, and the processes that it consists of.

use std::fs;
use std::process::Child;

use acceptance_tests::Workspace;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::faults::Case;
use crate::lab::{Done, Lab, finish, processes, signal, state};

/// By what an experiment is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Door {
    Command,
    Terraform,
}

/// A run under way.
pub(crate) struct Run {
    child: Child,
    /// Terraform's folder; `None` for the command.
    workspace: Option<Workspace>,
}

impl Run {
    /// Starts an experiment of this one fault.
    pub(crate) fn start(lab: &Lab, case: &dyn Case, duration: &str, door: Door) -> Self {
        let experiment = lab.experiment(json!([case.step(duration)]));
        match door {
            Door::Command => {
                let allow: Vec<String> = case.allow().into_iter().flat_map(|a| ["--allow".to_owned(), a]).collect();
                let allow: Vec<&str> = allow.iter().map(String::as_str).collect();
                Self { child: lab.start(&experiment, &allow), workspace: None }
            }
            Door::Terraform => {
                let workspace = Workspace::new(&hcl(lab, &experiment, &case.allow()));
                let child = workspace.spawn(&["apply", "-no-color", "-input=false", "-auto-approve"]);
                Self { child, workspace: Some(workspace) }
            }
        }
    }

    /// The process that was started: the command, or Terraform.
    pub(crate) fn started(&self) -> u32 {
        self.child.id()
    }

    /// The processes that drive the experiment: the command, or the provider that Terraform has started.
    pub(crate) fn runners(&self) -> Vec<u32> {
        if self.workspace.is_none() { vec![self.child.id()] } else { children(self.child.id()) }
    }

    /// As a user would end it: what Terraform then sends to its provider is `StopProvider`.
    pub(crate) fn interrupt(&self) {
        signal(self.child.id(), Signal::INT);
    }

    /// Waits for its end in a thread of its own; the folder lives until then.
    pub(crate) fn finish(self) -> std::thread::JoinHandle<Done> {
        std::thread::spawn(move || {
            let done = finish(self.child);
            drop(self.workspace);
            done
        })
    }
}

/// Whether a process is there and not merely unread by its parent.
pub(crate) fn lives(pid: u32) -> bool {
    state(pid).is_some_and(|(letter, _)| !matches!(letter, 'Z' | 'X'))
}

/// The experiment as a resource: JSON's objects, lists and texts are HCL's as they stand.
fn hcl(lab: &Lab, experiment: &Value, allowed: &[String]) -> String {
    let attributes = experiment.as_object().into_iter().flatten().map(|(name, value)| format!("  {name} = {value}\n"));
    format!(
        "provider \"stormglass\" {{\n  allowed_targets = {}\n}}\nresource \"stormglass_chaos_experiment\" \"lab\" \
         {{\n  journal_dir = {}\n{}}}\n",
        json!(allowed),
        json!(lab.journals()),
        attributes.collect::<String>()
    )
}

/// Processes whose parent this is.
fn children(parent: u32) -> Vec<u32> {
    let of = |pid: &u32| {
        let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        text.lines().find_map(|l| l.strip_prefix("PPid:")).is_some_and(|p| p.trim() == parent.to_string())
    };
    processes().filter(of).collect()
}
