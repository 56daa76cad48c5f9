//! Runs a provider without Terraform: plan, apply, refresh, import and destroy through the messages of the wire.
//!
//! Each call is encoded, decoded, answered, encoded and decoded again, and what Terraform checks of the answers is
//! checked here too: a plan that changes what the configuration says, a state that differs from its plan, a second plan
//! that is not empty.
//!
//! ```
//! # use std::sync::Arc;
//! # use tfplugin::provider::{ConfigureContext, Data, Function, FunctionError, Parts, Provider, Signature, async_trait};
//! # use tfplugin::schema::Schema;
//! # use tfplugin::{Diagnostics, Type, Value};
//! # #[derive(serde::Serialize, serde::Deserialize)]
//! # struct Nothing {}
//! # struct Demo;
//! # struct One;
//! # impl Function for One {
//! #     type Arguments = ();
//! #     type Output = i64;
//! #     fn name(&self) -> &'static str { "one" }
//! #     fn signature(&self) -> Signature { Signature::new("One.", Type::Number) }
//! #     fn call(&self, (): ()) -> Result<i64, FunctionError> { Ok(1) }
//! # }
//! # #[async_trait]
//! # impl Provider for Demo {
//! #     type Model = Nothing;
//! #     fn name(&self) -> &'static str { "demo" }
//! #     fn schema(&self) -> Schema { Schema::new("") }
//! #     fn parts(&self) -> Parts { Parts::new().function(One) }
//! #     async fn configure(&self, _: &ConfigureContext, _: Nothing) -> Result<Data, Diagnostics> { Ok(Arc::new(())) }
//! # }
//! use tfplugin::testing::{TestProvider, config};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let provider = TestProvider::new(Demo);
//! provider.configure(config([])).await.expect("is configured");
//! assert_eq!(provider.call_function("one", vec![]).await, Ok(Value::from(1)));
//! // let mut note = provider.resource("demo_note");
//! // note.apply(config([("text", "hello".into())])).await.expect("is created");
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

mod core;
mod resource;

pub use resource::{PlannedChange, TestResource};

use prost::Message;
use tokio_stream::StreamExt as _;
use tonic::{Request, Response, Status};

use crate::diagnostics::{Diagnostic, Diagnostics, Severity};
use crate::path::{Path, Step};
use crate::proto::tfplugin6 as proto;
use crate::proto::tfplugin6::attribute_path::step::Selector;
use crate::proto::tfplugin6::provider_server::Provider as _;
use crate::provider::{FunctionError, Provider};
use crate::rpc::{Server, convert};
use crate::schema::Schema;
use crate::serve::Lifecycle;
use crate::value::{Type, Value, conform};

/// A configuration of these attributes; what is left out is null.
pub fn config<const N: usize>(attributes: [(&str, Value); N]) -> Value {
    Value::object(attributes)
}

/// A provider that is called as Terraform calls it.
#[derive(Clone)]
pub struct TestProvider {
    server: Server,
    life: Lifecycle,
    terraform: proto::ClientCapabilities,
}

impl TestProvider {
    /// A provider in a process of its own, so to speak: not configured yet, called by a recent Terraform.
    pub fn new<P: Provider>(provider: P) -> TestProvider {
        let life = Lifecycle::new();
        let terraform =
            proto::ClientCapabilities { write_only_attributes_allowed: true, ..proto::ClientCapabilities::default() };
        TestProvider { server: Server::new(provider, life.clone()), life, terraform }
    }

    /// The same, called by a Terraform that takes deferrals.
    #[must_use]
    pub fn deferring(mut self) -> TestProvider {
        self.terraform.deferral_allowed = true;
        self
    }

    /// The same, called by a Terraform older than 1.11, which does not know write-only attributes.
    #[must_use]
    pub fn without_write_only(mut self) -> TestProvider {
        self.terraform.write_only_attributes_allowed = false;
        self
    }

    /// Checks and sets the provider's own configuration; answers the warnings.
    ///
    /// # Errors
    /// All diagnostics if one is an error.
    pub async fn configure(&self, config: Value) -> Result<Diagnostics, Diagnostics> {
        let parts = &self.server.inner.parts;
        let config = Some(message(config, &parts.schema, &parts.r#type)?);
        let request = proto::validate_provider_config::Request { config: config.clone() };
        let checked = self.call(request, async |server, it| server.validate_provider_config(it).await).await?;
        let mut found = told(checked.diagnostics)?;
        let terraform_version = "1.14.0".to_owned();
        let client_capabilities = Some(self.terraform);
        let request = proto::configure_provider::Request { terraform_version, config, client_capabilities };
        let configured = self.call(request, async |server, it| server.configure_provider(it).await).await?;
        found.extend(told(configured.diagnostics)?);
        Ok(found)
    }

    /// A resource of this type, of which no object exists yet.
    ///
    /// # Panics
    /// If the provider has no such resource.
    pub fn resource(&self, type_name: &str) -> TestResource {
        TestResource::new(self.clone(), type_name)
    }

    /// Checks the configuration of a data source and reads it; answers the result and the warnings.
    ///
    /// # Errors
    /// All diagnostics if one is an error.
    pub async fn read_data_source(&self, type_name: &str, config: Value) -> Result<(Value, Diagnostics), Diagnostics> {
        let entry = self.server.inner.parts.data_source(type_name)?;
        let config = Some(message(config, &entry.schema, &entry.r#type)?);
        let type_name = type_name.to_owned();
        let request =
            proto::validate_data_resource_config::Request { type_name: type_name.clone(), config: config.clone() };
        let checked = self.call(request, async |server, it| server.validate_data_resource_config(it).await).await?;
        let mut found = told(checked.diagnostics)?;
        let client_capabilities = Some(self.terraform);
        let request = proto::read_data_source::Request { type_name, config, provider_meta: None, client_capabilities };
        let answer = self.call(request, async |server, it| server.read_data_source(it).await).await?;
        found.extend(told(answer.diagnostics)?);
        Ok((convert::value(answer.state.as_ref(), &entry.r#type)?, found))
    }

    /// Checks the configuration of an ephemeral resource, opens it, and closes it again; answers the result.
    ///
    /// # Errors
    /// All diagnostics if one is an error.
    pub async fn open_and_close(&self, type_name: &str, config: Value) -> Result<Value, Diagnostics> {
        let entry = self.server.inner.parts.ephemeral_resource(type_name)?;
        let config = Some(message(config, &entry.schema, &entry.r#type)?);
        let type_name = type_name.to_owned();
        let request =
            proto::validate_ephemeral_resource_config::Request { type_name: type_name.clone(), config: config.clone() };
        let checked =
            self.call(request, async |server, it| server.validate_ephemeral_resource_config(it).await).await?;
        told(checked.diagnostics)?;
        let client_capabilities = Some(self.terraform);
        let request =
            proto::open_ephemeral_resource::Request { type_name: type_name.clone(), config, client_capabilities };
        let mut opened = self.call(request, async |server, it| server.open_ephemeral_resource(it).await).await?;
        told(opened.diagnostics)?;
        if opened.renew_at.is_some() {
            let request =
                proto::renew_ephemeral_resource::Request { type_name: type_name.clone(), private: opened.private };
            let renewed = self.call(request, async |server, it| server.renew_ephemeral_resource(it).await).await?;
            told(renewed.diagnostics)?;
            opened.private = renewed.private;
        }
        let request = proto::close_ephemeral_resource::Request { type_name, private: opened.private };
        let closed = self.call(request, async |server, it| server.close_ephemeral_resource(it).await).await?;
        told(closed.diagnostics)?;
        convert::value(opened.result.as_ref(), &entry.r#type)
    }

    /// Calls a function.
    ///
    /// # Errors
    /// The function's own, or one of arguments that do not fit.
    pub async fn call_function(&self, name: &str, arguments: Vec<Value>) -> Result<Value, FunctionError> {
        let wrong = |diagnostics: Diagnostics| FunctionError::new(diagnostics.to_string());
        let signature = self.server.inner.parts.functions.get(name).map(|entry| &entry.signature);
        let signature = signature.ok_or_else(|| FunctionError::new(format!("no function `{name}`")))?;
        let parameters =
            signature.parameters.iter().chain(std::iter::repeat_with(|| signature.variadic.as_ref()).flatten());
        let arguments = arguments.into_iter().zip(parameters).map(|(value, parameter)| {
            let value =
                conform::conform(value, &parameter.r#type).map_err(|error| FunctionError::new(error.to_string()))?;
            convert::message(&value, &parameter.r#type).map_err(wrong)
        });
        let request =
            proto::call_function::Request { name: name.to_owned(), arguments: arguments.collect::<Result<_, _>>()? };
        let answer = self.call(request, async |server, it| server.call_function(it).await).await.map_err(wrong)?;
        match answer.error {
            Some(error) => {
                let argument = error.function_argument.and_then(|argument| usize::try_from(argument).ok());
                Err(FunctionError { text: error.text, argument })
            }
            None => convert::value(answer.result.as_ref(), &signature.returns).map_err(wrong),
        }
    }

    /// Checks the configuration of an action, plans and invokes it; answers the lines of its progress.
    ///
    /// # Errors
    /// All diagnostics if one is an error.
    pub async fn invoke_action(&self, type_name: &str, config: Value) -> Result<Vec<String>, Diagnostics> {
        let entry = self.server.inner.parts.action(type_name)?;
        let config = Some(message(config, &entry.schema, &entry.r#type)?);
        let action_type = type_name.to_owned();
        let request = proto::validate_action_config::Request { type_name: action_type.clone(), config: config.clone() };
        let checked = self.call(request, async |server, it| server.validate_action_config(it).await).await?;
        told(checked.diagnostics)?;
        let client_capabilities = Some(self.terraform);
        let request = proto::plan_action::Request {
            action_type: action_type.clone(),
            config: config.clone(),
            client_capabilities,
        };
        let planned = self.call(request, async |server, it| server.plan_action(it).await).await?;
        told(planned.diagnostics)?;
        let request = proto::invoke_action::Request { action_type, config, client_capabilities };
        let started = self.server.invoke_action(Request::new(over_the_wire(&request)?)).await.map_err(refused)?;
        let (mut events, mut lines) = (started.into_inner(), Vec::new());
        while let Some(event) = events.next().await {
            match over_the_wire(&event.map_err(refused)?)?.r#type {
                Some(proto::invoke_action::event::Type::Progress(progress)) => lines.push(progress.message),
                Some(proto::invoke_action::event::Type::Completed(end)) => {
                    told(end.diagnostics)?;
                    return Ok(lines);
                }
                None => {}
            }
        }
        Err(Diagnostics::error("The action ended without saying so", ""))
    }

    /// Does what Ctrl-C in Terraform does; the next [`configure`](TestProvider::configure) ends it.
    pub fn stop(&self) {
        self.life.stop();
    }

    /// One call, with its messages as the wire has them.
    async fn call<Q, A>(
        &self,
        request: Q,
        call: impl AsyncFnOnce(&Server, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, Diagnostics>
    where
        Q: Message + Default,
        A: Message + Default,
    {
        let answer = call(&self.server, Request::new(over_the_wire(&request)?)).await.map_err(refused)?;
        over_the_wire(answer.get_ref())
    }
}

fn over_the_wire<M: Message + Default>(message: &M) -> Result<M, Diagnostics> {
    M::decode(message.encode_to_vec().as_slice())
        .map_err(|error| Diagnostics::error("The message does not survive the wire", error.to_string()))
}

fn refused(status: Status) -> Diagnostics {
    Diagnostics::error("The call was refused", status.message())
}

/// `config` as the wire has it; blocks that are left out are empty lists, as Terraform sends them.
fn message(config: Value, schema: &Schema, r#type: &Type) -> Result<proto::DynamicValue, Diagnostics> {
    convert::message(&shaped(config, schema, r#type)?, r#type)
}

fn shaped(config: Value, schema: &Schema, r#type: &Type) -> Result<Value, Diagnostics> {
    let misfit = |error: crate::value::ValueError| {
        Diagnostics::from(
            Diagnostic::error("The configuration does not fit the schema", error.to_string()).at(error.path),
        )
    };
    let shaped = conform::conform(config, r#type).map_err(misfit)?;
    let Value::Object(mut entries) = shaped else { return Ok(shaped) };
    for block in schema.blocks.iter().filter(|block| block.nesting != crate::schema::BlockNesting::Single) {
        let value = entries.entry(block.name.clone()).or_insert(Value::Null);
        if value.is_null() {
            *value = conform::conform(Value::List(Vec::new()), &block.value_type()).map_err(misfit)?;
        }
    }
    Ok(Value::Object(entries))
}

/// The warnings; `Err` with all if one is an error.
fn told(diagnostics: Vec<proto::Diagnostic>) -> Result<Diagnostics, Diagnostics> {
    let all: Diagnostics = diagnostics.into_iter().map(diagnostic).collect();
    if all.has_error() { Err(all) } else { Ok(all) }
}

fn diagnostic(message: proto::Diagnostic) -> Diagnostic {
    let severity = match message.severity() {
        proto::diagnostic::Severity::Warning => Severity::Warning,
        _ => Severity::Error,
    };
    Diagnostic { severity, summary: message.summary, detail: message.detail, path: message.attribute.map(path) }
}

fn path(message: proto::AttributePath) -> Path {
    let step = |step: proto::attribute_path::Step| match step.selector? {
        Selector::AttributeName(name) => Some(Step::Attribute(name)),
        Selector::ElementKeyString(key) => Some(Step::Key(key)),
        Selector::ElementKeyInt(index) => usize::try_from(index).ok().map(Step::Index),
    };
    message.steps.into_iter().filter_map(step).collect::<Vec<_>>().into()
}
