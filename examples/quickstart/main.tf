terraform {
  required_providers {
    stormglass = {
      source = "stormglass-rs/stormglass"
    }
  }
}

# Reads the past, forecasts a week, and turns it into a timetable of units.
data "stormglass_capacity_forecast" "purchases" {
  source = {
    csv = { path = "${path.module}/load.csv" }
  }

  load = {
    kind = "total" # all purchases of an hour, whoever served them
  }

  forecast = {
    horizon = "7d"
  }

  capacity = {
    per_unit           = 1000 # purchases an hour that keep one unit fully busy
    min                = 2
    max                = 60
    warm_up            = "5m"
    dwell              = "1h"
    level              = 0.75 # of the forecast; higher is safer and dearer
    cost_per_unit_hour = 0.12
  }

  report_path = "${path.module}/report.html"
}

# Puts exactly that timetable where the platform scales; here a file.
resource "stormglass_predictive_scaling_policy" "purchases" {
  capacity_plan = data.stormglass_capacity_forecast.purchases.capacity_plan

  target = {
    file = { path = "${path.module}/schedule.json" }
  }
}

output "report" {
  value = data.stormglass_capacity_forecast.purchases.report_path
}
