//! `tcp_proxy`: what connections through it suffer, looked at by a client and a server.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stormglass_chaos::{Class, Ending, Target};

use crate::holder::{Holder, alive, kind, read, refused};

/// A server on loopback: each connection is given to `serve`; how many came is counted.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) connections: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn new(serve: impl Fn(TcpStream) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, serve) = (Arc::clone(&connections), Arc::new(serve));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                let serve = Arc::clone(&serve);
                std::thread::spawn(move || serve(stream.unwrap()));
            }
        });
        Self { address, connections }
    }

    /// One that sends back what it gets.
    pub(crate) fn echo() -> Self {
        Self::new(|mut stream| {
            stream.set_nodelay(true)?;
            io::copy(&mut stream.try_clone()?, &mut stream)?;
            stream.shutdown(Shutdown::Write)
        })
    }
}

/// An address that nobody listens on.
fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A proxy before a server, and its address.
pub(crate) fn proxy(upstream: &str, toxics: &Value) -> (Holder, String) {
    let listen = free();
    let mut settings = toxics.clone();
    settings["listen"] = json!(listen);
    settings["upstream"] = json!(upstream);
    (Holder::inject("tcp_proxy", &settings), listen)
}

fn ask(stream: &mut TcpStream, text: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(text)?;
    let mut answer = vec![0; text.len()];
    stream.read_exact(&mut answer).map(|()| answer)
}

fn is_reset(outcome: io::Result<impl std::fmt::Debug>) -> bool {
    outcome.is_err_and(|e| e.kind() == io::ErrorKind::ConnectionReset)
}

#[test]
fn bytes_pass_as_they_are_and_are_counted() {
    let server = Server::echo();
    let (mut holder, address) = proxy(&server.address, &json!({}));
    let mut stream = TcpStream::connect(&address).unwrap();
    let sent: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut writer = stream.try_clone().unwrap();
    let text = sent.clone();
    let writing = std::thread::spawn(move || {
        writer.write_all(&text).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();
    writing.join().unwrap();
    assert!(got == sent, "{} bytes came back of {}", got.len(), sent.len());
    let counts = holder.counts();
    for (name, expected) in [
        ("connections", 1),
        ("connections_refused", 0),
        ("bytes_up", sent.len()),
        ("bytes_down", sent.len()),
        ("messages_lost", 0),
    ] {
        assert_eq!(counts[name], expected, "{name}: {counts}");
    }
    holder.undo(|pid| assert!(alive(pid)));
}

#[test]
fn latency_holds_bytes_back_and_keeps_their_order() {
    let server = Server::echo();
    let toxics = json!({ "latency": "60ms", "jitter": "30ms", "direction": "both" });
    let (_holder, address) = proxy(&server.address, &toxics);
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.set_nodelay(true).unwrap();
    let begin = Instant::now();
    assert_eq!(ask(&mut stream, b"x").unwrap(), b"x");
    // Both ways, and never less than the latency without the jitter.
    assert!(begin.elapsed() >= Duration::from_millis(60), "{:?}", begin.elapsed());
    let mut reader = stream.try_clone().unwrap();
    for n in 0..50_u8 {
        stream.write_all(&[n]).unwrap();
    }
    stream.shutdown(Shutdown::Write).unwrap();
    let mut got = Vec::new();
    reader.read_to_end(&mut got).unwrap();
    assert_eq!(got, (0..50).collect::<Vec<u8>>());
}

#[test]
fn bandwidth_and_slow_close_take_their_time() {
    let server = Server::new(|mut stream| stream.write_all(&[7; 20_000]));
    let (_holder, address) = proxy(&server.address, &json!({ "bandwidth": "100000B", "slow_close": "100ms" }));
    let begin = Instant::now();
    let mut got = Vec::new();
    TcpStream::connect(&address).unwrap().read_to_end(&mut got).unwrap();
    assert_eq!(got, [7; 20_000]);
    // 20,000 bytes at 100,000 a second, then the end 100 ms later.
    assert!(begin.elapsed() >= Duration::from_millis(300), "{:?}", begin.elapsed());
}

#[test]
fn a_lost_message_stalls_or_resets() {
    let server = Server::echo();
    let (mut holder, address) = proxy(&server.address, &json!({ "loss": 1 }));
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(b"hello").unwrap();
    crate::holder::until("the loss", || holder.counts()["messages_lost"] == 1);
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert_eq!(stream.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    let (_holder, address) = proxy(&server.address, &json!({ "loss": 1, "loss_mode": "reset", "direction": "out" }));
    assert!(is_reset(ask(&mut TcpStream::connect(&address).unwrap(), b"hello")));
}

#[test]
fn a_limit_closes_after_that_many_bytes() {
    let server = Server::new(|mut stream| stream.write_all(&[7; 200_000]));
    let (_holder, address) = proxy(&server.address, &json!({ "limit_data": "70001B" }));
    let mut got = Vec::new();
    // What the server still had to say may make the end a reset; the bytes before it arrive.
    let _ = TcpStream::connect(&address).unwrap().read_to_end(&mut got);
    assert_eq!(got.len(), 70_001);
}

#[test]
fn time_outs_close_and_resets_reset() {
    let server = Server::echo();
    let (_holder, address) = proxy(&server.address, &json!({ "timeout": "80ms", "direction": "both" }));
    let begin = Instant::now();
    let mut stream = TcpStream::connect(&address).unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();
    assert!(begin.elapsed() >= Duration::from_millis(80) && got.is_empty(), "{got:?}");
    let (_holder, address) = proxy(&server.address, &json!({ "reset": "80ms" }));
    let mut stream = TcpStream::connect(&address).unwrap();
    assert_eq!(ask(&mut stream, b"in time").unwrap(), b"in time");
    assert!(is_reset(stream.read(&mut [0; 8])));
}

#[test]
fn a_blackhole_answers_nothing_and_asks_nobody() {
    let server = Server::echo();
    let (mut holder, address) = proxy(&server.address, &json!({ "blackhole": true }));
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(b"hello").unwrap();
    crate::holder::until("the connection", || holder.counts()["connections_hit"] == 1);
    stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    assert_eq!(stream.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
    // Undoing ends what hangs.
    holder.undo(|_| {
        stream.set_read_timeout(None).unwrap();
        assert!(!matches!(stream.read(&mut [0; 8]), Ok(1..)));
    });
}

#[test]
fn the_same_seed_hits_the_same_connections() {
    let server = Server::echo();
    let fates = |seed: u64| {
        let (_holder, address) = proxy(&server.address, &json!({ "reset": "0ms", "share": 0.5, "seed": seed }));
        let ask = |_| TcpStream::connect(&address).and_then(|mut stream| ask(&mut stream, b"x")).is_ok();
        (0..40).map(ask).collect::<Vec<bool>>()
    };
    let first = fates(5);
    assert!((10..=30).contains(&first.iter().filter(|hit| **hit).count()), "{first:?}");
    assert_eq!(first, fates(5));
    assert_ne!(first, fates(6));
}

#[test]
fn a_ramp_begins_at_nothing() {
    let server = Server::echo();
    let (mut holder, address) = proxy(&server.address, &json!({ "loss": 1, "loss_mode": "reset" }));
    let once = || ask(&mut TcpStream::connect(&address).unwrap(), b"x");
    holder.ramp(0.0);
    assert!(once().is_ok());
    holder.ramp(1.0);
    assert!(is_reset(once()));
}

#[test]
fn nothing_listens_after_undo_or_death() {
    let server = Server::echo();
    for kill in [false, true] {
        let (holder, address) = proxy(&server.address, &json!({ "latency": "10ms" }));
        let mut open = TcpStream::connect(&address).unwrap();
        assert_eq!(ask(&mut open, b"x").unwrap(), b"x");
        let gone = |_| {
            let refused = TcpStream::connect(&address).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
            assert!(!matches!(open.read(&mut [0; 8]), Ok(1..)));
        };
        assert_eq!(kind("tcp_proxy").ending(), Ending::WithHolder);
        let undo = holder.touch.undo.clone();
        if kill {
            holder.kill(gone)
        } else {
            holder.undo(gone)
        }
        for _ in 0..2 {
            kind("tcp_proxy").undo(&undo).unwrap();
        }
    }
}

#[test]
fn a_server_that_refuses_is_seen_as_one() {
    let (mut holder, address) = proxy(&free(), &json!({}));
    assert!(is_reset(TcpStream::connect(&address).unwrap().read(&mut [0; 8])));
    assert_eq!(holder.counts()["connections_refused"], 1);
}

#[test]
fn what_is_touched_is_said_before() {
    let settings = json!({
        "listen": free(), "upstream": "127.0.0.1:5432", "latency": "200ms", "jitter": "20ms", "share": 0.5,
        "http_status": 503, "http_paths": ["/api/*"], "http_share": 0.1,
    });
    let fault = read("tcp_proxy", &settings).unwrap();
    assert_eq!(fault.class(), Class::Reversible);
    let touch = fault.resolve().unwrap();
    let listen = settings["listen"].as_str().unwrap();
    assert_eq!(touch.targets, [Target::Address(listen.into()), Target::Address("127.0.0.1:5432".into())]);
    let plan = format!(
        "listen on {listen} and pass connections on to 127.0.0.1:5432: 0.5 of the connections: 200ms later, up to 20ms \
         more or less, 0.1 of the HTTP requests to /api/* answered with status 503"
    );
    assert_eq!(touch.plan, plan);
    assert_eq!(touch.undo, json!({ "listen": listen, "upstream": ["127.0.0.1:5432"] }));
}

#[test]
fn addresses_that_cannot_be_used_are_told() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let expected = format!(
        "`listen` `{address}`: is in use; choose a free port, and point the client at the proxy rather than at the server"
    );
    assert_eq!(refused("tcp_proxy", &json!({ "listen": address, "upstream": "127.0.0.1:1" })), expected);
    let elsewhere = refused("tcp_proxy", &json!({ "listen": "192.0.2.1:7000", "upstream": "127.0.0.1:1" }));
    assert_eq!(elsewhere, "`listen` `192.0.2.1:7000`: is no address of this host; use one, such as 127.0.0.1");
    let itself = refused("tcp_proxy", &json!({ "listen": "127.0.0.1:7000", "upstream": "127.0.00.1:7000" }));
    assert!(itself.starts_with("`upstream` `127.0.00.1:7000`: "), "{itself}");
}

#[test]
fn wrong_settings_are_told_apart() {
    for (name, value, expected) in [
        ("listen", json!("15432"), "is `15432`; expected `host:port`, for example `127.0.0.1:5432`"),
        ("listen", json!("127.0.0.1:0"), "has the port 0; expected the port that the client or the server uses"),
        ("upstream", json!("127.0.0.1:1"), "is where the proxy itself would listen; name the server behind it"),
        ("direction", json!("down"), "is `down`; expected one of `both`, `in`, `out`"),
        ("share", json!(2), "is `2`; expected a share between 0 and 1"),
        (
            "jitter",
            json!("20ms"),
            "is 20ms, more than the latency of 0ms; expected at most that, as nothing arrives early",
        ),
        ("loss_mode", json!("slow"), "is `slow`; expected one of `stalled`, `reset`"),
        ("bandwidth", json!("0B"), "is nought; expected at least `1B`, or `blackhole` where nothing shall pass"),
        ("http_status", json!(99), "is no status of a final answer; expected 200 to 599"),
        (
            "http_headers",
            json!({ "Content-Length": "3" }),
            "has `Content-Length`, by which the proxy itself tells where an answer ends; leave it out",
        ),
        (
            "http_headers",
            json!({ "a": "b\r\nc: d" }),
            "has `a`, whose value has characters that a header cannot carry; remove them",
        ),
        (
            "http_remove_headers",
            json!(["a b"]),
            "has `a b`, which is no name of a header; expected for example `retry-after`",
        ),
        (
            "http_share",
            json!(0.5),
            "changes nothing alone; set one of `http_status`, `http_delay`, `http_headers`, `http_remove_headers`, `http_body` too",
        ),
    ] {
        let mut settings = json!({ "listen": "127.0.0.1:1", "upstream": "127.0.0.1:2" });
        settings[name] = value;
        let found = read("tcp_proxy", &settings).err().unwrap();
        assert_eq!(found, format!("method[0].{name}: {expected}"), "{settings}");
    }
    let paths =
        json!({ "listen": "127.0.0.1:1", "upstream": "127.0.0.1:2", "http_paths": ["api"], "http_status": 503 });
    let expected = "method[0].http_paths: has `api`; expected paths that begin with `/` or `*`, such as `/api/*`";
    assert_eq!(read("tcp_proxy", &paths).err().unwrap(), expected);
}
