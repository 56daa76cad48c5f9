//! Terraform with the provider just built: a mirror on disk, a settings file of its own, and no call home.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{cargo, find, run, target_dir};

/// Terraform or OpenTofu, and the settings that make it take the provider from a folder.
pub(crate) struct Terraform {
    program: PathBuf,
    settings: PathBuf,
}

/// Builds the provider and the command in one profile; returns the folder that holds both.
pub(crate) fn build(profile: &str) -> Result<PathBuf, String> {
    let mut command = cargo();
    command.args(["build", "--locked", "--profile", profile]);
    command.args(["--package", "terraform-provider-stormglass", "--package", "stormglass-cli"]);
    run("build the provider and the command", &mut command)?;
    Ok(target_dir().join(if profile == "dev" { "debug" } else { profile }))
}

impl Terraform {
    /// The first of `terraform` and `tofu` on PATH, told to take the provider from `binaries`.
    ///
    /// `scratch` gets the mirror and the settings file. `Ok(None)`: neither is there.
    pub(crate) fn with_provider(binaries: &Path, scratch: &Path) -> Result<Option<Self>, String> {
        let Some(program) = find("terraform").or_else(|| find("tofu")) else { return Ok(None) };
        let mirror = scratch.join("mirror");
        let platform = platform()?;
        let version = env!("CARGO_PKG_VERSION");
        for host in ["registry.terraform.io", "registry.opentofu.org"] {
            let folder = mirror.join(host).join("stormglass-rs/stormglass").join(version).join(&platform);
            fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
            let exe = std::env::consts::EXE_SUFFIX;
            let from = binaries.join(format!("terraform-provider-stormglass{exe}"));
            let to = folder.join(format!("terraform-provider-stormglass_v{version}{exe}"));
            fs::copy(&from, &to).map_err(|e| format!("{} to {}: {e}", from.display(), to.display()))?;
        }
        let settings = scratch.join("terraform.rc");
        let path = mirror.display().to_string().replace('\\', "/");
        let text = format!("provider_installation {{\n  filesystem_mirror {{\n    path = \"{path}\"\n  }}\n}}\n");
        fs::write(&settings, text).map_err(|e| format!("{}: {e}", settings.display()))?;
        Ok(Some(Self { program, settings }))
    }

    /// A command of Terraform in a folder.
    pub(crate) fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(folder).env("TF_CLI_CONFIG_FILE", &self.settings).env("CHECKPOINT_DISABLE", "1");
        command.env("TF_IN_AUTOMATION", "1");
        command
    }
}

/// The platform in the registry's words, for example `linux_amd64`.
pub(crate) fn platform() -> Result<String, String> {
    let arch = match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => return Err(format!("no name in the registry's layout is known for the architecture `{other}`")),
    };
    let os = if std::env::consts::OS == "macos" { "darwin" } else { std::env::consts::OS };
    Ok(format!("{os}_{arch}"))
}
