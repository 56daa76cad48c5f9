//! The crate foresight. Its intervals come from backtests alone, so its forecasts here are points.

use foresight::models::{Arima, AutoArima, AutoEts, Decomposed, Ets, Prophet, Theta};
use foresight::{Fitted, Model, Series};

use crate::{Answer, Ask, Found, sum_of_squares};

pub(crate) fn fit(ask: &Ask, values: &[f64]) -> Answer {
    let y = Series::new(values, ask.season);
    match ask.model {
        "ets(A,A,A)" | "ets(A,N,A)" => {
            let letters: String = ask.model.chars().filter(char::is_ascii_uppercase).collect();
            let model = Ets::from_code(&letters).ok_or_else(|| format!("no {letters}"))?;
            smoothing(ask, values, model.estimate(y))
        }
        "ets" => smoothing(ask, values, AutoEts::new().select(y)),
        "arima(1,0,1)(0,1,1)" => arima(ask, Arima::new(1, 0, 1).seasonal(0, 1, 1).estimate(y)),
        "arima(0,1,1)(0,1,1)" => arima(ask, Arima::airline().estimate(y)),
        "arima" => arima(ask, AutoArima::new().select(y)),
        "theta" => plain(ask, y, &Theta),
        "mstl[24,168]" => plain(ask, y, &Decomposed::new(AutoEts::new()).periods(&[24, 168])),
        "prophet" => {
            let fit = Prophet::new().estimate(y).ok_or("found no fit")?;
            let sse = Some(sum_of_squares(&errors(values, &fit.fitted())));
            Ok(Found { sse, forecast: fit.forecast(ask.horizon), ..Found::default() })
        }
        "holt_winters" => Err("a multiplicative season alone".into()),
        other => Err(format!("no {other}")),
    }
}

fn smoothing(ask: &Ask, values: &[f64], fit: Option<foresight::models::EtsFit>) -> Answer {
    let fit = fit.ok_or("found no fit")?;
    let (sse, chosen) = (Some(sum_of_squares(&errors(values, &fit.fitted))), Some(fit.model().code()));
    Ok(Found { sse, chosen, forecast: fit.forecast(ask.horizon), ..Found::default() })
}

fn arima(ask: &Ask, fit: Option<foresight::models::ArimaFit>) -> Answer {
    let fit = fit.ok_or("found no fit")?;
    let chosen = Some(format!("{:?}{:?}", fit.order(), fit.seasonal_order()));
    let (log_likelihood, aicc) = (Some(fit.log_likelihood), Some(fit.aicc));
    Ok(Found { log_likelihood, aicc, chosen, forecast: fit.forecast(ask.horizon), ..Found::default() })
}

fn plain(ask: &Ask, y: Series<'_>, model: &dyn Model) -> Answer {
    let forecast = model.fit(y).ok_or("found no fit")?.forecast(ask.horizon);
    Ok(Found { forecast, ..Found::default() })
}

fn errors(values: &[f64], fitted: &[f64]) -> Vec<f64> {
    values.iter().zip(fitted).map(|(value, fitted)| value - fitted).collect()
}
