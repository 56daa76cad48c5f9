//! `tcp_proxy` between a client and a server that speak HTTP, or something else.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::tcp_proxy::{Server, proxy};

/// A server that tells the path and the length of the body that it was asked with; keeps connections.
fn server(chunked: bool) -> Server {
    Server::new(move |stream| {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut stream = stream;
        loop {
            let Some((head, body)) = message(&mut reader) else { return Ok(()) };
            let text = format!("{} {}", head.split(' ').nth(1).unwrap(), body.len());
            let length = text.len();
            let answer = if chunked {
                format!("transfer-encoding: chunked\r\n\r\n{length:x}\r\n{text}\r\n0\r\n\r\n")
            } else {
                format!("content-length: {length}\r\n\r\n{text}")
            };
            stream.write_all(format!("HTTP/1.1 200 OK\r\nserver: real\r\n{answer}").as_bytes())?;
        }
    })
}

/// One message: its head in lower case but for the first line, and its body; `None` at the end.
fn message(reader: &mut impl BufRead) -> Option<(String, String)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap() == 0 {
            assert_eq!(head, "", "broken off");
            return None;
        }
    }
    let mut length = head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = String::new();
    if head.to_lowercase().contains("transfer-encoding: chunked") {
        length = Some(0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            let size = u64::from_str_radix(line.split(';').next().unwrap().trim(), 16).unwrap();
            reader.take(size).read_to_string(&mut body).unwrap();
            reader.read_line(&mut line).unwrap();
            if size == 0 {
                break;
            }
        }
    }
    reader.take(length.unwrap_or(0)).read_to_string(&mut body).unwrap();
    Some((head, body))
}

/// Asks on one connection, all at once, and gives as many answers as there were requests.
fn ask(address: &str, requests: &[&str]) -> Vec<(String, String)> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(requests.concat().as_bytes()).unwrap();
    let mut reader = BufReader::new(stream);
    requests.iter().map(|_| message(&mut reader).unwrap()).collect()
}

fn status(answer: &(String, String)) -> &str {
    answer.0.split(' ').nth(1).unwrap()
}

const GET: &str = "GET /api/a?x HTTP/1.1\r\nhost: x\r\n\r\n";
const POST: &str = "POST /api/b HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello";
const CHUNKED: &str =
    "POST /other HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n";

fn each(toxics: &Value, test: impl Fn(&str, bool)) {
    for chunked in [false, true] {
        let server = server(chunked);
        let mut toxics = toxics.clone();
        let (holder, address) = proxy(&server.address, &toxics);
        test(&address, chunked);
        drop(holder);
        // The same behind a line with a latency.
        toxics["latency"] = json!("1ms");
        let (_holder, address) = proxy(&server.address, &toxics);
        test(&address, chunked);
    }
}

#[test]
fn a_status_hits_matching_paths_only() {
    let toxics = json!({ "http_status": 503, "http_body": "sorry", "http_headers": { "retry-after": "1" }, "http_paths": ["/api/*"] });
    each(&toxics, |address, _| {
        let answers = ask(address, &[GET, CHUNKED, POST, CHUNKED]);
        for hit in [&answers[0], &answers[2]] {
            let head = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-length: 5\r\n\r\n";
            assert_eq!(hit, &(head.to_owned(), "sorry".to_owned()));
        }
        for spared in [&answers[1], &answers[3]] {
            assert_eq!((status(spared), spared.1.as_str()), ("200", "/other 11"));
        }
    });
}

#[test]
fn headers_and_bodies_are_replaced() {
    let toxics = json!({ "http_headers": { "Server": "fake" }, "http_body": "else", "http_remove_headers": ["x"] });
    each(&toxics, |address, _| {
        for answer in ask(address, &[GET, POST, GET]) {
            let head = "HTTP/1.1 200 OK\r\nServer: fake\r\ncontent-length: 4\r\n\r\n";
            assert_eq!(answer, (head.to_owned(), "else".to_owned()));
        }
    });
    each(&json!({ "http_remove_headers": ["server"] }), |address, _| {
        for answer in ask(address, &[GET, GET]) {
            assert!(!answer.0.contains("server") && answer.1 == "/api/a?x 0", "{answer:?}");
        }
    });
}

#[test]
fn a_delay_holds_requests_back() {
    let server = server(false);
    let (_holder, address) = proxy(&server.address, &json!({ "http_delay": "80ms" }));
    let begin = Instant::now();
    assert_eq!(status(&ask(&address, &[GET])[0]), "200");
    assert!(begin.elapsed() >= Duration::from_millis(80), "{:?}", begin.elapsed());
}

#[test]
fn a_share_of_requests_is_hit_by_the_seed() {
    let server = server(false);
    let fates = |seed: u64| {
        let toxics = json!({ "http_status": 500, "http_share": 0.3, "seed": seed });
        let (mut holder, address) = proxy(&server.address, &toxics);
        let hit: Vec<bool> = ask(&address, &[GET; 200]).iter().map(|a| status(a) == "500").collect();
        let counts = holder.counts();
        assert_eq!(counts["requests"], 200, "{counts}");
        assert_eq!(counts["requests_hit"], hit.iter().filter(|hit| **hit).count(), "{counts}");
        hit
    };
    let first = fates(1);
    assert!((40..=80).contains(&first.iter().filter(|hit| **hit).count()));
    assert_eq!(first, fates(1));
    assert_ne!(first, fates(2));
}

#[test]
fn what_is_no_http_passes_as_it_is() {
    // The first bytes of TLS; a protocol whose client waits for the server's greeting.
    let echo = Server::echo();
    let (_holder, address) = proxy(&echo.address, &json!({ "http_status": 503 }));
    let mut stream = TcpStream::connect(&address).unwrap();
    let hello = b"\x16\x03\x01\x00\x05hello";
    stream.write_all(hello).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();
    assert_eq!(got, hello);
    let greeting = Server::new(|mut stream| {
        stream.write_all(b"220 ready\r\n")?;
        let mut line = String::new();
        BufReader::new(stream.try_clone()?).read_line(&mut line)?;
        stream.write_all(line.to_uppercase().as_bytes())
    });
    let (_holder, address) = proxy(&greeting.address, &json!({ "http_status": 503 }));
    let mut stream = BufReader::new(TcpStream::connect(&address).unwrap());
    let mut got = String::new();
    stream.read_line(&mut got).unwrap();
    stream.get_mut().write_all(b"helo\n").unwrap();
    stream.read_line(&mut got).unwrap();
    assert_eq!(got, "220 ready\r\nHELO\n");
}

#[test]
fn a_switched_protocol_passes_as_it_is() {
    let server = Server::new(|mut stream| {
        let mut reader = BufReader::new(stream.try_clone()?);
        message(&mut reader).unwrap();
        stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\n\r\nGET ")?;
        std::io::copy(&mut reader, &mut stream)?;
        stream.shutdown(Shutdown::Write)
    });
    let (_holder, address) = proxy(&server.address, &json!({ "http_headers": { "a": "b" } }));
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n\x00\x01").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut got = Vec::new();
    stream.read_to_end(&mut got).unwrap();
    assert_eq!(got, b"HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\n\r\nGET \x00\x01");
}
