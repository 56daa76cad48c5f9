//! ARIMA on four weeks of hours and on monthly-sized data: the sizes that a capacity plan and a panel see.
//!
//! `cargo bench -p forecast-core --bench arima`

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use forecast_core::models::{Arima, Likelihood, Order};
use forecast_core::paths::Dice;
use forecast_core::{Forecaster, Series};

/// Load with a season of `season_length` steps, slow noise and a wandering level; the same numbers on every machine.
fn load(n: usize, season_length: usize) -> Series {
    let mut dice = Dice::new(20_240_601);
    let (mut slow, mut level) = (0.0, 100.0);
    let values = (0..n).map(|t| {
        slow = 0.7 * slow + 8.0 * (dice.unit() - 0.5);
        level += 0.4 * (dice.unit() - 0.5);
        let angle = 2.0 * std::f64::consts::PI * t as f64 / season_length as f64;
        level * (1.0 + 0.3 * libm::sin(angle) + 0.1 * libm::cos(2.0 * angle)) + slow
    });
    let start = "2026-11-02T00:00:00Z".parse().expect("a time that is written right");
    Series::new(start, Duration::from_secs(3600), values.collect()).expect("finite values on a whole step")
}

fn fits(c: &mut Criterion) {
    let seasonal = |m| Order::new(1, 0, 1).seasonal(0, 1, 1, m);
    let hours = load(672, 24);
    let exact = Arima::new(seasonal(24));
    c.bench_function("fit/arima(1,0,1)(0,1,1)[24]/672", |b| b.iter(|| exact.fit(black_box(&hours))));
    let css = Arima { likelihood: Likelihood::Css, ..exact.clone() };
    c.bench_function("fit/arima(1,0,1)(0,1,1)[24]/672, conditional", |b| b.iter(|| css.fit(black_box(&hours))));
    let weekly = Arima::new(seasonal(168));
    c.bench_function("fit/arima(1,0,1)(0,1,1)[168]/672", |b| b.iter(|| weekly.fit(black_box(&hours))));
    let airline = Arima::new(Order::new(0, 1, 1).seasonal(0, 1, 1, 12));
    let months = load(120, 12);
    c.bench_function("fit/arima(0,1,1)(0,1,1)[12]/120", |b| b.iter(|| airline.fit(black_box(&months))));
}

fn searches(c: &mut Criterion) {
    let mut group = c.benchmark_group("search");
    group.sample_size(10);
    for (n, m) in [(144, 12), (672, 24)] {
        let y = load(n, m);
        let model = Arima { season_length: Some(m), ..Arima::default() };
        group.bench_function(format!("arima[{m}]/{n}"), |b| b.iter(|| model.fit(black_box(&y))));
    }
    group.finish();
}

criterion_group!(benches, fits, searches);
criterion_main!(benches);
