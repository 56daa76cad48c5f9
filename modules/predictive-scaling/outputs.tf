output "capacity_plan" {
  description = "The schedule in force and what it rests on."
  value       = stormglass_predictive_scaling_policy.this.capacity_plan
}

output "accuracy" {
  description = "1 - WAPE of such forecasts on the past; null while there is no forecast."
  value       = data.stormglass_capacity_forecast.this.accuracy
}

output "savings" {
  description = "Unit-hours and service level against a static peak and a reactive autoscaler."
  value       = data.stormglass_capacity_forecast.this.savings
}

output "status" {
  description = "`ok`, or why there is no new forecast."
  value       = data.stormglass_capacity_forecast.this.status
}

output "quiet_windows" {
  description = "When load is low: the time for maintenance and experiments."
  value       = data.stormglass_capacity_forecast.this.quiet_windows
}
