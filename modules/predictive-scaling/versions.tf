terraform {
  required_version = ">= 1.6"

  required_providers {
    stormglass = {
      source  = "stormglass-rs/stormglass"
      version = ">= 0.1.0"
    }
  }
}
