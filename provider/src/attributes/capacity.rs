//! `capacity`: how units follow from load, within which guard rails.

use serde::{Deserialize, Serialize};
use tfplugin::schema::{Attribute, boolean, duration, float64, int64, nested, nested_list, one_of, string, timestamp};
use tfplugin::validators;

/// The model of `capacity`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct CapacityModel {
    pub(crate) per_unit: Option<f64>,
    pub(crate) strategy: Option<String>,
    pub(crate) target_utilization: Option<f64>,
    pub(crate) level: Option<f64>,
    pub(crate) scale_up_at: Option<f64>,
    pub(crate) scale_down_at: Option<f64>,
    pub(crate) slo_utilization: Option<f64>,
    pub(crate) min: Option<i64>,
    pub(crate) max: i64,
    pub(crate) warm_up: Option<String>,
    pub(crate) dwell: Option<String>,
    pub(crate) ramp_up: Option<i64>,
    pub(crate) ramp_down: Option<i64>,
    pub(crate) max_changes: Option<i64>,
    pub(crate) form: Option<String>,
    pub(crate) after: Option<String>,
    pub(crate) cost_per_unit_hour: Option<f64>,
    pub(crate) overrides: Option<Vec<OverrideModel>>,
    pub(crate) freeze_windows: Option<Vec<FreezeWindowModel>>,
    pub(crate) paused: Option<bool>,
}

/// One element of `capacity.overrides`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct OverrideModel {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) min: i64,
    pub(crate) reason: Option<String>,
}

/// One element of `capacity.freeze_windows`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FreezeWindowModel {
    pub(crate) from: String,
    pub(crate) to: String,
}

/// The attribute `capacity`.
pub(crate) fn capacity_attribute() -> Attribute {
    let mut attributes = Vec::new();
    attributes.extend(sizing());
    attributes.extend(limits());
    attributes.extend(timetable());
    attributes.extend(by_hand());
    nested("capacity", attributes).required().describe("How units follow from load, within which guard rails.")
}

/// How units follow from load.
fn sizing() -> Vec<Attribute> {
    let share = || validators::range(0.01, 1.0);
    vec![
        float64("per_unit").optional().validate(validators::at_least(f64::MIN_POSITIVE)).describe(
            "Load that one unit serves at full utilization, in the metric's unit; learned from history where it is not set, \
             which needs `load.units`.",
        ),
        one_of("strategy", ["target_utilization", "threshold"]).optional().describe(
            "`target_utilization` (the default): as many units as keep utilization at its target, as autoscalers do. \
             `threshold`: more units when the predicted maximum is over `scale_up_at` of what is there, fewer when under \
             `scale_down_at`.",
        ),
        float64("target_utilization").optional().validate(share()).describe("Utilization that units are sized for; 0.7 by default."),
        float64("level").optional().validate(validators::range(0.5, 0.999)).describe(
            "Quantile of the forecast that is provisioned for; 0.9 by default. Higher is safer and dearer.",
        ),
        float64("scale_up_at").optional().validate(share()).describe("With `threshold`: share of capacity over which units are added; 0.8 by default."),
        float64("scale_down_at").optional().validate(share()).describe("With `threshold`: share of capacity under which units are removed; 0.3 by default."),
        float64("slo_utilization").optional().validate(share()).describe(
            "Highest utilization at which the service meets its objective; 0.85 by default. `slo` and `risk` count what arrives above it.",
        ),
        float64("cost_per_unit_hour").optional().validate(validators::at_least(0.0)).describe("Price of a unit for an hour, in any currency."),
    ]
}

/// What the timetable may never leave.
fn limits() -> Vec<Attribute> {
    let units = || validators::range(0.0, 1e6);
    vec![
        int64("min").optional().validate(units()).describe("Fewest units ever; 1 by default."),
        int64("max").required().validate(validators::range(1.0, 1e6)).describe("Most units ever."),
        duration("warm_up").optional().validate(validators::duration_within("0s", "6h")).describe(
            "Time from asking for a unit until it serves; units are asked for this much earlier. `3m` by default.",
        ),
        duration("dwell")
            .optional()
            .validate(validators::duration_within("0s", "1d"))
            .describe("Least time between two changes; `15m` by default."),
        int64("ramp_up")
            .optional()
            .validate(validators::range(1.0, 1e6))
            .describe("Most units added by one change; longer climbs begin earlier."),
        int64("ramp_down")
            .optional()
            .validate(validators::range(1.0, 1e6))
            .describe("Most units removed by one change."),
    ]
}

/// The form of the timetable.
fn timetable() -> Vec<Attribute> {
    vec![
        int64("max_changes").optional().validate(validators::range(1.0, 10_000.0)).describe(
            "Most changes of the whole timetable, where the target holds no more; the cheapest such timetable is chosen.",
        ),
        one_of("form", ["dated", "weekly"]).optional().describe("`dated` (the default): each change has a date. `weekly`: one week that recurs."),
        one_of("after", ["weekly", "restore", "hold"]).optional().describe(
            "What follows the end of the timetable, so that a stopped pipeline is safe: `weekly` (the default), the typical \
             week goes on; `restore`, what was there before; `hold`, the last units stay.",
        ),
    ]
}

/// What people set for a time.
fn by_hand() -> Vec<Attribute> {
    let from = || timestamp("from").required().describe("First instant, RFC 3339.");
    let to = || timestamp("to").required().describe("First instant after it, RFC 3339.");
    vec![
        nested_list(
            "overrides",
            [
                from(),
                to(),
                int64("min").required().validate(validators::range(0.0, 1e6)).describe("Fewest units then."),
                string("reason").optional().describe("Why; shown as the reason of the step."),
            ],
        )
        .optional()
        .describe("Floors for a time, set by hand: a launch, a sale, a migration."),
        nested_list("freeze_windows", [from(), to()])
            .optional()
            .describe("Times in which nothing changes; what they need is there before."),
        boolean("paused").optional().describe("Hold what is there: the timetable has no change."),
    ]
}
