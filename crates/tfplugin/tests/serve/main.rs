//! The provider as a process: handshake, TLS, go-plugin's services, and every way to end.
//!
//! Each test starts a real process, which is this same executable in another role, and talks to it over the real wire.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod probe;
mod terraform;

use std::{fs, path::Path};

use rustix::process::Signal;
use tfplugin::proto::{
    health::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient},
    plugin::{Empty, grpc_controller_client::GrpcControllerClient, grpc_stdio_client::GrpcStdioClient},
    tfplugin6::{self as tf, invoke_action::event::Type, provider_client::ProviderClient},
};
use tonic::{Code, Status, Streaming, transport::Channel};

use probe::{BUSY, STUBBORN};
use terraform::{Identity, Start};

/// Not a test: the provider's process, when another test has started it.
#[test]
fn provider_process() {
    if let Ok(role) = std::env::var(terraform::ROLE) {
        let succeeded = probe::main(&role) == std::process::ExitCode::SUCCESS;
        std::process::exit(if succeeded { 0 } else { 1 });
    }
}

async fn call(channel: &Channel) -> Result<(), Status> {
    ProviderClient::new(channel.clone()).get_metadata(tf::get_metadata::Request {}).await.map(|_| ())
}

async fn stop(channel: &Channel) {
    ProviderClient::new(channel.clone()).stop_provider(tf::stop_provider::Request {}).await.unwrap();
}

async fn shut_down(channel: &Channel) {
    GrpcControllerClient::new(channel.clone()).shutdown(Empty {}).await.unwrap();
}

async fn invoke_action(channel: &Channel, config: &[u8]) -> Streaming<tf::invoke_action::Event> {
    let config = Some(tf::DynamicValue { msgpack: config.to_vec(), json: Vec::new() });
    let request = tf::invoke_action::Request { config, ..Default::default() };
    ProviderClient::new(channel.clone()).invoke_action(request).await.unwrap().into_inner()
}

/// Starts an action and returns once it runs; told to stop, it writes the file `config`.
async fn run_action(channel: &Channel, config: &[u8]) -> Streaming<tf::invoke_action::Event> {
    let mut events = invoke_action(channel, config).await;
    let first = events.message().await.unwrap().unwrap();
    assert!(matches!(first.r#type, Some(Type::Progress(_))));
    events
}

async fn check_completes(mut events: Streaming<tf::invoke_action::Event>, undone: &Path) {
    let last = events.message().await.unwrap().unwrap();
    assert!(matches!(last.r#type, Some(Type::Completed(_))));
    assert!(events.message().await.unwrap().is_none());
    assert_eq!(fs::read_to_string(undone).unwrap(), "undone");
}

#[tokio::test]
async fn terraform_finds_the_provider_and_go_plugins_services() {
    let identity = Identity::new();
    let (process, handshake) = Start::with(&identity).handshake().await;
    assert_eq!(handshake.network, "unix");
    let channel = handshake.connect_as(Some(&identity)).await.unwrap();
    call(&channel).await.unwrap();

    let mut health = HealthClient::new(channel.clone());
    let mut check = async |service: &str| health.check(HealthCheckRequest { service: service.into() }).await;
    assert_eq!(check("plugin").await.unwrap().into_inner().status(), ServingStatus::Serving);
    assert_eq!(check("other").await.unwrap_err().code(), Code::NotFound);
    let mut watched = health.watch(HealthCheckRequest { service: "plugin".into() }).await.unwrap().into_inner();
    assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::Serving);

    let mut broker = tonic::client::Grpc::new(channel.clone());
    broker.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<Empty, Empty>::default();
    let path = http::uri::PathAndQuery::from_static("/plugin.GRPCBroker/StartStream");
    let refused = broker.unary(tonic::Request::new(Empty {}), path, codec).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);

    let mut output = GrpcStdioClient::new(channel.clone()).stream_stdio(()).await.unwrap().into_inner();
    shut_down(&channel).await;
    assert_eq!(output.message().await.unwrap(), None);
    assert_eq!(watched.message().await.unwrap(), None);
    process.ends_in_order().await;
}

#[tokio::test]
async fn only_the_client_of_the_handshake_gets_in() {
    let identity = Identity::new();
    let (_process, handshake) = Start::with(&identity).handshake().await;
    assert!(call(&handshake.connect_plain().await).await.is_err());
    for stranger in [None, Some(&Identity::new())] {
        // With TLS 1.3 a client may learn of the refusal only when it waits for an answer.
        if let Ok(channel) = handshake.connect_as(stranger).await {
            assert!(call(&channel).await.is_err());
        }
    }
    let channel = handshake.connect_as(Some(&identity)).await.unwrap();
    call(&channel).await.unwrap();
}

#[tokio::test]
async fn a_message_of_100_mib_passes_both_ways() {
    let identity = Identity::new();
    let (_process, handshake) = Start::with(&identity).handshake().await;
    let channel = handshake.connect_as(Some(&identity)).await.unwrap();
    let mut client = ProviderClient::new(channel).max_decoding_message_size(usize::MAX);
    let value = tf::DynamicValue { msgpack: vec![7; 100 << 20], json: Vec::new() };
    let request = tf::call_function::Request { name: "echo".into(), arguments: vec![value.clone()] };
    let answer = client.call_function(request).await.unwrap().into_inner();
    assert!(answer.result == Some(value));
}

#[tokio::test]
async fn tcp_listens_on_loopback_within_the_ports_allowed() {
    let identity = Identity::new();
    let (process, handshake) = Start::with(&identity).role("tcp").handshake().await;
    assert_eq!(handshake.network, "tcp");
    let port: u16 = handshake.address.strip_prefix("127.0.0.1:").unwrap().parse().unwrap();
    assert!((10000..=25000).contains(&port));
    let channel = handshake.connect_as(Some(&identity)).await.unwrap();
    call(&channel).await.unwrap();
    shut_down(&channel).await;
    process.ends_in_order().await;
}

#[tokio::test]
async fn the_socket_lies_where_the_client_wants_it() {
    let folder = tempfile::tempdir().unwrap();
    let start = Start::plain().variable("PLUGIN_UNIX_SOCKET_DIR", folder.path().to_str().unwrap());
    let (process, handshake) = start.handshake().await;
    assert!(Path::new(&handshake.address).starts_with(folder.path()));
    shut_down(&handshake.connect_plain().await).await;
    process.ends_in_order().await;
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

async fn check_refuses(start: Start, want: &str) {
    let (code, stdout, stderr) = start.refused().await;
    assert_eq!(code, Some(1));
    assert!(!stdout.contains("1|6|"), "{stdout}");
    assert!(stderr.contains(want), "{stderr}");
}

#[tokio::test]
async fn without_a_fitting_client_it_says_why_and_ends() {
    check_refuses(Start::by_hand(), "This is the Terraform provider `probe`.").await;
    check_refuses(Start::by_hand(), r#"probe = { source = "acme/probe" }"#).await;
    check_refuses(Start::plain().without("TF_PLUGIN_MAGIC_COOKIE"), "run by hand it does nothing").await;
    check_refuses(Start::plain().without("PLUGIN_PROTOCOL_VERSIONS"), "PLUGIN_PROTOCOL_VERSIONS is not set").await;
    check_refuses(Start::plain().variable("PLUGIN_PROTOCOL_VERSIONS", "4,5"), "is `4,5`, expected a list with 6").await;
    check_refuses(Start::plain().variable("PLUGIN_CLIENT_CERT", "junk"), "holds no PEM certificate").await;
}

#[tokio::test]
async fn logs_are_lines_that_terraform_understands() {
    let (mut process, handshake) = Start::plain().variable("TF_LOG_PROVIDER_PROBE", "INFO").handshake().await;
    shut_down(&handshake.connect_plain().await).await;
    let log = process.log().await;
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.last().unwrap();
    assert_eq!((&last["@level"], &last["@message"]), (&"info".into(), &"the provider ends".into()));
    assert_eq!((&last["@module"], &last["ending"]), (&"probe.tfplugin.serve".into(), &"Shutdown".into()));
    process.ends_in_order().await;
}

#[tokio::test]
async fn stop_provider_ends_the_operations_and_not_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let (_process, handshake) = Start::plain().handshake().await;
    let channel = handshake.connect_plain().await;
    for round in ["first", "second"] {
        let undone = dir.path().join(round);
        let events = run_action(&channel, undone.to_str().unwrap().as_bytes()).await;
        stop(&channel).await;
        check_completes(events, &undone).await;
    }
    call(&channel).await.unwrap();
}

#[tokio::test]
async fn operations_that_take_every_thread_do_not_keep_a_stop_waiting() {
    let (_process, handshake) = Start::plain().handshake().await;
    let channel = handshake.connect_plain().await;
    let mut actions = Vec::new();
    for _ in 0..4 * std::thread::available_parallelism().unwrap().get() {
        actions.push(invoke_action(&channel, BUSY).await);
    }
    actions[0].message().await.unwrap().unwrap();
    stop(&channel).await;
    for mut events in actions {
        while events.message().await.unwrap().is_some() {}
    }
}

#[tokio::test]
async fn shutdown_lets_an_operation_finish() {
    let dir = tempfile::tempdir().unwrap();
    let undone = dir.path().join("undone");
    let (process, handshake) = Start::plain().handshake().await;
    let channel = handshake.connect_plain().await;
    let events = run_action(&channel, undone.to_str().unwrap().as_bytes()).await;
    shut_down(&channel).await;
    check_completes(events, &undone).await;
    process.ends_in_order().await;
}

#[tokio::test]
async fn an_interrupt_is_swallowed_and_sigterm_ends_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let undone = dir.path().join("undone");
    let (process, handshake) = Start::plain().handshake().await;
    let channel = handshake.connect_plain().await;
    let events = run_action(&channel, undone.to_str().unwrap().as_bytes()).await;
    process.signal(Signal::INT);
    call(&channel).await.unwrap();
    assert!(!undone.exists());
    process.signal(Signal::TERM);
    check_completes(events, &undone).await;
    process.ends_in_order().await;
}

#[tokio::test]
async fn an_operation_that_does_not_stop_is_left_behind_after_the_grace_period() {
    let (process, handshake) = Start::plain().role("hasty").handshake().await;
    let channel = handshake.connect_plain().await;
    let _events = run_action(&channel, STUBBORN).await;
    process.signal(Signal::HUP);
    process.ends_in_order().await;
}

#[tokio::test]
async fn an_operation_outlives_its_connection_but_not_terraform() {
    let dir = tempfile::tempdir().unwrap();
    let undone = dir.path().join("undone");
    let (mut shell, handshake) = Start::plain().under_a_shell().handshake().await;
    let channel = handshake.connect_plain().await;
    let events = run_action(&channel, undone.to_str().unwrap().as_bytes()).await;
    drop((channel, events));
    let channel = handshake.connect_plain().await;
    call(&channel).await.unwrap();
    assert!(!undone.exists());

    shell.child.kill().await.unwrap();
    call(&channel).await.unwrap();
    assert!(!undone.exists());
    drop(channel);
    shell.silence().await;
    assert_eq!(fs::read_to_string(undone).unwrap(), "undone");
    shell.left_nothing();
}

#[tokio::test]
async fn terraform_lost_before_it_connected_ends_the_provider() {
    let (mut shell, _) = Start::plain().under_a_shell().handshake().await;
    shell.child.kill().await.unwrap();
    shell.silence().await;
    shell.left_nothing();
}

#[tokio::test]
async fn debugging_mode_prints_how_to_reattach_and_runs_till_an_interrupt() {
    let (process, line) = Start::by_hand().role("debug").announced("export TF_REATTACH_PROVIDERS=").await;
    let value = line.strip_prefix("export TF_REATTACH_PROVIDERS='").unwrap().strip_suffix('\'').unwrap();
    let value: serde_json::Value = serde_json::from_str(value).unwrap();
    let entry = &value["registry.terraform.io/acme/probe"];
    assert_eq!(entry["Pid"], process.child.id().unwrap());
    let handshake = terraform::Handshake {
        network: entry["Addr"]["Network"].as_str().unwrap().to_owned(),
        address: entry["Addr"]["String"].as_str().unwrap().to_owned(),
        certificate: Vec::new().into(),
    };
    call(&handshake.connect_plain().await).await.unwrap();
    process.signal(Signal::INT);
    process.ends_in_order().await;
}
