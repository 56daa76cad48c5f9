//! `load`: what the metric means.

use serde::{Deserialize, Serialize};
use tfplugin::schema::{Attribute, float64, nested, one_of};
use tfplugin::validators;

use crate::sources::{SourceModel, source_attribute};

/// The model of `load`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LoadModel {
    pub(crate) kind: Option<String>,
    pub(crate) units: Option<SourceModel>,
    pub(crate) borrow_from: Option<SourceModel>,
    pub(crate) saturation: Option<f64>,
}

/// The attribute `load`.
pub(crate) fn load_attribute() -> Attribute {
    nested(
        "load",
        [
            one_of("kind", ["total", "per_unit"]).optional().describe(
                "`total` (the default): the metric is the load of all units together, such as requests, messages or \
                 CPU-seconds. `per_unit`: it is the mean over the units, such as CPU percent; then `units` is needed, because \
                 what a scaler holds near its target says nothing of the load until it is multiplied by the unit count.",
            ),
            source_attribute("units").optional().describe(
                "History of the unit count, needed for `kind = \"per_unit\"`, and to learn `capacity.per_unit` from history.",
            ),
            source_attribute("borrow_from").optional().describe(
                "Load of a similar service, for one that is new: scaled to the own load, it stands in for the history before the first own \
                 sample, up to four weeks in all. After four weeks of its own nothing is borrowed.",
            ),
            float64("saturation").optional().validate(validators::at_least(0.0)).describe(
                "Value of the metric from which on it is cut off by overload, for example 95 for CPU percent. Such samples \
                 are flagged and never taken for the whole load.",
            ),
        ],
    )
    .optional()
    .describe("What the metric means.")
}
