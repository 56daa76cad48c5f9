//! Naive methods against R's `rwf`, `snaive` and `accuracy`.

use forecast_core::models::{Drift, SeasonalNaive};
use forecast_core::{Ahead, Forecaster, scores};

use super::{check_close, number, numbers, reference, series};

const DRIFT: &str = "tsCV_rwf_drift_AirPassengers";
const SCORES: &str = "accuracy_snaive_AirPassengers";
/// Every entry that is compared.
pub(super) const ENTRIES: [&str; 2] = [DRIFT, SCORES];

#[test]
fn drift_one_step_ahead() {
    let y = series("AirPassengers");
    let squares: Vec<f64> = (2..y.len())
        .map(|origin| {
            let fitted = Drift.fit(&y.slice(0, origin).unwrap()).unwrap();
            let error = y.values()[origin] - fitted.forecast(&Ahead::steps(1), &[]).unwrap().point[0];
            error * error
        })
        .collect();
    let rmse = (squares.iter().sum::<f64>() / squares.len() as f64).sqrt();
    check_close("rmse", rmse, number(&reference(DRIFT)["rmse"]), 1e-10);
}

#[test]
fn scores_of_a_seasonal_naive_forecast() {
    let y = series("AirPassengers");
    let past = y.slice(0, 132).unwrap();
    let model = SeasonalNaive { season_length: Some(12) };
    let point = model.fit(&past).unwrap().forecast(&Ahead::steps(12), &[]).unwrap().point;
    let options = |from: usize, to: usize| (from..to).map(|t| y.observation(t)).collect::<Vec<_>>();
    let (past, truth) = (options(0, 132), options(132, 144));
    let expected = numbers(&reference(SCORES)["test"].as_array().unwrap()[..7].into());
    let mase = scores::mase(&past, &truth, &point, 12).unwrap();
    check_close("mase", mase, expected[5], 1e-12);
    let mae = scores::wape(&truth, &point).unwrap() * truth.iter().flatten().sum::<f64>() / 12.0;
    check_close("mae", mae, expected[2], 1e-12);
}
