//! Drift method: the last value plus the mean step, carried forward.
//!
//! Model: y[t] = y[t-1] + drift + e[t]. Source: Hyndman & Athanasopoulos, FPP3, section 5.2. Checked against R's
//! `tsCV(AirPassengers, rwf, drift = TRUE)`, relative tolerance 1e-10.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::rule::{Past, Rule};
use crate::series::Series;

/// Random walk with drift; a floor that every richer model has to beat on series with a trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Drift;

/// Last value and mean step before an origin.
fn line(past: &Past, origin: usize) -> (f64, f64) {
    let first = past.series().observed()[..origin].iter().position(|seen| *seen).unwrap_or(0);
    let (at, last) = past.last_before(origin);
    let steps = at.saturating_sub(first);
    // Divided before subtracting: the difference of two huge values may not be finite.
    let slope = if steps == 0 { 0.0 } else { last / steps as f64 - past.value(first) / steps as f64 };
    (last + slope * (origin - 1).saturating_sub(at) as f64, slope)
}

impl Rule for Drift {
    fn name(&self) -> String {
        "drift".into()
    }

    fn observations(&self) -> usize {
        2
    }

    fn settled(&self, _y: &Series) -> Self {
        *self
    }

    fn point(&self, past: &Past, origin: usize, out: &mut [f64]) {
        let (last, slope) = line(past, origin);
        for (k, out) in out.iter_mut().enumerate() {
            *out = last + slope * (k + 1) as f64;
        }
    }

    fn parameters(&self, past: &Past) -> BTreeMap<String, f64> {
        let (level, drift) = line(past, past.series().len());
        BTreeMap::from([("level".into(), level), ("drift".into(), drift)])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_point, hourly, hourly_with_gaps};
    use super::*;

    #[test]
    fn a_line_goes_on() {
        check_point(&Drift, &hourly(&[1.0, 3.0, 4.0, 7.0]), &[9.0, 11.0]);
    }

    #[test]
    fn a_gap_at_the_end_is_walked_over() {
        check_point(&Drift, &hourly_with_gaps(&[None, Some(1.0), Some(3.0), None]), &[7.0, 9.0]);
    }
}
