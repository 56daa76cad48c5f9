//! What the target `file` writes is what `docs/schemas/schedule.schema.json` says.

#![allow(clippy::unwrap_used)]

use jiff::Timestamp;
use jsonschema::Validator;
use serde_json::{Value, json};
use stormglass_integrations::targets::file::{FileConfig, FileTarget};
use stormglass_ops::ports::{Mode, OnConflict};
use stormglass_ops::{After, ApplyRequest, CapacityPlan, Owner, ScalingTarget, Step, WeeklyStep};

const SCHEMA: &str = include_str!("../../../docs/schemas/schedule.schema.json");

fn schema() -> Validator {
    jsonschema::options().should_validate_formats(true).build(&serde_json::from_str(SCHEMA).unwrap()).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn request(after: After, mode: Mode) -> ApplyRequest {
    let step = |from: &str, units| Step { from: at(from), units, reason: "forecast".into() };
    ApplyRequest {
        owner: Owner("stormglass/shop".into()),
        plan: CapacityPlan {
            version: 1,
            origin: at("2026-11-23T00:00:00Z"),
            as_of: None,
            time_zone: "Europe/Berlin".into(),
            steps: vec![step("2026-11-23T00:00:00Z", 4), step("2026-11-23T06:30:00.5Z", 0)],
            valid_until: at("2026-11-24T00:00:00Z"),
            after,
            min: 0,
            max: u32::MAX,
            peak: 4,
            model: "auto".into(),
            accuracy: None,
            skill: None,
            savings: None,
            cost: None,
            risk: None,
            warnings: Vec::new(),
        },
        mode,
        now: at("2026-11-23T00:00:00Z"),
        on_conflict: OnConflict::Error,
    }
}

/// What is written, as JSON.
async fn written(after: After, mode: Mode, name: &str) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    FileTarget::new(FileConfig { path: path.clone() }).unwrap().apply(&request(after, mode)).await.unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    if name.ends_with(".json") { serde_json::from_str(&text).unwrap() } else { serde_yaml_ng::from_str(&text).unwrap() }
}

fn weekly() -> After {
    After::Weekly { steps: vec![WeeklyStep { day: 7, time: "23:59".into(), units: 8 }] }
}

#[tokio::test]
async fn every_form_of_what_is_written_fits() {
    let schema = schema();
    for after in [weekly(), After::Restore, After::Hold] {
        for mode in [Mode::Floor, Mode::Exact] {
            for name in ["a.json", "a.yaml"] {
                let file = written(after.clone(), mode, name).await;
                let errors: Vec<String> = schema.iter_errors(&file).map(|e| e.to_string()).collect();
                assert!(errors.is_empty(), "{errors:?} in {file}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_something_else_does_not_fit() {
    let schema = schema();
    let file = written(weekly(), Mode::Floor, "a.json").await;
    for (pointer, wrong) in [
        ("/version", json!(2)),
        ("/mode", json!("roof")),
        ("/min", json!(-1)),
        ("/max", json!("many")),
        ("/steps", json!([])),
        ("/steps/0/from", json!("2026-11-23T07:30:00+01:00")),
        ("/steps/0/units", json!(1.5)),
        ("/valid_until", json!("tomorrow")),
        ("/after/kind", json!("forever")),
        ("/after/steps/0/day", json!(0)),
        ("/after/steps/0/time", json!("24:00")),
    ] {
        let mut changed = file.clone();
        *changed.pointer_mut(pointer).unwrap() = wrong;
        assert!(!schema.is_valid(&changed), "{pointer}");
    }
    for field in file.as_object().unwrap().keys() {
        let mut less = file.clone();
        less.as_object_mut().unwrap().remove(field);
        assert!(!schema.is_valid(&less), "without {field}");
    }
    let mut more = file;
    more["comment"] = json!("mine");
    assert!(!schema.is_valid(&more));
}
