//! The calls that check configuration, before the provider is configured and with values that may be unknown.

use super::parts::Entry;
use super::{Inner, Token, convert, secrets, validation};
use crate::diagnostics::Diagnostics;
use crate::proto::tfplugin6::{
    ClientCapabilities, Diagnostic, DynamicValue, validate_action_config, validate_data_resource_config,
    validate_ephemeral_resource_config, validate_provider_config, validate_resource_config,
};
use crate::provider::{Config, Context};
use crate::schema::Schema;
use crate::value::Type;

impl Inner {
    pub(super) async fn validate_provider_config(
        &self,
        request: validate_provider_config::Request,
        token: Token,
    ) -> validate_provider_config::Response {
        let call = Check { schema: &self.parts.schema, r#type: &self.parts.r#type, message: request.config.as_ref() };
        let cx = self.context(token, None);
        let diagnostics = call.run(&cx, async |config| self.parts.provider.validate(&cx, config).await).await;
        validate_provider_config::Response { diagnostics }
    }

    pub(super) async fn validate_resource_config(
        &self,
        request: validate_resource_config::Request,
        token: Token,
    ) -> validate_resource_config::Response {
        let diagnostics = match self.parts.resource(&request.type_name) {
            Ok(entry) => {
                let cx = self.context(token, request.client_capabilities.as_ref());
                let refused =
                    self.refuse_write_only(entry, request.config.as_ref(), request.client_capabilities.as_ref());
                let call = Check::of(entry, request.config.as_ref());
                let mut found = call.run(&cx, async |config| entry.part.validate(&cx, config).await).await;
                found.extend(convert::diagnostics(refused));
                found
            }
            Err(unknown) => convert::diagnostics(unknown),
        };
        validate_resource_config::Response { diagnostics }
    }

    pub(super) async fn validate_data_resource_config(
        &self,
        request: validate_data_resource_config::Request,
        token: Token,
    ) -> validate_data_resource_config::Response {
        let diagnostics = match self.parts.data_source(&request.type_name) {
            Ok(entry) => {
                let cx = self.context(token, None);
                let call = Check::of(entry, request.config.as_ref());
                call.run(&cx, async |config| entry.part.validate(&cx, config).await).await
            }
            Err(unknown) => convert::diagnostics(unknown),
        };
        validate_data_resource_config::Response { diagnostics }
    }

    pub(super) async fn validate_ephemeral_resource_config(
        &self,
        request: validate_ephemeral_resource_config::Request,
        token: Token,
    ) -> validate_ephemeral_resource_config::Response {
        let diagnostics = match self.parts.ephemeral_resource(&request.type_name) {
            Ok(entry) => {
                let cx = self.context(token, None);
                let call = Check::of(entry, request.config.as_ref());
                call.run(&cx, async |config| entry.part.validate(&cx, config).await).await
            }
            Err(unknown) => convert::diagnostics(unknown),
        };
        validate_ephemeral_resource_config::Response { diagnostics }
    }

    pub(super) async fn validate_action_config(
        &self,
        request: validate_action_config::Request,
        token: Token,
    ) -> validate_action_config::Response {
        let diagnostics = match self.parts.action(&request.type_name) {
            Ok(entry) => {
                let cx = self.context(token, None);
                let call = Check::of(entry, request.config.as_ref());
                call.run(&cx, async |config| entry.part.validate(&cx, config).await).await
            }
            Err(unknown) => convert::diagnostics(unknown),
        };
        validate_action_config::Response { diagnostics }
    }

    fn refuse_write_only<P: ?Sized>(
        &self,
        entry: &Entry<P>,
        message: Option<&DynamicValue>,
        capabilities: Option<&ClientCapabilities>,
    ) -> Diagnostics {
        if capabilities.is_some_and(|it| it.write_only_attributes_allowed) {
            return Diagnostics::new();
        }
        // A value that cannot be read is told of by the check itself.
        convert::value(message, &entry.r#type)
            .map(|config| validation::write_only_refused(&entry.schema, &config))
            .unwrap_or_default()
    }
}

/// A configuration beside the schema that it has to fit.
struct Check<'a> {
    schema: &'a Schema,
    r#type: &'a Type,
    message: Option<&'a DynamicValue>,
}

impl<'a> Check<'a> {
    fn of<P: ?Sized>(entry: &'a Entry<P>, message: Option<&'a DynamicValue>) -> Check<'a> {
        Check { schema: &entry.schema, r#type: &entry.r#type, message }
    }

    /// The schema's checks, and the part's own if those found no error.
    async fn run(&self, cx: &Context, own: impl AsyncFnOnce(&Config) -> Diagnostics) -> Vec<Diagnostic> {
        let config = match convert::value(self.message, self.r#type) {
            Ok(config) => config,
            Err(diagnostics) => return convert::diagnostics(diagnostics),
        };
        secrets::hide(self.schema, &config);
        let mut found = validation::validate(self.schema, &config);
        if !found.has_error() {
            found.extend(own(&Config::new(config)).await);
        }
        found.extend(cx.take_diagnostics());
        convert::diagnostics(found)
    }
}
