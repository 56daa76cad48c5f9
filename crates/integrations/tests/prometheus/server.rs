//! Real Prometheus servers on loopback, and small helpers that stand in front of them.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const INSTALL: &str = "expected on PATH: on Debian and Ubuntu `apt-get install prometheus` brings prometheus and promtool, \
    elsewhere see https://prometheus.io/download/";

/// A server that ends with the value.
pub(crate) struct Server {
    /// Base address.
    pub(crate) address: String,
    port: u16,
    child: Child,
    _folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts a server, with more flags, a web configuration, and a past in OpenMetrics.
    pub(crate) async fn start(flags: &[&str], web_config: Option<&str>, history: Option<&str>) -> Self {
        let (flags, web_config) = (flags.iter().map(|f| (*f).to_owned()).collect(), web_config.map(str::to_owned));
        let history = history.map(str::to_owned);
        let started = tokio::task::spawn_blocking(move || start(flags, web_config.as_deref(), history.as_deref()));
        started.await.unwrap()
    }
}

fn start(flags: Vec<String>, web_config: Option<&str>, history: Option<&str>) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    if let Some(text) = history {
        std::fs::write(path("history.om"), text).unwrap();
        let blocks = Command::new("promtool")
            .args(["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=168h"])
            .args([path("history.om"), path("data")])
            .output()
            .unwrap_or_else(|e| panic!("promtool: {e}; {INSTALL}"));
        assert!(blocks.status.success(), "promtool: {}", String::from_utf8_lossy(&blocks.stderr));
    }
    std::fs::write(path("prometheus.yml"), "").unwrap();
    let web = web_config.unwrap_or_default();
    std::fs::write(path("web.yml"), web).unwrap();
    let scheme = if web.contains("tls_server_config") { "https" } else { "http" };
    // A port that was free a moment ago may be taken by then.
    for _ in 0..5 {
        let port = free_port();
        let mut child = Command::new("prometheus")
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg(format!("--config.file={}", path("prometheus.yml")))
            .arg(format!("--web.config.file={}", path("web.yml")))
            .arg(format!("--storage.tsdb.path={}", path("data")))
            .arg("--storage.tsdb.retention.time=100y")
            .args(&flags)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("prometheus: {e}; {INSTALL}"));
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        if log.any(|line| line.contains("Server is ready to receive web requests")) {
            // Whoever writes to a pipe that nobody reads comes to a stop.
            std::thread::spawn(move || log.for_each(drop));
            return Server { address: format!("{scheme}://127.0.0.1:{port}"), port, child, _folder: folder };
        }
        child.wait().unwrap();
    }
    panic!("prometheus ended five times before it was ready");
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An address at which nobody listens.
pub(crate) fn free_address() -> String {
    format!("http://127.0.0.1:{}", free_port())
}

/// Passes connections on to a server and keeps the head of the first request of each.
pub(crate) async fn recording(server: &Server) -> (String, Arc<Mutex<Vec<String>>>) {
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let (kept, port) = (Arc::clone(&heads), server.port);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let head = head(&mut client).await;
            kept.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                server.write_all(&head).await.unwrap();
                // Either end may close first.
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    (address, heads)
}

/// Answers every request with this text, or with silence.
pub(crate) async fn answering(text: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut client, _)) = listener.accept().await {
            head(&mut client).await;
            client.write_all(text.as_bytes()).await.unwrap();
            open.push(client);
        }
    });
    address
}

async fn head(client: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|w| w == b"\r\n\r\n") {
        if client.read_buf(&mut bytes).await.unwrap_or_default() == 0 {
            break;
        }
    }
    bytes
}

/// An authority that signs a server on loopback and its clients.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
    folder: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), certificate, folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn pem(&self) -> &str {
        &self.certificate
    }

    /// Certificate and key of a client.
    pub(crate) fn client(&self) -> (String, String) {
        self.sign("reader", ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// A web configuration that wants clients of this authority.
    pub(crate) fn web_config(&self) -> String {
        let (certificate, key) = self.sign("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth);
        let write = |name: &str, text: &str| {
            let path = self.folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            shown(&path)
        };
        let (certificate, key, ca) = (write("cert", &certificate), write("key", &key), write("ca", &self.certificate));
        format!(
            "tls_server_config:\n  cert_file: {certificate}\n  key_file: {key}\n  client_ca_file: {ca}\n  \
             client_auth_type: RequireAndVerifyClientCert\n"
        )
    }

    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages.push(usage);
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }
}

fn shown(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
