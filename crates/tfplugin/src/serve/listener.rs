//! Where Terraform connects: a Unix socket in a folder that only this user may enter, or a TCP port on loopback.

use std::{
    io,
    net::Ipv4Addr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
};
use tokio_rustls::TlsAcceptor;
use tokio_stream::{Stream, wrappers::ReceiverStream};
use tonic::transport::server::Connected;

use super::handshake::{Address, Environment};

/// A client that has not finished its TLS handshake by then is dropped.
const TLS_PATIENCE: Duration = Duration::from_secs(10);
/// Pause after a failed accept (out of file descriptors), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Longest path that fits a socket address everywhere: macOS has 104 bytes with the closing zero, Linux 108.
#[cfg(unix)]
const LONGEST_SOCKET_PATH: usize = 100;

/// The kind of address to listen at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// A Unix socket; the default where there are any.
    #[cfg(unix)]
    Unix,
    /// A port of 127.0.0.1 within what Terraform allows; the default on Windows.
    Tcp,
}

impl Default for Transport {
    fn default() -> Self {
        #[cfg(unix)]
        return Self::Unix;
        #[cfg(not(unix))]
        return Self::Tcp;
    }
}

/// A bound listener, its address and the folder that goes with it.
pub(super) struct Bound {
    pub(super) listener: Listener,
    pub(super) address: Address,
    /// Removed when dropped, which is early in the leave-taking: a client that waits in vain kills the process.
    pub(super) folder: Option<TempDir>,
}

pub(super) enum Listener {
    #[cfg(unix)]
    Unix(tokio::net::UnixListener),
    Tcp(TcpListener),
}

/// Listens at an address of the kind wanted.
pub(super) async fn bind(transport: Transport, environment: &Environment) -> io::Result<Bound> {
    match transport {
        #[cfg(unix)]
        Transport::Unix => bind_unix(environment.socket_folder.as_deref()),
        Transport::Tcp => bind_tcp(environment.ports.unwrap_or((0, 0))).await,
    }
}

#[cfg(unix)]
fn bind_unix(parent: Option<&std::path::Path>) -> io::Result<Bound> {
    use std::{
        fs::Permissions,
        os::unix::fs::PermissionsExt,
        path::{Path, PathBuf},
    };

    let parent = parent.map_or_else(std::env::temp_dir, PathBuf::from);
    let make = |parent: &Path| {
        tempfile::Builder::new().prefix("plugin").permissions(Permissions::from_mode(0o700)).tempdir_in(parent)
    };
    let mut folder = make(&parent)?;
    if folder.path().as_os_str().len() + "/s".len() > LONGEST_SOCKET_PATH {
        folder = make(Path::new("/tmp"))?;
    }
    let path = folder.path().join("s");
    let listener = tokio::net::UnixListener::bind(&path)?;
    Ok(Bound { listener: Listener::Unix(listener), address: Address::Unix(path), folder: Some(folder) })
}

async fn bind_tcp((first, last): (u16, u16)) -> io::Result<Bound> {
    let mut refused = io::Error::other(format!("no port between {first} and {last}"));
    for port in first..=last {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => {
                let address = Address::Tcp(listener.local_addr()?);
                return Ok(Bound { listener: Listener::Tcp(listener), address, folder: None });
            }
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

impl Listener {
    async fn accept(&self) -> io::Result<Box<dyn Io>> {
        match self {
            #[cfg(unix)]
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Box::new(stream) as Box<dyn Io>),
            Self::Tcp(listener) => {
                let (stream, _): (TcpStream, _) = listener.accept().await?;
                // Without it each call waits some 40 ms for a delayed acknowledgement.
                stream.set_nodelay(true)?;
                Ok(Box::new(stream))
            }
        }
    }
}

/// Accepts until the stream is dropped; `open` counts the connections past their TLS handshake.
///
/// Each handshake runs in a task of its own: a client that stalls, or is refused, keeps nobody waiting.
pub(super) fn incoming(
    listener: Listener,
    tls: Option<TlsAcceptor>,
    open: watch::Sender<usize>,
) -> impl Stream<Item = io::Result<Connection>> {
    let (sender, receiver) = mpsc::channel(16);
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = sender.closed() => return,
            };
            match accepted {
                Ok(io) => {
                    tokio::spawn(secure(io, tls.clone(), open.clone(), sender.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    });
    ReceiverStream::new(receiver)
}

async fn secure(
    io: Box<dyn Io>,
    tls: Option<TlsAcceptor>,
    open: watch::Sender<usize>,
    accepted: mpsc::Sender<io::Result<Connection>>,
) {
    let io: Box<dyn Io> = match tls {
        None => io,
        Some(tls) => match tokio::time::timeout(TLS_PATIENCE, tls.accept(io)).await {
            Ok(Ok(stream)) => Box::new(stream),
            Ok(Err(error)) => return tracing::warn!(%error, "refused a client"),
            Err(_) => return tracing::warn!("dropped a client that did not finish its TLS handshake"),
        },
    };
    // A failure to send means that the server has stopped accepting; the connection is then dropped.
    let _ = accepted.send(Ok(Connection { io, _open: Open::count(open) })).await;
}

/// What a connection must be able to do.
trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// One accepted connection; counted as open until dropped.
pub(super) struct Connection {
    io: Box<dyn Io>,
    _open: Open,
}

struct Open(watch::Sender<usize>);

impl Open {
    fn count(open: watch::Sender<usize>) -> Self {
        open.send_modify(|count| *count += 1);
        Self(open)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Connected for Connection {
    type ConnectInfo = ();
    fn connect_info(&self) {}
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[tokio::test]
    async fn the_socket_lies_in_a_private_folder_that_goes_with_it() {
        use std::os::unix::fs::PermissionsExt;

        let bound = bind(Transport::Unix, &Environment::default()).await.unwrap();
        let folder = bound.folder.as_ref().unwrap().path().to_owned();
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        drop(bound);
        assert!(!folder.exists());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_socket_path_too_long_for_the_system_is_shortened() {
        let parent = tempfile::tempdir().unwrap();
        let deep = parent.path().join("a".repeat(120));
        std::fs::create_dir(&deep).unwrap();
        let mut environment = Environment::default();
        environment.socket_folder = Some(deep);
        let bound = bind(Transport::Unix, &environment).await.unwrap();
        assert!(bound.address.to_string().len() <= LONGEST_SOCKET_PATH);
    }

    #[tokio::test]
    async fn a_taken_port_is_passed_over() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let first = taken.local_addr().unwrap().port();
        let mut environment = Environment::default();
        environment.ports = Some((first, first));
        assert!(bind(Transport::Tcp, &environment).await.is_err());
        environment.ports = Some((first, first.saturating_add(50)));
        assert_ne!(bind(Transport::Tcp, &environment).await.unwrap().address.to_string(), format!("127.0.0.1:{first}"));
    }
}
