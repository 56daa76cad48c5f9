# One run a release. Whatever depends on this module waits for the outcome, and is not deployed where it is not `passed`.
resource "stormglass_chaos_experiment" "this" {
  title              = var.title
  steady_state       = var.steady_state
  method             = var.method
  abort_when         = var.abort_when
  wait_for_window    = var.windows
  recovery_objective = var.recovery_objective
  lock_timeout       = var.lock_timeout
  journal_dir        = var.journal_dir
  on_failure         = var.on_failure
  triggers           = { release = var.release }
}
