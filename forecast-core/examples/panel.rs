//! Many services at once: `cargo run --release -p forecast-core --example panel`.
//!
//! Threads take blocks of series, and a block's series of equal length are fitted in SIMD lanes; results do not depend on
//! how many threads there are.

mod load;

use std::error::Error;

use forecast_core::{Ahead, Level, Series, fit_panel, grammar};

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let panel: Vec<Series> = (0..16).map(|service| load::shop(24 * 28, service)).collect::<Result<_, _>>()?;
    let model = grammar::parse("ets(A,N,A)[24]")?;
    let (threads, high) = (std::thread::available_parallelism()?.get(), [Level::new(0.9)?]);
    // Of each fit only the peak of the 90 % quantile over the next day is kept.
    let peaks = fit_panel(
        model.as_ref(),
        panel,
        threads,
        |_, _, fit| -> Result<f64, Box<dyn Error + Send + Sync>> {
            let forecast = fit?.forecast(&Ahead::steps(24), &high)?;
            Ok(forecast.quantiles.iter().copied().fold(f64::MIN, f64::max))
        },
        |_| (),
    );
    for (service, peak) in peaks.into_iter().enumerate() {
        println!("service {service:2}: nine of ten times at most {:.0} requests a second", peak?);
    }
    Ok(())
}

#[test]
fn it_runs() -> Result<(), Box<dyn Error + Send + Sync>> {
    main()
}
