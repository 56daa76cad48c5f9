data "stormglass_chaos_report" "checkout" {
  journal_dir = "/var/lib/stormglass/chaos"
  experiment  = "Checkout survives a busy neighbor"
}

output "last_recovery_seconds" {
  # Null before the first run.
  value = try(reverse(data.stormglass_chaos_report.checkout.runs)[0].recovery_seconds, null)
}
