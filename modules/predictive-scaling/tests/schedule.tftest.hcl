variables {
  source_settings = { csv = { path = "tests/load.csv" } }
  target          = { file = { path = "tests/schedule.json" } }
  per_unit        = 100
  min             = 2
  max             = 20
}

run "keeps_within_the_limits" {
  assert {
    condition     = output.status == "ok"
    error_message = "the forecast of a stored series is there"
  }

  assert {
    condition     = output.capacity_plan.peak <= 20 && output.capacity_plan.peak > 2
    error_message = "the peak lies within the limits and above the floor"
  }

  assert {
    condition     = length(output.capacity_plan.schedule) >= 7
    error_message = "a week has at least seven days"
  }

  assert {
    condition     = output.accuracy > 0.85
    error_message = "a load that repeats itself daily is forecast well"
  }
}

run "keeps_the_schedule_without_a_source" {
  command = plan

  variables {
    source_settings = { csv = { path = "tests/missing.csv" } }
  }

  assert {
    condition     = output.status != "ok" && output.capacity_plan.peak > 2
    error_message = "a source that is gone leaves the schedule in force and says so"
  }
}

run "refuses_a_unit_that_serves_nothing" {
  command = plan

  variables {
    per_unit = 0
  }

  expect_failures = [var.per_unit]
}
