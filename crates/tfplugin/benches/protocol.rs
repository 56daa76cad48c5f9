//! What the protocol layer costs: start and handshake of a built provider, and its calls over the real wire.
//!
//! Usage: `cargo bench --package tfplugin --bench protocol -- PROVIDER`; prints a Markdown table. The calls are those
//! that every provider answers, and the first function that its schema names with numbers alone as parameters.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../tests/serve/terraform.rs"]
mod terraform;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use terraform::{Identity, Start};
use tfplugin::proto::plugin::{Empty, grpc_controller_client::GrpcControllerClient};
use tfplugin::proto::tfplugin6::{self as tf, provider_client::ProviderClient};
use tonic::transport::Channel;

const STARTS: usize = 51;
const CALLS: usize = 2_001;
/// The number 1 in MessagePack.
const ONE: &[u8] = &[1];

#[tokio::main]
async fn main() {
    let Some(provider) = std::env::args().skip(1).find(|a| !a.starts_with("--")).map(PathBuf::from) else {
        // `cargo bench` for all benchmarks names no provider.
        println!("protocol: name a built provider to measure it: cargo bench --bench protocol -- PROVIDER");
        return;
    };
    println!("| what | median ms | minimum - maximum ms | times |\n|---|---|---|---|");
    let identity = Identity::new();
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let begun = Instant::now();
        let (process, handshake) = Start::with(&identity).program(&provider).handshake().await;
        starts.push(begun.elapsed());
        let channel = handshake.connect_as(Some(&identity)).await.unwrap();
        GrpcControllerClient::new(channel).shutdown(Empty {}).await.unwrap();
        process.ends_in_order().await;
    }
    row("start to handshake", &mut starts);

    let (process, handshake) = Start::with(&identity).program(&provider).handshake().await;
    let channel = handshake.connect_as(Some(&identity)).await.unwrap();
    let mut client = ProviderClient::new(channel.clone()).max_decoding_message_size(64 << 20);
    let schema = client.get_provider_schema(tf::get_provider_schema::Request {}).await.unwrap().into_inner();
    calls(&channel, "GetMetadata", async |mut client| {
        client.get_metadata(tf::get_metadata::Request {}).await.unwrap();
    })
    .await;
    calls(&channel, "GetProviderSchema", async |mut client| {
        client.get_provider_schema(tf::get_provider_schema::Request {}).await.unwrap();
    })
    .await;
    let numbers =
        |f: &tf::Function| f.variadic_parameter.is_none() && f.parameters.iter().all(|p| p.r#type == b"\"number\"");
    if let Some((name, function)) = schema.functions.iter().find(|(_, f)| numbers(f)) {
        let argument = tf::DynamicValue { msgpack: ONE.to_vec(), json: Vec::new() };
        let arguments = vec![argument; function.parameters.len()];
        let request = tf::call_function::Request { name: name.clone(), arguments };
        calls(&channel, &format!("CallFunction `{name}`"), async |mut client| {
            let answer = client.call_function(request.clone()).await.unwrap().into_inner();
            assert!(answer.error.is_none(), "{answer:?}");
        })
        .await;
    }
    GrpcControllerClient::new(channel).shutdown(Empty {}).await.unwrap();
    process.ends_in_order().await;
}

/// Times one call again and again, one after the other.
async fn calls(channel: &Channel, what: &str, call: impl AsyncFn(ProviderClient<Channel>)) {
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let client = ProviderClient::new(channel.clone()).max_decoding_message_size(64 << 20);
        let begun = Instant::now();
        call(client).await;
        times.push(begun.elapsed());
    }
    row(what, &mut times);
}

fn row(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let ms = |d: Duration| d.as_secs_f64() * 1e3;
    let (low, middle, high) = (ms(times[0]), ms(times[times.len() / 2]), ms(times[times.len() - 1]));
    println!("| {what} | {middle:.3} | {low:.3} - {high:.3} | {} |", times.len());
}
