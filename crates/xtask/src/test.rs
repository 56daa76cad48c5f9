//! The second command of the README: everything that is checked on each change.

use crate::run::{Done, cargo, run};
use crate::{terraform, tidy, tools};

/// Tools first, then rules, then tests, cheapest first.
pub(crate) fn test(args: &[&str]) -> Done {
    if let Some(unknown) = args.first() {
        return Err(format!("`cargo xtask test` takes no argument, got `{unknown}`; for one test use `cargo test`"));
    }
    tools::ensure(tools::TEST_TOOLS)?;
    let terraform = tools::terraform()?;
    let python = tools::python("terraform-core", tools::NEWER_CORE)?;
    let service = tools::python("service", tools::SERVICE)?;
    tidy::tidy()?;
    run("format", cargo().args(["fmt", "--all", "--check"]))?;
    let binaries = terraform::build("dev")?;
    let mut clippy = cargo();
    clippy.args(["clippy", "--locked", "--workspace", "--all-targets", "--", "--deny", "warnings"]);
    run("clippy", &mut clippy)?;
    let mut doc = cargo();
    doc.args(["doc", "--locked", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings");
    run("rustdoc", &mut doc)?;
    let mut tests = cargo();
    tests.args(["test", "--locked", "--workspace", "--no-fail-fast"]);
    tests.env("STORMGLASS_BINARIES", binaries).env("STORMGLASS_TERRAFORM", terraform).env("STORMGLASS_PYTHON", python);
    tests.env("STORMGLASS_SERVICE_PYTHON", service);
    run("tests", &mut tests)
}
