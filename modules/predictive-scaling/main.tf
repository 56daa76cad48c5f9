data "stormglass_capacity_forecast" "this" {
  source = var.source_settings

  forecast = {
    horizon          = var.horizon
    minimum_accuracy = var.minimum_accuracy
  }

  capacity = {
    per_unit           = var.per_unit
    min                = var.min
    max                = var.max
    cost_per_unit_hour = var.cost_per_unit_hour
  }

  time_zone = var.time_zone

  # A metrics server that is down keeps the schedule that is in force, and says so.
  on_source_error = "keep"
}

resource "stormglass_predictive_scaling_policy" "this" {
  capacity_plan = data.stormglass_capacity_forecast.this.capacity_plan
  target        = var.target
  mode          = var.mode
}
