//! The faults on this machine, in a holder that can be killed, looked at from outside.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)]

mod cpu_burn;
mod disk_fill;
mod holder;
mod memory;
mod net;
mod network;
mod network_bandwidth;
mod process_kill;
mod process_pause;
mod tcp_proxy;
mod tcp_proxy_http;
mod victim;
