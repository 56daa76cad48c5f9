//! Data sources: what Terraform reads and does not manage.

use async_trait::async_trait;

use super::{Config, Context, ValidateContext};
use crate::diagnostics::Diagnostics;
use crate::model::Model;
use crate::schema::Schema;

/// A kind of thing to read.
#[async_trait]
pub trait DataSource: Send + Sync + 'static {
    /// The model of configuration and result. Computed attributes are `Option`s or
    /// [`Field`](crate::model::Field)s, as they are null in the configuration.
    type Model: Model;

    /// The full name, for example `notes_listing`.
    fn name(&self) -> &'static str;

    /// The shape of the model.
    fn schema(&self) -> Schema;

    /// Checks beyond those of the schema. May be called with unknown values in `config`.
    async fn validate(&self, _cx: &ValidateContext, _config: &Config) -> Diagnostics {
        Diagnostics::new()
    }

    /// Reads. The configuration is wholly known: Terraform waits until it is. Warnings go to [`Context::warn`].
    ///
    /// # Errors
    /// Diagnostics to show instead of a result.
    async fn read(&self, cx: &Context, config: Self::Model) -> Result<Self::Model, Diagnostics>;
}
