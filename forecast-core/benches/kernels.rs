//! Likelihoods by the point: the throughput says how many points of how many candidates a second.
//!
//! `cargo bench -p forecast-core --bench kernels`

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use forecast_core::kernels::measure::{Conditional, HoltWinters, Sarima};
use forecast_core::kernels::{Dispatch, force};
use forecast_core::paths::Dice;

/// Four weeks of hours.
const N: usize = 672;

fn noise() -> Vec<f64> {
    let mut dice = Dice::new(7);
    (0..N).map(|t| 2.0 * (t % 24) as f64 + dice.unit()).collect()
}

fn kernels(c: &mut Criterion) {
    let mut group = c.benchmark_group("by the point");
    for path in [Dispatch::Avx2, Dispatch::Fused] {
        // A machine without AVX2 has its rows by the portable path; one without FMA has none that are fused.
        if force(path) != path && path == Dispatch::Fused {
            continue;
        }
        let fused = if path == Dispatch::Fused { ", fused" } else { "" };
        for m in [24, 168] {
            let smoothing = HoltWinters::new(noise(), m);
            let lanes = smoothing.lanes().len();
            group.throughput(Throughput::Elements(N as u64));
            let name = format!("holt_winters[{m}], 1 candidate{fused}");
            group.bench_function(name, |b| b.iter(|| black_box(&smoothing).one(4)));
            group.throughput(Throughput::Elements((N * lanes) as u64));
            let name = format!("holt_winters[{m}], {lanes} lanes{fused}");
            group.bench_function(name, |b| b.iter(|| black_box(&smoothing).lanes()));
        }
        let mut conditional = Conditional::new(&noise(), 24);
        let lanes = conditional.lanes().len();
        group.throughput(Throughput::Elements(N as u64));
        let name = format!("arima(1,0,1)(0,0,1)[24], conditional, 1 series{fused}");
        group.bench_function(name, |b| b.iter(|| black_box(&mut conditional).one()));
        group.throughput(Throughput::Elements((N * lanes) as u64));
        let name = format!("arima(1,0,1)(0,0,1)[24], conditional, {lanes} lanes{fused}");
        group.bench_function(name, |b| b.iter(|| black_box(&mut conditional).lanes()));
    }
    let exact = Sarima::new(noise(), 24);
    let (_, lanes) = exact.lanes();
    group.throughput(Throughput::Elements((N * lanes) as u64));
    group.bench_function(format!("arima(0,0,1)(0,0,1)[24], exact, {lanes} lanes"), |b| {
        b.iter(|| black_box(&exact).lanes())
    });
    group.finish();
}

criterion_group!(benches, kernels);
criterion_main!(benches);
