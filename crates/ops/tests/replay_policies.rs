//! Timetables in replay: on a real trace, beside the others, at both cadences and in both modes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use forecast_core::{RawSeries, Sample};
use stormglass_ops::replay::{Cadence, Mode, PolicyFile, ReplayError, Row, Trace, replay};

const POLICIES: &str = r#"{"policies":[{"name":"static","kind":"static"},{"name":"hpa","kind":"hpa"},{"name":"oracle","kind":"oracle"},
    {"name":"floor","kind":"stormglass","min":1,"max":200},
    {"name":"exact","kind":"stormglass","mode":"exact","risk":0.005,"min":1,"max":200}],
    "startup_seconds":180,"slo_utilization":0.85,"peak_units":40,"cost_per_unit_hour":2.0}"#;

fn trace() -> Trace {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/traces/azure_v2_cpu_5min.csv");
    let text = std::fs::read_to_string(path).unwrap();
    let sample = |line: &str| {
        let (time, value) = line.split_once(',').unwrap();
        Sample { time: time.parse().unwrap(), value: value.parse().ok() }
    };
    Trace::new(&RawSeries { name: "load".into(), samples: text.lines().skip(1).map(sample).collect() }).unwrap()
}

fn rows(mode: Mode, cadence: Cadence, text: &str) -> Result<BTreeMap<String, Row>, ReplayError> {
    let file: PolicyFile = serde_json::from_str(text).unwrap();
    let rows = replay(&trace(), &file, mode, cadence, &())?;
    Ok(rows.into_iter().map(|row| (row.name.clone(), row)).collect())
}

#[test]
fn timetables_stand_between_the_oracle_and_a_fixed_size() {
    for mode in [Mode::Reference, Mode::Kubernetes] {
        let rows = rows(mode, Cadence::Terraform, POLICIES).unwrap();
        let hours = |name: &str| rows[name].unit_hours;
        assert!(rows["exact"].slo <= 0.02, "{:?}", rows["exact"]);
        assert!(hours("oracle") < hours("exact") && hours("exact") < hours("static"));
        assert!(hours("floor") >= hours("hpa") && rows["floor"].slo <= rows["hpa"].slo);
        assert_eq!(rows["static"].slo, 0.0);
        assert!(rows.values().all(|row| row.cost == Some(2.0 * row.unit_hours)));
    }
}
