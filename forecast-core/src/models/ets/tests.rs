//! Forms, choice and robustness; agreement with R is tested in `tests/golden`.

use super::super::testing::{check_fitted_traits, hourly};
use super::*;
use crate::model::Ahead;
use crate::paths::Dice;

fn wave(n: usize, level: f64) -> Series {
    let mut dice = Dice::new(4);
    let value = |t: usize| level + [9.0, -3.0, -6.0, 0.0][t % 4] + 0.05 * t as f64;
    hourly(&(0..n).map(|t| value(t) + 2.0 * dice.unit()).collect::<Vec<_>>())
}

fn every_form() -> Vec<Form> {
    let mut all = Form::usual(true, true);
    for letters in [["a", "m", "n"], ["m", "md", "m"], ["m", "m", "n"], ["a", "n", "m"], ["a", "ad", "m"]] {
        all.push(Form::from_letters(letters[0], letters[1], letters[2]).unwrap());
    }
    all
}

#[test]
fn every_form_forecasts_updates_and_is_restored() {
    for form in every_form() {
        check_fitted_traits(&Ets { form: Some(form), season_length: Some(4), ..Ets::default() }, &wave(80, 50.0));
    }
}

#[test]
fn the_form_of_a_plain_season_is_found() {
    let fitted = Ets { season_length: Some(4), ..Ets::default() }.fit(&wave(120, 50.0)).unwrap();
    assert!(fitted.name().ends_with(",A)[4]") || fitted.name().ends_with(",M)[4]"), "{}", fitted.name());
    let ahead = fitted.forecast(&Ahead::steps(8), &[]).unwrap();
    for (k, point) in ahead.point.iter().enumerate() {
        let truth = 51.0 + [9.0, -3.0, -6.0, 0.0][k % 4] + 0.05 * (120 + k) as f64;
        assert!((point - truth).abs() < 1.5, "lead {k} is {point}, expected {truth}");
    }
}

#[test]
fn a_level_of_a_billion_costs_no_digit() {
    let form = Form::from_letters("a", "a", "a").unwrap();
    let model = Ets { form: Some(form), season_length: Some(4), ..Ets::default() };
    let sse = |level: f64| model.fit(&wave(100, level)).unwrap().sse().unwrap();
    let (low, high) = (sse(0.0), sse(1e9));
    assert!((low - high).abs() < 1e-5 * low, "{low} {high}");
}

#[test]
fn zeros_are_left_to_additive_forms() {
    let mut values: Vec<f64> = (0..60).map(|t| f64::from(t % 4)).collect();
    values[7] = 0.0;
    let fitted = Ets { season_length: Some(4), ..Ets::default() }.fit(&hourly(&values)).unwrap();
    assert!(fitted.name().starts_with("ets(A,"), "{}", fitted.name());
    let form = Form::from_letters("m", "n", "n");
    let refused = Ets { form, ..Ets::default() }.fit(&hourly(&values));
    assert!(matches!(refused, Err(FitError::NotPositive { .. })));
}
