//! The local level against R's `StructTS(type = "level")`.

use forecast_core::Forecaster;
use forecast_core::models::Structural;

use super::{check_close, number, reference, series};

/// The entry that is compared.
pub(super) const ENTRY: &str = "StructTS_level_Nile";

#[test]
fn the_local_level_of_the_nile() {
    let entry = reference(ENTRY);
    let y = series("Nile");
    let fitted = Structural { slope: false }.fit(&y).unwrap();
    check_close("level", fitted.parameters()["sigma2_level"], number(&entry["coef"]["level"]), 1e-2);
    check_close("epsilon", fitted.parameters()["sigma2"], number(&entry["coef"]["epsilon"]), 1e-3);
    // R starts with the first value under a prior of ten thousand times the variance of the data, and counts that value.
    let values = y.values();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (values.len() - 1) as f64;
    let prior = 0.5 * libm::log(1e4 * variance * std::f64::consts::TAU);
    let ours = fitted.log_likelihood().unwrap() - prior;
    check_close("log-likelihood", ours, number(&entry["loglik"]), 1e-6);
}
