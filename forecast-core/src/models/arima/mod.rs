//! Seasonal ARIMA with regressors, by exact maximum likelihood; orders given or found.
//!
//! Model: y[t] = x[t]' beta + eta[t] and
//! phi(B) Phi(B^m) (1 - B)^d (1 - B^m)^D eta[t] = theta(B) Theta(B^m) e[t], e ~ N(0, sigma2), with
//! phi(B) = 1 - phi[1] B - ... and theta(B) = 1 + theta[1] B + ..., as in R's `arima`. Source: Box & Jenkins (1976), Time
//! Series Analysis; regression with such errors as in Harvey & Phillips (1979), Biometrika 66, 49-58.
//!
//! The way through: [`design`] differences and gathers columns, [`css`] finds a start, [`exact`] evaluates the likelihood
//! by Chandrasekhar recursions in O(r) memory, [`optimize`] climbs it, [`outlook`] forecasts, [`auto`] finds orders,
//! [`doubt`] says what columns are not known by. Series of one shape go through [`css`], [`exact`] and [`optimize`] side by
//! side, in lanes.
//! Checked against R in `tests/golden`, against a dense diffuse Kalman filter below.

mod auto;
mod css;
mod design;
mod doubt;
mod exact;
mod fit;
mod fitted;
#[cfg(test)]
mod kalman;
mod optimize;
mod order;
mod outlook;
mod polynomial;
mod regression;
mod settings;
mod start_variance;
#[cfg(test)]
mod tests;
pub(crate) mod unit_root;

pub(super) use doubt::Doubt;
pub use fit::Likelihood;
pub(super) use fitted::{criterion, restore};
pub use order::Order;
pub use settings::{Arima, Search};

/// ln(2 pi).
const LN_2_PI: f64 = 1.837_877_066_409_345_3;
