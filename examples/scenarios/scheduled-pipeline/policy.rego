package main

import rego.v1

# Nobody lowers the peak of a schedule by more than half in one run.
deny contains message if {
	some change in input.resource_changes
	change.type == "stormglass_predictive_scaling_policy"
	before := change.change.before.capacity_plan.peak
	after := change.change.after.capacity_plan.peak
	after < before / 2
	message := sprintf("%s: the peak falls from %d to %d units", [change.address, before, after])
}
