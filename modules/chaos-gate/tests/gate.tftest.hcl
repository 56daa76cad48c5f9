variables {
  title        = "The gate"
  release      = "1"
  lock_timeout = "10m"
  steady_state = [{ name = "well", type = "command", command = ["true"], interval = "100ms" }]
  method       = [{ name = "busy", fault = "cpu_burn", share = 0.2, cores = 1, duration = "1s" }]
}

run "lets_a_service_pass_that_holds" {
  assert {
    condition     = output.outcome == "passed" && output.recovery_seconds == 0
    error_message = "the steady state held: ${output.reason}"
  }
}

run "tells_of_a_service_that_does_not" {
  variables {
    release      = "2"
    steady_state = [{ name = "well", type = "command", command = ["false"], interval = "100ms" }]
    on_failure   = "warn"
  }

  assert {
    condition     = output.outcome == "failed" && output.recovery_seconds == null
    error_message = "a steady state that is not there fails"
  }
}

run "knows_two_ways_to_go_on" {
  command = plan

  variables {
    on_failure = "stop"
  }

  expect_failures = [var.on_failure]
}
