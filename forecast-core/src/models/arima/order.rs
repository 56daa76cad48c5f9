//! Orders of a seasonal ARIMA model.

use serde::{Deserialize, Serialize};

/// Orders (p, d, q)(P, D, Q) and the length m of a season; m is 1 without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Autoregressive terms.
    pub p: usize,
    /// Differences.
    pub d: usize,
    /// Moving-average terms.
    pub q: usize,
    /// Seasonal autoregressive terms.
    pub seasonal_p: usize,
    /// Seasonal differences.
    pub seasonal_d: usize,
    /// Seasonal moving-average terms.
    pub seasonal_q: usize,
    /// Steps of a season; 1 without one.
    pub season_length: usize,
}

impl Order {
    /// ARIMA(p, d, q) without a season.
    pub fn new(p: usize, d: usize, q: usize) -> Self {
        Self { p, d, q, seasonal_p: 0, seasonal_d: 0, seasonal_q: 0, season_length: 1 }
    }

    /// The same with seasonal orders (P, D, Q) over `season_length` steps.
    #[must_use]
    pub fn seasonal(self, p: usize, d: usize, q: usize, season_length: usize) -> Self {
        Self { seasonal_p: p, seasonal_d: d, seasonal_q: q, season_length, ..self }
    }

    /// Number of ARMA coefficients.
    pub fn coefficients(&self) -> usize {
        self.p + self.q + self.seasonal_p + self.seasonal_q
    }

    /// Values that differencing takes away.
    pub fn lost(&self) -> usize {
        self.d + self.seasonal_d * self.season_length
    }

    /// Number of differences, seasonal ones included.
    pub fn differences(&self) -> usize {
        self.d + self.seasonal_d
    }

    /// Longest lag of the autoregressive polynomial.
    pub(super) fn longest_ar(&self) -> usize {
        self.p + self.seasonal_p * self.season_length
    }

    /// Longest lag of the moving-average polynomial.
    pub(super) fn longest_ma(&self) -> usize {
        self.q + self.seasonal_q * self.season_length
    }

    /// Size r of the state: max(p, q + 1) of the multiplied polynomials.
    pub(super) fn states(&self) -> usize {
        self.longest_ar().max(self.longest_ma() + 1)
    }

    /// Whether any seasonal order is above zero.
    pub fn is_seasonal(&self) -> bool {
        self.seasonal_p + self.seasonal_d + self.seasonal_q > 0
    }
}

impl std::fmt::Display for Order {
    /// As in the grammar of model names, without `arima`: `(1,0,1)(0,1,1)[24]`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({},{},{})", self.p, self.d, self.q)?;
        if self.season_length > 1 && self.is_seasonal() {
            write!(f, "({},{},{})", self.seasonal_p, self.seasonal_d, self.seasonal_q)?;
            write!(f, "[{}]", self.season_length)?;
        }
        Ok(())
    }
}
