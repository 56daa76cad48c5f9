//! Toxic by toxic: what was asked and what came.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::peers::{has, stormglass, toxiproxy};

/// What is measured of a proxy.
#[derive(Clone, Copy)]
enum Measure {
    /// Mean of round trips, ms, less those without a proxy at the same pace: after a pause both cost several times more.
    Mean(usize),
    /// Standard deviation of round trips, ms.
    Deviation(usize),
    /// Share of connections whose first message is not answered.
    Failed(usize),
    /// Bytes a second that a download of this many bytes gets.
    Rate(usize),
    /// Bytes until the end.
    Bytes,
    /// Time until the end of a connection that sends nothing, ms.
    End,
    /// Time from the last byte to the end, ms.
    LateEnd,
    /// Mean of HTTP round trips, ms, less those without a proxy at the same pace.
    Requests(usize),
    /// Share of HTTP requests that are answered with 503; their paths are /a and /b by turns.
    Status(usize),
}

/// What is asked for: in words, settings, what is measured, what is expected, the same for Toxiproxy.
type Row = (&'static str, Value, Measure, f64, Option<(&'static str, Value)>);

/// Rows whose first words have `word` in them.
pub(crate) fn run(word: &str) {
    let echo = server(|mut stream| {
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            if stream.write_all(&buffer[..n]).is_err() {
                return;
            }
        }
    });
    let file = server(|mut stream| {
        let mut size = [0; 8];
        if stream.read_exact(&mut size).is_ok() {
            // In pieces: to have all of it in memory first would take time that is none of the line's.
            let (piece, mut left) = ([7; 64 << 10], usize::from_le_bytes(size));
            while left > 0 && stream.write_all(&piece[..left.min(piece.len())]).is_ok() {
                left -= left.min(piece.len());
            }
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read(&mut size);
        }
    });
    let http = server(|mut stream| {
        let mut buffer = [0; 4096];
        while let Ok(1..) = stream.read(&mut buffer) {
            if stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").is_err() {
                return;
            }
        }
    });
    println!(
        "\n| asked for | measured | expected | `tcp_proxy` | off by | Toxiproxy | off by |\n|---|---|---|---|---|---|---|"
    );
    for (asked, settings, measure, expected, peer) in rows().into_iter().filter(|row| row.0.contains(word)) {
        let upstream = match measure {
            Measure::Rate(_) | Measure::Bytes | Measure::LateEnd => &file,
            Measure::Requests(_) | Measure::Status(_) => &http,
            _ => &echo,
        };
        let ours = stormglass(upstream, &settings);
        let theirs = peer.filter(|_| has("toxiproxy-server")).map(|toxic| toxiproxy(upstream, Some(toxic)));
        let direct = without_proxy(upstream, measure, expected);
        let found = measured(&ours.address, measure) - direct;
        let of_peer = theirs.map_or(" | ".to_owned(), |t| shown(measured(&t.address, measure) - direct, expected));
        println!("| {asked} | {} | {expected} | {} | {of_peer} |", words(measure), shown(found, expected));
    }
}

fn rows() -> Vec<Row> {
    let both = |settings: Value, attributes: Value| (settings, Some(("latency", attributes)));
    let mut rows = Vec::new();
    for (ms, times) in [(2, 1_000), (20, 300), (200, 40)] {
        let (settings, peer) = both(json!({ "latency": format!("{ms}ms") }), json!({ "latency": ms, "jitter": 0 }));
        let asked = ["latency 2 ms", "latency 20 ms", "latency 200 ms"][usize::from(ms > 2) + usize::from(ms > 20)];
        rows.push((asked, settings, Measure::Mean(times), f64::from(ms), peer));
    }
    let jitter = |distribution: &str| json!({ "latency": "20ms", "jitter": "10ms", "distribution": distribution });
    let toxic = Some(("latency", json!({ "latency": 20, "jitter": 10 })));
    let uniform = 10.0 / 3.0_f64.sqrt();
    let deviation = (uniform * 100.0).round() / 100.0;
    rows.push(("latency 20 ms, jitter 10 ms", jitter("uniform"), Measure::Mean(800), 20.0, toxic.clone()));
    rows.push(("the same", jitter("uniform"), Measure::Deviation(800), deviation, toxic));
    rows.push(("the same, normal", jitter("normal"), Measure::Deviation(1_500), 9.83, None));
    rows.push(("the same, exponential", jitter("exponential"), Measure::Mean(1_500), 30.0, None));
    rows.push(("the same, Pareto", jitter("pareto"), Measure::Mean(3_000), 30.0, None));
    for (asked, bytes, size) in
        [("64 KiB/s", 64 << 10, 128 << 10), ("1 MiB/s", 1 << 20, 2 << 20), ("32 MiB/s", 32 << 20, 64 << 20)]
    {
        let settings = json!({ "bandwidth": format!("{bytes}B") });
        // Toxiproxy counts in thousands of bytes.
        let peer = Some(("bandwidth", json!({ "rate": bytes / 1_000 })));
        rows.push((asked, settings, Measure::Rate(size), f64::from(bytes), peer));
    }
    let loss = json!({ "loss": 0.1, "loss_mode": "reset" });
    rows.push(("0.1 of messages lost", loss, Measure::Failed(20_000), 0.1, None));
    let share = json!({ "reset": "0ms", "share": 0.3 });
    rows.push(("0.3 of connections reset", share, Measure::Failed(10_000), 0.3, None));
    let limit = Some(("limit_data", json!({ "bytes": 100_000 })));
    rows.push(("limit of 100,000 bytes", json!({ "limit_data": "100000B" }), Measure::Bytes, 100_000.0, limit));
    let timeout = Some(("timeout", json!({ "timeout": 100 })));
    rows.push(("time-out after 100 ms", json!({ "timeout": "100ms" }), Measure::End, 100.0, timeout));
    // Toxiproxy's `reset_peer` left a connection that sends nothing open.
    rows.push(("reset after 100 ms", json!({ "reset": "100ms" }), Measure::End, 100.0, None));
    let slow = Some(("slow_close", json!({ "delay": 100 })));
    rows.push(("end 100 ms later", json!({ "slow_close": "100ms" }), Measure::LateEnd, 100.0, slow));
    rows.push(("HTTP requests 20 ms later", json!({ "http_delay": "20ms" }), Measure::Requests(200), 20.0, None));
    let status = json!({ "http_status": 503, "http_share": 0.2 });
    rows.push(("0.2 of requests answered with 503", status, Measure::Status(20_000), 0.2, None));
    let paths = json!({ "http_status": 503, "http_paths": ["/a*"] });
    rows.push(("requests of one path of two answered with 503", paths, Measure::Status(2_000), 0.5, None));
    rows
}

fn words(measure: Measure) -> String {
    match measure {
        Measure::Mean(n) | Measure::Requests(n) => format!("mean added, ms, {n} trips"),
        Measure::Deviation(n) => format!("standard deviation, ms, {n} trips"),
        Measure::Failed(n) => format!("share, {n} connections"),
        Measure::Rate(n) => format!("bytes a second, {n} bytes"),
        Measure::Bytes => "bytes".to_owned(),
        Measure::End | Measure::LateEnd => "ms, median of 11".to_owned(),
        Measure::Status(n) => format!("share, {n} requests"),
    }
}

fn shown(found: f64, expected: f64) -> String {
    let digits = if expected >= 1000.0 { 0 } else { 3 };
    format!("{found:.digits$} | {:+.2} %", (found / expected - 1.0) * 100.0)
}

/// What the mean of round trips is without a proxy, where each begins after a pause as long as the time that is added, ms;
/// 0 for everything else.
fn without_proxy(address: &str, measure: Measure, added: f64) -> f64 {
    let pause = Duration::from_secs_f64(added / 1e3);
    let times = (2_000.0 / added) as usize;
    match measure {
        Measure::Mean(_) => trips(address, times, pause).0,
        Measure::Requests(_) => requests(address, times, pause).1,
        _ => 0.0,
    }
}

fn measured(address: &str, measure: Measure) -> f64 {
    match measure {
        Measure::Mean(n) => trips(address, n, Duration::ZERO).0,
        Measure::Deviation(n) => trips(address, n, Duration::ZERO).1,
        Measure::Failed(n) => {
            let fails = |_: &usize| {
                // A reset may come before the client has seen its connection.
                let trip = |mut stream: TcpStream| {
                    stream.write_all(b"x")?;
                    stream.read_exact(&mut [0])
                };
                TcpStream::connect(address).and_then(trip).is_err()
            };
            (0..n).filter(fails).count() as f64 / n as f64
        }
        Measure::Rate(size) => {
            let begin = Instant::now();
            let n = download(address, size).0;
            assert_eq!(n, size);
            n as f64 / begin.elapsed().as_secs_f64()
        }
        Measure::Bytes => download(address, 1 << 20).0 as f64,
        Measure::End => median_of_11(|| {
            let mut stream = TcpStream::connect(address).unwrap();
            let begin = Instant::now();
            let _ = stream.read(&mut [0]);
            begin.elapsed().as_secs_f64() * 1e3
        }),
        Measure::LateEnd => median_of_11(|| download(address, 1_000).1),
        Measure::Requests(n) => requests(address, n, Duration::ZERO).1,
        Measure::Status(n) => requests(address, n, Duration::ZERO).0,
    }
}

fn median_of_11(mut once: impl FnMut() -> f64) -> f64 {
    crate::speed::middle(&(0..11).map(|_| once()).collect::<Vec<f64>>())
}

/// Share of HTTP requests answered with 503, and the mean of their time, ms; before each is a pause.
fn requests(address: &str, times: usize, pause: Duration) -> (f64, f64) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut buffer = [0; 4096];
    let (mut hit, mut total) = (0, Duration::ZERO);
    for path in ["/a", "/b"].into_iter().cycle().take(times) {
        std::thread::sleep(pause);
        let begin = Instant::now();
        let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        let mut n = 0;
        // The server's answer has a body of two bytes, the proxy's own none.
        while !buffer[..n].ends_with(b"\r\n\r\nok") && !buffer[..n].ends_with(b"content-length: 0\r\n\r\n") {
            let more = stream.read(&mut buffer[n..]).unwrap();
            assert!(more > 0, "{}", String::from_utf8_lossy(&buffer[..n]));
            n += more;
        }
        total += begin.elapsed();
        hit += usize::from(buffer[..n].starts_with(b"HTTP/1.1 503"));
    }
    (hit as f64 / times as f64, total.as_secs_f64() * 1e3 / times as f64)
}

/// Mean and standard deviation of round trips, ms; before each is a pause.
fn trips(address: &str, times: usize, pause: Duration) -> (f64, f64) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    let trips: Vec<f64> = (0..times)
        .map(|_| {
            std::thread::sleep(pause);
            let begin = Instant::now();
            stream.write_all(b"x").unwrap();
            stream.read_exact(&mut [0]).unwrap();
            begin.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    let mean = trips.iter().sum::<f64>() / times as f64;
    let variance = trips.iter().map(|t| (t - mean) * (t - mean)).sum::<f64>() / (times - 1) as f64;
    (mean, variance.sqrt())
}

/// Bytes that came, and the time from the last one to the end, ms.
fn download(address: &str, size: usize) -> (usize, f64) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(&size.to_le_bytes()).unwrap();
    let (mut total, mut last) = (0, Instant::now());
    let mut buffer = vec![0; 64 << 10];
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        total += n;
        last = Instant::now();
    }
    (total, last.elapsed().as_secs_f64() * 1e3)
}

fn server(serve: fn(TcpStream)) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = stream.set_nodelay(true);
            std::thread::spawn(move || serve(stream));
        }
    });
    address
}
