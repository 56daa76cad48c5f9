variable "title" {
  description = "What the experiment shows, a sentence."
  type        = string
}

variable "steady_state" {
  description = "Checks that have to pass before the faults, and again after; see the resource's `steady_state`."
  type        = any
}

variable "method" {
  description = "The faults; see the resource's `method`."
  type        = any
}

variable "abort_when" {
  description = "What ends the experiment early; see the resource's `abort_when`."
  type        = any
  default     = null
}

variable "release" {
  description = "What is deployed; a change runs the experiment again."
  type        = string
}

variable "windows" {
  description = "When the experiment may run, such as a forecast's `quiet_windows`; at any time where it is not set."
  type        = any
  default     = null
}

variable "recovery_objective" {
  description = "Longest recovery that passes."
  type        = string
  default     = "60s"
}

variable "lock_timeout" {
  description = "How long to wait for another experiment on the same target; refused at once where it is `0s`."
  type        = string
  default     = "0s"
}

variable "journal_dir" {
  description = "Folder of the journals, one that outlives a restart of the machine."
  type        = string
  default     = null
}

variable "on_failure" {
  description = "`error` stops the pipeline; `warn` records the outcome and goes on."
  type        = string
  default     = "error"

  validation {
    condition     = contains(["error", "warn"], var.on_failure)
    error_message = "on_failure is `error` or `warn`."
  }
}
