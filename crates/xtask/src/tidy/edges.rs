//! Which crate may depend on which: the arrows of ARCHITECTURE.md, and no other.

use serde_json::Value;

use crate::run::{cargo, output};

const EDGES: &[(&str, &[&str])] = &[
    ("forecast-core", &[]),
    ("stormglass-chaos", &[]),
    ("stormglass-report", &[]),
    ("tfplugin", &[]),
    ("stormglass-ops", &["forecast-core"]),
    ("stormglass-integrations", &["forecast-core", "stormglass-ops", "stormglass-chaos", "stormglass-report"]),
    (
        "stormglass-cli",
        &["forecast-core", "stormglass-ops", "stormglass-chaos", "stormglass-integrations", "stormglass-report"],
    ),
    (
        "terraform-provider-stormglass",
        &[
            "forecast-core",
            "stormglass-ops",
            "stormglass-chaos",
            "stormglass-integrations",
            "stormglass-report",
            "tfplugin",
        ],
    ),
    ("acceptance-tests", &[]),
    ("xtask", &[]),
];

/// Edges that are not in the list, and crates that are not.
pub(super) fn check() -> Result<Vec<String>, String> {
    let text = output(cargo().args(["metadata", "--format-version", "1", "--no-deps", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|e| format!("cargo metadata: {e}"))?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    let name = |v: &Value| v["name"].as_str().unwrap_or_default().to_owned();
    let members: Vec<String> = packages.iter().map(name).collect();
    let mut breaches = Vec::new();
    for package in packages {
        let from = name(package);
        let Some((_, allowed)) = EDGES.iter().find(|(n, _)| *n == from) else {
            breaches.push(format!("{from}: a new crate needs a page in docs/design/ and a line in tidy/edges.rs"));
            continue;
        };
        let dependencies = package["dependencies"].as_array().map(Vec::as_slice).unwrap_or_default();
        for to in dependencies.iter().filter(|d| d["kind"].is_null()).map(name) {
            if members.contains(&to) && !allowed.contains(&to.as_str()) {
                breaches.push(format!("{from} depends on {to}; ARCHITECTURE.md allows {allowed:?}"));
            }
        }
    }
    Ok(breaches)
}
