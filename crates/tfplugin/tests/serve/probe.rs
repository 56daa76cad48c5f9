//! The provider under test, as small as the wire allows: it echoes a value, and runs an action until told to stop.

use std::{fs, path::PathBuf, process::ExitCode, time::Duration};

use tfplugin::{
    proto::tfplugin6::{self as tf, provider_server::Provider},
    serve::{CancellationToken, Lifecycle, ServeOptions, Transport, serve},
};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

/// Configuration of an action that does not heed its token.
pub(crate) const STUBBORN: &[u8] = b"stubborn";

/// Configuration of an action that computes, without ever yielding its thread, until told to stop.
pub(crate) const BUSY: &[u8] = b"busy";

/// The provider's process: `debug` and `tcp` set the options of these names, `hasty` a short grace period.
pub(crate) fn main(role: &str) -> ExitCode {
    let has = |word: &str| role.split(' ').any(|w| w == word);
    let mut options = ServeOptions::new("registry.terraform.io/acme/probe").debug(has("debug"));
    if has("tcp") {
        options = options.transport(Transport::Tcp);
    }
    if has("hasty") {
        options = options.grace(Duration::from_millis(50));
    }
    serve(|life| Probe { life }, options)
}

struct Probe {
    life: Lifecycle,
}

impl Probe {
    /// Reports progress, waits for its token, then leaves a file behind where the configuration says.
    async fn run(
        token: CancellationToken,
        config: Vec<u8>,
        events: mpsc::Sender<Result<tf::invoke_action::Event, Status>>,
    ) {
        use tf::invoke_action::event::{Completed, Progress, Type};
        let event = |kind| Ok(tf::invoke_action::Event { r#type: Some(kind) });

        events.send(event(Type::Progress(Progress { message: "running".into() }))).await.unwrap();
        if config == BUSY {
            while !token.is_cancelled() {
                std::hint::spin_loop();
            }
        } else {
            token.cancelled().await;
            if config == STUBBORN {
                std::future::pending::<()>().await;
            }
            fs::write(PathBuf::from(String::from_utf8(config).unwrap()), "undone").unwrap();
        }
        // The client may be gone; that is the point of some tests.
        let _ = events.send(event(Type::Completed(Completed { diagnostics: Vec::new() }))).await;
    }
}

/// Writes the implementation with all calls answered `Unimplemented` but the ones spelled out.
macro_rules! provider {
    ($service:ty { $($method:ident $module:ident,)* } $($spelled_out:tt)*) => {
        #[tonic::async_trait]
        impl Provider for $service {
            $(async fn $method(
                &self,
                _: Request<tf::$module::Request>,
            ) -> Result<Response<tf::$module::Response>, Status> {
                Err(Status::unimplemented(stringify!($method)))
            })*
            $($spelled_out)*
        }
    };
}

provider! {
    Probe {
        get_provider_schema get_provider_schema,
        get_resource_identity_schemas get_resource_identity_schemas,
        get_functions get_functions,
        validate_provider_config validate_provider_config,
        configure_provider configure_provider,
        validate_resource_config validate_resource_config,
        upgrade_resource_state upgrade_resource_state,
        upgrade_resource_identity upgrade_resource_identity,
        read_resource read_resource,
        plan_resource_change plan_resource_change,
        apply_resource_change apply_resource_change,
        import_resource_state import_resource_state,
        validate_data_resource_config validate_data_resource_config,
        read_data_source read_data_source,
        validate_ephemeral_resource_config validate_ephemeral_resource_config,
        open_ephemeral_resource open_ephemeral_resource,
        renew_ephemeral_resource renew_ephemeral_resource,
        close_ephemeral_resource close_ephemeral_resource,
        validate_action_config validate_action_config,
        plan_action plan_action,
    }

    type InvokeActionStream = ReceiverStream<Result<tf::invoke_action::Event, Status>>;

    async fn get_metadata(
        &self,
        _: Request<tf::get_metadata::Request>,
    ) -> Result<Response<tf::get_metadata::Response>, Status> {
        Ok(Response::new(tf::get_metadata::Response::default()))
    }

    async fn call_function(
        &self,
        request: Request<tf::call_function::Request>,
    ) -> Result<Response<tf::call_function::Response>, Status> {
        let result = request.into_inner().arguments.pop();
        Ok(Response::new(tf::call_function::Response { result, error: None }))
    }

    async fn invoke_action(
        &self,
        request: Request<tf::invoke_action::Request>,
    ) -> Result<Response<Self::InvokeActionStream>, Status> {
        let (sender, receiver) = mpsc::channel(1);
        let config = request.into_inner().config.unwrap_or_default().msgpack;
        self.life.spawn(Self::run(self.life.token(), config, sender));
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn stop_provider(
        &self,
        _: Request<tf::stop_provider::Request>,
    ) -> Result<Response<tf::stop_provider::Response>, Status> {
        self.life.stop();
        Ok(Response::new(tf::stop_provider::Response::default()))
    }
}
