//! The protocol's calls, one file for each group of them.
//!
//! Each call runs in a task of its own ([`Lifecycle::spawn`]), so that a connection which drops does not drop the work
//! half-way, and so that a panic becomes a diagnostic of that call. Its token fires on `StopProvider` and at the end of
//! the process.

mod action;
mod apply;
mod configure;
pub(crate) mod convert;
mod ephemeral;
mod function;
mod import;
pub(crate) mod parts;
mod plan;
mod planning;
mod read;
mod schema;
mod secrets;
mod upgrade;
mod validate;
mod validation;

use std::future::Future;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, RwLock};

use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use crate::diagnostics::Diagnostics;
use crate::proto::tfplugin6 as proto;
use crate::proto::tfplugin6::{
    apply_resource_change, call_function, close_ephemeral_resource, configure_provider, get_functions, get_metadata,
    get_provider_schema, get_resource_identity_schemas, import_resource_state, invoke_action, open_ephemeral_resource,
    plan_action, plan_resource_change, provider_server, read_data_source, read_resource, renew_ephemeral_resource,
    stop_provider, upgrade_resource_identity, upgrade_resource_state, validate_action_config,
    validate_data_resource_config, validate_ephemeral_resource_config, validate_provider_config,
    validate_resource_config,
};
use crate::provider::{Context, Data, Private, Provider, TerraformCapabilities};
use crate::serve::{self, CancellationToken, Lifecycle, ServeOptions};
use parts::PartsTable;

/// The token of a call.
type Token = CancellationToken;

/// Serves `provider` until Terraform or a signal ends it; meant to be all of `main`.
pub fn run<P: Provider>(provider: P, options: ServeOptions) -> ExitCode {
    serve::serve(|life| Server::new(provider, life), options)
}

/// What is wrong with a provider: its schemas, its names, its models; one sentence each, empty if nothing is.
///
/// Every provider should hold this empty by a test: it is what binds the models to their schemas.
pub fn problems<P: Provider>(provider: P) -> Vec<String> {
    let parts = PartsTable::new(provider);
    let models = parts.check_models();
    parts.problems.into_iter().chain(models).collect()
}

/// A provider as the wire's service.
#[derive(Clone)]
pub struct Server {
    pub(crate) inner: Arc<Inner>,
    life: Lifecycle,
}

/// What all calls share.
pub(crate) struct Inner {
    pub(crate) parts: PartsTable,
    configured: RwLock<Configured>,
}

/// How far the provider is configured, and by which Terraform.
#[derive(Default)]
struct Configured {
    state: ConfiguredState,
    terraform_version: Option<Arc<str>>,
}

#[derive(Default)]
enum ConfiguredState {
    #[default]
    Not,
    /// Not, as its configuration depends on what is not known yet.
    Unknown,
    Done(Data),
}

impl Server {
    /// The service of `provider`, within a process of this life.
    pub fn new<P: Provider>(provider: P, life: Lifecycle) -> Server {
        let inner = Inner { parts: PartsTable::new(provider), configured: RwLock::default() };
        Server { inner: Arc::new(inner), life }
    }

    /// Runs one call in a task of its own.
    async fn call<Q, A, W, F>(&self, request: Request<Q>, work: W) -> Result<Response<A>, Status>
    where
        A: Answer,
        W: FnOnce(Arc<Inner>, Q, Token) -> F,
        F: Future<Output = A> + Send + 'static,
    {
        let work = work(self.inner.clone(), request.into_inner(), self.life.token());
        let answer = self.life.spawn(work).await;
        Ok(Response::new(answer.unwrap_or_else(|error| A::failed(panicked(&error)))))
    }
}

/// An answer that can tell of a failure.
trait Answer: Send + 'static {
    fn failed(diagnostics: Diagnostics) -> Self;
}

/// What the user is told when a call panics; what the panic said is in the log.
fn panicked(error: &tokio::task::JoinError) -> Diagnostics {
    let how = if error.is_panic() { "panicked" } else { "was cut off" };
    let detail = format!(
        "The provider {how} during this call. This is a bug in the provider: please report it to its maintainers, \
         with the provider's log of this run (set TF_LOG_PROVIDER=DEBUG). Other calls are not affected."
    );
    Diagnostics::error("The provider failed unexpectedly", detail)
}

macro_rules! calls {
    ($($method:ident,)*) => {
        #[tonic::async_trait]
        impl provider_server::Provider for Server {
            $(
                async fn $method(
                    &self,
                    request: Request<$method::Request>,
                ) -> Result<Response<$method::Response>, Status> {
                    self.call(request, |inner, request, token| async move { inner.$method(request, token).await }).await
                }
            )*

            async fn configure_provider(
                &self,
                request: Request<configure_provider::Request>,
            ) -> Result<Response<configure_provider::Response>, Status> {
                self.life.renew();
                self.call(request, |inner, request, token| async move { inner.configure_provider(request, token).await })
                    .await
            }

            async fn stop_provider(
                &self,
                _: Request<stop_provider::Request>,
            ) -> Result<Response<stop_provider::Response>, Status> {
                self.life.stop();
                Ok(Response::new(stop_provider::Response::default()))
            }

            type InvokeActionStream = ReceiverStream<Result<invoke_action::Event, Status>>;

            async fn invoke_action(
                &self,
                request: Request<invoke_action::Request>,
            ) -> Result<Response<Self::InvokeActionStream>, Status> {
                Ok(Response::new(self.start_action(request.into_inner())))
            }
        }
    };
}

calls! {
    get_metadata,
    get_provider_schema,
    get_resource_identity_schemas,
    get_functions,
    validate_provider_config,
    validate_resource_config,
    upgrade_resource_state,
    upgrade_resource_identity,
    read_resource,
    plan_resource_change,
    apply_resource_change,
    import_resource_state,
    validate_data_resource_config,
    read_data_source,
    validate_ephemeral_resource_config,
    open_ephemeral_resource,
    renew_ephemeral_resource,
    close_ephemeral_resource,
    call_function,
    validate_action_config,
    plan_action,
}

macro_rules! answers_with_diagnostics {
    ($($method:ident,)*) => {
        $(impl Answer for $method::Response {
            fn failed(diagnostics: Diagnostics) -> Self {
                let mut answer = Self::default();
                answer.diagnostics.extend(convert::diagnostics(diagnostics));
                answer
            }
        })*
    };
}

answers_with_diagnostics! {
    get_metadata,
    get_provider_schema,
    get_resource_identity_schemas,
    get_functions,
    validate_provider_config,
    configure_provider,
    validate_resource_config,
    upgrade_resource_state,
    upgrade_resource_identity,
    read_resource,
    plan_resource_change,
    apply_resource_change,
    import_resource_state,
    validate_data_resource_config,
    read_data_source,
    validate_ephemeral_resource_config,
    open_ephemeral_resource,
    renew_ephemeral_resource,
    close_ephemeral_resource,
    validate_action_config,
    plan_action,
}

impl Answer for call_function::Response {
    fn failed(diagnostics: Diagnostics) -> Self {
        let error = proto::FunctionError { text: diagnostics.to_string(), function_argument: None };
        Self { error: Some(error), result: None }
    }
}

impl Inner {
    /// The surroundings of a call.
    fn context(&self, token: Token, capabilities: Option<&proto::ClientCapabilities>) -> Context {
        let configured = self.configured.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let data = match &configured.state {
            ConfiguredState::Done(data) => Some(data.clone()),
            ConfiguredState::Not | ConfiguredState::Unknown => None,
        };
        Context {
            data,
            terraform: TerraformCapabilities {
                deferral: capabilities.is_some_and(|it| it.deferral_allowed),
                write_only_attributes: capabilities.is_some_and(|it| it.write_only_attributes_allowed),
            },
            terraform_version: configured.terraform_version.clone(),
            config: None,
            cancellation: token,
            time_limit: None,
            private: Mutex::new(Private::default()),
            diagnostics: Mutex::new(Diagnostics::new()),
            deferred: Mutex::new(None),
            replace: Mutex::new(Vec::new()),
        }
    }

    /// Whether the provider waits for values that its configuration depends on.
    fn awaits_configuration(&self) -> bool {
        let configured = self.configured.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        matches!(configured.state, ConfiguredState::Unknown)
    }
}
