//! `ConfigureProvider`.

use std::sync::PoisonError;

use super::{Answer, ConfiguredState, Inner, Token, convert, planning, secrets};
use crate::diagnostics::Diagnostics;
use crate::proto::tfplugin6::configure_provider::{Request, Response};
use crate::provider::Config;
use crate::provider::erased::Configuring;

impl Inner {
    pub(super) async fn configure_provider(&self, request: Request, token: Token) -> Response {
        self.configure(request, token).await.unwrap_or_else(Response::failed)
    }

    async fn configure(&self, request: Request, token: Token) -> Result<Response, Diagnostics> {
        let config = convert::value(request.config.as_ref(), &self.parts.r#type)?;
        secrets::hide(&self.parts.schema, &config);
        self.configured.write().unwrap_or_else(PoisonError::into_inner).terraform_version =
            Some(request.terraform_version.into()).filter(|version: &std::sync::Arc<str>| !version.is_empty());
        let mut cx = self.context(token, request.client_capabilities.as_ref());
        let settings = planning::with_defaults(&self.parts.schema, &config, config.clone());
        cx.config = Some(Config::new(config));
        let result = self.parts.provider.configure(&cx, &settings).await;
        let mut diagnostics = cx.take_diagnostics();
        let state = match result {
            Ok(Configuring::Done(data)) => ConfiguredState::Done(data),
            Ok(Configuring::Unknown(path)) => {
                tracing::debug!(attribute = %path, "the provider's configuration is not known yet");
                ConfiguredState::Unknown
            }
            Err(more) => {
                diagnostics.extend(more);
                return Err(diagnostics);
            }
        };
        self.configured.write().unwrap_or_else(PoisonError::into_inner).state = state;
        Ok(Response { diagnostics: convert::diagnostics(diagnostics) })
    }
}
