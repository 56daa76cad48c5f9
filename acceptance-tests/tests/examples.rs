//! What users copy is sound: every example and module that needs this provider alone validates, and the quickstart's works.

use std::fs;
use std::path::{Path, PathBuf};

use acceptance_tests::{Workspace, embedded_core, hcl};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Folders with HCL below a folder.
fn folders(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![below.to_path_buf()];
    while let Some(folder) = todo.pop() {
        let entries: Vec<PathBuf> =
            fs::read_dir(&folder).expect("a folder of examples").filter_map(|e| Some(e.ok()?.path())).collect();
        if entries.iter().any(|p| p.extension().is_some_and(|e| e == "tf")) {
            found.push(folder);
        }
        todo.extend(entries.into_iter().filter(|p| p.is_dir()));
    }
    found.sort();
    found
}

/// A copy of a folder's files that Terraform runs in; `None` where another provider is needed, which cannot be had offline.
fn copy(folder: &Path) -> Option<Workspace> {
    // Actions came with a newer core than `terraform` on PATH has to be.
    let action = folder.components().any(|part| part.as_os_str() == "actions");
    let workspace = if action { Workspace::with_core(embedded_core(), "") } else { Workspace::empty() };
    if action {
        fs::remove_file(workspace.path("main.tf")).expect("it was written just now");
    }
    for entry in fs::read_dir(folder).expect("a folder of examples") {
        let path = entry.expect("an entry").path();
        if path.is_file() {
            let text = fs::read(&path).expect("a readable file");
            if String::from_utf8_lossy(&text).contains("source = \"hashicorp/") {
                return None;
            }
            fs::write(workspace.path(&path.file_name().expect("a file has a name").to_string_lossy()), text)
                .expect("writable");
        }
    }
    let hcl: String =
        fs::read_dir(folder).into_iter().flatten().filter_map(|e| fs::read_to_string(e.ok()?.path()).ok()).collect();
    if !hcl.contains("required_providers") {
        workspace.write("required.tf", acceptance_tests::REQUIRED);
    }
    Some(workspace)
}

#[test]
fn examples_validate() {
    let (mut sound, mut other) = (0, Vec::new());
    for folder in folders(&root().join("examples")) {
        match copy(&folder) {
            Some(workspace) => {
                workspace.run(&["validate", "-no-color"]).expect_code(0);
                sound += 1;
            }
            None => other.push(folder),
        }
    }
    assert!(sound >= 8, "{sound} examples were validated");
    assert_eq!(other.len(), 2, "examples of other providers: {other:?}");
}

#[test]
fn the_quickstart_plans_applies_and_stays() {
    let workspace = copy(&root().join("examples/quickstart")).expect("it needs this provider alone");
    workspace.apply().expect_code(0);
    workspace.plan().expect_code(0);
    assert!(workspace.path("schedule.json").is_file() && workspace.path("report.html").is_file());
}

/// The example needs a provider that cannot be had offline for one thing: writing its text to a file.
#[test]
fn the_keda_example_renders_what_keda_takes() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"));
    let hcl = read("examples/targets/keda/main.tf");
    let stored = hcl.replace(
        r#"prometheus = { connection = "metrics", query = "sum(rate(http_requests_total[5m]))" }"#,
        r#"csv = { path = "load.csv" }"#,
    );
    assert_ne!(stored, hcl, "the example reads Prometheus");
    let text = stored.replace("    local      = { source = \"hashicorp/local\" }\n", "").replace(
        "resource \"local_file\" \"scaled_object\" {\n  filename = \"${path.module}/scaled-object.yaml\"\n  content =",
        "output \"scaled_object\" {\n  value =",
    );
    let workspace = Workspace::empty();
    workspace.write("main.tf", &text);
    workspace.write("load.csv", &hcl::load());
    workspace.apply().expect_code(0);
    let output = workspace.run(&["output", "-raw", "scaled_object"]).expect_code(0).text;
    let object: Value = serde_yaml_ng::from_str(&output).expect("the example renders YAML");

    let definition: Value =
        serde_yaml_ng::from_str(&read("tests/data/schemas/keda.sh_scaledobjects.yaml")).expect("YAML");
    let version = definition["spec"]["versions"].as_array().and_then(|v| v.iter().find(|v| v["name"] == "v1alpha1"));
    let schema = jsonschema::validator_for(&version.expect("KEDA's version")["schema"]["openAPIV3Schema"]);
    let schema = schema.expect("KEDA's schema is one");
    let wrong: Vec<String> = schema.iter_errors(&object).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(wrong.is_empty(), "{wrong:?}\n{output}");
    let triggers = object["spec"]["triggers"].as_array().map_or(0, Vec::len);
    assert!(triggers >= 7, "a week has {triggers} cron triggers:\n{output}");
    let mut broken = object.clone();
    broken["spec"]["triggers"][0]["metadata"]["desiredReplicas"] = 3.into();
    assert!(!schema.is_valid(&broken), "a number in place of text is noticed");
}
