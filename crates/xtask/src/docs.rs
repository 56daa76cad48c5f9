//! `docs/` of the registry, written from the provider's schemas and the examples.

use crate::run::{Done, cargo, run};

/// Writes the pages, or with `--check` says which are stale.
pub(crate) fn docs(args: &[&str]) -> Done {
    let mut command = cargo();
    command.args([
        "run",
        "--quiet",
        "--locked",
        "--package",
        "terraform-provider-stormglass",
        "--example",
        "generate_docs",
    ]);
    command.arg("--").args(args);
    run("pages from schemas and examples", &mut command)
}
