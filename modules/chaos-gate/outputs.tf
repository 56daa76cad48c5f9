output "outcome" {
  description = "`passed`, `failed`, `aborted` or `interrupted`."
  value       = stormglass_chaos_experiment.this.outcome
}

output "reason" {
  description = "Why, one sentence."
  value       = stormglass_chaos_experiment.this.reason
}

output "recovery_seconds" {
  description = "How long the steady state took to come back; null where it did not."
  value       = stormglass_chaos_experiment.this.recovery_seconds
}
