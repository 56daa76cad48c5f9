data "stormglass_backtest" "checkout" {
  source  = { csv = { path = "${path.module}/load.csv" } }
  models  = ["auto", "seasonal_naive_levelled[168]", "holt_winters(additive)[24]"]
  horizon = "1d"
}

output "best_model" {
  value = data.stormglass_backtest.checkout.best
}
