data "stormglass_chaos_report" "checkout" {
  journal_dir = "/var/lib/stormglass/chaos"
  experiment  = "Checkout survives a busy neighbor"
}

output "last_recovery_seconds" {
  value = one(slice(data.stormglass_chaos_report.checkout.runs[*].recovery_seconds, length(data.stormglass_chaos_report.checkout.runs) - 1, length(data.stormglass_chaos_report.checkout.runs)))
}
