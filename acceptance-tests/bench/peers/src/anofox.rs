//! The crate anofox-forecast. Its likelihoods are not on the scale of R's or not of all values, so only its one-step errors
//! are compared; those of its MSTL are of the smoothed past, and nought.

use anofox_forecast::models::arima::{AutoARIMA, AutoARIMAConfig, SARIMA};
use anofox_forecast::models::exponential::{AutoETS, AutoETSConfig, ETS, ETSSpec, HoltWinters, SeasonalType};
use anofox_forecast::models::theta::{AutoTheta, Theta};
use anofox_forecast::models::{Forecaster, MSTLForecaster};
use anofox_forecast::prelude::TimeSeries;
use chrono::{DateTime, Duration};

use crate::{Answer, Ask, Found, sum_of_squares};

pub(crate) fn fit(ask: &Ask, y: &[f64]) -> Answer {
    let m = ask.season;
    match ask.model {
        "ets(A,A,A)" | "ets(A,N,A)" => {
            let letters: String = ask.model.chars().filter(char::is_ascii_uppercase).collect();
            let spec = ETSSpec::from_notation(&letters).map_err(|e| format!("{e:?}"))?;
            run(ask, y, ETS::new(spec, m), |_| None)
        }
        "ets" => run(ask, y, AutoETS::with_config(AutoETSConfig::with_period(m)), |f| {
            Some(format!("{:?}", f.selected_spec()?))
        }),
        "holt_winters" => run(ask, y, HoltWinters::auto(m, SeasonalType::Additive), |_| None),
        "arima(1,0,1)(0,1,1)" => run(ask, y, SARIMA::new(1, 0, 1, 0, 1, 1, m), |_| None),
        "arima(0,1,1)(0,1,1)" => run(ask, y, SARIMA::new(0, 1, 1, 0, 1, 1, m), |_| None),
        "arima" => {
            let model = AutoARIMA::with_config(AutoARIMAConfig::default().with_seasonal_period(m));
            run(ask, y, model, |f| Some(format!("{:?}", f.selected_full_order()?)))
        }
        "theta" => run(ask, y, Theta::seasonal(m), |_| None),
        "theta, best of all" => run(ask, y, AutoTheta::seasonal(m), |f| Some(format!("{:?}", f.selected_model()?))),
        "mstl[24,168]" => run(ask, y, MSTLForecaster::new(vec![24, 168]), |_| None),
        other => Err(format!("no {other}")),
    }
}

fn run<F: Forecaster>(ask: &Ask, y: &[f64], mut model: F, chosen: impl Fn(&F) -> Option<String>) -> Answer {
    let times = (0..y.len()).map(|t| DateTime::UNIX_EPOCH + Duration::hours(t as i64)).collect();
    let series = TimeSeries::univariate(times, y.to_vec()).map_err(|e| format!("{e:?}"))?;
    model.fit(&series).map_err(|e| format!("{e:?}"))?;
    let forecast = model.predict_with_intervals(ask.horizon, 0.95).map_err(|e| format!("{e:?}"))?.primary().to_vec();
    let sse = model.residuals().filter(|_| !ask.model.starts_with("mstl")).map(sum_of_squares);
    Ok(Found { sse, chosen: chosen(&model), forecast, ..Found::default() })
}
