//! Replay in mode `reference` against an independent program: `golden/scaling_baselines.csv`, within 1 %.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::PathBuf;

use forecast_core::{RawSeries, Sample};
use stormglass_ops::replay::{Cadence, Mode, PolicyFile, Row, Trace, replay};

const GOLDEN: &str = include_str!("golden/scaling_baselines.csv");
const POLICIES: &str = r#"{"policies":[{"name":"static","kind":"static"},{"name":"hpa","kind":"hpa","target_utilization":0.7},
    {"name":"oracle","kind":"oracle"},{"name":"oracle5","kind":"oracle5"}],
    "startup_seconds":180,"slo_utilization":0.85,"peak_units":40}"#;

/// Figures by trace and policy.
fn golden() -> BTreeMap<&'static str, BTreeMap<&'static str, Vec<f64>>> {
    let mut all: BTreeMap<_, BTreeMap<_, Vec<f64>>> = BTreeMap::new();
    for line in GOLDEN.lines().skip(1) {
        let mut cells = line.split(',');
        let (trace, policy) = (cells.next().unwrap(), cells.next().unwrap());
        all.entry(trace).or_default().insert(policy, cells.map(|c| c.parse().unwrap()).collect());
    }
    all
}

fn read(path: &PathBuf) -> Option<RawSeries> {
    let text = std::fs::read_to_string(path).ok()?;
    let sample = |line: &str| {
        let (time, value) = line.split_once(',').unwrap();
        Sample { time: time.parse().unwrap(), value: value.parse().ok() }
    };
    Some(RawSeries { name: "load".into(), samples: text.lines().skip(1).map(sample).collect() })
}

fn check_close(what: &str, found: f64, expected: f64) {
    let tolerance = 0.01 * expected.abs();
    assert!((found - expected).abs() <= tolerance + 1e-9, "{what}: {found}, expected {expected}");
}

fn check_trace(trace: &str, raw: &RawSeries, figures: &BTreeMap<&str, Vec<f64>>) {
    let file: PolicyFile = serde_json::from_str(POLICIES).unwrap();
    let rows = replay(&Trace::new(raw).unwrap(), &file, Mode::Reference, Cadence::Terraform, &()).unwrap();
    for Row { name, unit_hours, slo, unserved, time_short, changes_per_day, cost } in rows {
        let expected = &figures[name.as_str()];
        let found = [unit_hours, slo, unserved, time_short, changes_per_day];
        for (column, (found, expected)) in found.into_iter().zip(expected).enumerate() {
            check_close(&format!("{trace} {name} column {column}"), found, *expected);
        }
        assert_eq!(cost, None);
    }
}

#[test]
fn agrees_with_an_independent_program() {
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/traces");
    let folders = [Some(own), std::env::var_os("STORMGLASS_TRACES").map(PathBuf::from)];
    let mut checked = 0;
    for (trace, figures) in golden() {
        let file = format!("{trace}.csv");
        if let Some(raw) = folders.iter().flatten().find_map(|folder| read(&folder.join(&file))) {
            check_trace(trace, &raw, &figures);
            checked += 1;
        }
    }
    assert!(checked >= 2, "{checked} of the traces were found");
}
