//! Exponential smoothing against R's `forecast::ets`: likelihood and forecasts at its parameters and start states, and a
//! likelihood at our own parameters that is no lower.

use std::collections::BTreeMap;

use forecast_core::models::{Ets, Form, Given};
use forecast_core::{Ahead, Forecaster, Level, Series};
use serde_json::Value;

use super::{check_all_close, check_close, data, number, numbers, reference, series};

const ON_AIR_PASSENGERS: [&str; 12] =
    ["ANN", "AAN", "MNN", "MAN", "MMN", "ANA", "AAA", "MNA", "MAA", "MNM", "MAM", "MMM"];
const ON_ACCIDENTAL_DEATHS: [&str; 5] = ["ANN", "AAN", "ANA", "AAA", "MAM"];
/// Series whose form R chose.
const CHOSEN: [&str; 12] = [
    "AirPassengers",
    "USAccDeaths",
    "WWWusage",
    "lynx",
    "LakeHuron",
    "Nile",
    "wineind",
    "woolyrnq",
    "JohnsonJohnson",
    "nottem",
    "co2",
    "UKgas",
];

/// Every entry that is compared.
pub(super) fn entries() -> impl Iterator<Item = String> {
    let on_deaths = ON_ACCIDENTAL_DEATHS.into_iter().map(|form| format!("ets_USAccDeaths_{form}"));
    on_air_passengers().chain(on_deaths).chain(CHOSEN.into_iter().map(|name| format!("ets_auto_{name}")))
}

/// Each form, damped besides where it has a trend.
fn on_air_passengers() -> impl Iterator<Item = String> {
    let both =
        |form: &'static str| [Some(""), (!form[1..].starts_with('N')).then_some("_damped")].map(|d| Some(form).zip(d));
    ON_AIR_PASSENGERS.into_iter().flat_map(both).flatten().map(|(form, d)| format!("ets_AirPassengers_{form}{d}"))
}

fn form(entry: &Value) -> Form {
    let letter = |i: usize| entry["components"][i].as_str().unwrap().to_lowercase();
    let damped = if letter(3) == "true" { "d" } else { "" };
    Form::from_letters(&letter(0), &format!("{}{damped}", letter(1)), &letter(2)).unwrap()
}

fn given(entry: &Value) -> Given {
    let parameter = |name: &str| entry["par"][name].as_f64().unwrap_or(f64::NAN);
    let states = numbers(&entry["initstate"]);
    let trended = entry["components"][1] != "N";
    // R's first seasonal state is that of the step before the first value, and so on back in time.
    let season: Vec<f64> = states[1 + usize::from(trended)..].iter().rev().copied().collect();
    Given {
        parameters: ["alpha", "beta", "gamma", "phi"].map(parameter),
        level: states[0],
        trend: if trended { states[1] } else { 0.0 },
        season,
    }
}

/// The full likelihood of what R prints.
fn full(log_likelihood: f64, n: usize) -> f64 {
    let n = n as f64;
    log_likelihood + 0.5 * n * (libm::log(n) - 1.0 - libm::log(std::f64::consts::TAU))
}

fn season_length(name: &str) -> Option<usize> {
    let frequency = data(&format!("data_{name}.json"))["frequency"].as_f64().unwrap() as usize;
    (frequency > 1).then_some(frequency)
}

/// What R 4.2's forecasts are off by: a damped trend beside a multiplicative season is not damped on the first step, a
/// damped multiplicative one has its powers of phi one step late from the second on.
fn quirks_of_r(entry: &Value, at: &BTreeMap<String, f64>, horizon: usize) -> Vec<f64> {
    let (damped, trend) = (entry["components"][3] == "TRUE", entry["components"][1].as_str().unwrap());
    let multiplied = entry["components"][2] == "M";
    if !damped || (trend == "A" && !multiplied) {
        return vec![1.0; horizon];
    }
    let (level, b, phi) = (at["level"], at["trend"], at["phi"]);
    let powers = |from: usize, to: usize| (from..=to).map(|i| libm::pow(phi, i as f64)).sum::<f64>();
    let ratio = |k: usize| {
        if trend == "A" {
            (level + b * powers(0, k)) / (level + b * powers(1, k + 1))
        } else {
            libm::pow(b, phi + powers(1, k) - powers(1, k + 1))
        }
    };
    (0..horizon).map(ratio).collect()
}

fn check(entry_name: &str, data_name: &str) {
    let entry = reference(entry_name);
    let y: Series = series(data_name);
    let m = season_length(data_name);
    let form = form(&entry);
    let theirs =
        Ets { form: Some(form), season_length: m, given: Some(given(&entry)), ..Ets::default() }.fit(&y).unwrap();
    let expected = full(number(&entry["loglik"]), y.len());
    check_close(entry_name, theirs.log_likelihood().unwrap(), expected, 1e-6);
    let mut mean = numbers(&entry["forecast"]["mean"]);
    if let (Some(m), true, "M") = (m, form.relative_errors, entry["components"][2].as_str().unwrap()) {
        // Further on R's mean and variance hold the covariance of level and season, which ours, medians, leave out.
        mean.truncate(m);
    }
    let asked = [0.025, 0.1, 0.9, 0.975].map(|p| Level::new(p).unwrap());
    let forecast = theirs.forecast(&Ahead::steps(mean.len()), &asked).unwrap();
    let quirks = quirks_of_r(&entry, &theirs.parameters(), mean.len());
    let as_in_r = |values: Vec<f64>| -> Vec<f64> { values.iter().zip(&quirks).map(|(v, q)| v * q).collect() };
    check_all_close(entry_name, &as_in_r(forecast.point.clone()), &mean, 1e-6);
    // Forms without a formula for the variance are simulated, in R with other dice; bounds of load do not go below zero.
    let off = if quirks.iter().any(|q| *q != 1.0) { 1e-3 } else { 1e-4 };
    let simulated = entry["components"][1] == "M";
    if !simulated {
        for (level, name) in asked.iter().zip(["lower95", "lower80", "upper80", "upper95"]) {
            let bound: Vec<f64> =
                numbers(&entry["forecast"][name]).into_iter().map(|v| v.max(0.0)).take(mean.len()).collect();
            check_all_close(&format!("{entry_name} {name}"), &as_in_r(forecast.quantile(*level).unwrap()), &bound, off);
        }
    }
    let ours = Ets { form: Some(form), season_length: m, ..Ets::default() }.fit(&y).unwrap();
    let found = ours.log_likelihood().unwrap();
    println!("{entry_name}: {} {found:.4}, R {expected:.4}", ours.name());
    assert!(found >= expected - 1e-3, "{entry_name}: the likelihood is {found}, R's is {expected}");
}

#[test]
fn every_form_on_air_passengers() {
    for entry in on_air_passengers() {
        check(&entry, "AirPassengers");
    }
}

#[test]
fn several_forms_on_accidental_deaths() {
    for form in ON_ACCIDENTAL_DEATHS {
        check(&format!("ets_USAccDeaths_{form}"), "USAccDeaths");
    }
}

#[test]
fn the_form_that_r_chooses_and_our_own_choice() {
    for name in CHOSEN {
        let entry_name = format!("ets_auto_{name}");
        check(&entry_name, name);
        let entry = reference(&entry_name);
        let y = series(name);
        let chosen = Ets { season_length: season_length(name), ..Ets::default() };
        let chosen = if chosen.season_length.is_none() { Ets { season_length: Some(1), ..chosen } } else { chosen };
        let fitted = chosen.fit(&y).unwrap();
        let n = y.len();
        let expected = number(&entry["aicc"]) - 2.0 * (full(0.0, n));
        let found = fitted.aicc().unwrap();
        println!("{name}: {} {found:.4}, R {} {expected:.4}", fitted.name(), entry["method"]);
        assert!(found <= expected + 2e-3, "{name}: AICc is {found}, R's is {expected}");
    }
}
