//! What Terraform creates, reads, changes and deletes.

pub(crate) mod predictive_scaling_policy;
