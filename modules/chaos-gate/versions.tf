terraform {
  required_providers {
    stormglass = { source = "stormglass-rs/stormglass" }
  }
}
