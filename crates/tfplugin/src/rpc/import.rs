//! `ImportResourceState`.

use super::apply::identity_message;
use super::{Answer, Inner, Token, convert, planning};
use crate::diagnostics::Diagnostics;
use crate::proto::tfplugin6::import_resource_state::{ImportedResource, Request, Response};
use crate::provider::{DeferReason, ImportTarget};
use crate::value::Value;

impl Inner {
    pub(super) async fn import_resource_state(&self, request: Request, token: Token) -> Response {
        self.import(request, token).await.unwrap_or_else(Response::failed)
    }

    async fn import(&self, request: Request, token: Token) -> Result<Response, Diagnostics> {
        let entry = self.parts.resource(&request.type_name)?;
        let mut cx = self.context(token, request.client_capabilities.as_ref());
        cx.terraform.deferral &= self.awaits_configuration();
        if self.awaits_configuration() && cx.defer(DeferReason::ProviderConfigUnknown) {
            let imported = ImportedResource {
                type_name: request.type_name,
                state: Some(convert::message(&Value::UNKNOWN, &entry.r#type)?),
                private: Vec::new(),
                identity: request.identity,
            };
            return Ok(Response {
                imported_resources: vec![imported],
                diagnostics: Vec::new(),
                deferred: Some(convert::deferred(DeferReason::ProviderConfigUnknown)),
            });
        }
        let given = request.identity.as_ref().and_then(|it| it.identity_data.as_ref());
        let target = match (&entry.identity, given) {
            (Some(identity), Some(given)) if request.id.is_empty() => {
                ImportTarget::Identity(convert::value(Some(given), &identity.r#type)?)
            }
            _ => ImportTarget::Id(request.id),
        };
        let kept = entry.part.import(&cx, target, &entry.r#type).await?;
        let state = planning::null_write_only(&entry.schema, planning::without_unknowns(kept.state));
        let identity = identity_message(kept.identity.as_ref(), entry.identity.as_ref().map(|it| &it.r#type));
        let imported = ImportedResource {
            type_name: request.type_name,
            state: Some(convert::message(&state, &entry.r#type)?),
            private: cx.private().encode(),
            identity: identity.or(request.identity),
        };
        Ok(Response {
            imported_resources: vec![imported],
            diagnostics: convert::diagnostics(cx.take_diagnostics()),
            deferred: None,
        })
    }
}
