//! Many services at once: `cargo run --release -p forecast-core --example panel`.
//!
//! A fit holds no shared state, so that a panel is a loop over threads; results do not depend on how many there are.

mod load;

use std::error::Error;

use forecast_core::{Ahead, Level, Series, grammar};

/// Peak of the 90 % quantile over the next day.
fn peak(y: &Series) -> Result<f64, Box<dyn Error + Send + Sync>> {
    let forecast = grammar::parse("ets(A,N,A)[24]")?.fit(y)?.forecast(&Ahead::steps(24), &[Level::new(0.9)?])?;
    Ok(forecast.quantiles.iter().copied().fold(f64::MIN, f64::max))
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let panel: Vec<Series> = (0..16).map(|service| load::shop(24 * 28, service)).collect::<Result<_, _>>()?;
    let threads = std::thread::available_parallelism()?.get();
    let block = panel.len().div_ceil(threads);
    let peaks: Vec<f64> = std::thread::scope(|scope| {
        let work = |part: &'_ [Series]| part.iter().map(peak).collect::<Result<Vec<f64>, _>>();
        let running: Vec<_> = panel.chunks(block).map(|part| scope.spawn(move || work(part))).collect();
        let done = running.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked")?);
        done.collect::<Result<Vec<_>, Box<dyn Error + Send + Sync>>>()
    })?
    .concat();
    for (service, peak) in peaks.iter().enumerate() {
        println!("service {service:2}: nine of ten times at most {peak:.0} requests a second");
    }
    Ok(())
}

#[test]
fn it_runs() -> Result<(), Box<dyn Error + Send + Sync>> {
    main()
}
