//! Fits of any model to any series: an error or finite forecasts in order, never a panic, and a stored fit goes on as the
//! kept one does.
//!
//! Input: a model's name on the first line, then one byte of settings, then the values: bytes around zero (0x80 is a
//! missing one) where the lowest bit is set, else doubles of 8 bytes (what is not finite is missing).

#![no_main]

use std::time::Duration;

use forecast_core::calendar::{Calendar, Event};
use forecast_core::{Ahead, Fitted, FittedState, Forecast, Level, Series, grammar};
use libfuzzer_sys::fuzz_target;

/// Most values, so that a run makes many fits.
const MOST: usize = 120;
const HORIZON: usize = 9;

fuzz_target!(|data: &[u8]| {
    let Some(end) = data.iter().position(|byte| *byte == b'\n') else { return };
    let (Ok(name), Some(settings)) = (std::str::from_utf8(&data[..end]), data.get(end + 1)) else { return };
    let model = match grammar::parse(name) {
        Ok(model) => model,
        Err(error) => {
            assert!(error.at <= name.len());
            return;
        }
    };
    let Some(mut y) = series(*settings, &data[end + 2..]) else { return };
    let new = y.span(y.len() - 1, y.len());
    if let (Some(known), true) = (y.slice(0, y.len() - 1), *settings & 32 != 0) {
        y = known;
    }
    let mut fitted = match model.fit(&y) {
        Ok(fitted) => fitted,
        Err(error) => {
            assert!(error.to_string().len() < 1_000, "a long error: {error}");
            return;
        }
    };
    if let (Some(new), true) = (new, *settings & 32 != 0 && y.len() > 1) {
        // A series whose only value is the last one was not cut.
        let _ = fitted.update(&new);
    }
    let forecast = check(&*fitted);
    let text = serde_json::to_string(&fitted.state()).expect("numbers and names are JSON");
    let stored: FittedState = serde_json::from_str(&text).expect("what was written can be read");
    let restored = stored.restore().expect("what was stored can be restored");
    assert_eq!(forecast, check(&*restored), "{name} goes on otherwise after a restore");
});

fn series(settings: u8, bytes: &[u8]) -> Option<Series> {
    let values: Vec<Option<f64>> = if settings & 1 == 1 {
        bytes.iter().take(MOST).map(|byte| (*byte != 0x80).then(|| f64::from(*byte as i8))).collect()
    } else {
        let doubles = bytes.chunks_exact(8).take(MOST).map(|part| f64::from_le_bytes(part.try_into().unwrap_or_default()));
        doubles.map(|value| Some(value).filter(|value| value.is_finite())).collect()
    };
    let step = [3_600, 86_400, 300, 1_800][usize::from(settings >> 1 & 3)];
    let y = Series::from_options(start(), Duration::from_secs(step), values).ok()?;
    let zone = if settings & 8 != 0 { "Europe/Berlin" } else { "UTC" };
    let (from, to) = (y.time(y.len() / 3), y.time(y.len() / 3 + 4));
    let event = Event { name: "sale".into(), from, to, factor: (settings & 64 != 0).then_some(2.0) };
    let events = if settings & 16 != 0 { vec![event] } else { Vec::new() };
    let zone = jiff::tz::TimeZone::get(zone).ok()?;
    Some(y.with_calendar(Calendar::new(zone).with_events(events)))
}

/// Two days before the clock goes back in Berlin.
fn start() -> jiff::Timestamp {
    jiff::Timestamp::constant(1_792_713_600, 0)
}

fn check(fitted: &dyn Fitted) -> Forecast {
    let levels: Vec<Level> = [0.025, 0.5, 0.975].iter().filter_map(|p| Level::new(*p).ok()).collect();
    let ahead = Ahead::steps(HORIZON);
    let forecast = fitted.forecast(&ahead, &levels).expect("no regressor is missing");
    let paths = fitted.paths(&ahead, 5, 1).expect("no regressor is missing");
    let all = forecast.point.iter().chain(&forecast.quantiles).chain(&paths.values).chain(fitted.residuals());
    assert!(all.copied().all(f64::is_finite), "{}: {forecast:?}", fitted.name());
    for row in forecast.quantiles.rows() {
        assert!(row[0] <= row[1] && row[1] <= row[2], "{}: {row}", fitted.name());
    }
    forecast
}
