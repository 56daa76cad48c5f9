//! The examples of experiments are sound: each fault and probe has one, and it is read without a problem.

use std::fs;
use std::path::Path;

use serde_json::Value;
use stormglass_chaos::Experiment;
use stormglass_integrations::faults::CATALOGUE;

#[test]
fn each_fault_and_probe_has_an_example_that_uses_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/experiments");
    let faults = CATALOGUE.faults.iter().map(|f| ("faults", f.name()));
    for (folder, name) in faults.chain(CATALOGUE.probes.iter().map(|p| ("probes", p.name()))) {
        let path = root.join(folder).join(format!("{name}.yaml"));
        let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let written: Value = serde_yaml_ng::from_str(&text).unwrap();
        let experiment = Experiment::read(&written, &CATALOGUE).unwrap_or_else(|p| panic!("{}: {p:?}", path.display()));
        let used = match folder {
            "faults" => experiment.method.iter().any(|s| s.kind.name() == name),
            _ => experiment.steady_state.iter().any(|c| c.kind == name),
        };
        assert!(used, "{} does not use `{name}`", path.display());
    }
}
