//! The first command of the README: a real trace in, a forecast in Terraform's plan, a schedule file out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::run::{root, run, target_dir};
use crate::terraform::{Terraform, build};

/// Runs it; exit 3 means that everything was done which can be done without Terraform.
pub(crate) fn quickstart() -> ExitCode {
    match steps() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(3),
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}

fn steps() -> Result<bool, String> {
    let binaries = build("dev")?;
    let scratch = target_dir().join("quickstart");
    let folder = fresh_copy(&root().join("examples/quickstart"), &scratch.join("example"))?;
    let stormglass = binaries.join(format!("stormglass{}", std::env::consts::EXE_SUFFIX));
    let Some(terraform) = Terraform::with_provider(&binaries, &scratch)? else {
        run("stormglass plan", Command::new(&stormglass).args(["plan", "settings.yaml"]).current_dir(&folder))?;
        eprintln!(
            "\nneither `terraform` nor `tofu` is on PATH, so the capacity plan above was made by the command alone.\n\
             Get Terraform from https://developer.hashicorp.com/terraform/install or OpenTofu from\n\
             https://opentofu.org/docs/intro/install/ and run `cargo xtask quickstart` again."
        );
        return Ok(false);
    };
    run("terraform init", terraform.command(&folder).args(["init", "-no-color"]))?;
    run("terraform plan", terraform.command(&folder).args(["plan", "-no-color", "-out", "plan"]))?;
    run("terraform apply", terraform.command(&folder).args(["apply", "-no-color", "plan"]))?;
    run("the units in force now", Command::new(&stormglass).args(["now", "schedule.json"]).current_dir(&folder))?;
    let mut second = terraform.command(&folder);
    run("a second plan, which is empty", second.args(["plan", "-no-color", "-detailed-exitcode"]))?;
    println!("\nThe schedule: {}", folder.join("schedule.json").display());
    println!("The report:   {}", folder.join("report.html").display());
    println!("The settings: {}", folder.join("main.tf").display());
    Ok(true)
}

/// Copies the example, so that state and schedule of an earlier run do not show.
fn fresh_copy(from: &Path, to: &Path) -> Result<PathBuf, String> {
    let failed = |path: &Path, e: std::io::Error| format!("{}: {e}", path.display());
    if to.exists() {
        fs::remove_dir_all(to).map_err(|e| failed(to, e))?;
    }
    fs::create_dir_all(to).map_err(|e| failed(to, e))?;
    for entry in fs::read_dir(from).map_err(|e| failed(from, e))? {
        let path = entry.map_err(|e| failed(from, e))?.path();
        if let (true, Some(name)) = (path.is_file(), path.file_name()) {
            fs::copy(&path, to.join(name)).map_err(|e| failed(&path, e))?;
        }
    }
    Ok(to.to_path_buf())
}
