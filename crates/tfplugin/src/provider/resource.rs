//! Resources: objects that Terraform creates, reads, changes and deletes.

use async_trait::async_trait;

use super::{Config, Context, PlanContext, ValidateContext};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::model::{Model, from_value};
use crate::schema::Schema;
use crate::value::{Type, Value, json};

/// A kind of managed object.
///
/// Each call runs in a task of its own and to its end, even when Terraform goes away. What can wait should watch
/// [`Context::cancelled`] and then return quickly with what exists.
#[async_trait]
pub trait Resource: Send + Sync + 'static {
    /// The model of configuration, plan and state. Computed attributes are [`Field`](crate::model::Field)s, as they are
    /// unknown in the plan of a new object.
    type Model: Model;

    /// The full name, for example `notes_note`.
    fn name(&self) -> &'static str;

    /// The shape of the model.
    fn schema(&self) -> Schema;

    /// The shape of the identity that Terraform 1.12 and newer keep beside the state; none by default.
    fn identity_schema(&self) -> Option<Schema> {
        None
    }

    /// The identity of an object, an object value of [`identity_schema`](Resource::identity_schema).
    fn identity(&self, _state: &Self::Model) -> Option<Value> {
        None
    }

    /// Checks beyond those of the schema. May be called with unknown values in `config`.
    async fn validate(&self, _cx: &ValidateContext, _config: &Config) -> Diagnostics {
        Diagnostics::new()
    }

    /// The planned object, from what the framework planned so far: configuration, defaults, prior values of computed
    /// attributes, and unknown for computed ones that may change.
    ///
    /// Has to be a pure function: Terraform plans again while applying, and refuses known values that differ. It may
    /// put a prior value in place of an equivalent configured one. It is not called while a field that the model holds
    /// to be known is unknown; the plan stands then as it is.
    ///
    /// # Errors
    /// Diagnostics to show instead of a plan.
    fn plan(&self, _cx: &PlanContext<Self::Model>, plan: Self::Model) -> Result<Self::Model, Diagnostics> {
        Ok(plan)
    }

    /// What there is to say before the object is destroyed; nothing by default. An error refuses to.
    fn plan_destroy(&self, _cx: &PlanContext<Self::Model>) -> Diagnostics {
        Diagnostics::new()
    }

    /// Creates the object and answers its state, in which nothing is unknown any more.
    ///
    /// # Errors
    /// A [`Failure`] with what exists nevertheless, which Terraform keeps as tainted; `None` if nothing does.
    async fn create(&self, cx: &Context, plan: Self::Model) -> Result<Self::Model, Failure<Self::Model>>;

    /// The object as it is now, or `None` if it is gone.
    ///
    /// # Errors
    /// Diagnostics; the state stays as it was.
    async fn read(&self, cx: &Context, state: Self::Model) -> Result<Option<Self::Model>, Diagnostics>;

    /// Changes the object. By default an error, for resources whose every attribute requires replacement.
    ///
    /// # Errors
    /// A [`Failure`] with the state that was reached; `None` if the prior state still holds.
    async fn update(
        &self,
        _cx: &Context,
        _prior: Self::Model,
        _plan: Self::Model,
    ) -> Result<Self::Model, Failure<Self::Model>> {
        let detail = format!("{} cannot be changed in place. This is a bug in the provider.", self.name());
        Err(Diagnostics::error("Update is not supported", detail).into())
    }

    /// Deletes the object. That it is not there any more is success.
    ///
    /// # Errors
    /// A [`Failure`] with what is left of the object; `None` if all of it is. It stays in the state.
    async fn delete(&self, cx: &Context, state: Self::Model) -> Result<(), Failure<Self::Model>>;

    /// The state of an object that exists already. Terraform reads it right afterwards.
    ///
    /// # Errors
    /// Diagnostics; by default that the resource cannot be imported.
    async fn import(&self, _cx: &Context, _target: ImportTarget) -> Result<Self::Model, Diagnostics> {
        let detail = format!("{} cannot be imported; create it with this configuration instead.", self.name());
        Err(Diagnostics::error("Import is not supported", detail))
    }

    /// The state as it is written now, from what an older version of the provider wrote.
    ///
    /// # Errors
    /// Diagnostics; by default that there is no way from that version.
    async fn upgrade(&self, _cx: &Context, old: RawState) -> Result<Self::Model, Diagnostics> {
        let detail = format!(
            "The state of {} has version {}, which this version of the provider cannot upgrade. \
             Use an older version of the provider first, or remove the object from the state and import it.",
            self.name(),
            old.version
        );
        Err(Diagnostics::error("State cannot be upgraded", detail))
    }
}

/// Why an operation failed, and what exists nevertheless.
///
/// `?` makes one out of [`Diagnostics`] or a [`Diagnostic`], without anything that exists.
#[derive(Debug, Clone)]
pub struct Failure<M> {
    /// What exists: after a failed creation the part that was made, after a failed change what was reached.
    pub reached: Option<M>,
    /// What to tell the user.
    pub diagnostics: Diagnostics,
}

impl<M> Failure<M> {
    /// A failure that leaves `reached` behind.
    pub fn with(reached: M, diagnostics: impl Into<Diagnostics>) -> Failure<M> {
        Failure { reached: Some(reached), diagnostics: diagnostics.into() }
    }
}

impl<M> From<Diagnostics> for Failure<M> {
    fn from(diagnostics: Diagnostics) -> Failure<M> {
        Failure { reached: None, diagnostics }
    }
}

impl<M> From<Diagnostic> for Failure<M> {
    fn from(diagnostic: Diagnostic) -> Failure<M> {
        Failure { reached: None, diagnostics: diagnostic.into() }
    }
}

/// What the user names to import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportTarget {
    /// The text given to `terraform import` or in `id` of an import block.
    Id(String),
    /// The object given in `identity` of an import block.
    Identity(Value),
}

/// State as an older version of the provider wrote it.
#[derive(Debug, Clone)]
pub struct RawState {
    /// The version of its schema.
    pub version: i64,
    /// The state as JSON text.
    pub json: String,
}

impl RawState {
    /// The state as a value of the schema that it was written with.
    ///
    /// # Errors
    /// Diagnostics if it does not fit.
    pub fn value(&self, old: &Schema) -> Result<Value, Diagnostics> {
        self.decode(&old.value_type())
    }

    /// The state as a model of the schema that it was written with.
    ///
    /// # Errors
    /// Diagnostics if it does not fit.
    pub fn model<M: Model>(&self, old: &Schema) -> Result<M, Diagnostics> {
        from_value(&self.value(old)?).map_err(|error| unreadable(&error.to_string()))
    }

    pub(crate) fn decode(&self, r#type: &Type) -> Result<Value, Diagnostics> {
        json::decode(&self.json, r#type).map_err(|error| unreadable(&error.to_string()))
    }
}

fn unreadable(problem: &str) -> Diagnostics {
    let detail = format!(
        "{problem}. If another version of the provider wrote it, use that one; \
         else restore the state from a backup, or remove the object from it and import it."
    );
    Diagnostics::error("State cannot be read", detail)
}
