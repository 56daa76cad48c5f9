//! The project's own chores: `cargo xtask quickstart | test | prove | docs | dist | tidy`.
//!
//! Everything that the workflows do, they do by calling these, so that what passes there passes here.

mod dist;
mod docs;
mod prove;
mod quickstart;
mod run;
mod terraform;
mod test;
mod tidy;
mod tools;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  quickstart        build the provider, then plan and apply examples/quickstart with Terraform or OpenTofu
  test              everything that is checked on each change; installs what is missing where it can
  prove [--traces DIR] [--only NAME]
                    the long evidence: fuzzing, benchmarks, scores, other Terraform cores
  docs [--check]    write docs/ from the provider's schemas and examples, or say what is stale
  dist [--target TRIPLE] [--out DIR] [--sums-only]
                    release archives in the layout of the Terraform registry
  tidy              the rules of the tree";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let rest: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    let done = match args.first().map(String::as_str) {
        Some("quickstart") => return quickstart::quickstart(),
        Some("test") => test::test(&rest),
        Some("prove") => prove::prove(&rest),
        Some("docs") => docs::docs(&rest),
        Some("dist") => dist::dist(&rest),
        Some("tidy") => tidy::tidy(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}
