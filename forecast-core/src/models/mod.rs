//! The models: one file each, and the one list of them that names, docs and commands come from.

mod arima;
mod catalogue;
mod croston;
mod decompose;
mod drift;
mod ensemble;
mod ets;
mod gridded;
mod harmonic;
mod holt_winters;
mod least_squares;
mod mstl;
mod naive;
mod profile;
mod prophet;
mod rule;
mod smoothing_fit;
mod spread;
mod structural;
#[cfg(test)]
pub(crate) mod testing;
mod theta;

pub(crate) use arima::unit_root;
pub use arima::{Arima, Likelihood, Order, Search};
pub(crate) use catalogue::restore;
pub use catalogue::{CATALOGUE, Entry};
pub use croston::{Croston, CrostonKind};
pub use drift::Drift;
pub use ensemble::Ensemble;
pub use ets::{Ets, Form, Given, Part};
pub use harmonic::Harmonic;
pub use holt_winters::{HoltWinters, Seasonal};
pub use mstl::Mstl;
pub use naive::{Mean, Naive, SeasonalNaive, SeasonalNaiveLevelled};
pub use profile::{Profile, ProfileSeason};
pub use prophet::{EventWindow, Prophet};
pub use structural::Structural;
pub use theta::{Theta, ThetaKind};
