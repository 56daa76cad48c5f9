//! What a call knows of its surroundings: shared data, interruption, private state, and a place for warnings.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Config, Data, Private};
use crate::diagnostics::{Diagnostic, Diagnostics, Severity};
use crate::path::Path;
use crate::serve::CancellationToken;

/// What the Terraform at the other end can do with a call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TerraformCapabilities {
    /// It takes "not now" for an answer, and plans the rest.
    pub deferral: bool,
    /// It knows write-only attributes.
    pub write_only_attributes: bool,
}

/// Why a call should end early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interruption {
    /// The user pressed Ctrl-C, or Terraform is gone.
    Stopped,
    /// The time-out of the operation is over.
    TimedOut,
}

/// Why an answer is put off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeferReason {
    /// The configuration of the resource depends on what is not known yet.
    ResourceConfigUnknown,
    /// The configuration of the provider depends on what is not known yet.
    ProviderConfigUnknown,
    /// What the answer depends on does not exist yet.
    AbsentPrerequisite,
}

/// The surroundings of one call.
#[derive(Debug)]
pub struct Context {
    pub(crate) data: Option<Data>,
    pub(crate) terraform: TerraformCapabilities,
    pub(crate) terraform_version: Option<Arc<str>>,
    pub(crate) config: Option<Config>,
    pub(crate) cancellation: CancellationToken,
    pub(crate) time_limit: Option<tokio::time::Instant>,
    pub(crate) private: Mutex<Private>,
    pub(crate) diagnostics: Mutex<Diagnostics>,
    pub(crate) deferred: Mutex<Option<DeferReason>>,
    pub(crate) replace: Mutex<Vec<Path>>,
}

/// The surroundings of a check of configuration, which happens before the provider is configured.
pub type ValidateContext = Context;

/// The surroundings of the provider's own configuration.
pub type ConfigureContext = Context;

impl Context {
    /// What `configure` made.
    ///
    /// # Errors
    /// Diagnostics if the provider is not configured, or `T` is another type.
    pub fn data<T: Send + Sync + 'static>(&self) -> Result<Arc<T>, Diagnostics> {
        let Some(data) = self.data.clone() else {
            let detail = "The provider's configuration depends on values that are known only after apply. \
                          Apply what they depend on first, for example with `-target`, then run this again.";
            return Err(Diagnostics::error("Provider is not configured yet", detail));
        };
        data.downcast::<T>().map_err(|_| {
            let detail =
                format!("The provider's data are no `{}`. This is a bug in the provider.", std::any::type_name::<T>());
            Diagnostics::error("Provider data of another type", detail)
        })
    }

    /// What `configure` made, if the provider is configured and `T` is its type; for planning, which may go on without.
    pub fn try_data<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.data.clone()?.downcast::<T>().ok()
    }

    /// The configuration as the user wrote it, write-only attributes included; null where there is none, as in `read`
    /// and `delete`.
    pub fn config(&self) -> Option<&Config> {
        self.config.as_ref()
    }

    /// What the Terraform at the other end can do.
    pub fn terraform(&self) -> TerraformCapabilities {
        self.terraform
    }

    /// The version of that Terraform, once the provider is configured.
    pub fn terraform_version(&self) -> Option<&str> {
        self.terraform_version.as_deref()
    }

    /// The token that fires when the call should end early.
    pub fn cancellation(&self) -> &CancellationToken {
        &self.cancellation
    }

    /// Waits until the call should end early, and says why; to be put beside work in `tokio::select!`.
    pub async fn cancelled(&self) -> Interruption {
        match self.time_limit {
            Some(limit) => tokio::select! {
                () = self.cancellation.cancelled() => Interruption::Stopped,
                () = tokio::time::sleep_until(limit) => Interruption::TimedOut,
            },
            None => {
                self.cancellation.cancelled().await;
                Interruption::Stopped
            }
        }
    }

    /// Why the call should end early, if it should already.
    pub fn interruption(&self) -> Option<Interruption> {
        if self.cancellation.is_cancelled() {
            Some(Interruption::Stopped)
        } else if self.time_left().is_some_and(|left| left.is_zero()) {
            Some(Interruption::TimedOut)
        } else {
            None
        }
    }

    /// How long the operation may still take, if the user set a time-out.
    pub fn time_left(&self) -> Option<Duration> {
        self.time_limit.map(|limit| limit.saturating_duration_since(tokio::time::Instant::now()))
    }

    /// Tells the user something without failing.
    pub fn warn(&self, warning: Diagnostic) {
        lock(&self.diagnostics).push(Diagnostic { severity: Severity::Warning, ..warning });
    }

    /// The private state, as a copy.
    pub fn private(&self) -> Private {
        lock(&self.private).clone()
    }

    /// Changes the private state. What is set while planning is what the operation finds.
    pub fn update_private<T>(&self, change: impl FnOnce(&mut Private) -> T) -> T {
        change(&mut lock(&self.private))
    }

    /// Puts the answer off, if Terraform can take that; answers whether it can.
    pub fn defer(&self, reason: DeferReason) -> bool {
        if self.terraform.deferral {
            lock(&self.deferred).get_or_insert(reason);
        }
        self.terraform.deferral
    }

    pub(crate) fn take_diagnostics(&self) -> Diagnostics {
        std::mem::take(&mut lock(&self.diagnostics))
    }

    pub(crate) fn deferred(&self) -> Option<DeferReason> {
        *lock(&self.deferred)
    }
}

/// The surroundings of planning, with the state before it.
#[derive(Debug)]
pub struct PlanContext<M> {
    pub(crate) context: Context,
    pub(crate) prior: Option<M>,
}

impl<M> PlanContext<M> {
    /// The state before, or `None` while creating.
    pub fn prior(&self) -> Option<&M> {
        self.prior.as_ref()
    }

    /// The change needs a new object, because of the attribute at `path`.
    pub fn require_replace(&self, path: impl Into<Path>) {
        lock(&self.context.replace).push(path.into());
    }
}

impl<M> Deref for PlanContext<M> {
    type Target = Context;

    fn deref(&self) -> &Context {
        &self.context
    }
}

/// A panic elsewhere while the lock was held leaves nothing half-done: each use is one assignment.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
