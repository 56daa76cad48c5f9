//! `units_for_load(load, per_unit, target_utilization)`: how many units keep utilization at its target.

use tfplugin::provider::{Function, FunctionError, Signature, parameter};
use tfplugin::value::Type;

/// The function.
pub(crate) struct UnitsForLoad;

impl Function for UnitsForLoad {
    type Arguments = (f64, f64, f64);
    type Output = i64;

    fn name(&self) -> &'static str {
        "units_for_load"
    }

    fn signature(&self) -> Signature {
        Signature::new("Units that keep utilization at its target.", Type::Number)
            .describe(
                "The fewest whole units with `load / (units * per_unit) <= target_utilization`, at least 0; as the strategy \
                 `target_utilization` sizes each step of a schedule.",
            )
            .parameter(parameter("load", Type::Number).describe("Load of all units together, zero or more."))
            .parameter(parameter("per_unit", Type::Number).describe("Load that one unit serves at full utilization, above zero."))
            .parameter(parameter("target_utilization", Type::Number).describe("Share of that load that a unit should carry, above 0 and at most 1."))
    }

    fn call(&self, (load, per_unit, target_utilization): Self::Arguments) -> Result<i64, FunctionError> {
        let wrong = |index, name: &str, value: f64, expected: &str| {
            Err(FunctionError::argument(index, format!("{name} is {value}; expected a number {expected}.")))
        };
        if !(load.is_finite() && load >= 0.0) {
            return wrong(0, "load", load, "of zero or more");
        }
        if !(per_unit.is_finite() && per_unit > 0.0) {
            return wrong(1, "per_unit", per_unit, "above zero");
        }
        if !(target_utilization > 0.0 && target_utilization <= 1.0) {
            return wrong(2, "target_utilization", target_utilization, "above 0 and at most 1");
        }
        let units = stormglass_ops::units_for_load(load, per_unit, target_utilization);
        Ok(i64::from(units))
    }
}
