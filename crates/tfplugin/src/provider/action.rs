//! Actions: what is done at a user's word or around a change, and leaves nothing in the state. Terraform 1.14 and newer.

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::{Config, Context, ValidateContext};
use crate::diagnostics::Diagnostics;
use crate::model::Model;
use crate::schema::Schema;

/// A kind of thing to do.
#[async_trait]
pub trait Action: Send + Sync + 'static {
    /// The model of the configuration.
    type Model: Model;

    /// The full name, for example `notes_publish`.
    fn name(&self) -> &'static str;

    /// The shape of the model; without computed attributes.
    fn schema(&self) -> Schema;

    /// Checks beyond those of the schema. May be called with unknown values in `config`.
    async fn validate(&self, _cx: &ValidateContext, _config: &Config) -> Diagnostics {
        Diagnostics::new()
    }

    /// Looks ahead; `config` may hold unknown values. Nothing by default.
    ///
    /// # Errors
    /// Diagnostics that stop the plan.
    async fn plan(&self, _cx: &Context, _config: &Config) -> Result<(), Diagnostics> {
        Ok(())
    }

    /// Does it, and tells how far it got.
    ///
    /// # Errors
    /// Diagnostics to show.
    async fn invoke(&self, cx: &Context, config: Self::Model, progress: &Progress) -> Result<(), Diagnostics>;
}

/// Shows the user how far an action got.
#[derive(Debug, Clone)]
pub struct Progress {
    lines: mpsc::Sender<String>,
}

impl Progress {
    pub(crate) fn new(lines: mpsc::Sender<String>) -> Progress {
        Progress { lines }
    }

    /// Shows one line. Waits while many lines wait; when nobody listens any more, nothing happens.
    pub async fn say(&self, line: impl Into<String>) {
        // Terraform may have gone away; the action goes on.
        let _ = self.lines.send(line.into()).await;
    }
}
