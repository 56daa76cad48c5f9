//! One connection: its fate, the server's side, and both directions until the end.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use fastrand::Rng;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;

use super::chance::dice;
use super::clock::Clock;
use super::counters::{Counted, Counters, add};
use super::http::exchange::Exchange;
use super::line::Line;
use super::plain;
use super::settings::Toxics;

/// Bytes between the line and the HTTP exchange, where a connection has both.
const BETWEEN: usize = 64 * 1024;

/// How a connection ends before both sides are through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Break {
    /// Both sides are closed.
    Close,
    /// Both sides are reset (RST).
    Reset,
}

impl From<io::Error> for Break {
    fn from(error: io::Error) -> Self {
        // What one side does to its connection, the other one sees.
        if error.kind() == io::ErrorKind::ConnectionReset { Self::Reset } else { Self::Close }
    }
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    /// Addresses of the server, tried in this order.
    pub(super) upstream: Vec<SocketAddr>,
    /// What connections suffer.
    pub(super) toxics: Toxics,
    /// Strength of the ramp, as bits.
    pub(super) strength: AtomicU64,
    /// By which bytes are held back.
    pub(super) clock: Clock,
}

impl Shared {
    fn strength(&self) -> f64 {
        f64::from_bits(self.strength.load(Ordering::Relaxed))
    }
}

/// Serves the connection with this number.
pub(super) async fn serve(shared: &Shared, counters: &Counters, number: u64, mut client: TcpStream) {
    add(&counters.connections, 1);
    let toxics = &shared.toxics;
    let mut rng = dice(toxics.seed, number);
    let hit = rng.f64() < toxics.share * shared.strength();
    add(&counters.hit, u64::from(hit));
    if hit && toxics.blackhole {
        swallow(&mut client).await;
        return;
    }
    let mut upstream = None;
    let outcome = tokio::select! {
        biased;
        () = shared.clock.sleep(toxics.reset.unwrap_or_default()), if hit && toxics.reset.is_some() => Err(Break::Reset),
        outcome = pass(shared, counters, &mut client, &mut upstream, hit.then_some(rng)) => outcome,
    };
    if outcome == Err(Break::Reset) {
        for side in [Some(&client), upstream.as_ref()].into_iter().flatten() {
            // A socket that is gone already cannot be reset.
            let _ = side.set_zero_linger();
        }
    }
}

/// Both directions; `rng` where the connection is hit.
async fn pass(
    shared: &Shared,
    counters: &Counters,
    client: &mut TcpStream,
    upstream: &mut Option<TcpStream>,
    rng: Option<Rng>,
) -> Result<(), Break> {
    let Ok(server) = connect(&shared.upstream).await else {
        add(&counters.refused, 1);
        return Err(Break::Reset);
    };
    let server = upstream.insert(server);
    for side in [&*client, &*server] {
        // Small answers are not held back; a socket that refuses is slower, and right.
        let _ = side.set_nodelay(true);
    }
    let Some(mut rng) = rng else { return plain(counters, client, server).await };
    let toxics = &shared.toxics;
    let strength = || shared.strength();
    let dice = rng.fork();
    match &toxics.http {
        None if toxics.shapes() => shape(shared, counters, dice, client, server).await,
        None => plain(counters, client, server).await,
        Some(http) => {
            let exchange = Exchange { toxics: http, strength: &strength, rng, clock: &shared.clock, counters };
            if !toxics.shapes() {
                return exchange.run(Counted { inner: client, counters }, server).await;
            }
            let (near, far) = tokio::io::duplex(BETWEEN);
            let line = shape(shared, counters, dice, client, near);
            tokio::try_join!(exchange.run(far, server), line).map(|_| ())
        }
    }
}

async fn plain(counters: &Counters, client: &mut TcpStream, server: &mut TcpStream) -> Result<(), Break> {
    let ((from_client, mut to_client), (from_server, mut to_server)) = (client.split(), server.split());
    let up = plain::copy(&from_client, &mut to_server, &counters.bytes_up);
    let down = plain::copy(&from_server, &mut to_client, &counters.bytes_down);
    tokio::try_join!(up, down).map(|_| ())
}

/// Lines where the toxics say so, and the direction that they spare as it is.
async fn shape<S>(
    shared: &Shared,
    counters: &Counters,
    mut rng: Rng,
    client: &mut TcpStream,
    server: S,
) -> Result<(), Break>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let toxics = &shared.toxics;
    let spared = Toxics {
        delay: None,
        loss: 0.0,
        bandwidth: None,
        slow_close: std::time::Duration::ZERO,
        limit_data: None,
        timeout: None,
        ..toxics.clone()
    };
    let strength = || shared.strength();
    let mut line = |hit: bool, bytes| Line {
        toxics: if hit { toxics } else { &spared },
        strength: &strength,
        rng: rng.fork(),
        clock: &shared.clock,
        counters,
        bytes,
    };
    let (up, down) = (line(toxics.up, &counters.bytes_up), line(toxics.down, &counters.bytes_down));
    let ((from_client, to_client), (from_server, to_server)) = (client.split(), tokio::io::split(server));
    tokio::try_join!(up.run(from_client, to_server), down.run(from_server, to_client)).map(|_| ())
}

/// Reads until the client gives up.
async fn swallow(client: &mut TcpStream) {
    let mut buffer = [0; 4096];
    while client.read(&mut buffer).await.is_ok_and(|n| n > 0) {}
}

async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}
