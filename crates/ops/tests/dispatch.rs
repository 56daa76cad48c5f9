//! The same capacity plan, byte for byte, on every path that kernels may take and on one thread or several at once.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use forecast_core::kernels::{Dispatch, force};
use forecast_core::{RawSeries, Sample};
use stormglass_ops::JobSettings;
use stormglass_ops::job::{Measured, Scope, decide};

/// Models whose kernels have lanes, and the mixture.
const MODELS: [&str; 4] = ["auto", "arima(1,0,1)(0,1,1)[24]", "ets(A,N,A)[24]", "holt_winters(additive)[24]"];

fn purchases() -> RawSeries {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/traces/ms_purchases_1h.csv");
    let text = std::fs::read_to_string(path).unwrap();
    let sample = |line: &str| {
        let (time, value) = line.split_once(',').unwrap();
        Sample { time: time.parse().unwrap(), value: value.parse().ok() }
    };
    RawSeries { name: "purchases".into(), samples: text.lines().skip(1).map(sample).collect() }
}

/// The capacity plan as bytes.
fn plan(measured: &Measured, model: &str) -> String {
    let settings = format!(
        r#"{{"forecast": {{"model": "{model}", "preset": "fast"}}, "capacity": {{"per_unit": 1000, "max": 60}}}}"#
    );
    let settings: JobSettings = serde_json::from_str(&settings).unwrap();
    serde_json::to_string(&decide(measured, &settings, &Scope::default(), &()).unwrap().plan).unwrap()
}

#[test]
fn every_path_and_every_number_of_threads_decides_the_same() {
    let measured = Measured {
        load: purchases(),
        units: None,
        similar: None,
        window: None,
        stored: true,
        source: "purchases".into(),
    };
    for model in MODELS {
        assert_eq!(force(Dispatch::Portable), Dispatch::Portable);
        let portable = plan(&measured, model);
        let widest = force(Dispatch::Avx2);
        let wide = plan(&measured, model);
        assert!(portable == wide, "{model}: {widest:?} decides another plan:\n{portable}\n{wide}");
        let beside: Vec<String> = std::thread::scope(|scope| {
            let running: Vec<_> = (0..2).map(|_| scope.spawn(|| plan(&measured, model))).collect();
            running.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(beside.iter().all(|other| *other == portable), "{model}: two threads at once decide another plan");
    }
}
