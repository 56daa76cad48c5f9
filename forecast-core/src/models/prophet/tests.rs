//! Tests of the whole model.

use jiff::tz::TimeZone;
use ndarray::Array2;

use super::super::testing::{check_fitted_traits, hourly_with_gaps};
use super::*;
use crate::calendar::Event;
use crate::grammar;
use crate::series::Regressors;

/// A line that bends at step 200, a day, and noise.
fn load(n: usize, noise: f64) -> Vec<f64> {
    let mut dice = Dice::new(2);
    (0..n).map(|t| truth(t) + noise * normal_quantile(dice.unit().max(1e-9))).collect()
}

fn truth(t: usize) -> f64 {
    let x = t as f64;
    80.0 + 0.2 * x - 0.3 * (x - 200.0).max(0.0) + 12.0 * libm::sin(x / 24.0 * std::f64::consts::TAU)
}

#[test]
fn it_is_a_model_like_any_other() {
    check_fitted_traits(&Prophet::default(), &hourly(load(100, 1.0)));
    check_fitted_traits(&*grammar::parse("prophet(multiplicative)[8]").unwrap(), &hourly(load(100, 1.0)));
    let mut gaps: Vec<Option<f64>> = load(100, 1.0).into_iter().map(Some).collect();
    gaps[..3].fill(None);
    gaps[40..60].fill(None);
    gaps[96..].fill(None);
    check_fitted_traits(&Prophet::default(), &hourly_with_gaps(&gaps));
}

#[test]
fn the_bend_is_found_and_the_line_goes_on() {
    let fitted = Prophet::default().fit(&hourly(load(400, 0.5))).unwrap();
    let ahead = fitted.forecast(&Ahead::steps(48), &[]).unwrap();
    for (k, point) in ahead.point.iter().enumerate() {
        assert!((point - truth(400 + k)).abs() < 3.0, "lead {k}: {point}, expected {}", truth(400 + k));
    }
    let parameters = fitted.parameters();
    assert!(parameters["S1-86400s"].abs() > 0.05 && parameters["log_posterior"].is_finite(), "{parameters:?}");
}

#[test]
fn the_further_ahead_the_wider() {
    let levels = [0.1, 0.9].map(|p| Level::new(p).unwrap());
    let fitted = Prophet::default().fit(&hourly(load(400, 0.5))).unwrap();
    let ahead = fitted.forecast(&Ahead::steps(300), &levels).unwrap();
    let width = |k: usize| ahead.quantiles[(k, 1)] - ahead.quantiles[(k, 0)];
    assert!(width(299) > 2.0 * width(0), "{} and {}", width(0), width(299));
    // Noise of deviation 0.5: 80 % within 1.28 of them.
    assert!((width(0) / (2.0 * 1.28 * 0.5) - 1.0).abs() < 0.25, "{}", width(0));
}

fn day(name: &str, date: &str, zone: &TimeZone) -> Event {
    let date: jiff::civil::Date = date.parse().unwrap();
    let at = |date: jiff::civil::Date| zone.to_timestamp(date.at(0, 0, 0, 0)).unwrap();
    Event { name: name.into(), from: at(date), to: at(date.tomorrow().unwrap()), factor: None }
}

#[test]
fn an_event_and_the_day_after_it_are_learned() {
    let zone = TimeZone::get("America/New_York").unwrap();
    let days = ["2026-11-06", "2026-11-12", "2026-11-20"];
    let calendar = Calendar::new(zone.clone()).with_events(days.iter().map(|d| day("sale", d, &zone)).collect());
    let plain = hourly(load(400, 0.1)).with_calendar(calendar.clone());
    let effect = |y: &Series, t: usize| {
        let date = y.calendar().local(y.time(t)).date().to_string();
        match date.as_str() {
            "2026-11-06" | "2026-11-12" | "2026-11-20" => 30.0,
            "2026-11-07" | "2026-11-13" | "2026-11-21" => -10.0,
            _ => 0.0,
        }
    };
    let values: Vec<f64> = (0..400).map(|t| plain.values()[t] + effect(&plain, t)).collect();
    let y = hourly(values).with_calendar(calendar);
    let windows = BTreeMap::from([("sale".to_owned(), EventWindow { after: 1, ..EventWindow::default() })]);
    let fitted = Prophet { windows, ..Prophet::default() }.fit(&y).unwrap();
    let size = y.values().iter().fold(0.0_f64, |max, v| max.max(v.abs()));
    let parameters = fitted.parameters();
    assert!((parameters["sale"] * size - 30.0).abs() < 1.0, "{parameters:?}");
    assert!((parameters["sale+1d"] * size + 10.0).abs() < 1.0, "{parameters:?}");
    for (k, point) in fitted.forecast(&Ahead::steps(96), &[]).unwrap().point.iter().enumerate() {
        let expected = truth(400 + k) + effect(&y, 400 + k);
        assert!((point - expected).abs() < 3.0, "lead {k}: {point}, expected {expected}");
    }
}

fn hourly(values: impl AsRef<[f64]>) -> Series {
    super::super::testing::hourly(values.as_ref())
}

#[test]
fn a_product_of_trend_and_season_is_learned_as_one() {
    let truth = |t: usize| {
        let x = t as f64;
        (50.0 + 0.5 * x) * (1.0 + 0.3 * libm::sin(x / 24.0 * std::f64::consts::TAU))
    };
    let y = hourly((0..300).map(truth).collect::<Vec<_>>());
    let model = Prophet { multiplicative: true, seasons: vec![24], ..Prophet::default() };
    let ahead = model.fit(&y).unwrap().forecast(&Ahead::steps(48), &[]).unwrap();
    for (k, point) in ahead.point.iter().enumerate() {
        assert!((point / truth(300 + k) - 1.0).abs() < 0.01, "lead {k}: {point}, expected {}", truth(300 + k));
    }
}

#[test]
fn a_regressor_has_to_be_known_ahead() {
    let rows = |from: usize, n: usize| Regressors {
        names: vec!["price".into()],
        values: Array2::from_shape_fn((n, 1), |(t, _)| ((from + t) * 7 % 13) as f64),
    };
    let values: Vec<f64> = load(400, 0.1).iter().enumerate().map(|(t, v)| v - 2.0 * (t * 7 % 13) as f64).collect();
    let fitted = Prophet::default().fit(&hourly(values).with_regressors(rows(0, 400)).unwrap()).unwrap();
    let missing = fitted.forecast(&Ahead::steps(5), &[]);
    assert_eq!(missing, Err(ForecastError::Regressor { name: "price".into(), needed: 5 }));
    let ahead = Ahead { regressors: rows(400, 13), ..Ahead::steps(13) };
    for (k, point) in fitted.forecast(&ahead, &[]).unwrap().point.iter().enumerate() {
        let expected = truth(400 + k) - 2.0 * ((400 + k) * 7 % 13) as f64;
        assert!((point - expected).abs() < 2.5, "lead {k}: {point}, expected {expected}");
    }
}

#[test]
fn wrong_settings_are_named() {
    let model = Prophet { season_scale: 0.0, ..Prophet::default() };
    assert!(model.fit(&hourly(load(50, 1.0))).unwrap_err().to_string().contains("season_scale is 0"));
}
