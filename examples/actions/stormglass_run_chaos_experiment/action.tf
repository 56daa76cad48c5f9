# `terraform apply -invoke=action.stormglass_run_chaos_experiment.busy_neighbor`
action "stormglass_run_chaos_experiment" "busy_neighbor" {
  config {
    title        = "Checkout survives a busy neighbor"
    steady_state = [{ name = "answers", type = "http", url = "http://127.0.0.1:8080/health" }]
    method       = [{ name = "busy", fault = "cpu_burn", share = 0.5, cores = 1, duration = "30s" }]
  }
}
