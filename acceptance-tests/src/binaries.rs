//! The programs under test, built once a test process.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The provider's binary.
pub fn provider() -> PathBuf {
    folder().join(format!("terraform-provider-stormglass{}", std::env::consts::EXE_SUFFIX))
}

/// The command's binary.
pub fn stormglass() -> PathBuf {
    folder().join(format!("stormglass{}", std::env::consts::EXE_SUFFIX))
}

fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| std::env::var_os("STORMGLASS_BINARIES").map_or_else(build, PathBuf::from))
}

fn build() -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(cargo);
    command.current_dir(&root).args(["build", "--quiet", "--locked"]);
    command.args(["--package", "terraform-provider-stormglass", "--package", "stormglass-cli"]);
    let status = command.status().expect("cargo, which runs this test, starts");
    assert!(status.success(), "the provider and the command do not build");
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from).join("debug")
}
