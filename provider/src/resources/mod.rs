//! What Terraform creates, reads, changes and deletes.

pub(crate) mod chaos_experiment;
pub(crate) mod predictive_scaling_policy;

use tfplugin::diagnostics::Diagnostics;

use crate::hex::hex;

/// A random identifier.
fn new_id() -> Result<String, Diagnostics> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes)
        .map_err(|e| Diagnostics::error("No random number", format!("The system gives none: {e}. Run apply again.")))?;
    Ok(hex(&bytes))
}
