//! The pages in `docs/` are those that the schemas and examples give, and no page of a type is left over.

use std::path::Path;

#[test]
fn pages_are_fresh() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let pages = terraform_provider_stormglass::docs::pages(&root.join("examples")).unwrap();
    for (name, text) in &pages {
        let kept = std::fs::read_to_string(root.join("docs").join(name)).unwrap_or_default();
        assert!(&kept == text, "docs/{name} is stale; run `cargo xtask docs`");
    }
    for folder in ["data-sources", "resources", "functions", "actions", "faults", "probes"] {
        for entry in std::fs::read_dir(root.join("docs").join(folder)).unwrap() {
            let name = format!("{folder}/{}", entry.unwrap().file_name().to_string_lossy());
            assert!(pages.contains_key(&name), "docs/{name} is the page of nothing; remove it");
        }
    }
}
