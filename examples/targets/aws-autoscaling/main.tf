# Steps of a forecast as scheduled actions of an AWS Auto Scaling group. Neither applied nor validated in this project's tests,
# which have no AWS account and cannot install the AWS provider: its attributes are those of that provider's documentation.
terraform {
  required_providers {
    aws        = { source = "hashicorp/aws" }
    stormglass = { source = "stormglass-rs/stormglass" }
  }
}

variable "group" {
  description = "Name of the Auto Scaling group."
  type        = string
}

data "stormglass_capacity_forecast" "web" {
  source = { prometheus = { connection = "metrics", query = "sum(rate(http_requests_total[5m]))" } }

  capacity = {
    per_unit    = 100
    min         = 2
    max         = 40
    max_changes = 100 # an Auto Scaling group holds 125 scheduled actions
    dwell       = "15m"
  }
}

resource "aws_autoscaling_schedule" "step" {
  for_each = { for step in data.stormglass_capacity_forecast.web.steps : step.time => step.units }

  autoscaling_group_name = var.group
  scheduled_action_name  = "stormglass-${replace(each.key, ":", "")}"
  start_time             = each.key
  min_size               = each.value

  # -1 leaves the size alone: the schedule is a floor under the reactive policy.
  max_size         = -1
  desired_capacity = -1
}
