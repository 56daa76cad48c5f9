//! Overrides: floors for a time, set by hand, exactly from and to the instants that were set.

use super::runs::{Stretch, Why};
use crate::settings::Override;

/// One stretch an override.
pub(crate) fn floors(overrides: &[Override]) -> Vec<Stretch> {
    overrides
        .iter()
        .map(|o| Stretch {
            from: o.from.as_second(),
            to: o.to.as_second(),
            units: o.min,
            why: Why::Override(o.reason.clone()),
        })
        .collect()
}
