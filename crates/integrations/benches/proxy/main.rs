//! The fault `tcp_proxy` beside what was asked of it, and beside other proxies.
//!
//! Usage: `cargo bench --package stormglass-integrations --bench proxy [-- toxics [WORD]|speed]`; prints Markdown tables. Peers are
//! those found on PATH: `toxiproxy-server`, `haproxy`, `nginx` with its stream module; `speed` needs `nginx` (the server
//! behind the proxies) and `wrk` too, which Debian and Ubuntu have as packages. Everything listens on loopback and is ended
//! here.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

#[cfg(target_os = "linux")]
mod peers;
#[cfg(target_os = "linux")]
mod speed;
#[cfg(target_os = "linux")]
mod toxics;

#[cfg(target_os = "linux")]
fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["hold", settings] => peers::hold(settings),
        [] => {
            toxics::run("");
            speed::run();
        }
        ["toxics"] => toxics::run(""),
        ["toxics", word] => toxics::run(word),
        ["speed"] => speed::run(),
        other => panic!("{other:?}; expected `toxics`, `toxics` and a word of a row, `speed` or nothing"),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("proxy: measured on Linux only");
}
