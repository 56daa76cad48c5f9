//! One direction with toxics: bytes are read as they come, and arrive when the line lets them.
//!
//! The line is one in the network's sense: a message takes `length / bandwidth` to be put on it, one after the other, and
//! then the latency to arrive. A latency alone does not lower the throughput, and messages stay in order.

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::clock::{Clock, later};
use super::connection::Break;
use super::counters::{Counters, add};
use super::settings::Toxics;

/// Largest message that is read.
const LARGEST: usize = 64 * 1024;
/// Bytes under way after which no more are read, as a network's buffers end somewhere.
const UNDER_WAY: usize = 4 << 20;
/// How far ahead a line with a bandwidth is filled: what is read is lost to nobody else.
const AHEAD: Duration = Duration::from_millis(50);
/// Length of a message in time on a line with a bandwidth, so that bytes arrive evenly.
const SLICE: f64 = 0.01;

/// One direction of one connection.
pub(super) struct Line<'a> {
    /// What it suffers.
    pub(super) toxics: &'a Toxics,
    /// The strength of the ramp at each moment.
    pub(super) strength: &'a (dyn Fn() -> f64 + Sync),
    /// Its dice.
    pub(super) rng: Rng,
    /// By which it holds back.
    pub(super) clock: &'a Clock,
    /// Where lost messages are counted.
    pub(super) counters: &'a Counters,
    /// Where its bytes are counted.
    pub(super) bytes: &'a AtomicU64,
}

/// What is under way.
struct Queue {
    messages: VecDeque<(Instant, Vec<u8>)>,
    length: usize,
    /// When the last message arrives: none overtakes another.
    last: Instant,
    /// When the line is free for the next message.
    free: Instant,
}

impl Line<'_> {
    /// Passes bytes on until the sender ends, and the end too; or until a toxic ends the connection.
    pub(super) async fn run<R, W>(mut self, mut from: R, mut to: W) -> Result<(), Break>
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        if let Some(time) = self.toxics.timeout {
            self.clock.sleep(time).await;
            return Err(Break::Close);
        }
        let begin = Instant::now();
        let mut queue = Queue { messages: VecDeque::new(), length: 0, last: begin, free: begin };
        let mut buffer = vec![0; LARGEST];
        let mut left = self.toxics.limit_data.unwrap_or(u64::MAX);
        let (mut ended, mut stalled) = (false, false);
        loop {
            let due = queue.messages.front().map(|(at, _)| *at);
            let readable = !ended && left > 0 && queue.takes_more();
            let size = self.message_size();
            let n = tokio::select! {
                biased;
                () = self.clock.until(due.unwrap_or(begin)), if due.is_some() => {
                    let Some((_, message)) = queue.messages.pop_front() else { continue };
                    queue.length -= message.len();
                    to.write_all(&message).await?;
                    add(self.bytes, message.len() as u64);
                    continue;
                }
                n = from.read(&mut buffer[..size]), if readable => n?,
                else => break,
            };
            if n == 0 {
                if stalled {
                    // The end would not arrive either; who waited for an answer has given up.
                    return Err(Break::Close);
                }
                ended = true;
                continue;
            }
            if stalled {
                continue;
            }
            if self.toxics.loss > 0.0 && self.rng.f64() < self.toxics.loss * (self.strength)() {
                add(&self.counters.lost, 1);
                if self.toxics.loss_resets {
                    return Err(Break::Reset);
                }
                stalled = true;
                continue;
            }
            let n = usize::try_from(left).map_or(n, |left| n.min(left));
            left -= n as u64;
            self.send(&mut queue, buffer[..n].to_vec());
        }
        if left == 0 {
            return Err(Break::Close);
        }
        self.clock.sleep(self.toxics.slow_close.mul_f64((self.strength)())).await;
        // A socket that is gone already needs no end.
        let _ = to.shutdown().await;
        Ok(())
    }

    /// Puts a message on the line.
    fn send(&mut self, queue: &mut Queue, message: Vec<u8>) {
        let mut at = Instant::now();
        let strength = (self.strength)();
        if let Some(rate) = self.toxics.bandwidth
            && strength > 0.0
        {
            let seconds = message.len() as f64 / rate as f64 * strength;
            queue.free = later(queue.free.max(at), Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
            at = queue.free;
        }
        if let Some(delay) = &self.toxics.delay {
            at = later(at, delay.draw(&mut self.rng, strength));
        }
        queue.last = queue.last.max(at);
        queue.length += message.len();
        queue.messages.push_back((queue.last, message));
    }

    fn message_size(&self) -> usize {
        self.toxics.bandwidth.map_or(LARGEST, |rate| ((rate as f64 * SLICE) as usize).clamp(1, LARGEST))
    }
}

impl Queue {
    fn takes_more(&self) -> bool {
        // A full line has a message that is not due yet, so that something always goes on.
        self.length < UNDER_WAY && self.free.saturating_duration_since(Instant::now()) < AHEAD
    }
}
