//! Models against the reference values of R and of the package prophet in `tests/data`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod arima;
mod coverage;
mod diagnostics;
mod ets;
mod harmonic;
mod holt_winters;
mod naive;
mod prophet;
mod stl;
mod structural;
mod theta;

use std::path::Path;
use std::time::Duration;

use forecast_core::Series;
use serde_json::Value;

fn data(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap()
}

/// One entry of the reference.
fn reference(name: &str) -> Value {
    assert!(coverage::compared().contains(name), "`{name}` is compared and not listed by its module");
    let entry = data("reference.json")["references"][name].take();
    assert!(entry.is_object(), "no reference `{name}`");
    entry
}

/// A series of the reference on a made-up daily grid; its season comes with the model.
fn series(name: &str) -> Series {
    let values = data(&format!("data_{name}.json"))["values"].take();
    let values: Vec<Option<f64>> = values.as_array().unwrap().iter().map(Value::as_f64).collect();
    Series::from_options("2000-01-01T00:00:00Z".parse().unwrap(), Duration::from_secs(86_400), values).unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap_or_else(|| panic!("{value} is no list")).iter().map(number).collect()
}

/// Two numbers within a relative distance.
#[track_caller]
fn check_close(what: &str, found: f64, expected: f64, relative: f64) {
    let distance = (found - expected).abs();
    assert!(distance <= relative * expected.abs().max(1e-300), "{what}: {found}, expected {expected}");
}

/// Two lists within a relative distance of the largest entry.
#[track_caller]
fn check_all_close(what: &str, found: &[f64], expected: &[f64], relative: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let size = expected.iter().fold(1e-300_f64, |max, v| max.max(v.abs()));
    for (k, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= relative * size, "{what}, entry {k}: {found}, expected {expected}");
    }
}
