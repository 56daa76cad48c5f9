//! The guard rails together, through the one function.

use std::time::Duration;

use forecast_core::{Forecast, Level};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use ndarray::Array2;
use proptest::prelude::*;

use super::*;
use crate::duration::Span;
use crate::settings::{FreezeWindow, Override, Strategy as Sizing};

/// Tuesday 2026-11-24T00:00Z.
const START: i64 = 1_795_478_400;
const HOUR: i64 = 3_600;

/// A forecast whose only quantile is `values`, one an hour.
fn forecast(values: &[f64]) -> Forecast {
    let quantiles = Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap();
    let start = Timestamp::from_second(START).unwrap();
    let levels = vec![Level::new(0.9).unwrap()];
    Forecast { start, step: Duration::from_secs(3_600), point: values.to_vec(), levels, quantiles }
}

/// Units are sized one for each unit of load, there at once, and may change at any time.
fn plain() -> CapacitySettings {
    CapacitySettings {
        target_utilization: 1.0,
        min: 1,
        max: 50,
        warm_up: Span::seconds(0),
        dwell: Span::seconds(0),
        after: AfterKind::Hold,
        ..CapacitySettings::default()
    }
}

fn table(values: &[f64], settings: &CapacitySettings, prior: Option<u32>) -> Timetable {
    let forecast = forecast(values);
    let loads = [Load { forecast: &forecast, paths: None, history: None, per_unit: 1.0 }];
    let limits = Limits::unlimited();
    let request = Request { loads: &loads, time_zone: &TimeZone::UTC, limits: &limits, prior_units: prior };
    plan(&request, settings).unwrap()
}

/// Minutes from the start, units and reasons.
fn steps(table: &Timetable) -> Vec<(i64, u32, &str)> {
    table.steps.iter().map(|s| ((s.from.as_second() - START) / 60, s.units, s.reason.as_str())).collect()
}

fn check(values: &[f64], settings: &CapacitySettings, expected: &[(i64, u32, &str)]) {
    assert_eq!(steps(&table(values, settings, None)), expected);
}

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(START + minute * 60).unwrap()
}

#[test]
fn units_follow_the_quantile() {
    check(&[2.0, 2.0, 7.1, 0.0], &plain(), &[(0, 2, "forecast"), (120, 8, "forecast"), (180, 1, "min")]);
}

#[test]
fn units_are_asked_for_one_warm_up_ahead() {
    let settings = CapacitySettings { warm_up: Span::seconds(290), ..plain() };
    check(&[2.0, 7.0, 3.0], &settings, &[(0, 2, "forecast"), (55, 7, "forecast"), (120, 3, "forecast")]);
}

#[test]
fn max_holds_whatever_is_asked_for_and_is_said() {
    let hand = Override { from: at(60), to: at(90), min: 99, reason: None };
    let settings = CapacitySettings { max: 5, overrides: vec![hand], ..plain() };
    let table = table(&[2.0, 2.0, 9.0], &settings, None);
    assert_eq!(steps(&table), [(0, 2, "forecast"), (60, 5, "max"), (90, 2, "forecast"), (120, 5, "max")]);
    assert!(table.warnings[0].contains("9 units are needed"), "{:?}", table.warnings);
}

#[test]
fn overrides_are_floors_with_their_reason() {
    let hand = Override { from: at(30), to: at(90), min: 6, reason: Some("launch".into()) };
    let settings = CapacitySettings { overrides: vec![hand], ..plain() };
    check(
        &[2.0, 8.0, 3.0],
        &settings,
        &[(0, 2, "forecast"), (30, 6, "override: launch"), (60, 8, "forecast"), (120, 3, "forecast")],
    );
}

#[test]
fn nothing_changes_in_a_freeze_window() {
    let window = FreezeWindow { from: at(60), to: at(240) };
    let settings = CapacitySettings { freeze_windows: vec![window], warm_up: Span::seconds(600), ..plain() };
    check(
        &[2.0, 3.0, 9.0, 4.0, 5.0],
        &settings,
        &[(0, 2, "forecast"), (50, 3, "forecast"), (59, 9, "freeze"), (240, 5, "forecast")],
    );
}

#[test]
fn ramps_and_dwell_hold_together() {
    let settings = CapacitySettings { ramp_up: Some(2), dwell: Span::seconds(1_200), ..plain() };
    check(&[1.0, 1.0, 6.0], &settings, &[(0, 1, "forecast"), (80, 2, "ramp"), (100, 4, "ramp"), (120, 6, "forecast")]);
}

#[test]
fn the_timetable_is_as_short_as_asked_for() {
    let settings = CapacitySettings { max_changes: Some(2), ..plain() };
    check(&[2.0, 3.0, 9.0, 8.0, 2.0], &settings, &[(0, 3, "max_changes"), (120, 9, "forecast")]);
    let one = CapacitySettings { max_changes: Some(1), ..plain() };
    check(&[2.0, 3.0, 9.0, 8.0, 2.0], &one, &[(0, 9, "max_changes")]);
}

#[test]
fn paused_holds_what_is_there_else_what_is_ever_needed() {
    let settings = CapacitySettings { paused: true, ..plain() };
    assert_eq!(steps(&table(&[2.0, 9.0], &settings, Some(4))), [(0, 4, "paused")]);
    assert_eq!(steps(&table(&[2.0, 9.0], &settings, None)), [(0, 9, "paused")]);
}

#[test]
fn thresholds_leave_small_changes_alone() {
    let settings = CapacitySettings { strategy: Sizing::Threshold, ..plain() };
    // Sized for 0.55: 5.5 needs 10; up over 8.0, down under 3.0.
    check(&[5.5, 7.9, 3.1, 8.1, 1.0], &settings, &[(0, 10, "forecast"), (180, 15, "forecast"), (240, 2, "forecast")]);
}

#[test]
fn several_loads_take_the_largest_need() {
    let (a, b) = (forecast(&[4.0, 1.0, 2.0]), forecast(&[10.0, 30.0, 20.0]));
    let load = |forecast, per_unit| Load { forecast, paths: None, history: None, per_unit };
    let loads = [load(&a, 1.0), load(&b, 10.0)];
    let limits = Limits::unlimited();
    let request = Request { loads: &loads, time_zone: &TimeZone::UTC, limits: &limits, prior_units: None };
    assert_eq!(plan(&request, &plain()).unwrap().steps.iter().map(|s| s.units).collect::<Vec<_>>(), [4, 3, 2]);
}

#[test]
fn without_a_forecast_min_and_what_was_set_by_hand_remain() {
    let hand = Override { from: at(30), to: at(90), min: 6, reason: None };
    let settings = CapacitySettings { overrides: vec![hand], min: 2, after: AfterKind::Weekly, ..plain() };
    let forecast = forecast(&[9.0; 3]);
    let loads = [Load { forecast: &forecast, paths: None, history: None, per_unit: 1.0 }];
    let limits = Limits::unlimited();
    let request = Request { loads: &loads, time_zone: &TimeZone::UTC, limits: &limits, prior_units: None };
    let table = fallback(&request, &settings).unwrap();
    assert_eq!(steps(&table), [(0, 2, "fallback"), (30, 6, "override"), (90, 2, "fallback")]);
    let After::Weekly { steps } = table.after else { panic!("{:?}", table.after) };
    // What was set by hand for an hour does not recur.
    assert_eq!(steps.iter().map(|s| s.units).collect::<Vec<_>>(), [2]);
}

#[test]
fn contradictions_are_named() {
    let wrong = |settings: CapacitySettings| {
        let forecast = forecast(&[1.0]);
        let loads = [Load { forecast: &forecast, paths: None, history: None, per_unit: 1.0 }];
        let limits = Limits::unlimited();
        let request = Request { loads: &loads, time_zone: &TimeZone::UTC, limits: &limits, prior_units: None };
        plan(&request, &settings).unwrap_err().to_string()
    };
    assert_eq!(wrong(CapacitySettings { min: 60, ..plain() }), "min is 60; expected at most max, which is 50");
    assert!(wrong(CapacitySettings { level: 0.95, ..plain() }).contains("level 0.95 is above all levels"));
    assert!(wrong(CapacitySettings { target_utilization: 0.0, ..plain() }).starts_with("target_utilization is 0"));
    assert!(wrong(CapacitySettings { max_changes: Some(0), ..plain() }).starts_with("max_changes is 0"));
    assert!(wrong(CapacitySettings { ramp_up: Some(0), ..plain() }).starts_with("ramp_up is 0"));
    let backwards = FreezeWindow { from: at(9), to: at(9) };
    assert!(
        wrong(CapacitySettings { freeze_windows: vec![backwards], ..plain() }).starts_with("freeze_windows is from")
    );
}

/// Both clock changes of Berlin in 2026; the week has an hour less and an hour more.
#[test]
fn a_weekly_form_covers_the_forecast_over_clock_changes() {
    let berlin = TimeZone::get("Europe/Berlin").unwrap();
    for start in ["2026-03-27T00:00:00Z", "2026-10-23T00:00:00Z"] {
        let values: Vec<f64> = (0..168).map(|h| f64::from([2, 9, 4, 7][h % 4])).collect();
        let forecast = Forecast { start: start.parse().unwrap(), ..forecast(&values) };
        let loads = [Load { forecast: &forecast, paths: None, history: None, per_unit: 1.0 }];
        let limits = Limits::unlimited();
        let request = Request { loads: &loads, time_zone: &berlin, limits: &limits, prior_units: None };
        let settings = CapacitySettings { form: Form::Weekly, max_changes: Some(200), ..plain() };
        let table = plan(&request, &settings).unwrap();
        for (i, value) in values.iter().enumerate() {
            let step = table.steps.iter().rev().find(|s| s.from <= forecast.time(i)).unwrap();
            assert!(f64::from(step.units) >= *value, "{start} hour {i}");
            assert_eq!(step.reason, "weekly");
        }
        let After::Weekly { steps } = table.after else { panic!("{:?}", table.after) };
        assert_eq!((steps[0].day, steps[0].time.as_str()), (1, "00:00"));
    }
}

#[test]
fn the_past_fills_the_days_that_the_forecast_does_not_reach() {
    // Two weeks of hours: 5 by day on weekdays, 1 else; the forecast is one Tuesday.
    let values: Vec<f64> =
        (0..336).map(|h| if h / 24 % 7 < 5 && (8..18).contains(&(h % 24)) { 5.0 } else { 1.0 }).collect();
    let monday = Timestamp::from_second(START - 15 * 24 * HOUR).unwrap();
    let history = Series::new(monday, Duration::from_secs(3_600), values).unwrap();
    let forecast = forecast(&[3.0; 24]);
    let loads = [Load { forecast: &forecast, paths: None, history: Some(&history), per_unit: 1.0 }];
    let limits = Limits::unlimited();
    let request = Request { loads: &loads, time_zone: &TimeZone::UTC, limits: &limits, prior_units: None };
    let table = plan(&request, &CapacitySettings { after: AfterKind::Weekly, ..plain() }).unwrap();
    let After::Weekly { steps } = table.after else { panic!("{:?}", table.after) };
    let lines = crate::schedule::render_week(&steps);
    assert_eq!(lines["1 Mon"], "00:00 1  08:00 5  18:00 1");
    assert_eq!(lines["2 Tue"], "00:00 3");
    assert_eq!(lines["3 Wed"], "00:00 1  08:00 5  18:00 1");
    assert_eq!(lines["7 Sun"], "00:00 1");
}

fn rails() -> impl Strategy<Value = CapacitySettings> {
    let windows = proptest::collection::vec((0i64..3_000, 1i64..400), 0..3);
    let numbers = (0u32..4, 4u32..40, 0u64..2_000, 0u64..9_000);
    let limits = (proptest::option::of(1u32..9), proptest::option::of(1u32..9), proptest::option::of(1usize..12));
    (numbers, limits, windows).prop_map(|((min, max, warm_up, dwell), (ramp_up, ramp_down, max_changes), windows)| {
        let freeze = |(from, length): (i64, i64)| FreezeWindow { from: at(from), to: at(from + length) };
        CapacitySettings {
            min,
            max,
            warm_up: Span::seconds(warm_up),
            dwell: Span::seconds(dwell),
            ramp_up,
            ramp_down,
            max_changes,
            freeze_windows: windows.into_iter().map(freeze).collect(),
            ..plain()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_rail_breaks_another(values in proptest::collection::vec(0.0..45.0f64, 1..60), settings in rails(), prior in proptest::option::of(0u32..45)) {
        let table = table(&values, &settings, prior);
        let spacing = (settings.dwell.as_secs().div_ceil(60) * 60) as i64;
        prop_assert!(table.steps.iter().all(|s| (settings.min..=settings.max).contains(&s.units)));
        for pair in table.steps.windows(2) {
            let (before, after) = (&pair[0], &pair[1]);
            prop_assert_ne!(before.units, after.units);
            prop_assert!(after.from.as_second() - before.from.as_second() >= spacing);
            prop_assert!(settings.ramp_up.is_none_or(|up| after.units <= before.units + up));
            prop_assert!(settings.ramp_down.is_none_or(|down| before.units <= after.units + down));
            prop_assert!(!settings.freeze_windows.iter().any(|w| w.from <= after.from && after.from < w.to));
        }
        prop_assert!(settings.max_changes.is_none_or(|most| table.steps.len() <= most));
        // What is needed is there, from one warm-up ahead.
        for (hour, value) in values.iter().enumerate() {
            let need = units_for_load(*value, 1.0, 1.0).clamp(settings.min, settings.max);
            let (from, to) = (START + hour as i64 * HOUR, START + (hour as i64 + 1) * HOUR);
            for second in [from - settings.warm_up.as_secs() as i64, from, to - 1] {
                let units = table.steps.iter().rev().find(|s| s.from.as_second() <= second).or(table.steps.first());
                prop_assert!(units.is_some_and(|s| s.units >= need), "hour {} second {}", hour, second - START);
            }
        }
    }
}
