//! Holt-Winters on four weeks of hours: the size that a capacity plan sees.
//!
//! `cargo bench -p forecast-core --bench smoothing`

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use forecast_core::models::HoltWinters;
use forecast_core::paths::Dice;
use forecast_core::{Forecaster, Series};

/// Load with a day and a week, slow noise and a wandering level; the same numbers on every machine.
fn load(n: usize) -> Series {
    let mut dice = Dice::new(20_240_601);
    let (mut slow, mut level) = (0.0, 100.0);
    let values = (0..n).map(|t| {
        slow = 0.7 * slow + 8.0 * (dice.unit() - 0.5);
        level += 0.4 * (dice.unit() - 0.5);
        let day = std::f64::consts::TAU * t as f64 / 24.0;
        level * (1.0 + 0.3 * libm::sin(day) + 0.1 * libm::cos(2.0 * day) + 0.05 * libm::sin(day / 7.0)) + slow
    });
    let start = "2026-11-02T00:00:00Z".parse().expect("a time that is written right");
    Series::new(start, Duration::from_secs(3600), values.collect()).expect("finite values on a whole step")
}

fn holt_winters(c: &mut Criterion) {
    let hours = load(672);
    for season in [24, 168] {
        let model = HoltWinters { season_length: Some(season), ..HoltWinters::default() };
        c.bench_function(&format!("fit/holt_winters(additive)[{season}]/672"), |b| {
            b.iter(|| model.fit(black_box(&hours)))
        });
    }
}

criterion_group!(benches, holt_winters);
criterion_main!(benches);
