//! From measurements to a forecast with an interval: `cargo run --release -p forecast-core --example first_forecast`.
//!
//! Four weeks of hours go in, the next day comes out, with the range that eight of ten hours should lie in.

mod load;

use std::error::Error;

use forecast_core::{Ahead, Level, grammar};

fn main() -> Result<(), Box<dyn Error>> {
    let y = load::shop(24 * 28, 1)?;
    let fitted = grammar::parse("auto")?.fit(&y)?;
    let forecast = fitted.forecast(&Ahead::steps(24), &[Level::new(0.1)?, Level::new(0.9)?])?;
    println!("{:20} {:>8} {:>8} {:>8}", "time", "10 %", "median", "90 %");
    for (k, point) in forecast.point.iter().enumerate() {
        let (low, high) = (forecast.quantiles[(k, 0)], forecast.quantiles[(k, 1)]);
        println!("{:20} {low:8.1} {point:8.1} {high:8.1}", forecast.time(k).to_string());
    }
    Ok(())
}

#[test]
fn it_runs() -> Result<(), Box<dyn Error>> {
    main()
}
