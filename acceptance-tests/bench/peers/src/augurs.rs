//! The crate augurs: smoothing without seasons, and MSTL over it.

use augurs::ets::AutoETS;
use augurs::mstl::MSTLModel;
use augurs::{Fit, Predict};

use crate::{Answer, Ask, Found};

pub(crate) fn fit(ask: &Ask, y: &[f64]) -> Answer {
    match ask.model {
        "ets(A,A,A)" | "ets(A,N,A)" => {
            let letters: String = ask.model.chars().filter(char::is_ascii_uppercase).collect();
            smoothing(ask, y, AutoETS::new(ask.season, letters.as_str()).and_then(|model| model.damped(false)))
        }
        "ets" => smoothing(ask, y, AutoETS::new(ask.season, "ZZZ")),
        "mstl[24,168]" => {
            let model = MSTLModel::new(vec![24, 168], AutoETS::non_seasonal().into_trend_model());
            let fitted = model.fit(y).map_err(|e| e.to_string())?;
            let forecast = fitted.predict(ask.horizon, 0.95).map_err(|e| e.to_string())?.point;
            Ok(Found { forecast, ..Found::default() })
        }
        other => Err(format!("no {other}")),
    }
}

fn smoothing(ask: &Ask, y: &[f64], model: Result<AutoETS, augurs::ets::Error>) -> Answer {
    let fitted = model.and_then(|model| model.fit(y)).map_err(|e| e.to_string())?;
    let forecast = fitted.predict(ask.horizon, 0.95).map_err(|e| e.to_string())?.point;
    let (sse, chosen) = (fitted.model().mse() * y.len() as f64, format!("{:?}", fitted.model().model_type()));
    Ok(Found { sse: Some(sse), chosen: Some(chosen), forecast, ..Found::default() })
}
