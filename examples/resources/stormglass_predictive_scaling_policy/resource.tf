resource "stormglass_predictive_scaling_policy" "checkout" {
  capacity_plan = data.stormglass_capacity_forecast.checkout.capacity_plan

  target = {
    file = { path = "/etc/scaling/checkout.json" }
  }

  # A new forecast that differs little is no reason for a change.
  replan_tolerance = 0.05
  min_remaining    = "2d"
}

data "stormglass_capacity_forecast" "checkout" {
  source   = { csv = { path = "${path.module}/load.csv" } }
  capacity = { per_unit = 120, min = 3, max = 60 }
}
