//! A made-up load that all examples share: requests a second of a shop, by the hour.

use std::time::Duration;

use forecast_core::{Series, SeriesError, paths::Dice};
use jiff::Timestamp;

/// Hours from Monday, 5 October 2026, in UTC: busy by day, quiet at weekends, with some noise.
pub(crate) fn shop(hours: usize, seed: u64) -> Result<Series, SeriesError> {
    let mut dice = Dice::new(seed);
    let value = |t: usize| {
        let (hour, weekend) = ((t % 24) as f64, t / 24 % 7 >= 5);
        let day = 60.0 + 40.0 * libm::sin((hour - 8.0) / 24.0 * std::f64::consts::TAU);
        day * if weekend { 0.6 } else { 1.0 }
    };
    let values = (0..hours).map(|t| value(t) * (0.9 + 0.2 * dice.unit())).collect();
    // 5 October 2026, midnight.
    let start = Timestamp::constant(1_791_158_400, 0);
    Series::new(start, Duration::from_secs(3600), values)
}
