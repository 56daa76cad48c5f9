//! What the proxy counts, for the report.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Counters of one worker: its own, so that cores do not share a line of cache.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Counters {
    /// Connections accepted.
    pub(super) connections: AtomicU64,
    /// Connections that a toxic was drawn for.
    pub(super) hit: AtomicU64,
    /// Connections that the upstream did not take.
    pub(super) refused: AtomicU64,
    /// Bytes passed on to the upstream.
    pub(super) bytes_up: AtomicU64,
    /// Bytes passed on to the client.
    pub(super) bytes_down: AtomicU64,
    /// Messages that were lost.
    pub(super) lost: AtomicU64,
    /// HTTP requests that were understood.
    pub(super) requests: AtomicU64,
    /// HTTP requests that were hit.
    pub(super) requests_hit: AtomicU64,
}

/// Counts on; each counter has one writer.
pub(super) fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
}

/// The sum over workers, an object.
pub(super) fn sum<'a>(all: impl Iterator<Item = &'a Counters> + Clone) -> Value {
    let of = |pick: fn(&Counters) -> &AtomicU64| all.clone().map(|c| pick(c).load(Ordering::Relaxed)).sum::<u64>();
    json!({
        "connections": of(|c| &c.connections),
        "connections_hit": of(|c| &c.hit),
        "connections_refused": of(|c| &c.refused),
        "bytes_up": of(|c| &c.bytes_up),
        "bytes_down": of(|c| &c.bytes_down),
        "messages_lost": of(|c| &c.lost),
        "requests": of(|c| &c.requests),
        "requests_hit": of(|c| &c.requests_hit),
    })
}

/// The client's side of a connection, with its bytes counted.
pub(super) struct Counted<'a> {
    /// The connection.
    pub(super) inner: &'a mut TcpStream,
    /// Where its bytes are counted.
    pub(super) counters: &'a Counters,
}

impl AsyncRead for Counted<'_> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut *self.inner).poll_read(cx, buffer);
        add(&self.counters.bytes_up, (buffer.filled().len() - before) as u64);
        polled
    }
}

impl AsyncWrite for Counted<'_> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut *self.inner).poll_write(cx, bytes);
        if let Poll::Ready(Ok(written)) = polled {
            add(&self.counters.bytes_down, written as u64);
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.inner).poll_shutdown(cx)
    }
}
