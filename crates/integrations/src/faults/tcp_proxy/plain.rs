//! One direction without a toxic: what is read is written, through one buffer that all connections of a worker share.
//!
//! A connection that waits holds no buffer; what the receiver does not take at once is kept until it does.

use std::cell::RefCell;
use std::io;
use std::sync::atomic::AtomicU64;

use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use super::connection::Break;
use super::counters::add;

/// Size of the shared buffer: what a socket holds by default, and half of a core's second cache at most.
const BUFFER: usize = 64 * 1024;

thread_local! {
    static SHARED: RefCell<Vec<u8>> = RefCell::new(vec![0; BUFFER]);
}

/// Passes bytes on until the sender ends, and the end too.
pub(super) async fn copy(from: &ReadHalf<'_>, to: &mut WriteHalf<'_>, bytes: &AtomicU64) -> Result<(), Break> {
    loop {
        from.readable().await?;
        let (n, rest) = match SHARED.with_borrow_mut(|buffer| pass(from, to, buffer)) {
            Ok(passed) => passed,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => continue,
            Err(e) => return Err(e.into()),
        };
        if n == 0 {
            // A socket that is gone already needs no end.
            let _ = to.shutdown().await;
            return Ok(());
        }
        let mut left = rest.as_slice();
        while !left.is_empty() {
            to.writable().await?;
            match to.try_write(left) {
                Ok(written) => left = &left[written..],
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {}
                Err(e) => return Err(e.into()),
            }
        }
        add(bytes, n as u64);
        // A sender that never pauses leaves room for the others.
        tokio::task::consume_budget().await;
    }
}

/// Reads once and writes once: how much was read, and what is yet to be written.
fn pass(from: &ReadHalf<'_>, to: &WriteHalf<'_>, buffer: &mut [u8]) -> io::Result<(usize, Vec<u8>)> {
    let n = from.try_read(buffer)?;
    let written = match to.try_write(&buffer[..n]) {
        _ if n == 0 => 0,
        Ok(written) => written,
        Err(e) if e.kind() == io::ErrorKind::WouldBlock => 0,
        Err(e) => return Err(e),
    };
    Ok((n, buffer[written..n].to_vec()))
}
