//! A folder with HCL in which Terraform runs with the provider under test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Core, provider, terraform};

/// Says where the provider comes from; every configuration begins with it.
pub const REQUIRED: &str =
    "terraform {\n  required_providers {\n    stormglass = { source = \"stormglass-rs/stormglass\" }\n  }\n}\n";

/// A folder of its own with Terraform's settings; gone with the value.
#[derive(Debug)]
pub struct Workspace {
    folder: TempDir,
    settings: PathBuf,
    core: Core,
}

/// How a command of Terraform ended.
#[derive(Debug, Clone)]
pub struct Run {
    /// Exit code; -1 where a signal ended it.
    pub code: i32,
    /// Standard output and standard error, in this order.
    pub text: String,
}

impl Workspace {
    /// A folder whose `main.tf` holds this HCL below the `required_providers`.
    pub fn new(hcl: &str) -> Self {
        Self::with_core(terraform(), hcl)
    }

    /// An empty folder.
    pub fn empty() -> Self {
        Self::without_hcl(terraform())
    }

    /// The same as [`Workspace::new`] for a Terraform of the caller's choice.
    pub fn with_core(core: Core, hcl: &str) -> Self {
        let workspace = Self::without_hcl(core);
        workspace.hcl(hcl);
        workspace
    }

    /// An empty folder whose provider comes from a mirror on disk, so that `init` works as it does for users.
    pub fn with_mirror() -> Self {
        let workspace = Self::without_hcl(terraform());
        let mirror = workspace.path("mirror");
        let (exe, version) = (std::env::consts::EXE_SUFFIX, env!("CARGO_PKG_VERSION"));
        let os = if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS };
        let arch = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "amd64" };
        for host in ["registry.terraform.io", "registry.opentofu.org"] {
            let folder = mirror.join(format!("{host}/stormglass-rs/stormglass/{version}/{os}_{arch}"));
            fs::create_dir_all(&folder).expect("the folder is writable");
            let to = folder.join(format!("terraform-provider-stormglass_v{version}{exe}"));
            fs::copy(provider(), to).expect("the built provider is there");
        }
        let path = mirror.display().to_string();
        let text = format!("provider_installation {{\n  filesystem_mirror {{\n    path = {path:?}\n  }}\n}}\n");
        fs::write(&workspace.settings, text).expect("the folder is writable");
        workspace
    }

    fn without_hcl(core: Core) -> Self {
        let folder = tempfile::Builder::new().prefix("stormglass").tempdir().expect("a temporary folder can be made");
        let settings = folder.path().join("terraform.rc");
        let binaries = provider().parent().map(Path::to_path_buf).unwrap_or_default();
        let binaries = binaries.canonicalize().unwrap_or(binaries);
        let text = format!(
            "provider_installation {{\n  dev_overrides {{\n    \"stormglass-rs/stormglass\" = {path:?}\n    \
             \"registry.opentofu.org/stormglass-rs/stormglass\" = {path:?}\n  }}\n  direct {{}}\n}}\n",
            path = binaries.display().to_string()
        );
        fs::write(&settings, text).expect("the folder is writable");
        Self { folder, settings, core }
    }

    /// Replaces `main.tf`.
    pub fn hcl(&self, hcl: &str) {
        self.write("main.tf", &format!("{REQUIRED}{hcl}"));
    }

    /// Writes a file of the folder.
    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("the folder is writable");
    }

    /// Reads a file of the folder.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The path of a file of the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command of Terraform in this folder, not yet started.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.core.command();
        command.current_dir(self.folder.path()).args(args).stdin(Stdio::null());
        command.env("TF_CLI_CONFIG_FILE", &self.settings).env("CHECKPOINT_DISABLE", "1").env("TF_IN_AUTOMATION", "1");
        command.env("XDG_CACHE_HOME", self.path("cache")).env("XDG_STATE_HOME", self.path("state"));
        command
    }

    /// Runs a command of Terraform to its end.
    pub fn run(&self, args: &[&str]) -> Run {
        self.finish(self.command(args).output().expect("terraform starts"))
    }

    /// Starts a command of Terraform with its output caught.
    pub fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("terraform starts")
    }

    /// Waits for a command started with [`Workspace::spawn`].
    pub fn wait(&self, child: Child) -> Run {
        self.finish(child.wait_with_output().expect("a started process can be waited for"))
    }

    /// `plan`; its text.
    pub fn plan(&self) -> Run {
        self.run(&["plan", "-no-color", "-input=false", "-detailed-exitcode"])
    }

    /// `apply` without asking.
    pub fn apply(&self) -> Run {
        self.run(&["apply", "-no-color", "-input=false", "-auto-approve"])
    }

    /// `destroy` without asking.
    pub fn destroy(&self) -> Run {
        self.run(&["destroy", "-no-color", "-input=false", "-auto-approve"])
    }

    /// Attributes of one object in state (`type.name` or `data.type.name`); null where it is not there.
    pub fn state(&self, address: &str) -> Value {
        let run = self.run(&["show", "-json", "-no-color"]);
        let text = run.text.lines().find(|l| l.starts_with('{')).unwrap_or("{}");
        let state: Value = serde_json::from_str(text).unwrap_or_default();
        let resources = state["values"]["root_module"]["resources"].as_array().cloned().unwrap_or_default();
        resources.into_iter().find(|r| r["address"] == address).map_or(Value::Null, |r| r["values"].clone())
    }

    fn finish(&self, output: Output) -> Run {
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        Run { code: output.status.code().unwrap_or(-1), text: without_override_warning(&text) }
    }
}

impl Run {
    /// The run, if it ended with this exit code; else a panic with all that it printed.
    #[track_caller]
    pub fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "terraform ended with {}:\n{}", self.code, self.text);
        self
    }

    /// The run, if it printed this, line breaks and the frame of a diagnostic apart.
    #[track_caller]
    pub fn expect_text(self, text: &str) -> Self {
        assert!(self.flat().contains(text), "terraform did not print `{text}`:\n{}", self.text);
        self
    }

    /// What was printed, on one line and without the frame of diagnostics.
    pub fn flat(&self) -> String {
        self.text.replace(['│', '╷', '╵'], " ").split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// Terraform warns in each command that a provider is overridden for development; users do not see that.
fn without_override_warning(text: &str) -> String {
    const BEGIN: &str = "Warning: Provider development overrides are in effect";
    const END: &str = "releases.\n";
    let Some(begin) = text.find(BEGIN) else { return text.to_owned() };
    // With a terminal's frame the warning begins a line earlier and ends a line later.
    let framed = text[..begin].ends_with("╷\n│ ");
    let from = if framed { begin - "╷\n│ ".len() } else { begin };
    let end = text[begin..].find(END).map_or(text.len(), |i| begin + i + END.len());
    let end = if framed { text[end..].find("╵\n").map_or(end, |i| end + i + "╵\n".len()) } else { end };
    format!("{}{}", text[..from].trim_end(), without_override_warning(&text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_warning_is_left_out() {
        let plain = "a\n\nWarning: Provider development overrides are in effect\n\nThe\nreleases.\n\nb\n";
        assert_eq!(without_override_warning(plain), "a\nb\n");
        let framed = "╷\n│ Warning: Provider development overrides are in effect\n│\n│ releases.\n╵\nb\n";
        assert_eq!(without_override_warning(framed), "b\n");
        assert_eq!(without_override_warning("c"), "c");
    }
}
