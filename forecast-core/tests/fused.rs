//! The fused path, which is taken only by those who ask for it: here in a process of its own, as it is taken by all threads.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use forecast_core::kernels::measure::{Conditional, HoltWinters};
use forecast_core::kernels::{Dispatch, dispatch, force};
use forecast_core::paths::Dice;
use forecast_core::{Ahead, Series, grammar};
use proptest::prelude::*;

const MODELS: [&str; 3] = ["holt_winters[24]", "arima(1,0,1)(0,1,1)[24]", "auto"];

fn values(n: usize, size: f64, seed: u64) -> Vec<f64> {
    let mut dice = Dice::new(seed);
    (0..n).map(|t| size * (10.0 + (t % 24) as f64 + 4.0 * dice.unit())).collect()
}

fn near(a: f64, b: f64, within: f64) -> bool {
    (a - b).abs() <= within * a.abs().max(b.abs())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn fused_kernels_say_the_same_but_for_rounding(
        n in 60_usize..400,
        m in 2_usize..60,
        size in prop::sample::select(vec![1e-100, 1e-3, 1.0, 1e6, 1e100]),
        seed in any::<u64>(),
    ) {
        prop_assert_ne!(dispatch(), Dispatch::Fused, "nobody asked for it");
        let (smoothing, mut conditional) = (HoltWinters::new(values(n, size, seed), m), Conditional::new(&values(n, size, seed), m));
        let plain = (smoothing.lanes(), conditional.lanes());
        let before = dispatch();
        let found = force(Dispatch::Fused);
        let fused = (smoothing.lanes(), conditional.lanes());
        let alone: Vec<f64> = (0..fused.0.len()).map(|i| smoothing.one(i)).collect();
        let one = conditional.one();
        force(before);
        for (plain, fused) in plain.0.iter().zip(&fused.0).chain(plain.1.iter().zip(&fused.1)) {
            prop_assert!(near(*plain, *fused, 1e-9), "{plain} and {fused}");
        }
        // A lane has the bits of one alone on this path, too; a machine without it has compared the plain path with itself.
        prop_assert_eq!(fused.0.map(f64::to_bits).to_vec(), alone.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
        prop_assert!(fused.1.iter().all(|x| x.to_bits() == one.to_bits()), "{:?}, alone {}", fused.1, one);
        prop_assert!(found == Dispatch::Fused || plain.0.map(f64::to_bits) == fused.0.map(f64::to_bits));
        if seed % 8 == 0 {
            let y = Series::new("2026-11-02T00:00:00Z".parse().unwrap(), Duration::from_secs(3600), values(n, size, seed)).unwrap();
            for name in MODELS {
                let Ok(plain) = grammar::parse(name).unwrap().fit(&y) else { continue };
                force(Dispatch::Fused);
                let fused = grammar::parse(name).unwrap().fit(&y).unwrap();
                force(before);
                let ahead = Ahead::steps(24);
                let (plain, fused) = (plain.forecast(&ahead, &[]).unwrap(), fused.forecast(&ahead, &[]).unwrap());
                for (plain, fused) in plain.point.iter().zip(&fused.point) {
                    prop_assert!(near(*plain, *fused, 1e-3), "{}: {} and {}", name, plain, fused);
                }
            }
        }
    }
}
