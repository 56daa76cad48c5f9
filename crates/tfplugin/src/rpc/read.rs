//! `ReadResource` and `ReadDataSource`.

use super::apply::{identity_message, time_limit};
use super::{Answer, Inner, Token, convert, planning, secrets};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::proto::tfplugin6::{read_data_source, read_resource};
use crate::provider::{Config, DeferReason, Private};
use crate::value::Value;

impl Inner {
    pub(super) async fn read_resource(&self, request: read_resource::Request, token: Token) -> read_resource::Response {
        self.refresh(request, token).await.unwrap_or_else(read_resource::Response::failed)
    }

    async fn refresh(
        &self,
        request: read_resource::Request,
        token: Token,
    ) -> Result<read_resource::Response, Diagnostics> {
        let entry = self.parts.resource(&request.type_name)?;
        let mut cx = self.context(token, request.client_capabilities.as_ref());
        cx.terraform.deferral &= self.awaits_configuration();
        if self.awaits_configuration() {
            // The state stands as it is: to say that the object is gone would be to forget it.
            let deferred = cx
                .defer(DeferReason::ProviderConfigUnknown)
                .then(|| convert::deferred(DeferReason::ProviderConfigUnknown));
            let detail = "The provider's configuration depends on values that are known only after apply. \
                          The object is shown as it was when last read.";
            let warning = deferred.is_none().then(|| Diagnostic::warning("Object was not read", detail));
            return Ok(read_resource::Response {
                new_state: request.current_state,
                diagnostics: convert::diagnostics(warning.into_iter().collect()),
                private: request.private,
                deferred,
                new_identity: request.current_identity,
            });
        }
        let state = convert::value(request.current_state.as_ref(), &entry.r#type)?;
        secrets::hide(&entry.schema, &state);
        cx.private = Private::decode(&request.private).into();
        cx.time_limit = time_limit(&state, "read");
        let result = entry.part.read(&cx, &state, &entry.r#type).await;
        let mut diagnostics = cx.take_diagnostics();
        let kept = match result {
            Ok(kept) => kept,
            Err(more) => {
                diagnostics.extend(more);
                return Err(diagnostics);
            }
        };
        let (state, identity) = kept.map_or((Value::Null, None), |kept| (kept.state, kept.identity));
        let state = planning::null_write_only(&entry.schema, planning::without_unknowns(state));
        secrets::hide(&entry.schema, &state);
        let identity = identity_message(identity.as_ref(), entry.identity.as_ref().map(|it| &it.r#type));
        Ok(read_resource::Response {
            new_state: Some(convert::message(&state, &entry.r#type)?),
            diagnostics: convert::diagnostics(diagnostics),
            private: cx.private().encode(),
            deferred: None,
            new_identity: identity.or(request.current_identity),
        })
    }

    pub(super) async fn read_data_source(
        &self,
        request: read_data_source::Request,
        token: Token,
    ) -> read_data_source::Response {
        self.read_data(&request, token).await.unwrap_or_else(read_data_source::Response::failed)
    }

    async fn read_data(
        &self,
        request: &read_data_source::Request,
        token: Token,
    ) -> Result<read_data_source::Response, Diagnostics> {
        let entry = self.parts.data_source(&request.type_name)?;
        let config = convert::value(request.config.as_ref(), &entry.r#type)?;
        secrets::hide(&entry.schema, &config);
        let mut cx = self.context(token, request.client_capabilities.as_ref());
        cx.terraform.deferral &= self.awaits_configuration();
        if self.awaits_configuration() && cx.defer(DeferReason::ProviderConfigUnknown) {
            return Ok(read_data_source::Response {
                state: Some(convert::message(&Value::UNKNOWN, &entry.r#type)?),
                deferred: Some(convert::deferred(DeferReason::ProviderConfigUnknown)),
                ..read_data_source::Response::default()
            });
        }
        let settings = planning::with_defaults(&entry.schema, &config, config.clone());
        cx.time_limit = time_limit(&settings, "read");
        cx.config = Some(Config::new(config));
        let result = entry.part.read(&cx, &settings, &entry.r#type).await;
        let mut diagnostics = cx.take_diagnostics();
        match result {
            Ok(state) => {
                secrets::hide(&entry.schema, &state);
                Ok(read_data_source::Response {
                    state: Some(convert::message(&planning::without_unknowns(state), &entry.r#type)?),
                    diagnostics: convert::diagnostics(diagnostics),
                    deferred: None,
                })
            }
            Err(more) => {
                diagnostics.extend(more);
                Err(diagnostics)
            }
        }
    }
}
