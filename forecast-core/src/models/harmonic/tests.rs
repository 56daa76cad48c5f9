//! Tests of the whole model.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::super::testing::{check_fitted_traits, hourly, hourly_with_gaps};
use super::super::{Likelihood, Order};
use super::*;
use crate::grammar;
use crate::math::normal_quantile;
use crate::paths::Dice;

/// Smooth seasons of 8 and 56 steps, a level, and noise with a memory.
fn load(n: usize, noise: f64) -> Vec<f64> {
    let mut dice = Dice::new(9);
    let mut memory = 0.0;
    (0..n)
        .map(|t| {
            memory = 0.6 * memory + noise * normal_quantile(dice.unit().max(1e-9));
            truth(t) + memory
        })
        .collect()
}

fn truth(t: usize) -> f64 {
    let wave = |period: u64, harmonic, sine| Wave { period, harmonic, sine }.at(t as i64);
    60.0 + 9.0 * wave(8, 1, true) + 3.0 * wave(8, 2, false) + 6.0 * wave(56, 1, false) - 4.0 * wave(56, 3, true)
}

fn check_goes_on(fitted: &dyn Fitted, n: usize, within: f64) {
    let ahead = fitted.forecast(&Ahead::steps(56), &[]).unwrap();
    for (k, point) in ahead.point.iter().enumerate() {
        assert!((point - truth(n + k)).abs() < within, "lead {k}: {point}, expected {}", truth(n + k));
    }
}

#[test]
fn it_is_a_model_like_any_other() {
    let y = hourly(&load(224, 1.0));
    check_fitted_traits(&Harmonic { seasons: vec![8, 56], ..Harmonic::default() }, &y);
    check_fitted_traits(&*grammar::parse("harmonic(2)[8]").unwrap(), &y);
    check_fitted_traits(&Harmonic::default(), &y);
    let mut gaps: Vec<Option<f64>> = load(224, 1.0).into_iter().map(Some).collect();
    gaps[30..36].fill(None);
    gaps[219..].fill(None);
    check_fitted_traits(&Harmonic { seasons: vec![8], ..Harmonic::default() }, &hourly_with_gaps(&gaps));
}

#[test]
fn both_seasons_go_on() {
    let y = hourly(&load(560, 1.0));
    let fitted = Harmonic { seasons: vec![8, 56], ..Harmonic::default() }.fit(&y).unwrap();
    let harmonics = fitted.state().state["after"]["harmonics"].as_array().unwrap().len();
    assert_eq!(harmonics, 2);
    assert!(grammar::parse(&fitted.name()).is_ok() && fitted.name().ends_with(")[8,56]"), "{}", fitted.name());
    check_goes_on(&*fitted, 560, 3.0);
    assert!(fitted.aicc().unwrap() > -2.0 * fitted.log_likelihood().unwrap());
}

#[test]
fn without_noise_the_waves_are_exact() {
    let y = hourly(&load(224, 0.0));
    let fitted = Harmonic { seasons: vec![8, 56], harmonics: Some(vec![2, 3]), errors: None }.fit(&y).unwrap();
    check_goes_on(&*fitted, 224, 1e-6);
    let parameters = fitted.parameters();
    assert!((parameters["S1-8"] - 9.0).abs() < 1e-6 && (parameters["S3-56"] + 4.0).abs() < 1e-6, "{parameters:?}");
}

/// Regressors and waves learned together or in turn differ by less than their standard errors.
#[test]
fn a_regressor_is_told_apart_from_the_waves() {
    let n = 448;
    let switch = |t: usize| if t % 97 < 30 { 1.0 } else { 0.0 };
    let values: Vec<f64> = load(n, 1.0).iter().enumerate().map(|(t, v)| v + 20.0 * switch(t)).collect();
    let regressors = |from: usize, count: usize| Regressors {
        names: vec!["switch".into()],
        values: Array2::from_shape_fn((count, 1), |(t, _)| switch(from + t)),
    };
    let y = hourly(&values).with_regressors(regressors(0, n)).unwrap();
    let errors = Some(Arima { likelihood: Likelihood::Exact, ..Arima::new(Order::new(1, 0, 0)) });
    let fitted = Harmonic { seasons: vec![8, 56], harmonics: None, errors }.fit(&y).unwrap();
    let parameters = fitted.parameters();
    assert!((parameters["switch"] - 20.0).abs() < 1.5 && (parameters["ar1"] - 0.6).abs() < 0.15, "{parameters:?}");
    let missing = fitted.forecast(&Ahead::steps(4), &[]);
    assert!(matches!(missing, Err(ForecastError::Regressor { needed: 4, .. })), "{missing:?}");
    let ahead = Ahead { regressors: regressors(n, 60), ..Ahead::steps(60) };
    for (k, point) in fitted.forecast(&ahead, &[]).unwrap().point.iter().enumerate() {
        let expected = truth(n + k) + 20.0 * switch(n + k);
        assert!((point - expected).abs() < 4.0, "lead {k}: {point}, expected {expected}");
    }
}

#[test]
fn days_follow_the_wall_clock() {
    let calendar = Calendar::new(TimeZone::get("Europe/Berlin").unwrap());
    let start = "2026-10-01T22:00:00Z".parse().unwrap();
    let hours = Series::new(start, Duration::from_secs(3600), vec![0.0; 24 * 40]).unwrap().with_calendar(calendar);
    // The clock goes back on 25 October: the noon of users moves.
    let at = |t: usize| {
        let hour = f64::from(hours.calendar().local(hours.time(t)).hour());
        50.0 + 10.0 * libm::cos((hour - 12.0) / 24.0 * std::f64::consts::TAU)
    };
    let n = 24 * 22;
    let y = Series::new(start, Duration::from_secs(3600), (0..n).map(at).collect()).unwrap();
    let y = y.with_calendar(Calendar::clone(hours.calendar()));
    let fitted = Harmonic { seasons: vec![24], ..Harmonic::default() }.fit(&y).unwrap();
    for (k, point) in fitted.forecast(&Ahead::steps(24 * 10), &[]).unwrap().point.iter().enumerate() {
        assert!((point - at(n + k)).abs() < 1e-3, "lead {k}: {point}, expected {}", at(n + k));
    }
}

#[test]
fn what_it_cannot_do_it_says() {
    let y = hourly(&load(100, 1.0));
    let long = Harmonic { seasons: vec![56], ..Harmonic::default() };
    assert!(matches!(long.fit(&y), Err(FitError::TooShort { needed: 112, got: 100, .. })));
    let unlike = Harmonic { harmonics: Some(vec![1, 2, 3, 4]), ..Harmonic::default() };
    assert!(unlike.fit(&y).unwrap_err().to_string().contains("as many as there are numbers of terms"));
}

/// In white noise over whole seasons each wave and the mean add what they take of n values: p / n of the variance.
#[test]
fn intervals_hold_what_the_coefficients_are_not_known_by() {
    let (n, level) = (168, Level::new(0.975).unwrap());
    let mut dice = Dice::new(9);
    let values: Vec<f64> = (0..n).map(|t| truth(t) + normal_quantile(dice.unit().max(1e-9))).collect();
    let errors = Some(Arima { likelihood: Likelihood::Exact, ..Arima::new(Order::new(0, 0, 0)) });
    let fitted = Harmonic { seasons: vec![8, 56], harmonics: Some(vec![2, 5]), errors }.fit(&hourly(&values)).unwrap();
    let expected = (fitted.parameters()["sigma2"] * (1.0 + 15.0 / n as f64)).sqrt();
    let restored = fitted.state().restore().unwrap();
    for model in [&fitted, &restored] {
        let forecast = model.forecast(&Ahead::steps(60), &[level]).unwrap();
        for (k, point) in forecast.point.iter().enumerate() {
            let deviation = (forecast.quantiles[(k, 0)] - point) / normal_quantile(0.975);
            assert!((deviation / expected - 1.0).abs() < 1e-6, "lead {k}: {deviation}, expected {expected}");
        }
    }
}
