//! `stormglass_capacity_forecast`: the main job up to the capacity plan, read while Terraform plans.

mod model;
