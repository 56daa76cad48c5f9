# The typical week of a forecast as cron triggers of a KEDA ScaledObject, beside its reactive trigger. Written as a file for
# `kubectl apply` or a GitOps repository; the tests hold it to KEDA's published schema.
terraform {
  required_providers {
    local      = { source = "hashicorp/local" }
    stormglass = { source = "stormglass-rs/stormglass" }
  }
}

data "stormglass_capacity_forecast" "web" {
  source = { prometheus = { connection = "metrics", query = "sum(rate(http_requests_total[5m]))" } }

  capacity = {
    per_unit = 100
    min      = 2
    max      = 40
    form     = "weekly"
    dwell    = "1h"
  }

  time_zone = "Europe/Berlin"
}

locals {
  triggers = [
    for window in provider::stormglass::cron_from_schedule(data.stormglass_capacity_forecast.web.capacity_plan.schedule, "Europe/Berlin") : {
      type = "cron"
      metadata = {
        timezone        = window.time_zone
        start           = window.cron
        end             = window.until
        desiredReplicas = tostring(window.units)
      }
    }
  ]
}

resource "local_file" "scaled_object" {
  filename = "${path.module}/scaled-object.yaml"
  content = yamlencode({
    apiVersion = "keda.sh/v1alpha1"
    kind       = "ScaledObject"
    metadata   = { name = "web" }
    spec = {
      scaleTargetRef  = { name = "web" }
      minReplicaCount = 2
      maxReplicaCount = 40
      triggers        = local.triggers
    }
  })
}
