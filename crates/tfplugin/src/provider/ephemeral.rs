//! Ephemeral resources: what exists for one run of Terraform and is kept nowhere, such as a token.

use std::time::SystemTime;

use async_trait::async_trait;

use super::{Config, Context, ValidateContext};
use crate::diagnostics::Diagnostics;
use crate::model::Model;
use crate::schema::Schema;

/// A kind of thing to open and close. What `renew` and `close` need travels in [`Context::private`].
#[async_trait]
pub trait EphemeralResource: Send + Sync + 'static {
    /// The model of configuration and result; see [`DataSource::Model`](super::DataSource::Model).
    type Model: Model;

    /// The full name, for example `notes_token`.
    fn name(&self) -> &'static str;

    /// The shape of the model.
    fn schema(&self) -> Schema;

    /// Checks beyond those of the schema. May be called with unknown values in `config`.
    async fn validate(&self, _cx: &ValidateContext, _config: &Config) -> Diagnostics {
        Diagnostics::new()
    }

    /// Opens it.
    ///
    /// # Errors
    /// Diagnostics to show; nothing is closed then.
    async fn open(&self, cx: &Context, config: Self::Model) -> Result<Opened<Self::Model>, Diagnostics>;

    /// Keeps it open and answers when to do so again; by default never.
    ///
    /// # Errors
    /// Diagnostics to show.
    async fn renew(&self, _cx: &Context) -> Result<Option<SystemTime>, Diagnostics> {
        Ok(None)
    }

    /// Closes it.
    ///
    /// # Errors
    /// Diagnostics to show.
    async fn close(&self, _cx: &Context) -> Result<(), Diagnostics> {
        Ok(())
    }
}

/// What was opened.
#[derive(Debug, Clone)]
pub struct Opened<M> {
    /// The result.
    pub result: M,
    /// When Terraform has to renew it, if ever.
    pub renew_at: Option<SystemTime>,
}

impl<M> From<M> for Opened<M> {
    fn from(result: M) -> Opened<M> {
        Opened { result, renew_at: None }
    }
}
