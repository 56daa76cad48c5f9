//! A folder with a configuration of the demonstration provider, and real Terraform in it.

use std::fs;
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::Child;
use std::process::{Command, Stdio};

const HEADER: &str = r#"
terraform {
  required_providers {
    demo = { source = "example/demo" }
  }
}
"#;

const PROVIDER: &str = r#"
provider "demo" {
  folder = path.module
  token  = "hunter2-of-the-provider"
}
"#;

/// What Terraform said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    /// Both streams, with runs of white space as one blank, so that line breaks do not matter.
    pub(crate) text: String,
}

impl Said {
    #[track_caller]
    pub(crate) fn check(self, code: i32, texts: &[&str]) -> Said {
        assert_eq!(self.code, Some(code), "{}", self.text);
        for text in texts {
            assert!(self.text.contains(text), "expected {text:?} in: {}", self.text);
        }
        self
    }

    #[track_caller]
    pub(crate) fn lacks(self, texts: &[&str]) -> Said {
        for text in texts {
            assert!(!self.text.contains(text), "expected no {text:?} in: {}", self.text);
        }
        self
    }
}

pub(crate) struct Workspace {
    folder: tempfile::TempDir,
}

impl Workspace {
    /// A workspace with the usual provider block and this configuration.
    pub(crate) fn new(configuration: &str) -> Workspace {
        let workspace = Workspace { folder: tempfile::tempdir().unwrap() };
        let rc = format!(
            "provider_installation {{\n  dev_overrides {{\n    \"example/demo\" = {:?}\n  }}\n  direct {{}}\n}}\n",
            examples()
        );
        fs::write(workspace.path("rc"), rc).unwrap();
        workspace.configure(configuration);
        workspace
    }

    /// Sets the configuration, beside the usual provider block.
    pub(crate) fn configure(&self, configuration: &str) {
        self.configure_all(&format!("{PROVIDER}{configuration}"));
    }

    /// Sets the whole configuration.
    pub(crate) fn configure_all(&self, configuration: &str) {
        fs::write(self.path("main.tf"), format!("{HEADER}{configuration}")).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn state(&self) -> serde_json::Value {
        serde_json::from_str(&self.read("terraform.tfstate")).unwrap()
    }

    /// The first instance of the first resource in the state.
    pub(crate) fn instance(&self) -> serde_json::Value {
        self.state()["resources"][0]["instances"][0].clone()
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("terraform");
        command.args(arguments).current_dir(self.folder.path());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TF_")) {
            command.env_remove(name);
        }
        command.env("CHECKPOINT_DISABLE", "1").env("TF_CLI_CONFIG_FILE", self.path("rc")).env("TF_IN_AUTOMATION", "1");
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        let output =
            self.command(arguments).stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{}", missing(&error)));
        let streams = [output.stdout, output.stderr].concat();
        let streams = String::from_utf8_lossy(&streams);
        let words: Vec<&str> = streams.split_whitespace().filter(|word| *word != "│").collect();
        Said { code: output.status.code(), text: words.join(" ") }
    }

    /// Terraform in the background, with the provider's log on standard error.
    #[cfg(unix)]
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.command(arguments);
        command.env("TF_LOG_PROVIDER", "info");
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap_or_else(|error| panic!("{}", missing(&error)))
    }

    pub(crate) fn apply(&self) -> Said {
        self.run(&["apply", "-no-color", "-auto-approve"])
    }

    /// A plan; the code is 0 for no changes and 2 for some.
    pub(crate) fn plan(&self) -> Said {
        self.run(&["plan", "-no-color", "-detailed-exitcode"])
    }

    pub(crate) fn destroy(&self) -> Said {
        self.run(&["destroy", "-no-color", "-auto-approve"])
    }
}

fn missing(error: &std::io::Error) -> String {
    format!(
        "`terraform` could not be started: {error}. These tests need Terraform 1.11 or newer on PATH: \
         see https://developer.hashicorp.com/terraform/install"
    )
}

/// Where Cargo puts examples, beside the folder of the test's own executable.
fn examples() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let examples = own.parent().and_then(Path::parent).unwrap().join("examples");
    let provider = examples.join(format!("terraform-provider-demo{}", std::env::consts::EXE_SUFFIX));
    assert!(provider.exists(), "{} is missing: run `cargo build -p tfplugin --examples` first", provider.display());
    examples
}
