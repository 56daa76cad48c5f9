//! What the proxy costs where nothing is hit, beside other proxies, in one run and in turns.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::peers::{Peer, haproxy, has, nginx_server, nginx_stream, stormglass, toxiproxy};

const ROUNDS: usize = 7;
const TRIPS: usize = 5_000;
/// Requests that are sent at once, where they are sent ahead of the answers.
const AHEAD: usize = 16;

type Start = fn(&str) -> Peer;

/// Name, program, start.
const PROXIES: &[(&str, &str, Start)] = &[
    ("`tcp_proxy`", "wrk", |upstream| stormglass(upstream, &json!({}))),
    ("HAProxy", "haproxy", haproxy),
    ("nginx stream", "nginx", nginx_stream),
    ("Toxiproxy", "toxiproxy-server", |upstream| toxiproxy(upstream, None)),
];

pub(crate) fn run() {
    round_trips();
    if !has("wrk") || !has("nginx") {
        println!("\nrequests a second: `wrk` or `nginx` is not on PATH");
        return;
    }
    let server = nginx_server();
    for ahead in [1, AHEAD] {
        requests(&server.address, ahead);
    }
}

fn proxies(upstream: &str) -> Vec<(&'static str, Peer)> {
    PROXIES
        .iter()
        .filter(|(name, program, _)| *name == "`tcp_proxy`" || has(program))
        .map(|(name, _, start)| (*name, start(upstream)))
        .collect()
}

/// One connection, 64 bytes there and back, one after the other.
fn round_trips() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || {
                let mut stream = stream.unwrap();
                stream.set_nodelay(true).unwrap();
                let mut buffer = [0; 64];
                while stream.read_exact(&mut buffer).is_ok() && stream.write_all(&buffer).is_ok() {}
            });
        }
    });
    let proxies = proxies(&address);
    let mut medians = vec![Vec::new(); proxies.len() + 1];
    for _ in 0..ROUNDS {
        medians[0].push(median_trip(&address));
        for (at, (_, peer)) in proxies.iter().enumerate() {
            medians[at + 1].push(median_trip(&peer.address));
        }
    }
    println!(
        "\n| one connection, 64 bytes there and back | median us | added us, median of rounds | least - most |\n|---|---|---|---|"
    );
    println!("| no proxy | {:.1} | | |", middle(&medians[0]));
    for (at, (name, _)) in proxies.iter().enumerate() {
        let added: Vec<f64> = medians[at + 1].iter().zip(&medians[0]).map(|(a, b)| a - b).collect();
        let (least, most) = ends(&added);
        println!("| {name} | {:.1} | {:.1} | {least:.1} - {most:.1} |", middle(&medians[at + 1]), middle(&added));
    }
}

fn median_trip(address: &str) -> f64 {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = [0; 64];
    let trips: Vec<f64> = (0..TRIPS)
        .map(|_| {
            let begin = Instant::now();
            stream.write_all(&buffer).unwrap();
            stream.read_exact(&mut buffer).unwrap();
            begin.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    middle(&trips)
}

/// 64 connections that ask for a short answer, by wrk.
fn requests(server: &str, ahead: usize) {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("ahead.lua");
    let text = format!(
        "init = function(args)\n  local r = {{}}\n  for i = 1, {ahead} do r[i] = wrk.format() end\n  all = table.concat(r)\nend\n\
         request = function() return all end\n"
    );
    std::fs::write(&script, text).unwrap();
    let proxies = proxies(server);
    let measure = |address: &str| {
        let mut command = Command::new("wrk");
        command.args(["-t1", "-c64", "-d2s"]);
        if ahead > 1 {
            command.arg("-s").arg(&script);
        }
        let output = command.arg(format!("http://{address}/")).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let rate = text.lines().find_map(|l| l.strip_prefix("Requests/sec:")).unwrap_or_else(|| panic!("{text}"));
        std::thread::sleep(Duration::from_millis(100));
        rate.trim().parse::<f64>().unwrap()
    };
    let mut rates = vec![Vec::new(); proxies.len() + 1];
    for _ in 0..ROUNDS {
        rates[0].push(measure(server));
        for (at, (_, peer)) in proxies.iter().enumerate() {
            rates[at + 1].push(measure(&peer.address));
        }
    }
    println!(
        "\n| 64 connections, {ahead} requests at once, requests a second | median | best | `tcp_proxy` / it, median of rounds |\n|---|---|---|---|"
    );
    println!("| no proxy | {:.0} | {:.0} | |", middle(&rates[0]), ends(&rates[0]).1);
    for (at, (name, _)) in proxies.iter().enumerate() {
        let ratios: Vec<f64> = rates[1].iter().zip(&rates[at + 1]).map(|(ours, theirs)| ours / theirs).collect();
        println!("| {name} | {:.0} | {:.0} | {:.2} |", middle(&rates[at + 1]), ends(&rates[at + 1]).1, middle(&ratios));
    }
}

pub(crate) fn middle(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn ends(values: &[f64]) -> (f64, f64) {
    values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), v| (least.min(*v), most.max(*v)))
}
