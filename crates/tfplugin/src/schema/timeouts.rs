//! The attribute `timeouts`: how long each operation may take, set by the user.

use serde::{Deserialize, Serialize};

use super::{Attribute, duration, nested};

/// The model of the attribute that [`timeouts`] makes: durations such as `10m`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// For creating.
    pub create: Option<String>,
    /// For reading.
    pub read: Option<String>,
    /// For updating.
    pub update: Option<String>,
    /// For deleting.
    pub delete: Option<String>,
}

/// The attribute `timeouts`; the model has `timeouts: Option<Timeouts>`.
///
/// When the time is over, the call's cancellation token fires; see [`Context`](crate::provider::Context).
pub fn timeouts() -> Attribute {
    let operation = |name: &str, doing: &str| {
        duration(name).optional().describe(format!("How long {doing} may take, for example `10m`."))
    };
    nested(
        "timeouts",
        [
            operation("create", "creating"),
            operation("read", "reading"),
            operation("update", "updating"),
            operation("delete", "deleting"),
        ],
    )
    .optional()
    .describe("How long operations may take.")
}
