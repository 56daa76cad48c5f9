# Burns half a core for 30 seconds, and asks whether the service still answers.
resource "stormglass_chaos_experiment" "busy_neighbor" {
  title = "Checkout survives a busy neighbor"

  steady_state = [{
    name      = "answers"
    type      = "http"
    url       = "http://127.0.0.1:8080/health"
    interval  = "500ms"
    tolerance = { status = [200, 299] }
  }]

  method = [{
    name     = "busy"
    fault    = "cpu_burn"
    share    = 0.5
    cores    = 1
    duration = "30s"
  }]

  abort_when         = [{ probe = "answers", failures = 5 }]
  recovery_objective = "60s"

  # Another release, another run.
  triggers = { release = var.release }
}

variable "release" {
  type        = string
  description = "What is deployed."
}
