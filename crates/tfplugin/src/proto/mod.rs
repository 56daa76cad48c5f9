//! Messages and services on the wire, generated from `proto/*.proto` and committed, so that a user's build needs
//! neither `protoc` nor a build script; `tests/generated.rs` holds them equal to what the files yield.

/// Terraform's plugin protocol 6, minor version 11.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod tfplugin6 {
    include!("generated/tfplugin6.rs");
}

/// The controller and the standard-output service of go-plugin.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod plugin {
    include!("generated/plugin.rs");
}

/// gRPC's health service.
#[allow(missing_docs, unreachable_pub, clippy::all)]
pub mod health {
    include!("generated/grpc.health.v1.rs");
}
