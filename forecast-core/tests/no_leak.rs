//! Nothing after an origin changes a byte of the forecasts at it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use forecast_core::{Ahead, Fitted, Level, RollingOrigin, Series, backtest, grammar, models::CATALOGUE, paths::Dice};

/// A name of each family that the catalogue lists, with settings that fit an hourly series.
fn every_family() -> Vec<String> {
    let of = |name: &str| match name {
        "ensemble" => "ensemble(naive, holt_winters[24])".to_owned(),
        other => other.to_owned(),
    };
    CATALOGUE.iter().map(|entry| of(entry.name)).collect()
}

fn load(n: usize, seed: u64, positive: bool) -> Vec<Option<f64>> {
    let mut dice = Dice::new(seed);
    let floor = if positive { 1.0 } else { -40.0 };
    (0..n).map(|t| Some(floor + 50.0 + 20.0 * ((t % 24) as f64 - 12.0).abs() / 12.0 + dice.unit())).collect()
}

fn series(values: Vec<Option<f64>>) -> Series {
    Series::from_options("2026-10-05T00:00:00Z".parse().unwrap(), Duration::from_secs(3600), values).unwrap()
}

fn levels() -> Vec<Level> {
    [0.1, 0.5, 0.9].iter().map(|p| Level::new(*p).unwrap()).collect()
}

fn bits(fitted: &dyn Fitted) -> Vec<u64> {
    let forecast = fitted.forecast(&Ahead::steps(30), &levels()).unwrap();
    let paths = fitted.paths(&Ahead::steps(30), 12, 3).unwrap();
    forecast.point.iter().chain(&forecast.quantiles).chain(&paths.values).map(|v| v.to_bits()).collect()
}

#[test]
fn what_follows_an_origin_changes_no_byte() {
    for name in every_family() {
        // Some members of the mixture sleep for three weeks.
        let (n, origin) = if name == "auto" { (640, 580) } else { (400, 340) };
        let mut changed = load(n, 1, true);
        for (t, value) in changed.iter_mut().enumerate().skip(origin) {
            *value = if t % 5 == 0 { None } else { Some(1e6 * t as f64) };
        }
        let model = grammar::parse(&name).unwrap();
        let run = |y: &Series| {
            let mut setup = RollingOrigin::new(&y.slice(0, origin + 30).unwrap(), 24);
            setup.refit_every = 12;
            setup.test_fraction = 0.2;
            let mut rows = Vec::new();
            struct Rows<'a>(&'a mut Vec<(i64, usize, u64)>);
            impl forecast_core::Observer for Rows<'_> {
                fn row(&mut self, row: &forecast_core::backtest::Row<'_>) {
                    self.0.push((row.origin.as_second(), row.lead, row.forecast.to_bits()));
                    self.0.extend(row.quantiles.iter().map(|q| (row.origin.as_second(), row.lead, q.to_bits())));
                }
            }
            let part = y.slice(0, origin + 30).unwrap();
            backtest(&*model, &part, &setup, &mut Rows(&mut rows), &|| false).unwrap();
            let end = y.time(origin).as_second();
            rows.retain(|(at, ..)| *at <= end);
            (rows, bits(&*model.fit(&y.slice(0, origin).unwrap()).unwrap()))
        };
        let (plain, other) = (run(&series(load(n, 1, true))), run(&series(changed.clone())));
        assert!(plain.0.len() > 24 * 3, "{name}: no origin before the change");
        assert!(plain == other, "{name} knows what comes after an origin");
    }
}
