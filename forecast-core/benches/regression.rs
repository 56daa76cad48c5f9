//! Prophet and dynamic harmonic regression on four weeks of hours: a fit, and the day ahead with an interval.
//!
//! `cargo bench -p forecast-core --bench regression`

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use forecast_core::models::{Harmonic, Prophet};
use forecast_core::paths::Dice;
use forecast_core::{Ahead, Forecaster, Level, Series};

/// Load with a day, a quiet weekend, a bend and noise; the same numbers on every machine.
fn load(n: usize) -> Series {
    let mut dice = Dice::new(20_240_601);
    let values = (0..n).map(|t| {
        let x = t as f64;
        let bend = 0.05 * x - 0.1 * (x - 400.0).max(0.0) - if t / 24 % 7 >= 5 { 12.0 } else { 0.0 };
        60.0 + bend + 20.0 * libm::sin(x / 24.0 * std::f64::consts::TAU) + 10.0 * (dice.unit() - 0.5)
    });
    let start = "2026-11-02T00:00:00Z".parse().expect("a time that is written right");
    Series::new(start, Duration::from_secs(3600), values.collect()).expect("finite values on a whole step")
}

fn day_ahead(model: &dyn Forecaster, y: &Series) -> f64 {
    let levels = [0.1, 0.9].map(|p| Level::new(p).expect("a probability"));
    let fitted = model.fit(y).expect("four weeks of hours are enough");
    fitted.forecast(&Ahead::steps(24), &levels).expect("no regressor is missing").quantiles[(23, 1)]
}

fn regressions(c: &mut Criterion) {
    let hours = load(672);
    let harmonic = Harmonic { seasons: vec![24, 168], ..Harmonic::default() };
    c.bench_function("fit/prophet/672", |b| b.iter(|| Prophet::default().fit(black_box(&hours))));
    c.bench_function("fit and day ahead/prophet/672", |b| b.iter(|| day_ahead(&Prophet::default(), black_box(&hours))));
    c.bench_function("fit/harmonic[24,168]/672", |b| b.iter(|| harmonic.fit(black_box(&hours))));
}

criterion_group!(benches, regressions);
criterion_main!(benches);
