//! The services that go-plugin calls beside the provider's own: controller, standard output, health.
//!
//! Its broker is not served: providers open no connections of their own, and `Unimplemented` is an answer that
//! go-plugin takes. Source: go-plugin 1.8, `grpc_server.go`, `grpc_controller.go`, `grpc_stdio.go`.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use tokio_stream::Stream;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Request, Response, Status};

use crate::proto::{
    health::{HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server::Health},
    plugin::{Empty, StdioData, grpc_controller_server::GrpcController, grpc_stdio_server::GrpcStdio},
};

/// Ends the process when asked to.
pub(super) struct Controller {
    pub(super) shutdown: CancellationToken,
}

#[tonic::async_trait]
impl GrpcController for Controller {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.shutdown.cancel();
        Ok(Response::new(Empty {}))
    }
}

/// Would carry what the provider prints; nothing does, logs go to standard error. The stream stays open to the end,
/// because go-plugin logs one that closes.
pub(super) struct Stdio {
    pub(super) ending: CancellationToken,
}

#[tonic::async_trait]
impl GrpcStdio for Stdio {
    type StreamStdioStream = UntilTheEnd<StdioData>;

    async fn stream_stdio(&self, _: Request<()>) -> Result<Response<Self::StreamStdioStream>, Status> {
        Ok(Response::new(UntilTheEnd::new(None, &self.ending)))
    }
}

/// Answers that the provider, which go-plugin knows as `plugin`, is well.
pub(super) struct AlwaysServing {
    pub(super) ending: CancellationToken,
}

#[tonic::async_trait]
impl Health for AlwaysServing {
    type WatchStream = UntilTheEnd<HealthCheckResponse>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let service = request.into_inner().service;
        if is_known(&service) {
            Ok(Response::new(status(ServingStatus::Serving)))
        } else {
            Err(Status::not_found(format!("no service `{service}`, known: plugin")))
        }
    }

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let known = is_known(&request.into_inner().service);
        let first = status(if known { ServingStatus::Serving } else { ServingStatus::ServiceUnknown });
        Ok(Response::new(UntilTheEnd::new(Some(first), &self.ending)))
    }
}

fn is_known(service: &str) -> bool {
    service.is_empty() || service == "plugin"
}

fn status(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

/// A stream of at most one message that closes when the process takes its leave.
pub(super) struct UntilTheEnd<T> {
    first: Option<T>,
    end: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl<T> UntilTheEnd<T> {
    fn new(first: Option<T>, ending: &CancellationToken) -> Self {
        Self { first, end: Box::pin(ending.clone().cancelled_owned()) }
    }
}

impl<T: Unpin> Stream for UntilTheEnd<T> {
    type Item = Result<T, Status>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.first.take() {
            Some(message) => Poll::Ready(Some(Ok(message))),
            None => self.end.as_mut().poll(cx).map(|()| None),
        }
    }
}
