//! The process that Terraform starts: handshake, connection, go-plugin's services, and an orderly end.
//!
//! ```text
//! serve -> cookie and version -> listen -> one line on stdout -> calls ... -> an ending -> operations finish -> exit
//! ```
//! Nothing is done before the handshake that could be done later: Terraform starts the process several times for one
//! apply. What the provider is handed is a [`Lifecycle`]: its tokens say when to stop, its tasks are waited for.

use std::{future::Future, io, io::Write, process::ExitCode, time::Duration};

use tokio::sync::watch;
use tonic::transport::{Server, server::Router};

use crate::{
    log,
    proto::{
        health::health_server::HealthServer,
        plugin::{grpc_controller_server::GrpcControllerServer, grpc_stdio_server::GrpcStdioServer},
        tfplugin6::provider_server::{Provider, ProviderServer},
    },
};

mod ending;
mod go_plugin;
mod handshake;
mod lifecycle;
mod listener;
mod reattach;
mod tls;

pub use handshake::HandshakeError;
pub use lifecycle::{CancellationToken, Lifecycle};
pub use listener::Transport;
pub use tls::TlsError;

use ending::{Ending, Parent, Signals};
use handshake::{Address, Environment};
use listener::Bound;

/// Largest message either way; the limit that go-plugin's client has too.
const MAX_MESSAGE: usize = i32::MAX as usize;
/// Flow-control window of a call and of the connection: large states in few round trips.
const WINDOW: u32 = 4 << 20;
/// Calls at once: above any `-parallelism`, so that `StopProvider` never queues behind what it is to stop.
const MAX_CALLS: u32 = 1 << 16;
/// Threads that serve connections; operations have their own.
const SERVER_THREADS: usize = 2;
/// How long the last answers may take to leave once no operation runs any more.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// How to serve a provider.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    address: String,
    debug: bool,
    grace: Duration,
    transport: Transport,
}

impl ServeOptions {
    /// Options for the provider of this full address, such as `registry.terraform.io/acme/box`.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), debug: false, grace: Duration::from_secs(30), transport: Transport::default() }
    }

    /// Debugging mode: the process prints the `TF_REATTACH_PROVIDERS` by which Terraform finds it and runs till Ctrl-C.
    pub fn debug(mut self, debug: bool) -> Self {
        self.debug = debug;
        self
    }

    /// How long operations may take to stop once the process is told to end or has lost Terraform; 30 s unless set.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The kind of address to listen at.
    pub fn transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// The provider's own name, the last part of its address.
    fn name(&self) -> &str {
        self.address.rsplit('/').next().unwrap_or(&self.address)
    }
}

/// Why a provider could not be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// No client that speaks protocol 6.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// No encrypted connection.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// No address to listen at.
    #[error("could not listen for Terraform: {0}; TMPDIR must name a folder that can be written")]
    Listen(#[source] io::Error),
    /// No way to tell Terraform where.
    #[error("could not write the handshake to standard output: {0}")]
    Announce(#[source] io::Error),
    /// The system refuses threads or signal handlers.
    #[error("could not set up the process: {0}")]
    Process(#[source] io::Error),
    /// The server ended before it was told to.
    #[error("the server ended: {0}")]
    Server(#[source] tonic::transport::Error),
}

/// Serves a provider till Terraform, a signal or the loss of Terraform ends it; meant to be all of `main`.
///
/// `provider` makes the implementation of the wire's service; it is called once, before the handshake, and should do
/// nothing that can wait for `ConfigureProvider`. A failure is printed to standard error and yields exit code 1.
pub fn serve<P, F>(provider: F, options: ServeOptions) -> ExitCode
where
    P: Provider,
    F: FnOnce(Lifecycle) -> P,
{
    log::init(options.name());
    let environment = Environment::read(|name| std::env::var(name).ok());
    match serve_process(provider, &options, &environment) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let text = match error {
                ServeError::Handshake(HandshakeError::ByHand) => help(&options),
                error => format!("terraform-provider-{}: {error}\n", options.name()),
            };
            // Nobody is left to tell if standard error is gone.
            let _ = io::stderr().write_all(text.as_bytes());
            ExitCode::FAILURE
        }
    }
}

fn serve_process<P, F>(provider: F, options: &ServeOptions, environment: &Environment) -> Result<(), ServeError>
where
    P: Provider,
    F: FnOnce(Lifecycle) -> P,
{
    if !options.debug {
        environment.check()?;
    }
    let runtime = |threads: &mut tokio::runtime::Builder| threads.enable_all().build().map_err(ServeError::Process);
    let operations = runtime(&mut tokio::runtime::Builder::new_multi_thread())?;
    let server = runtime(tokio::runtime::Builder::new_multi_thread().worker_threads(SERVER_THREADS))?;
    let life = Lifecycle::with_runtime(operations.handle().clone());
    let served = server.block_on(serve_in_runtime(provider, life, options, environment));
    // What outlived the grace period does not hold up the exit.
    operations.shutdown_background();
    server.shutdown_background();
    served
}

async fn serve_in_runtime<P, F>(
    provider: F,
    life: Lifecycle,
    options: &ServeOptions,
    environment: &Environment,
) -> Result<(), ServeError>
where
    P: Provider,
    F: FnOnce(Lifecycle) -> P,
{
    let parent = Parent::find();
    let mut signals = Signals::register(options.debug).map_err(ServeError::Process)?;
    let (acceptor, certificate) = match environment.client_certificate.as_deref().filter(|_| !options.debug) {
        Some(client) => {
            let tls = tls::server_tls(client)?;
            (Some(tls.acceptor), tls.certificate)
        }
        None => (None, String::new()),
    };
    let Bound { listener, address, folder } =
        listener::bind(options.transport, environment).await.map_err(ServeError::Listen)?;

    let shutdown = CancellationToken::new();
    let router = services(provider(life.clone()), &life, &shutdown);
    let (open, connections) = watch::channel(0);
    let incoming = listener::incoming(listener, acceptor, open);
    let closing = CancellationToken::new();
    let server = router.serve_with_incoming_shutdown(incoming, closing.clone().cancelled_owned());
    tokio::pin!(server);

    announce(options, environment, &address, &certificate).map_err(ServeError::Announce)?;
    let watched = async { if options.debug { std::future::pending().await } else { parent.lost(connections).await } };
    let ending = tokio::select! {
        ended = &mut server => return ended.map_err(ServeError::Server),
        ending = signals.end() => ending,
        ending = watched => ending,
        () = shutdown.cancelled() => Ending::Shutdown,
    };

    tracing::info!(?ending, operations = life.running(), "the provider ends");
    drop(folder);
    life.end();
    closing.cancel();
    tokio::select! {
        finished = finish(server, &life, options.grace) => finished,
        // On the developer's terminal a second Ctrl-C is meant; elsewhere signals come in pairs (a lost terminal, a
        // service manager) and must not cut off what still undoes its work.
        _ = signals.end(), if options.debug => Ok(()),
    }
}

/// Lets operations end, while the server still takes their answers away, and gives the last answers a moment.
async fn finish<S>(server: S, life: &Lifecycle, grace: Duration) -> Result<(), ServeError>
where
    S: Future<Output = Result<(), tonic::transport::Error>>,
{
    let operations_ended = CancellationToken::new();
    let operations = async {
        if tokio::time::timeout(grace, life.drained()).await.is_err() {
            tracing::error!(operations = life.running(), "operations did not stop within the grace period");
        }
        operations_ended.cancel();
    };
    let answers = async {
        let too_late = async {
            operations_ended.cancelled().await;
            tokio::time::sleep(LAST_ANSWERS).await;
        };
        tokio::select! {
            ended = server => ended.map_err(ServeError::Server),
            () = too_late => Ok(()),
        }
    };
    tokio::join!(operations, answers).1
}

fn services<P: Provider>(provider: P, life: &Lifecycle, shutdown: &CancellationToken) -> Router {
    let ending = life.ending().clone();
    Server::builder()
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_concurrent_streams(MAX_CALLS)
        .add_service(
            ProviderServer::new(provider).max_decoding_message_size(MAX_MESSAGE).max_encoding_message_size(MAX_MESSAGE),
        )
        .add_service(GrpcControllerServer::new(go_plugin::Controller { shutdown: shutdown.clone() }))
        .add_service(GrpcStdioServer::new(go_plugin::Stdio { ending: ending.clone() }))
        .add_service(HealthServer::new(go_plugin::AlwaysServing { ending }))
}

fn announce(options: &ServeOptions, environment: &Environment, address: &Address, certificate: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    if options.debug {
        write!(stdout, "{}", reattach::instructions(&options.address, address))?;
    } else {
        writeln!(stdout, "{}", environment.line(address, certificate))?;
    }
    stdout.flush()
}

/// What somebody who runs the file by hand wants to know.
fn help(options: &ServeOptions) -> String {
    let name = options.name();
    let source = options.address.strip_prefix("registry.terraform.io/").unwrap_or(&options.address);
    format!(
        "This is the Terraform provider `{name}`. Terraform and OpenTofu start it themselves; \
         run by hand it does nothing.\n\
         To use it, write this into a configuration, then run `terraform init` and `terraform plan`:\n\n  \
         terraform {{\n    required_providers {{\n      {name} = {{ source = \"{source}\" }}\n    }}\n  }}\n"
    )
}
