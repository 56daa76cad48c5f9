//! ARIMA against R's `arima`, `Arima` and `auto.arima`.

use std::collections::BTreeMap;
use std::time::Duration;

use forecast_core::models::{Arima, Likelihood, Order};
use forecast_core::series::Regressors;
use forecast_core::{Ahead, Fitted, Forecaster, Level, Series};
use ndarray::Array2;
use serde_json::Value;

use super::{check_all_close, check_close, data, number, numbers, reference};

/// Entries by exact maximum likelihood with the series that each was fitted to.
const EXACT: [(&str, &str); 30] = [
    ("airline_log_AirPassengers_ML", "LogAir"),
    ("airline_log_AirPassengers_CSSML", "LogAir"),
    ("USAccDeaths_011_011", "USAccDeaths"),
    ("lh_100", "lh"),
    ("lh_300", "lh"),
    ("lh_101", "lh"),
    ("LakeHuron_200_xreg", "LakeHuron"),
    ("presidents_300_missing", "presidents"),
    ("presidents_100_missing", "presidents"),
    ("presidents_101_missing_ML", "presidents"),
    ("WWWusage_310", "WWWusage"),
    ("WWWusage_111", "WWWusage"),
    ("lynx_Arima_201_boxcox0", "lynx"),
    ("Nile_Arima_111", "Nile"),
    ("nottem_Arima_101_211", "nottem"),
    ("UKDriverDeaths_Arima_101_011_drift", "UKDriverDeaths"),
    ("taylor_Arima_101_011_48_ML_first672", "taylor"),
    ("auto_arima_AirPassengers", "AirPassengers"),
    ("auto_arima_USAccDeaths", "USAccDeaths"),
    ("auto_arima_WWWusage", "WWWusage"),
    ("auto_arima_lynx", "lynx"),
    ("auto_arima_LakeHuron", "LakeHuron"),
    ("auto_arima_Nile", "Nile"),
    ("auto_arima_wineind", "wineind"),
    ("auto_arima_woolyrnq", "woolyrnq"),
    ("auto_arima_JohnsonJohnson", "JohnsonJohnson"),
    ("auto_arima_nottem", "nottem"),
    ("auto_arima_sunspot.year", "sunspot.year"),
    ("auto_arima_co2", "co2"),
    ("auto_arima_full_AirPassengers_log", "AirPassengers"),
];
const CONDITIONAL: [(&str, &str); 3] =
    [("airline_log_AirPassengers_CSS", "LogAir"), ("USAccDeaths_011_011_CSS", "USAccDeaths"), ("lh_300_CSS", "lh")];

/// Every entry that is compared.
pub(super) fn entries() -> impl Iterator<Item = String> {
    EXACT.into_iter().chain(CONDITIONAL).map(|(id, _)| id.to_owned())
}

const REGRESSOR: &str = "time(LakeHuron) - 1920";

/// The series of an entry as R's call transforms it, with its regressor.
fn series_of(id: &str, name: &str) -> Series {
    let values = data(&format!("data_{name}.json"))["values"].take();
    let mut values: Vec<Option<f64>> = values.as_array().unwrap().iter().map(Value::as_f64).collect();
    if id.starts_with("UKDriverDeaths") {
        values.iter_mut().for_each(|v| *v = v.map(libm::log10));
    }
    if id.ends_with("first672") {
        values.truncate(672);
    }
    let n = values.len();
    let y = Series::from_options("2000-01-01T00:00:00Z".parse().unwrap(), Duration::from_secs(86_400), values).unwrap();
    if id.ends_with("xreg") { y.with_regressors(years(1875, n)).unwrap() } else { y }
}

fn years(first: i32, n: usize) -> Regressors {
    let values = Array2::from_shape_fn((n, 1), |(t, _)| f64::from(first + t as i32 - 1920));
    Regressors { names: vec![REGRESSOR.into()], values }
}

/// The model of an entry with nothing given.
fn model_of(id: &str, entry: &Value) -> Arima {
    let order: Vec<usize> = numbers(&entry["order"]).iter().map(|x| *x as usize).collect();
    let [p, d, q, sp, sd, sq, m] = order[..] else { panic!("{order:?}") };
    let names = coefficients(entry);
    Arima {
        order: Some(Order::new(p, d, q).seasonal(sp, sd, sq, m)),
        constant: Some(names.contains_key("intercept") || names.contains_key("drift")),
        lambda: entry["call"].as_str().unwrap().contains("lambda=0").then_some(0.0),
        likelihood: if id.ends_with("_CSS") { Likelihood::Css } else { Likelihood::Exact },
        ..Arima::default()
    }
}

fn coefficients(entry: &Value) -> BTreeMap<String, f64> {
    entry["coef"].as_object().into_iter().flatten().map(|(name, value)| (name.clone(), number(value))).collect()
}

/// The model with R's coefficients. One without any has nothing to give.
fn at_r(id: &str, name: &str) -> (Box<dyn Fitted>, Value) {
    let entry = reference(id);
    let model = Arima { given: coefficients(&entry), ..model_of(id, &entry) };
    (model.fit(&series_of(id, name)).unwrap_or_else(|e| panic!("{id}: {e}")), entry)
}

fn check_forecast(id: &str, fitted: &dyn Fitted, entry: &Value) {
    let expected = &entry["forecast"];
    let mean = numbers(&expected["mean"]);
    let levels: Vec<Level> = [0.025, 0.1, 0.9, 0.975].iter().map(|p| Level::new(*p).unwrap()).collect();
    let regressors = if id.ends_with("xreg") { years(1973, mean.len()) } else { Regressors::default() };
    let ahead = Ahead { horizon: mean.len(), regressors, ..Ahead::default() };
    let found = fitted.forecast(&ahead, &levels).unwrap();
    check_all_close(&format!("{id}, mean"), &found.point, &mean, 1e-4);
    // R's intervals stand on its own estimate of the variance.
    let sizes = libm::sqrt(number(&entry["sigma2"]) / fitted.parameters()["sigma2"]);
    let logs = entry["call"].as_str().unwrap().contains("lambda=0");
    let bounds: [(usize, Vec<f64>); 4] = if expected["se"].is_array() {
        let se = numbers(&expected["se"]);
        let bound = |z: f64| mean.iter().zip(&se).map(|(m, s)| m + z * s).collect::<Vec<_>>();
        let (z80, z95) = (1.281_551_565_544_6, 1.959_963_984_540_05);
        [(0, bound(-z95)), (1, bound(-z80)), (2, bound(z80)), (3, bound(z95))]
    } else {
        let all = ["lower95", "lower80", "upper80", "upper95"].map(|key| numbers(&expected[key]));
        let mut all = all.into_iter().enumerate();
        std::array::from_fn(|_| all.next().unwrap())
    };
    let positive = id.contains("lynx") || !series_of_is_negative(id);
    for (column, bound) in bounds {
        for (k, expected) in bound.iter().enumerate() {
            let (point, quantile) = (found.point[k], found.quantiles[(k, column)]);
            let rescaled =
                if logs { point * libm::pow(quantile / point, sizes) } else { point + (quantile - point) * sizes };
            // Ours do not fall below zero where nothing negative was seen.
            if positive && (*expected <= 0.0 || quantile == 0.0) {
                continue;
            }
            let distance = (rescaled - expected).abs();
            assert!(distance <= 1e-4 * expected.abs(), "{id}, bound {column} at {k}: {rescaled}, expected {expected}");
        }
    }
}

fn series_of_is_negative(id: &str) -> bool {
    let (_, name) = EXACT.iter().chain(&CONDITIONAL).find(|(known, _)| *known == id).unwrap();
    series_of(id, name).values().iter().any(|v| *v < 0.0)
}

#[test]
fn the_exact_likelihood_at_the_same_coefficients_is_that_of_r() {
    for (id, name) in EXACT {
        let (fitted, entry) = at_r(id, name);
        check_close(id, fitted.log_likelihood().unwrap(), number(&entry["loglik"]), 1e-6);
        if let Some(aicc) = entry["aicc"].as_f64() {
            check_close(&format!("{id}, AICc"), fitted.aicc().unwrap(), aicc, 1e-6);
        }
    }
}

#[test]
fn forecasts_and_bounds_at_the_same_coefficients_are_those_of_r() {
    for (id, name) in EXACT {
        let (fitted, entry) = at_r(id, name);
        check_forecast(id, &*fitted, &entry);
    }
}

#[test]
fn the_conditional_likelihood_at_the_same_coefficients_is_that_of_r() {
    for (id, name) in CONDITIONAL {
        let (fitted, entry) = at_r(id, name);
        check_close(id, fitted.log_likelihood().unwrap(), number(&entry["loglik"]), 1e-6);
        check_forecast(id, &*fitted, &entry);
    }
}

#[test]
fn the_optimum_is_no_worse_than_that_of_r() {
    for (id, name) in EXACT.into_iter().chain(CONDITIONAL) {
        let entry = reference(id);
        let fitted = model_of(id, &entry).fit(&series_of(id, name)).unwrap();
        let (found, expected) = (fitted.log_likelihood().unwrap(), number(&entry["loglik"]));
        assert!(found >= expected - 1e-4, "{id}: {found}, R {expected}, at {:?}", fitted.parameters());
    }
}

#[test]
fn found_orders_are_no_worse_than_those_of_r() {
    for (id, name) in EXACT.into_iter().filter(|(id, _)| id.starts_with("auto_arima")) {
        let entry = reference(id);
        let Some(order) = model_of(id, &entry).order else { panic!("{id}") };
        let model =
            Arima { order: None, constant: None, season_length: Some(order.season_length), ..model_of(id, &entry) };
        let fitted = model.fit(&series_of(id, name)).unwrap();
        assert_eq!(fitted.differences(), Some((order.d, order.seasonal_d)), "{id}: {}", fitted.name());
        let (found, expected) = (fitted.aicc().unwrap(), number(&entry["aicc"]));
        assert!(found <= expected + 2e-4, "{id}: {} has {found}, R {expected}", fitted.name());
    }
}
