//! Odd series: never a panic, never a forecast that is not finite, whatever the values.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use forecast_core::{Ahead, Calendar, Level, Series, UpdateError, grammar, models::CATALOGUE};
use jiff::tz::TimeZone;
use proptest::prelude::*;

fn names() -> Vec<String> {
    let of = |name: &str| match name {
        "arima" => vec!["arima[4]".into(), "arima(1,0,1)(0,1,1)[4]".into(), "arima(2,1,2)".into()],
        "ensemble" => vec!["ensemble(naive, mean)".to_owned()],
        "holt_winters" => vec!["holt_winters[4]".into(), "holt_winters(multiplicative, damped)[4]".into()],
        "ets" => vec!["ets[4]".into(), "ets(A,Ad,A)[4]".into(), "ets(M,M,M)[4]".into(), "ets(M,Ad,N)".into()],
        "mstl" => vec!["mstl[4,8]".into(), "mstl(robust, naive)[4]".into(), "mstl".into()],
        "theta" => vec!["theta[4]".into(), "theta(optimized)[4]".into(), "theta(dynamic)".into(), "theta(auto)".into()],
        "harmonic" => vec!["harmonic[4,8]".into(), "harmonic(1)[3]".into(), "harmonic".into()],
        "prophet" => vec!["prophet".into(), "prophet(multiplicative)[4,8]".into()],
        "croston" => vec!["croston".into(), "croston(tsb)".into()],
        "seasonal_naive" | "seasonal_naive_levelled" | "profile" => vec![format!("{name}[4]"), name.to_owned()],
        other => vec![other.to_owned()],
    };
    CATALOGUE.iter().flat_map(|entry| of(entry.name)).collect()
}

fn check_finite(values: &[Option<f64>]) {
    check_finite_of(&names(), values);
}

fn check_finite_of(names: &[String], values: &[Option<f64>]) {
    let start = "2026-11-02T00:00:00Z".parse().unwrap();
    let Ok(y) = Series::from_options(start, Duration::from_secs(3600), values.to_vec()) else { return };
    let levels: Vec<Level> = [0.025, 0.5, 0.975].iter().map(|p| Level::new(*p).unwrap()).collect();
    for name in names {
        let Ok(mut fitted) = grammar::parse(name).unwrap().fit(&y) else { continue };
        let next =
            Series::from_options(y.end(), y.step(), vec![Some(values.iter().flatten().next().copied().unwrap_or(1.0))]);
        match fitted.update(&next.unwrap()) {
            // A model may say that values hundreds of orders of magnitude apart are beyond it.
            Err(UpdateError::NotTaken { .. }) => continue,
            other => other.unwrap(),
        }
        let ahead = Ahead::steps(9);
        let forecast = fitted.forecast(&ahead, &levels).unwrap();
        let paths = fitted.paths(&ahead, 10, 1).unwrap();
        let all = forecast.point.iter().chain(&forecast.quantiles).chain(&paths.values);
        assert!(all.copied().all(f64::is_finite), "{name} on {values:?}: {forecast:?}");
        assert!(fitted.residuals().iter().all(|e| e.is_finite()), "{name} on {values:?}");
        for row in forecast.quantiles.rows() {
            assert!(row[0] <= row[1] && row[1] <= row[2], "{name} on {values:?}: {row}");
        }
    }
}

#[test]
fn constants_steps_zeros_and_spikes() {
    for n in [2, 3, 5, 20, 60] {
        for value in [0.0, 1.0, -3.0, 1e-300, 1e300, -1e300] {
            check_finite(&vec![Some(value); n]);
            let mut step = vec![Some(value); n];
            step[n / 2..].fill(Some(2.0 * value + 1.0));
            check_finite(&step);
            let mut spike = vec![Some(value); n];
            spike[n / 2] = Some(1e9);
            check_finite(&spike);
        }
        check_finite(&(0..n).map(|t| Some(if t % 2 == 0 { 1e-300 } else { 1e300 })).collect::<Vec<_>>());
        check_finite(&(0..n).map(|t| Some(if t % 2 == 0 { -1e300 } else { 1e300 })).collect::<Vec<_>>());
        check_finite(&(0..n).map(|t| Some(t as f64)).collect::<Vec<_>>());
    }
}

/// Some members of the mixture sleep for three weeks.
#[test]
fn a_mixture_with_all_its_members() {
    let n = 24 * 23;
    let check = |value: &dyn Fn(usize) -> Option<f64>| {
        check_finite_of(&["auto".into()], &(0..n).map(value).collect::<Vec<_>>());
    };
    let wave = |t: usize| 50.0 + 20.0 * ((t % 24) as f64 - 12.0).abs() / 12.0;
    for value in [0.0, 1.0, -3.0, 1e-300, 1e300] {
        check(&|_| Some(value));
        check(&|t| Some(if t < n / 2 { value } else { 2.0 * value + 1.0 }));
        check(&|t| Some(if t == n - 30 { 1e9 } else { value }));
    }
    for size in [1e-300, 1e-3, 1e300] {
        check(&|t| Some(size * wave(t)));
        check(&|t| Some(size * (wave(t) - 60.0)));
        check(&|t| Some(if t < n - 40 { size } else { 1.0 } * wave(t)));
        check(&|t| Some(wave(t)).filter(|_| t % 7 != 3 && !(200..260).contains(&t)).map(|v| v * size));
    }
    check(&|t| Some(if t % 2 == 0 { 1e-300 } else { 1e300 }));
    check(&|t| (t % 180 == 100).then_some(t as f64));
}

#[test]
fn gaps_at_either_end_and_hardly_anything_observed() {
    let mut values = vec![None; 60];
    for (at, value) in [(20, 3.0), (31, 8.0), (40, 5.0)] {
        values[at] = Some(value);
    }
    check_finite(&values);
    values[59] = Some(1.0);
    check_finite(&values);
    values[0] = Some(2.0);
    check_finite(&values);
    check_finite(&[Some(1.0), None]);
    check_finite(&[None, Some(1.0)]);
}

/// A night that repeats an hour has one more step than its season has places.
#[test]
fn hardly_two_seasons_around_the_end_of_summer_time() {
    let calendar = Calendar::new(TimeZone::get("Europe/Berlin").unwrap());
    for (minutes, m) in [(60, 24), (15, 96)] {
        let names = [
            "ets[m]",
            "ets(A,Ad,A)[m]",
            "ets(M,A,M)[m]",
            "mstl[m]",
            "mstl(naive)[2,m]",
            "theta[m]",
            "holt_winters[m]",
            "holt_winters(multiplicative)[m]",
            "arima(1,0,1)(0,1,1)[m]",
            "harmonic(1)[m]",
            "seasonal_naive[m]",
            "seasonal_naive_levelled[m]",
            "profile[m]",
            "prophet",
            "auto",
        ];
        for name in names.map(|name| name.replace("m]", &format!("{m}]"))) {
            let model = grammar::parse(&name).unwrap();
            for n in 2 * m - 2..2 * m + 6 {
                let start = "2026-10-24T08:00:00Z".parse().unwrap();
                let values = (0..n).map(|t| 20.0 + (t % m) as f64 + 0.1 * ((t * t) % 7) as f64).collect();
                let y = Series::new(start, Duration::from_secs(60 * minutes), values).unwrap();
                let Ok(fitted) = model.fit(&y.with_calendar(calendar.clone())) else { continue };
                let ahead = fitted.forecast(&Ahead::steps(m), &[]).unwrap();
                assert!(ahead.point.iter().all(|v| v.is_finite()), "{name} on {n} values");
            }
        }
    }
}

/// Found by fuzzing: sums of squares and states that had become infinite were stored as nothing.
#[test]
fn a_fit_that_took_in_a_value_beyond_measure_can_be_stored() {
    let start = "2026-11-02T00:00:00Z".parse().unwrap();
    let sizes = [(1e200, 1e-3), (-1e308, 1e-3), (1e308, 1e-3), (-2e307, 1e-307), (1e308, 3e-310), (-8e298, -3e-181)];
    for (huge, small) in sizes {
        let mut values: Vec<f64> = (0..40).map(|t| small * f64::from(t % 7)).collect();
        let names =
            ["ses", "holt", "holt_winters[4]", "local_level", "local_linear_trend", "auto", "theta", "theta(dynamic)"];
        for name in names {
            for within in [false, true] {
                values[38] = if within { huge } else { small };
                let y = Series::new(start, Duration::from_secs(3600), values.clone()).unwrap();
                let mut fitted = grammar::parse(name).unwrap().fit(&y).unwrap();
                fitted.update(&Series::new(y.end(), y.step(), vec![huge, small]).unwrap()).unwrap();
                let stored = serde_json::to_string(&fitted.state()).unwrap();
                let restored = serde_json::from_str::<forecast_core::FittedState>(&stored).unwrap().restore();
                let restored = restored.unwrap_or_else(|e| panic!("{name} with {huge} among {small}: {e}"));
                let ahead = Ahead::steps(3);
                assert_eq!(restored.forecast(&ahead, &[]).unwrap(), fitted.forecast(&ahead, &[]).unwrap(), "{name}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_goes(
        values in prop::collection::vec(
            prop_oneof![
                1 => Just(None),
                4 => (0.0..100.0).prop_map(Some),
                1 => (-300.0..300.0, prop::bool::ANY).prop_map(|(e, minus): (f64, bool)| {
                    let size = libm::exp10(e);
                    Some(if minus { -size } else { size })
                }),
            ],
            2..50,
        ),
    ) {
        check_finite(&values);
    }
}
