//! The proxy at work: one thread with a runtime of its own a core; the first accepts, in turn for all.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use stormglass_chaos::{FaultError, Injected};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

use super::clock::Clock;
use super::connection::{Shared, serve};
use super::counters::{Counters, sum};
use super::settings::Toxics;

/// Pause where the system has no descriptor left for a connection.
const EXHAUSTED: Duration = Duration::from_millis(10);

/// A proxy that listens.
pub(super) struct Proxy {
    shared: Arc<Shared>,
    counters: Vec<Arc<Counters>>,
    over: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

type Numbered = (u64, TcpStream);

impl Proxy {
    /// Starts the threads; connections are accepted from here on.
    ///
    /// # Errors
    /// The system gives no event queue or no thread; nothing listens then.
    pub(super) fn start(listener: TcpListener, upstream: Vec<SocketAddr>, toxics: Toxics) -> io::Result<Self> {
        let strength = AtomicU64::new(1.0_f64.to_bits());
        let shared = Arc::new(Shared { upstream, toxics, strength, clock: Clock::start()? });
        let (over, _) = watch::channel(false);
        let mut proxy = Self { shared, counters: Vec::new(), over, threads: Vec::new() };
        match proxy.start_threads(listener) {
            Ok(()) => Ok(proxy),
            Err(error) => {
                proxy.end();
                Err(error)
            }
        }
    }

    fn start_threads(&mut self, listener: TcpListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let (queues, inboxes): (Vec<_>, Vec<_>) = (0..workers).map(|_| unbounded_channel()).unzip();
        let mut first = Some((listener, queues));
        for (worker, inbox) in inboxes.into_iter().enumerate() {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let accept = match first.take() {
                Some((listener, queues)) => {
                    let _inside = runtime.enter();
                    Some((tokio::net::TcpListener::from_std(listener)?, queues))
                }
                None => None,
            };
            let counters = Arc::new(Counters::default());
            self.counters.push(Arc::clone(&counters));
            let (shared, over) = (Arc::clone(&self.shared), self.over.subscribe());
            let work = move || run(&runtime, shared, counters, accept, inbox, over);
            self.threads.push(std::thread::Builder::new().name(format!("proxy-{worker}")).spawn(work)?);
        }
        Ok(())
    }

    /// Closes the listener and all connections.
    fn end(&mut self) {
        self.over.send_replace(true);
        for thread in self.threads.drain(..) {
            // A thread that panicked has closed its sockets as well.
            let _ = thread.join();
        }
    }
}

impl Injected for Proxy {
    fn ramp(&mut self, strength: f64) {
        self.shared.strength.store(strength.to_bits(), Ordering::Relaxed);
    }

    fn counts(&self) -> Value {
        sum(self.counters.iter().map(Arc::as_ref))
    }

    fn undo(mut self: Box<Self>) -> Result<(), FaultError> {
        self.end();
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end();
    }
}

/// A thread's whole life. Whatever is still open is closed with the runtime, which has no blocking work to wait for.
fn run(
    runtime: &Runtime,
    shared: Arc<Shared>,
    counters: Arc<Counters>,
    accept: Option<(tokio::net::TcpListener, Vec<UnboundedSender<Numbered>>)>,
    mut inbox: UnboundedReceiver<Numbered>,
    mut over: watch::Receiver<bool>,
) {
    runtime.block_on(async move {
        if let Some((listener, queues)) = accept {
            let mut over = over.clone();
            tokio::spawn(async move {
                tokio::select! {
                    _ = over.wait_for(|&over| over) => {}
                    () = accept_all(&listener, &queues) => {}
                }
            });
        }
        let work = async {
            while let Some((number, stream)) = inbox.recv().await {
                let (shared, counters) = (Arc::clone(&shared), Arc::clone(&counters));
                let Ok(client) = tokio::net::TcpStream::from_std(stream) else { continue };
                tokio::spawn(async move { serve(&shared, &counters, number, client).await });
            }
        };
        tokio::select! {
            _ = over.wait_for(|&over| over) => {}
            () = work => {}
        }
    });
}

/// Accepts, numbers, and deals connections out to the threads in turn.
async fn accept_all(listener: &tokio::net::TcpListener, queues: &[UnboundedSender<Numbered>]) {
    let mut number = 0_u64;
    loop {
        match listener.accept().await.and_then(|(stream, _)| stream.into_std()) {
            Ok(stream) => {
                let worker = (number % queues.len() as u64) as usize;
                if queues[worker].send((number, stream)).is_err() {
                    return;
                }
                number += 1;
            }
            // A connection that went away again is no reason to wait; having no descriptor left is.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => tokio::time::sleep(EXHAUSTED).await,
        }
    }
}
