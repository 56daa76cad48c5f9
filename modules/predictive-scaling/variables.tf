variable "source_settings" {
  description = "Where the load is measured: the `source` of `stormglass_capacity_forecast`, for example `{ prometheus = { query = \"sum(rate(http_requests_total[5m]))\" } }`."
  type        = any
}

variable "target" {
  description = "Where the units are set: the `target` of `stormglass_predictive_scaling_policy`."
  type        = any
}

variable "per_unit" {
  description = "Load that one unit serves at full utilization, in the unit of the metric."
  type        = number

  validation {
    condition     = var.per_unit > 0
    error_message = "per_unit must be above zero: the load that one unit serves at full utilization."
  }
}

variable "min" {
  description = "Fewest units ever."
  type        = number
  default     = 1
}

variable "max" {
  description = "Most units ever."
  type        = number
}

variable "horizon" {
  description = "How far ahead the schedule reaches."
  type        = string
  default     = "7d"
}

variable "time_zone" {
  description = "Time zone that days and weeks follow (IANA name)."
  type        = string
  default     = "UTC"
}

variable "minimum_accuracy" {
  description = "Least accuracy (1 - WAPE) at which the forecast is used; below it the policy holds `min` and leaves the rest to the reactive autoscaler."
  type        = number
  default     = 0.6
}

variable "cost_per_unit_hour" {
  description = "Price of a unit for an hour; null leaves costs out."
  type        = number
  default     = null
}

variable "mode" {
  description = "`floor`: a minimum under a reactive autoscaler; `exact`; `observe`: write nothing and keep score."
  type        = string
  default     = "floor"
}
