//! The modules' own tests, by `terraform test`, with the provider from a mirror on disk as users have it.

use std::fs;
use std::path::Path;

use acceptance_tests::Workspace;

#[test]
fn predictive_scaling_passes_its_tests() {
    passes("predictive-scaling");
}

#[test]
#[cfg(target_os = "linux")]
fn chaos_gate_passes_its_tests() {
    passes("chaos-gate");
}

fn passes(module: &str) {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../modules").join(module);
    let workspace = Workspace::with_mirror();
    fs::create_dir(workspace.path("tests")).expect("the folder is writable");
    for folder in ["", "tests"] {
        for entry in fs::read_dir(module.join(folder)).expect("the module is there") {
            let path = entry.expect("an entry").path();
            let name = Path::new(folder).join(path.file_name().expect("a file has a name"));
            if path.is_file() && !name.starts_with(".terraform.lock.hcl") {
                fs::copy(&path, workspace.path(&name.display().to_string())).expect("the folder is writable");
            }
        }
    }
    workspace.run(&["init", "-no-color", "-input=false"]).expect_code(0);
    workspace.run(&["test", "-no-color"]).expect_code(0).expect_text("3 passed, 0 failed");
}
