//! Dynamic harmonic regression against R's `Arima(xreg = fourier(...))` and `fourier`.

use forecast_core::models::{Arima, Harmonic, Order};
use forecast_core::{Ahead, Forecast, Forecaster, Level, waves};

use super::{check_all_close, check_close, data, number, numbers, reference, series};

/// The entry that is compared.
pub(super) const ENTRY: &str = "fourier_24_K2";

#[test]
fn fourier_terms_are_those_of_r() {
    let entry = reference(ENTRY);
    let waves = waves::of_season(24, 2);
    for (t, row) in entry["head"].as_array().unwrap().iter().enumerate() {
        // R counts from one.
        let found: Vec<f64> = waves.iter().map(|wave| wave.at(t as i64 + 1)).collect();
        check_all_close(&format!("row {t}"), &found, &numbers(row), 1e-12);
    }
}

#[test]
fn regressions_are_no_worse_than_those_of_r_and_forecast_alike() {
    for entry in data("harmonic.json").as_array().unwrap() {
        let name = entry["data"].as_str().unwrap();
        let order: Vec<usize> = numbers(&entry["order"]).iter().map(|x| *x as usize).collect();
        let errors = Arima { constant: Some(order[1] == 0), ..Arima::new(Order::new(order[0], order[1], order[2])) };
        let model = Harmonic {
            seasons: vec![12],
            harmonics: Some(vec![entry["K"].as_u64().unwrap() as usize]),
            errors: Some(errors),
        };
        let fitted = model.fit(&series(name)).unwrap();
        let (found, expected) = (fitted.log_likelihood().unwrap(), number(&entry["loglik"]));
        assert!((-1e-4..1e-2).contains(&(found - expected)), "{name}: {found}, R {expected}");
        check_close(&format!("{name}, AICc"), fitted.aicc().unwrap(), number(&entry["aicc"]), 1e-4);
        check_close(&format!("{name}, sigma2"), fitted.parameters()["sigma2"], number(&entry["sigma2"]), 2e-3);
        let asked = [0.025, 0.1, 0.9, 0.975].map(|p| Level::new(p).unwrap());
        let forecast = fitted.forecast(&Ahead::steps(24), &asked).unwrap();
        check_all_close(name, &forecast.point, &numbers(&entry["mean"]), 1e-3);
        for (level, bound) in asked.iter().zip(["lower95", "lower80", "upper80", "upper95"]) {
            check_bounds(
                &format!("{name} {bound}"),
                &forecast,
                *level,
                &numbers(&entry[bound]),
                &numbers(&entry["mean"]),
            );
        }
    }
}

/// R takes the coefficients of the waves as known, so that its bounds are no farther from the mean than ours.
fn check_bounds(name: &str, forecast: &Forecast, level: Level, theirs: &[f64], means: &[f64]) {
    let ours = forecast.quantile(level).unwrap();
    for (k, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        let (near, far) = ((theirs - means[k]).abs(), (ours - forecast.point[k]).abs());
        let within = -2e-3 * theirs.abs()..0.5 * near;
        assert!(within.contains(&(far - near)), "{name}, lead {k}: {far} from the mean, R {near}");
    }
}
