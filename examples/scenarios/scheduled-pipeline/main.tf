terraform {
  required_providers {
    stormglass = { source = "stormglass-rs/stormglass" }
  }
}

provider "stormglass" {
  connection = {
    metrics = {
      endpoint     = var.prometheus
      bearer_token = var.prometheus_token
    }
  }
}

variable "prometheus" {
  description = "Base address of the Prometheus server, without /api/v1."
  type        = string
}

variable "prometheus_token" {
  description = "Bearer token; kept in neither plan nor state."
  type        = string
  default     = null
  sensitive   = true
  ephemeral   = true
}

data "stormglass_capacity_forecast" "checkout" {
  source = {
    prometheus = {
      connection = "metrics"
      query      = "sum(rate(http_requests_total{service=\"checkout\"}[5m]))"
    }
  }

  forecast = {
    horizon          = "7d"
    minimum_accuracy = 0.5
  }

  capacity = {
    per_unit           = 120
    min                = 3
    max                = 60
    cost_per_unit_hour = 0.09
  }

  refresh_interval = "6h"
  time_zone        = "Europe/Berlin"
  on_source_error  = "keep"
}

resource "stormglass_predictive_scaling_policy" "checkout" {
  capacity_plan    = data.stormglass_capacity_forecast.checkout.capacity_plan
  target           = { file = { path = "${path.module}/checkout.json" } }
  replan_tolerance = 0.05
  min_remaining    = "2d"

  lifecycle {
    # An error: nothing is applied that would need more than the cluster has.
    precondition {
      condition     = data.stormglass_capacity_forecast.checkout.capacity_plan == null || try(data.stormglass_capacity_forecast.checkout.capacity_plan.peak, 0) <= 50
      error_message = "The forecast needs more than 50 units; raise the quota first."
    }
  }
}

# A warning: the run goes on.
check "accuracy" {
  assert {
    condition     = coalesce(data.stormglass_capacity_forecast.checkout.accuracy, 0) >= 0.7
    error_message = "Forecasts of checkout were less than 70 % accurate lately; look at the report."
  }
}
