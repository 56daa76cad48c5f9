//! Holt-Winters smoothing against R's `HoltWinters`: SSE, coefficients and forecasts at its parameters within 1e-8, and at our
//! own parameters an SSE of at most R's times 1 + 1e-4 from the same start.

use forecast_core::models::{HoltWinters, Seasonal};
use forecast_core::{Ahead, Forecaster, Level};

use super::{check_all_close, check_close, number, numbers, reference, series};

const ADDITIVE: &str = "HoltWinters_co2";
const MULTIPLICATIVE: &str = "HoltWinters_AirPassengers_mult";
const AT_GIVEN_PARAMETERS: &str = "HoltWinters_AirPassengers_fixed";
const SIMPLE: &str = "HoltWinters_Nile_ses";
/// Every entry that is compared.
pub(super) const ENTRIES: [&str; 4] = [ADDITIVE, MULTIPLICATIVE, AT_GIVEN_PARAMETERS, SIMPLE];

fn check(entry: &str, data: &str, model: HoltWinters) {
    let expected = reference(entry);
    let y = series(data);
    let at = ["alpha", "beta", "gamma"].map(|name| Some(number(&expected[name])));
    let fixed = HoltWinters { fixed: [at[0], at[1], at[2], None], ..model.clone() };
    let fitted = fixed.fit(&y).unwrap();
    let sse = number(&expected["sse"]);
    check_close(entry, fitted.sse().unwrap(), sse, 1e-8);
    let parameters = fitted.parameters();
    check_close(entry, parameters["level"], number(&expected["coefficients"]["a"]), 1e-8);
    if model.trend {
        check_close(entry, parameters["trend"], number(&expected["coefficients"]["b"]), 1e-7);
    }
    let mean = numbers(&expected["forecast"]["mean"]);
    let levels = [0.025, 0.975].map(|p| Level::new(p).unwrap());
    let forecast = fitted.forecast(&Ahead::steps(mean.len()), &levels).unwrap();
    check_all_close(entry, &forecast.point, &mean, 1e-8);
    // Bounds of the multiplicative form differ from R's, whose one-step variance is not that of its residuals.
    let bounds = if model.seasonal == Seasonal::Multiplicative { Vec::new() } else { levels.to_vec() };
    for (level, name) in bounds.into_iter().zip(["lower95", "upper95"]) {
        check_all_close(entry, &forecast.quantile(level).unwrap(), &numbers(&expected["forecast"][name]), 1e-8);
    }
    let own = model.fit(&y).unwrap().sse().unwrap();
    assert!(own <= sse * (1.0 + 1e-4), "{entry}: the sum of squares is {own}, R's is {sse}");
}

fn seasonal(seasonal: Seasonal) -> HoltWinters {
    HoltWinters { seasonal, season_length: Some(12), ..HoltWinters::default() }
}

#[test]
fn additive() {
    check(ADDITIVE, "co2", seasonal(Seasonal::Additive));
}

#[test]
fn multiplicative() {
    check(MULTIPLICATIVE, "AirPassengers", seasonal(Seasonal::Multiplicative));
}

#[test]
fn additive_at_given_parameters() {
    check(AT_GIVEN_PARAMETERS, "AirPassengers", seasonal(Seasonal::Additive));
}

#[test]
fn simple() {
    check(SIMPLE, "Nile", HoltWinters::simple());
}
