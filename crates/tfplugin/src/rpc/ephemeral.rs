//! `OpenEphemeralResource`, `RenewEphemeralResource`, `CloseEphemeralResource`.

use std::time::SystemTime;

use super::{Answer, Inner, Token, convert, planning, secrets};
use crate::diagnostics::Diagnostics;
use crate::proto::tfplugin6::{close_ephemeral_resource, open_ephemeral_resource, renew_ephemeral_resource};
use crate::provider::{Config, Context, DeferReason, Private};
use crate::value::Value;

impl Inner {
    pub(super) async fn open_ephemeral_resource(
        &self,
        request: open_ephemeral_resource::Request,
        token: Token,
    ) -> open_ephemeral_resource::Response {
        self.open(request, token).await.unwrap_or_else(open_ephemeral_resource::Response::failed)
    }

    async fn open(
        &self,
        request: open_ephemeral_resource::Request,
        token: Token,
    ) -> Result<open_ephemeral_resource::Response, Diagnostics> {
        let entry = self.parts.ephemeral_resource(&request.type_name)?;
        let config = convert::value(request.config.as_ref(), &entry.r#type)?;
        secrets::hide(&entry.schema, &config);
        let mut cx = self.context(token, request.client_capabilities.as_ref());
        cx.terraform.deferral &= self.awaits_configuration();
        if self.awaits_configuration() && cx.defer(DeferReason::ProviderConfigUnknown) {
            return Ok(open_ephemeral_resource::Response {
                result: Some(convert::message(&Value::UNKNOWN, &entry.r#type)?),
                deferred: Some(convert::deferred(DeferReason::ProviderConfigUnknown)),
                ..open_ephemeral_resource::Response::default()
            });
        }
        let settings = planning::with_defaults(&entry.schema, &config, config.clone());
        cx.config = Some(Config::new(config));
        let (result, renew_at) = all_told(&cx, entry.part.open(&cx, &settings, &entry.r#type).await)?;
        secrets::hide(&entry.schema, &result);
        Ok(open_ephemeral_resource::Response {
            diagnostics: convert::diagnostics(cx.take_diagnostics()),
            renew_at: renew_at.map(timestamp),
            result: Some(convert::message(&planning::without_unknowns(result), &entry.r#type)?),
            private: private(&cx),
            deferred: None,
        })
    }

    pub(super) async fn renew_ephemeral_resource(
        &self,
        request: renew_ephemeral_resource::Request,
        token: Token,
    ) -> renew_ephemeral_resource::Response {
        self.renew(request, token).await.unwrap_or_else(renew_ephemeral_resource::Response::failed)
    }

    async fn renew(
        &self,
        request: renew_ephemeral_resource::Request,
        token: Token,
    ) -> Result<renew_ephemeral_resource::Response, Diagnostics> {
        let entry = self.parts.ephemeral_resource(&request.type_name)?;
        let mut cx = self.context(token, None);
        cx.private = Private::decode(&request.private.unwrap_or_default()).into();
        let renew_at = all_told(&cx, entry.part.renew(&cx).await)?;
        Ok(renew_ephemeral_resource::Response {
            diagnostics: convert::diagnostics(cx.take_diagnostics()),
            renew_at: renew_at.map(timestamp),
            private: private(&cx),
        })
    }

    pub(super) async fn close_ephemeral_resource(
        &self,
        request: close_ephemeral_resource::Request,
        token: Token,
    ) -> close_ephemeral_resource::Response {
        self.close(request, token).await.unwrap_or_else(close_ephemeral_resource::Response::failed)
    }

    async fn close(
        &self,
        request: close_ephemeral_resource::Request,
        token: Token,
    ) -> Result<close_ephemeral_resource::Response, Diagnostics> {
        let entry = self.parts.ephemeral_resource(&request.type_name)?;
        let mut cx = self.context(token, None);
        cx.private = Private::decode(&request.private.unwrap_or_default()).into();
        all_told(&cx, entry.part.close(&cx).await)?;
        Ok(close_ephemeral_resource::Response { diagnostics: convert::diagnostics(cx.take_diagnostics()) })
    }
}

/// The result, or its diagnostics after the warnings of the call.
pub(super) fn all_told<T>(cx: &Context, result: Result<T, Diagnostics>) -> Result<T, Diagnostics> {
    result.map_err(|more| {
        let mut diagnostics = cx.take_diagnostics();
        diagnostics.extend(more);
        diagnostics
    })
}

fn private(cx: &Context) -> Option<Vec<u8>> {
    Some(cx.private().encode()).filter(|bytes| !bytes.is_empty())
}

fn timestamp(time: SystemTime) -> prost_types::Timestamp {
    time.into()
}
