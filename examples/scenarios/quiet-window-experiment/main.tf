terraform {
  required_providers {
    stormglass = { source = "stormglass-rs/stormglass" }
  }
}

provider "stormglass" {
  # What experiments may touch is said here, by whoever owns the pipeline; an experiment alone names nothing.
  allowed_targets = ["port:8081"]
}

variable "release" {
  description = "What is deployed; a change runs the experiment again."
  type        = string
}

# The load of the past, and with it the hours in which little happens.
data "stormglass_capacity_forecast" "checkout" {
  source = { csv = { path = "${path.module}/load.csv" } }

  forecast = { horizon = "7d" }

  capacity = {
    per_unit = 100
    min      = 2
    max      = 20
  }
}

# A floor that follows the forecast.
resource "stormglass_predictive_scaling_policy" "checkout" {
  capacity_plan = data.stormglass_capacity_forecast.checkout.capacity_plan
  target        = { file = { path = "${path.module}/schedule.json" } }
}

# One instance of two dies while little happens: the other one has to carry the load until it is back.
resource "stormglass_chaos_experiment" "instance_dies" {
  title           = "Checkout survives the death of an instance"
  wait_for_window = data.stormglass_capacity_forecast.checkout.quiet_windows
  steady_state    = [{ name = "answers", type = "http", url = "http://127.0.0.1:8080/health", interval = "500ms" }]
  method = [{
    name     = "dead"
    fault    = "process_kill"
    port     = 8081
    start    = ["systemctl", "start", "checkout@8081"]
    duration = "30s"
  }]
  recovery_objective = "60s"
  triggers           = { release = var.release }

  # How long the apply waits for a window, and with it for the experiment.
  timeouts = { create = "12h" }

  depends_on = [stormglass_predictive_scaling_policy.checkout]
}
