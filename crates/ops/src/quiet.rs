//! Quiet windows: stretches of the forecast in which the load is low, for maintenance and for experiments.

use forecast_core::Forecast;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::duration::Span;

/// What counts as quiet.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QuietSettings {
    /// Share of the way from the lowest to the highest forecast up to which a load is low.
    pub share: f64,
    /// Shortest stretch that counts.
    pub min_length: Span,
}

impl Default for QuietSettings {
    fn default() -> Self {
        Self { share: 0.2, min_length: Span::seconds(2 * 3_600) }
    }
}

/// A stretch of low load, end excluded.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct QuietWindow {
    /// First instant.
    pub from: Timestamp,
    /// First instant after it.
    pub to: Timestamp,
    /// Highest median forecast within, in the unit of the load.
    pub peak: f64,
}

/// The stretches in which the median forecast is low, in order; none where the forecast is flat.
pub fn quiet_windows(forecast: &Forecast, settings: &QuietSettings) -> Vec<QuietWindow> {
    let low = forecast.point.iter().copied().fold(f64::INFINITY, f64::min);
    let high = forecast.point.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if high <= low || forecast.point.is_empty() {
        return Vec::new();
    }
    let bound = low + settings.share * (high - low);
    let mut windows: Vec<QuietWindow> = Vec::new();
    for (i, value) in forecast.point.iter().enumerate().filter(|(_, v)| **v <= bound) {
        let (from, to) = (forecast.time(i), forecast.time(i + 1));
        match windows.last_mut() {
            Some(last) if last.to == from => *last = QuietWindow { to, peak: last.peak.max(*value), ..*last },
            _ => windows.push(QuietWindow { from, to, peak: *value }),
        }
    }
    let least = i64::try_from(settings.min_length.as_secs()).unwrap_or(i64::MAX);
    windows.retain(|w| w.to.as_second() - w.from.as_second() >= least);
    windows
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn check_windows(point: &[f64], hours: &[(i64, i64)]) {
        let forecast = Forecast {
            start: Timestamp::UNIX_EPOCH,
            step: Duration::from_secs(3_600),
            point: point.to_vec(),
            levels: vec![],
            quantiles: ndarray::Array2::zeros((point.len(), 0)),
        };
        let found = quiet_windows(&forecast, &QuietSettings::default());
        let found: Vec<(i64, i64)> =
            found.iter().map(|w| (w.from.as_second() / 3_600, w.to.as_second() / 3_600)).collect();
        assert_eq!(found, hours);
    }

    #[test]
    fn low_stretches_are_found() {
        check_windows(&[0.0, 1.0, 5.0, 10.0, 2.0, 2.0, 2.1, 1.0], &[(0, 2), (4, 6)]);
        check_windows(&[10.0, 0.0, 10.0], &[]);
    }

    #[test]
    fn a_flat_forecast_has_no_quiet_time() {
        check_windows(&[3.0; 8], &[]);
        check_windows(&[], &[]);
    }
}
