//! `PlanAction` and `InvokeAction`, whose answer is a stream of progress with an end.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::ephemeral::all_told;
use super::{Answer, Inner, Server, Token, convert, panicked, planning, secrets};
use crate::diagnostics::Diagnostics;
use crate::log;
use crate::proto::tfplugin6::invoke_action::{self, Event, event};
use crate::proto::tfplugin6::plan_action;
use crate::provider::{Config, DeferReason, Progress};

/// Lines of progress that may wait before the action does.
const LINES: usize = 64;

impl Inner {
    pub(super) async fn plan_action(&self, request: plan_action::Request, token: Token) -> plan_action::Response {
        self.look_ahead(&request, token).await.unwrap_or_else(plan_action::Response::failed)
    }

    async fn look_ahead(
        &self,
        request: &plan_action::Request,
        token: Token,
    ) -> Result<plan_action::Response, Diagnostics> {
        let entry = self.parts.action(&request.action_type)?;
        let config = convert::value(request.config.as_ref(), &entry.r#type)?;
        secrets::hide(&entry.schema, &config);
        let mut cx = self.context(token, request.client_capabilities.as_ref());
        cx.terraform.deferral &= self.awaits_configuration() || !config.is_wholly_known();
        if self.awaits_configuration() {
            cx.defer(DeferReason::ProviderConfigUnknown);
        }
        let config = Config::new(planning::with_defaults(&entry.schema, &config, config.clone()));
        all_told(&cx, entry.part.plan(&cx, &config).await)?;
        Ok(plan_action::Response {
            diagnostics: convert::diagnostics(cx.take_diagnostics()),
            deferred: cx.deferred().map(convert::deferred),
        })
    }

    async fn invoke(
        &self,
        request: invoke_action::Request,
        token: Token,
        progress: &Progress,
    ) -> Result<Diagnostics, Diagnostics> {
        let entry = self.parts.action(&request.action_type)?;
        let config = convert::value(request.config.as_ref(), &entry.r#type)?;
        secrets::hide(&entry.schema, &config);
        let mut cx = self.context(token, None);
        let settings = planning::with_defaults(&entry.schema, &config, config.clone());
        cx.config = Some(Config::new(config));
        all_told(&cx, entry.part.invoke(&cx, &settings, progress).await)?;
        Ok(cx.take_diagnostics())
    }
}

impl Server {
    /// Starts an action in a task of its own and answers what it will tell.
    pub(super) fn start_action(&self, request: invoke_action::Request) -> ReceiverStream<Result<Event, Status>> {
        let (lines, mut told) = mpsc::channel(LINES);
        let (events, stream) = mpsc::channel(LINES);
        let (inner, token) = (self.inner.clone(), self.life.token());
        let action = self.life.spawn(async move { inner.invoke(request, token, &Progress::new(lines)).await });
        self.life.spawn(async move {
            // The lines end when the action does. Nobody may be listening any more; it goes on all the same.
            while let Some(line) = told.recv().await {
                let message = log::redact(&line).into_owned();
                let _ = events.send(Ok(happened(event::Type::Progress(event::Progress { message })))).await;
            }
            let diagnostics = match action.await {
                Ok(Ok(diagnostics) | Err(diagnostics)) => diagnostics,
                Err(panic) => panicked(&panic),
            };
            let diagnostics = convert::diagnostics(diagnostics);
            let _ = events.send(Ok(happened(event::Type::Completed(event::Completed { diagnostics })))).await;
        });
        ReceiverStream::new(stream)
    }
}

fn happened(what: event::Type) -> Event {
    Event { r#type: Some(what) }
}
