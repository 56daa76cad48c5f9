//! The theta method against R's `thetaf`, and Croston's method against R's `croston`.

use forecast_core::models::{Croston, Theta};
use forecast_core::{Ahead, Forecaster, Level, Series};

use super::{check_all_close, check_close, data, number, numbers, reference, series};

const SEASONAL: [&str; 4] = ["AirPassengers", "USAccDeaths", "wineind", "woolyrnq"];
const WITHOUT_A_SEASON: [&str; 2] = ["WWWusage", "Nile"];
const CROSTON: &str = "croston_example";

/// Every entry that is compared.
pub(super) fn entries() -> impl Iterator<Item = String> {
    let theta = SEASONAL.into_iter().chain(WITHOUT_A_SEASON).map(|name| format!("thetaf_{name}"));
    theta.chain([CROSTON.to_owned()])
}

fn check(name: &str) {
    let entry = reference(&format!("thetaf_{name}"));
    let m = data(&format!("data_{name}.json"))["frequency"].as_f64().unwrap() as usize;
    let fitted = Theta { season_length: Some(m), ..Theta::default() }.fit(&series(name)).unwrap();
    check_close(name, fitted.parameters()["alpha"], number(&entry["alpha"]), 1e-3);
    check_close(name, fitted.parameters()["drift"], number(&entry["drift"]), 1e-8);
    let asked = [0.025, 0.1, 0.9, 0.975].map(|p| Level::new(p).unwrap());
    let forecast = fitted.forecast(&Ahead::steps(12), &asked).unwrap();
    check_all_close(name, &forecast.point, &numbers(&entry["forecast"]["mean"]), 1e-4);
    for (level, bound) in asked.iter().zip(["lower95", "lower80", "upper80", "upper95"]) {
        let expected = numbers(&entry["forecast"][bound]);
        check_all_close(&format!("{name} {bound}"), &forecast.quantile(*level).unwrap(), &expected, 2e-4);
    }
}

#[test]
fn seasonal_series() {
    for name in SEASONAL {
        check(name);
    }
}

#[test]
fn series_without_a_season() {
    for name in WITHOUT_A_SEASON {
        check(name);
    }
}

#[test]
fn intermittent_demand() {
    let values =
        [0., 0., 3., 0., 0., 0., 5., 0., 2., 0., 0., 0., 0., 4., 0., 1., 0., 0., 6., 0., 0., 2., 0., 0.].to_vec();
    let y = Series::new("2000-01-01T00:00:00Z".parse().unwrap(), std::time::Duration::from_secs(86_400), values);
    let forecast = Croston::default().fit(&y.unwrap()).unwrap().forecast(&Ahead::steps(6), &[]).unwrap();
    check_all_close("croston", &forecast.point, &numbers(&reference(CROSTON)["mean"]), 1e-12);
}
