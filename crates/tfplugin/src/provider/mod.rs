//! What a provider is made of: traits for each kind of part, and one explicit list that names them all.
//!
//! ```no_run
//! use std::process::ExitCode;
//! use std::sync::Arc;
//!
//! use tfplugin::provider::{ConfigureContext, Data, Parts, Provider, async_trait};
//! use tfplugin::schema::{Schema, string};
//! use tfplugin::{Diagnostics, ServeOptions};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Settings {
//!     folder: Option<String>,
//! }
//!
//! struct Notes;
//!
//! #[async_trait]
//! impl Provider for Notes {
//!     type Model = Settings;
//!
//!     fn name(&self) -> &'static str {
//!         "notes"
//!     }
//!
//!     fn schema(&self) -> Schema {
//!         Schema::new("Keeps notes.").attribute(string("folder").optional().describe("Where notes lie."))
//!     }
//!
//!     fn parts(&self) -> Parts {
//!         Parts::new() // .resource(Note).data_source(Listing).function(WordCount)
//!     }
//!
//!     async fn configure(&self, _: &ConfigureContext, settings: Settings) -> Result<Data, Diagnostics> {
//!         Ok(Arc::new(settings.folder))
//!     }
//! }
//!
//! fn main() -> ExitCode {
//!     tfplugin::run(Notes, ServeOptions::new("registry.terraform.io/example/notes"))
//! }
//! ```

mod action;
mod config;
mod context;
mod data_source;
mod ephemeral;
pub(crate) mod erased;
mod function;
mod private;
mod resource;

use std::any::Any;
use std::sync::Arc;

pub use async_trait::async_trait;

pub use action::{Action, Progress};
pub use config::Config;
pub(crate) use context::lock;
pub use context::{
    ConfigureContext, Context, DeferReason, Interruption, PlanContext, TerraformCapabilities, ValidateContext,
};
pub use data_source::DataSource;
pub use ephemeral::{EphemeralResource, Opened};
pub use function::{Function, FunctionError, Parameter, Signature, parameter};
pub use private::Private;
pub use resource::{Failure, ImportTarget, RawState, Resource};

use crate::diagnostics::Diagnostics;
use crate::model::Model;
use crate::schema::Schema;
use erased::{AnyAction, AnyDataSource, AnyEphemeralResource, AnyFunction, AnyResource};

/// What `configure` makes once and every call is handed: clients, settings, caches.
pub type Data = Arc<dyn Any + Send + Sync>;

/// A provider: its own configuration and the list of its parts.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// The model of the provider block. Fields that may be unknown while planning are [`Field`](crate::model::Field)s;
    /// while a plain field is unknown, `configure` is not called and what needs it is deferred or told to the user.
    type Model: Model;

    /// The provider's name, with which the names of its resources begin.
    fn name(&self) -> &'static str;

    /// The shape of the provider block.
    fn schema(&self) -> Schema;

    /// All that the provider offers.
    fn parts(&self) -> Parts;

    /// Checks beyond those of the schema. May be called with unknown values in `config`.
    async fn validate(&self, _cx: &ValidateContext, _config: &Config) -> Diagnostics {
        Diagnostics::new()
    }

    /// Makes what all calls share. No work of the provider is done before.
    ///
    /// # Errors
    /// Diagnostics to show; no further call follows then.
    async fn configure(&self, cx: &ConfigureContext, config: Self::Model) -> Result<Data, Diagnostics>;
}

/// The one list of what a provider offers.
#[derive(Default)]
pub struct Parts {
    pub(crate) resources: Vec<Arc<dyn AnyResource>>,
    pub(crate) data_sources: Vec<Arc<dyn AnyDataSource>>,
    pub(crate) ephemeral_resources: Vec<Arc<dyn AnyEphemeralResource>>,
    pub(crate) functions: Vec<Arc<dyn AnyFunction>>,
    pub(crate) actions: Vec<Arc<dyn AnyAction>>,
}

impl Parts {
    /// An empty list.
    pub fn new() -> Parts {
        Parts::default()
    }

    /// Adds a resource.
    #[must_use]
    pub fn resource<R: Resource>(mut self, resource: R) -> Parts {
        self.resources.push(Arc::new(erased::Erased(resource)));
        self
    }

    /// Adds a data source.
    #[must_use]
    pub fn data_source<D: DataSource>(mut self, data_source: D) -> Parts {
        self.data_sources.push(Arc::new(erased::Erased(data_source)));
        self
    }

    /// Adds an ephemeral resource.
    #[must_use]
    pub fn ephemeral_resource<E: EphemeralResource>(mut self, ephemeral_resource: E) -> Parts {
        self.ephemeral_resources.push(Arc::new(erased::Erased(ephemeral_resource)));
        self
    }

    /// Adds a function.
    #[must_use]
    pub fn function<F: Function>(mut self, function: F) -> Parts {
        self.functions.push(Arc::new(erased::Erased(function)));
        self
    }

    /// Adds an action.
    #[must_use]
    pub fn action<A: Action>(mut self, action: A) -> Parts {
        self.actions.push(Arc::new(erased::Erased(action)));
        self
    }
}
