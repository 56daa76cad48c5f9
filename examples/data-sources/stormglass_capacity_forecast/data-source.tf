data "stormglass_capacity_forecast" "checkout" {
  source = {
    prometheus = {
      connection = "metrics"
      query      = "sum(rate(http_requests_total{service=\"checkout\"}[5m]))"
    }
  }

  forecast = {
    horizon          = "7d"
    minimum_accuracy = 0.7
  }

  capacity = {
    per_unit           = 120 # requests a second that keep one unit fully busy
    min                = 3
    max                = 60
    warm_up            = "4m"
    cost_per_unit_hour = 0.09
  }

  time_zone       = "Europe/Berlin"
  on_source_error = "keep"
}
