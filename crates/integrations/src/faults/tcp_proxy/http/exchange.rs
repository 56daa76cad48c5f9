//! One connection that speaks HTTP/1: request by request, each with its own fate.
//!
//! Requests are served one after the other, so that pipelined ones are answered in their order. A body is passed on while
//! the answer is read, as a server may answer before it has all of it.

use fastrand::Rng;
use reqwest::StatusCode;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};

use super::super::clock::Clock;
use super::super::connection::Break;
use super::super::counters::{Counters, add};
use super::super::settings::HttpToxics;
use super::body::Body;
use super::head::{self, Edit, Found, Framing, Request};

/// Bytes that are read at once.
const READ: usize = 16 * 1024;

/// What requests of a connection suffer.
pub(in super::super) struct Exchange<'a> {
    /// What is changed.
    pub(in super::super) toxics: &'a HttpToxics,
    /// The strength of the ramp at each moment.
    pub(in super::super) strength: &'a (dyn Fn() -> f64 + Sync),
    /// Its dice.
    pub(in super::super) rng: Rng,
    /// By which requests are held back.
    pub(in super::super) clock: &'a Clock,
    /// Where requests are counted.
    pub(in super::super) counters: &'a Counters,
}

/// One side: what was read and is not passed on yet, and where it is written to.
struct Side<S> {
    reader: ReadHalf<S>,
    writer: WriteHalf<S>,
    unread: Vec<u8>,
}

enum Next {
    Request(Request),
    /// No HTTP, or no longer.
    Other,
    /// One side has ended.
    End,
}

/// What the connection is good for behind an answer.
#[derive(PartialEq)]
enum Then {
    Request,
    Other,
    End,
}

impl Exchange<'_> {
    /// Serves until one side ends.
    pub(in super::super) async fn run<C, U>(mut self, client: C, upstream: U) -> Result<(), Break>
    where
        C: AsyncRead + AsyncWrite + Unpin,
        U: AsyncRead + AsyncWrite + Unpin,
    {
        let (mut client, mut server) = (Side::new(client), Side::new(upstream));
        loop {
            let then = match next(&mut client, &mut server).await? {
                Next::Request(request) => self.serve(&mut client, &mut server, &request).await?,
                Next::Other => Then::Other,
                Next::End => Then::End,
            };
            match then {
                Then::Request => {}
                Then::Other => return pour_both(client, server).await,
                Then::End => {
                    // A side that is gone already needs no end.
                    let _ = tokio::join!(client.writer.shutdown(), server.writer.shutdown());
                    return Ok(());
                }
            }
        }
    }

    async fn serve<C, U>(
        &mut self,
        client: &mut Side<C>,
        server: &mut Side<U>,
        request: &Request,
    ) -> Result<Then, Break>
    where
        C: AsyncRead + AsyncWrite,
        U: AsyncRead + AsyncWrite,
    {
        add(&self.counters.requests, 1);
        let strength = (self.strength)();
        // Drawn for each request, so that which ones are hit does not depend on their paths.
        let drawn = self.rng.f64() < self.toxics.share * strength;
        let hit = drawn && self.toxics.matches(&request.path);
        if hit {
            add(&self.counters.requests_hit, 1);
            self.clock.sleep(self.toxics.delay.mul_f64(strength)).await;
            if let Some(status) = self.toxics.status {
                return self.answer_itself(client, request, status).await;
            }
        }
        server.writer.write_all(&client.unread[..request.length]).await?;
        client.unread.drain(..request.length);
        let body = Body::new(request.framing);
        let sent = relay(&mut client.reader, &mut client.unread, body, Some(&mut server.writer), true);
        let edit = hit && self.edits();
        let toxics = edit.then_some(self.toxics);
        let answered = answer(&mut server.reader, &mut server.unread, &mut client.writer, request, toxics);
        let ((), then) = tokio::try_join!(sent, answered)?;
        Ok(then)
    }

    fn edits(&self) -> bool {
        !self.toxics.set.is_empty() || !self.toxics.remove.is_empty() || self.toxics.body.is_some()
    }

    /// Answers in the server's place.
    async fn answer_itself<C>(&self, client: &mut Side<C>, request: &Request, status: u16) -> Result<Then, Break>
    where
        C: AsyncRead + AsyncWrite,
    {
        client.unread.drain(..request.length);
        // A client that waits for leave to send its body may never send it.
        let keeps = request.keeps && !request.waits;
        if keeps {
            let body = Body::new(request.framing);
            relay(&mut client.reader, &mut client.unread, body, None::<&mut WriteHalf<C>>, true).await?;
        }
        let reason = StatusCode::from_u16(status).ok().and_then(|s| s.canonical_reason()).unwrap_or("Fault");
        let close = if keeps { "" } else { "connection: close\r\n" };
        let plain = format!("HTTP/1.1 {status} {reason}\r\n{close}\r\n");
        let body = if matches!(status, 204 | 304) { "" } else { self.toxics.body.as_deref().unwrap_or_default() };
        let length = (!matches!(status, 204 | 304)).then_some(body.len());
        let edit = Edit { set: &self.toxics.set, remove: &[], length };
        let mut text = head::edited(plain.as_bytes(), edit).unwrap_or_else(|| plain.into_bytes());
        if request.method != "HEAD" {
            text.extend_from_slice(body.as_bytes());
        }
        client.writer.write_all(&text).await?;
        Ok(if keeps { Then::Request } else { Then::End })
    }
}

impl<S: AsyncRead + AsyncWrite> Side<S> {
    fn new(stream: S) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self { reader, writer, unread: Vec::new() }
    }
}

/// Waits for the next request, or for the end.
async fn next<C, U>(client: &mut Side<C>, server: &mut Side<U>) -> Result<Next, Break>
where
    C: AsyncRead + AsyncWrite,
    U: AsyncRead + AsyncWrite,
{
    loop {
        if !client.unread.is_empty() {
            match head::request(&client.unread) {
                Found::Whole(request) => return Ok(Next::Request(request)),
                Found::Partial => {}
                Found::Other => return Ok(Next::Other),
            }
        }
        tokio::select! {
            n = more(&mut client.reader, &mut client.unread) => {
                if n? == 0 {
                    return Ok(if client.unread.is_empty() { Next::End } else { Next::Other });
                }
            }
            // A server that speaks first speaks another protocol.
            n = more(&mut server.reader, &mut server.unread) => {
                return Ok(if n? == 0 { Next::End } else { Next::Other });
            }
        }
    }
}

/// Passes the answer on, as it is or changed.
async fn answer<R, W>(
    server: &mut R,
    unread: &mut Vec<u8>,
    client: &mut W,
    request: &Request,
    toxics: Option<&HttpToxics>,
) -> Result<Then, Break>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    loop {
        let found = match head::answer(unread, &request.method) {
            Found::Whole(found) => found,
            Found::Other => return Ok(Then::Other),
            Found::Partial => {
                if more(server, unread).await? == 0 {
                    client.write_all(unread).await?;
                    return Err(Break::Close);
                }
                continue;
            }
        };
        let switches = found.status == 101 || request.method == "CONNECT" && (200..300).contains(&found.status);
        if switches || (100..200).contains(&found.status) {
            client.write_all(&unread[..found.length]).await?;
            unread.drain(..found.length);
            if switches {
                return Ok(Then::Other);
            }
            continue;
        }
        let body = toxics.and_then(|t| t.body.as_deref()).filter(|_| !found.bodiless);
        let edit = toxics.map(|t| Edit { set: &t.set, remove: &t.remove, length: body.map(str::len) });
        match edit.and_then(|edit| head::edited(&unread[..found.length], edit)) {
            Some(head) => client.write_all(&head).await?,
            None => client.write_all(&unread[..found.length]).await?,
        }
        unread.drain(..found.length);
        let theirs = Body::new(found.framing);
        match body {
            Some(body) => {
                client.write_all(body.as_bytes()).await?;
                relay(server, unread, theirs, None::<&mut W>, false).await?;
            }
            None => relay(server, unread, theirs, Some(client), false).await?,
        }
        let keeps = request.keeps && found.keeps && found.framing != Framing::UntilClose;
        return Ok(if keeps { Then::Request } else { Then::End });
    }
}

/// Passes a body on, or away; `lenient` where a receiver that takes no more is no reason to stop reading.
async fn relay<R, W>(
    from: &mut R,
    unread: &mut Vec<u8>,
    mut body: Body,
    mut to: Option<&mut W>,
    lenient: bool,
) -> Result<(), Break>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    loop {
        // Behind a malformed chunk nothing can be told apart.
        let n = body.take(unread).map_err(|_| Break::Close)?;
        if let Some(writer) = to.as_deref_mut()
            && let Err(error) = writer.write_all(&unread[..n]).await
        {
            if !lenient {
                return Err(error.into());
            }
            to = None;
        }
        unread.drain(..n);
        if body.is_over() {
            return Ok(());
        }
        if more(from, unread).await? == 0 {
            return if body.ends_with_connection() { Ok(()) } else { Err(Break::Close) };
        }
    }
}

/// Passes all on in both directions, whatever it is.
async fn pour_both<C, U>(client: Side<C>, server: Side<U>) -> Result<(), Break>
where
    C: AsyncRead + AsyncWrite,
    U: AsyncRead + AsyncWrite,
{
    let up = pour(client.reader, client.unread, server.writer);
    let down = pour(server.reader, server.unread, client.writer);
    tokio::try_join!(up, down).map(|_| ())
}

async fn pour<R, W>(mut from: R, mut unread: Vec<u8>, mut to: W) -> Result<(), Break>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    loop {
        to.write_all(&unread).await?;
        unread.clear();
        if more(&mut from, &mut unread).await? == 0 {
            // A side that is gone already needs no end.
            let _ = to.shutdown().await;
            return Ok(());
        }
    }
}

/// Reads on; 0 at the end. Nothing is lost where it is dropped.
async fn more<R: AsyncRead + Unpin>(from: &mut R, unread: &mut Vec<u8>) -> std::io::Result<usize> {
    unread.reserve(READ);
    from.read_buf(unread).await
}
