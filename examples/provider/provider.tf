provider "stormglass" {
  # Secrets live here or in the environment, never in a data source or a policy.
  connection = {
    metrics = {
      endpoint     = "https://prometheus.example.com"
      bearer_token = var.prometheus_token
    }
  }
}

variable "prometheus_token" {
  type      = string
  sensitive = true
  ephemeral = true
}
