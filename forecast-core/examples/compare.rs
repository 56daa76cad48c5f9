//! Which model to trust: `cargo run --release -p forecast-core --example compare`.
//!
//! Each model forecasts every hour of the last week a day ahead, from what it could know then, and is scored. WAPE is the share
//! of the load that was forecast wrongly; a MASE below 1 beats repeating yesterday; about 80 % of the hours should lie
//! in the 80 % interval.

mod load;

use std::error::Error;

use forecast_core::{RollingOrigin, backtest, grammar};

fn main() -> Result<(), Box<dyn Error>> {
    let y = load::shop(24 * 28, 1)?;
    let setup = RollingOrigin { stride: 6, ..RollingOrigin::new(&y, 24) };
    println!("{:36} {:>6} {:>6} {:>9}", "model", "WAPE", "MASE", "in 80 %");
    for name in ["auto", "naive", "seasonal_naive[168]", "holt_winters(additive)[24]", "theta[24]", "mstl[24,168]"] {
        let scores = backtest(&*grammar::parse(name)?, &y, &setup, &mut (), &|| false)?;
        let seen = scores.interval_coverage.iter().find(|(nominal, _)| *nominal == 0.8).map_or(0.0, |(_, seen)| *seen);
        println!("{name:36} {:5.1}% {:6.2} {:8.0}%", 100.0 * scores.wape, scores.mase, 100.0 * seen);
    }
    Ok(())
}

#[test]
fn it_runs() -> Result<(), Box<dyn Error>> {
    main()
}
