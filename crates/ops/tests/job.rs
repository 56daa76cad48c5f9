//! The main job from samples to a capacity plan, on real traces.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::Future;
use std::path::PathBuf;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use forecast_core::{RawSeries, Sample};
use jiff::Timestamp;
use stormglass_ops::job::{self, JobError, JobInputs, Outcome, Scope, Status};
use stormglass_ops::{After, JobSettings, MetricSource, SourceError, Window, schedule};

/// A source that holds its samples, stored or growing.
#[derive(Debug)]
struct Held {
    series: RawSeries,
    stored: bool,
}

#[async_trait]
impl MetricSource for Held {
    fn describe(&self) -> String {
        "csv load.csv".into()
    }

    fn is_stored(&self) -> bool {
        self.stored
    }

    async fn fetch(&self, window: Option<Window>) -> Result<RawSeries, SourceError> {
        let mut series = self.series.clone();
        series.samples.retain(|s| window.is_none_or(|w| w.from <= s.time && s.time < w.to));
        Ok(series)
    }
}

/// The source is ready at once, so one poll is the whole way.
fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the source waits for something"),
    }
}

fn trace(name: &str) -> RawSeries {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/traces").join(format!("{name}.csv"));
    let text = std::fs::read_to_string(path).unwrap();
    let sample = |line: &str| {
        let (time, value) = line.split_once(',').unwrap();
        Sample { time: time.parse().unwrap(), value: value.parse().ok() }
    };
    RawSeries { name: name.into(), samples: text.lines().skip(1).map(sample).collect() }
}

fn settings(json: &str) -> JobSettings {
    serde_json::from_str(json).unwrap()
}

fn stored(series: RawSeries) -> Held {
    Held { series, stored: true }
}

fn run(source: &Held, units: Option<&Held>, settings: &JobSettings, now: &str) -> Result<Outcome, JobError> {
    let units = units.map(|u| u as &dyn MetricSource);
    ready(job::run(
        JobInputs { source, units, borrow_from: None },
        settings,
        &Scope::default(),
        now.parse().unwrap(),
        &(),
    ))
}

const QUICKSTART: &str = r#"{"forecast":{"horizon":"7d"},"capacity":{"per_unit":1000,"min":2,"max":60,"warm_up":"5m","dwell":"2h",
    "cost_per_unit_hour":0.12},"time_zone":"America/Los_Angeles"}"#;
const NOW: &str = "2026-11-24T08:00:00Z";

#[test]
fn a_stored_trace_becomes_a_week() {
    let outcome = run(&stored(trace("ms_purchases_1h")), None, &settings(QUICKSTART), NOW).unwrap();
    let plan = &outcome.plan;
    assert_eq!(outcome.status, Status::Ok);
    // The clock of stored data is the end of the last sample; the week begins there.
    assert_eq!((plan.as_of, plan.origin), (Some(outcome.history.end()), outcome.history.end()));
    assert_eq!(plan.valid_until.as_second() - plan.origin.as_second(), 7 * 86_400);
    assert!(plan.steps.iter().all(|s| (2..=60).contains(&s.units)));
    assert!(plan.steps.windows(2).all(|w| w[1].from.as_second() - w[0].from.as_second() >= 7_200));
    assert!((10..=84).contains(&plan.steps.len()), "{}", plan.steps.len());
    assert!(plan.accuracy.unwrap() > 0.7, "{:?}", plan.accuracy);
    assert!(plan.risk.unwrap() < 0.2);
    assert!((plan.cost.unwrap() - 0.12 * outcome.unit_hours).abs() < 0.01);
    let rows = &plan.savings.as_ref().unwrap().rows;
    assert_eq!(rows.keys().collect::<Vec<_>>(), ["hpa", "ours", "static"]);
    assert!(rows["ours"].unit_hours < rows["static"].unit_hours && rows["ours"].slo <= rows["hpa"].slo);
    let lines = schedule::render(&plan.steps, plan.valid_until, &plan.time_zone).unwrap();
    assert!(lines.len() == 8 && lines.values().map(String::len).sum::<usize>() < 4_096);
    assert!(matches!(&plan.after, After::Weekly { steps } if steps.len() > 7));
    assert!(!outcome.quiet_windows.is_empty());
}

/// WAPE of the forecast of a week from the first 60 hours of a service a quarter the size of another, with the other's history
/// or without.
fn wape_of_a_new_service(with: bool) -> (f64, Outcome) {
    let mut similar = trace("ms_purchases_1h");
    let origin = similar.samples.len() - 168;
    let quarter = |s: &Sample| Sample { time: s.time, value: s.value.map(|v| v / 4.0) };
    let own = similar.samples[origin - 60..origin].iter().map(quarter).collect();
    let truth: Vec<Option<f64>> = similar.samples[origin..].iter().map(|s| quarter(s).value).collect();
    similar.samples.truncate(origin);
    let (source, similar) = (stored(RawSeries { name: "new".into(), samples: own }), stored(similar));
    let inputs = JobInputs { source: &source, units: None, borrow_from: with.then_some(&similar as &dyn MetricSource) };
    let outcome = ready(job::run(inputs, &settings(QUICKSTART), &Scope::default(), NOW.parse().unwrap(), &())).unwrap();
    (forecast_core::scores::wape(&truth, &outcome.forecast.point).unwrap(), outcome)
}

#[test]
fn a_new_service_borrows_the_week_of_a_similar_one() {
    let (alone, _) = wape_of_a_new_service(false);
    let (with, outcome) = wape_of_a_new_service(true);
    assert!(with < 0.6 * alone, "{with} with, {alone} without");
    assert_eq!(outcome.history.len(), 60, "the history shown is the own one");
    let said = outcome.plan.warnings.iter().find(|w| w.contains("load.borrow_from")).unwrap();
    assert!(said.contains("the 612 steps before it") && said.contains("times 0.25"), "{said}");
}

#[test]
fn a_similar_service_that_tells_nothing_is_said_to() {
    let (source, mut idle) = (stored(trace("ms_purchases_1h")), trace("ms_purchases_1h"));
    let mut own = source.series.clone();
    own.samples.drain(..own.samples.len() - 100);
    idle.samples.iter_mut().for_each(|s| s.value = Some(0.0));
    let (own, idle) = (stored(own), stored(idle));
    let inputs = JobInputs { source: &own, units: None, borrow_from: Some(&idle) };
    let outcome = ready(job::run(inputs, &settings(QUICKSTART), &Scope::default(), NOW.parse().unwrap(), &())).unwrap();
    assert!(outcome.plan.warnings.iter().any(|w| w.starts_with("nothing is borrowed")), "{:?}", outcome.plan.warnings);
}

#[test]
fn the_same_history_gives_the_same_plan_and_later_values_change_nothing() {
    let settings = |as_of: &str| {
        settings(&format!(
            r#"{{"as_of":"{as_of}","forecast":{{"preset":"fast"}},"capacity":{{"per_unit":200000,"max":90}}}}"#
        ))
    };
    let whole = stored(trace("azure_v2_cpu_5min"));
    let settings = settings("2019-07-20T00:00:00Z");
    let first = run(&whole, None, &settings, NOW).unwrap();
    let mut cut = trace("azure_v2_cpu_5min");
    cut.samples.retain(|s| s.time < "2019-07-20T00:00:00Z".parse::<Timestamp>().unwrap());
    let second = run(&stored(cut), None, &settings, "2020-01-01T00:00:00Z").unwrap();
    assert_eq!(first.plan, second.plan);
    assert_eq!(first.plan.as_of.map(|t| t.to_string()).as_deref(), Some("2019-07-20T00:00:00Z"));
}

/// The trace moved so that its last sample is of 2026-11-24T11:55Z.
fn live() -> Held {
    let mut series = trace("azure_v2_cpu_5min");
    let last = series.samples.last().unwrap().time.as_second();
    let target = "2026-11-24T11:55:00Z".parse::<Timestamp>().unwrap().as_second();
    for sample in &mut series.samples {
        sample.time = Timestamp::from_second(sample.time.as_second() + target - last).unwrap();
    }
    Held { series, stored: false }
}

const LIVE: &str =
    r#"{"forecast":{"preset":"fast","horizon":"2d","history":"21d"},"capacity":{"per_unit":200000,"max":90}}"#;

#[test]
fn within_one_interval_every_plan_is_the_same() {
    let (source, settings) = (live(), settings(LIVE));
    let plan = |now: &str| run(&source, None, &settings, now).unwrap().plan;
    let first = plan("2026-11-24T06:00:10Z");
    assert_eq!(first, plan("2026-11-24T11:59:00Z"));
    assert_eq!((first.origin.to_string().as_str(), first.as_of), ("2026-11-24T05:55:00Z", None));
    assert_ne!(first, plan("2026-11-24T12:00:00Z"));
}

#[test]
fn a_source_that_is_late_is_said_to_be_and_one_that_stopped_is_an_error() {
    let (source, settings) = (live(), settings(LIVE));
    let late = run(&source, None, &settings, "2026-11-25T00:10:00Z").unwrap();
    assert!(late.plan.warnings.iter().any(|w| w.contains("the last sample is of")), "{:?}", late.plan.warnings);
    assert_eq!(late.plan.origin.to_string(), "2026-11-24T23:55:00Z");
    let error = run(&source, None, &settings, "2026-11-26T00:10:00Z").unwrap_err();
    assert!(matches!(error, JobError::Stale { .. }), "{error}");
    assert_eq!(error.setting(), "source");
}

#[test]
fn the_load_of_one_unit_is_multiplied_and_what_a_unit_serves_is_learned() {
    let total = trace("azure_v2_cpu_5min");
    // A scaler that holds about 150000 a unit, counted each half an hour.
    let count = |value: f64| (value / 150_000.0).ceil();
    let mut units = RawSeries { name: "units".into(), samples: vec![] };
    let mut per_unit = total.clone();
    let mut now = 0.0;
    for (i, sample) in per_unit.samples.iter_mut().enumerate() {
        if i % 6 == 0 {
            now = count(sample.value.unwrap_or_default());
            units.samples.push(Sample { time: sample.time, value: Some(now) });
        }
        sample.value = sample.value.map(|v| v / now);
    }
    let settings =
        settings(r#"{"load":{"kind":"per_unit"},"forecast":{"preset":"fast","horizon":"2d"},"capacity":{"max":90}}"#);
    let outcome = run(&stored(per_unit.clone()), Some(&stored(units)), &settings, NOW).unwrap();
    assert!(outcome.per_unit_learned && (150_000.0..170_000.0).contains(&outcome.per_unit), "{}", outcome.per_unit);
    let direct = run(
        &stored(total),
        None,
        &JobSettings {
            load: stormglass_ops::LoadSettings::default(),
            capacity: stormglass_ops::CapacitySettings {
                per_unit: Some(outcome.per_unit),
                ..settings.capacity.clone()
            },
            ..settings.clone()
        },
        NOW,
    )
    .unwrap();
    assert_eq!(outcome.plan.steps, direct.plan.steps);

    let error = run(&stored(per_unit), None, &settings, NOW).unwrap_err();
    assert_eq!(error.setting(), "load.units");
}

#[test]
fn a_forecast_worse_than_allowed_falls_back_or_fails() {
    let text = r#"{"forecast":{"preset":"fast","minimum_accuracy":0.999},
        "capacity":{"per_unit":200000,"min":3,"max":90,"overrides":[{"from":"2019-08-01T08:00:00Z","to":"2019-08-01T10:00:00Z","min":9}]}}"#;
    let (source, mut settings) = (stored(trace("azure_v2_cpu_5min")), settings(text));
    let outcome = run(&source, None, &settings, NOW).unwrap();
    let steps: Vec<(String, u32, &str)> =
        outcome.plan.steps.iter().map(|s| (s.from.to_string(), s.units, s.reason.as_str())).collect();
    assert_eq!(steps[0].1..=steps[0].1, 3..=3);
    assert_eq!(
        steps[1..],
        [("2019-08-01T08:00:00Z".to_owned(), 9, "override"), ("2019-08-01T10:00:00Z".to_owned(), 3, "fallback"),]
    );
    assert!(outcome.status.to_string().contains("accuracy on the past is 0.9"), "{}", outcome.status);
    assert!(outcome.plan.warnings.iter().any(|w| w.contains("reactive autoscaler")));

    settings.forecast.on_low_accuracy = stormglass_ops::settings::OnLowAccuracy::Fail;
    let error = run(&source, None, &settings, NOW).unwrap_err();
    assert_eq!(error.setting(), "forecast.minimum_accuracy");
}

#[test]
fn a_short_history_has_no_accuracy_and_says_so() {
    let mut series = trace("azure_v2_cpu_5min");
    series.samples.truncate(60);
    let settings = settings(r#"{"forecast":{"preset":"fast","horizon":"6h"},"capacity":{"per_unit":200000,"max":90}}"#);
    let outcome = run(&stored(series), None, &settings, NOW).unwrap();
    assert_eq!((outcome.plan.accuracy, outcome.plan.savings), (None, None));
    assert!(outcome.plan.warnings.iter().any(|w| w.contains("too short")));
}

#[test]
fn wrong_settings_are_named() {
    let cases = [
        (r#"{"time_zone":"Moon/Base","capacity":{"per_unit":1}}"#, "time_zone"),
        (r#"{"forecast":{"model":"crystal_ball"},"capacity":{"per_unit":1}}"#, "forecast.model"),
        (r#"{"forecast":{"levels":[1.5]},"capacity":{"per_unit":1}}"#, "forecast.levels"),
        (r#"{"capacity":{"per_unit":-1}}"#, "capacity.per_unit"),
        (r#"{}"#, "capacity.per_unit"),
        (r#"{"capacity":{"per_unit":1,"min":5,"max":4}}"#, "capacity.min"),
        (r#"{"capacity":{"per_unit":1,"scale_up_at":0.2}}"#, "capacity.scale_down_at"),
        (r#"{"load":{"kind":"per_unit"},"capacity":{"per_unit":1}}"#, "load.units"),
    ];
    let mut series = trace("ms_purchases_1h");
    series.samples.truncate(200);
    let source = stored(series);
    for (text, setting) in cases {
        let error = run(&source, None, &settings(text), NOW).unwrap_err();
        assert_eq!(error.setting(), setting, "{error}");
    }
    let empty = run(&stored(RawSeries::default()), None, &settings(r#"{"capacity":{"per_unit":1}}"#), NOW).unwrap_err();
    assert_eq!(empty.setting(), "source", "{empty}");
}
