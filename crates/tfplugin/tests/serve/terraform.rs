//! The other end of the wire: starts the provider as go-plugin does and connects with a real TLS client.

use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, PKCS_ECDSA_P521_SHA512};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, BufReader, Lines},
    net::{TcpStream, UnixStream},
    process::{Child, ChildStdout, Command},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        self, ClientConfig, DigitallySignedStruct, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{self, WebPkiSupportedAlgorithms, aws_lc_rs},
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
    },
};
use tonic::transport::{Channel, Endpoint};

/// Variable that makes a test's own executable the provider.
pub(crate) const ROLE: &str = "TFPLUGIN_TEST_ROLE";

const COOKIE: &str = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2";
/// A process that takes longer to end has failed its test.
const PATIENCE: Duration = Duration::from_secs(30);

/// A certificate and its key, made as go-plugin makes the client's: self-signed authority on P-521.
pub(crate) struct Identity {
    certificate: CertificateDer<'static>,
    key: KeyPair,
    pem: String,
}

impl Identity {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let base64 = STANDARD.encode(certificate.der());
        let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
        Self { certificate: certificate.der().clone(), key, pem }
    }

    fn key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(self.key.serialize_der().into())
    }
}

/// How to start the provider.
pub(crate) struct Start {
    role: String,
    variables: Vec<(&'static str, String)>,
    under_a_shell: bool,
    /// Another provider than this test's own executable.
    program: Option<PathBuf>,
}

impl Start {
    /// With all that Terraform 1.11 sets, and the client certificate of `identity`.
    pub(crate) fn with(identity: &Identity) -> Self {
        Self::plain().variable("PLUGIN_CLIENT_CERT", &identity.pem)
    }

    /// As by go-plugin without TLS.
    pub(crate) fn plain() -> Self {
        Self { role: "provider".into(), variables: Vec::new(), under_a_shell: false, program: None }
            .variable("TF_PLUGIN_MAGIC_COOKIE", COOKIE)
            .variable("PLUGIN_PROTOCOL_VERSIONS", "5,6")
            .variable("PLUGIN_MIN_PORT", "10000")
            .variable("PLUGIN_MAX_PORT", "25000")
    }

    /// By hand, with nothing set.
    pub(crate) fn by_hand() -> Self {
        Self { role: "provider".into(), variables: Vec::new(), under_a_shell: false, program: None }
    }

    pub(crate) fn variable(mut self, name: &'static str, value: &str) -> Self {
        self.variables.retain(|(known, _)| *known != name);
        self.variables.push((name, value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.retain(|(known, _)| *known != name);
        self
    }

    pub(crate) fn role(mut self, words: &str) -> Self {
        self.role = words.to_owned();
        self
    }

    /// With a shell between this test and the provider, so that the provider's parent can be killed.
    pub(crate) fn under_a_shell(mut self) -> Self {
        self.under_a_shell = true;
        self
    }

    /// Another provider than this test's own executable.
    #[allow(dead_code, reason = "the benchmark starts a built provider")]
    pub(crate) fn program(mut self, path: &Path) -> Self {
        self.program = Some(path.to_owned());
        self
    }

    fn spawn(self, temporary: &Path) -> Child {
        let mut command = if let Some(program) = &self.program {
            Command::new(program)
        } else if self.under_a_shell {
            let mut shell = Command::new("sh");
            // The second command keeps the shell from replacing itself by the first.
            shell.args(["-c", r#""$0" "$@"; exit $?"#]).arg(env::current_exe().unwrap());
            shell
        } else {
            Command::new(env::current_exe().unwrap())
        };
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy().into_owned();
            if name.starts_with("TF_") || name.starts_with("PLUGIN_") {
                command.env_remove(name);
            }
        }
        if self.program.is_none() {
            command.args(["--exact", "provider_process", "--nocapture", "--test-threads=1"]);
        }
        command
            .env(ROLE, self.role)
            .env("TMPDIR", temporary)
            .envs(self.variables)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    /// Starts a provider that is expected to refuse; returns its exit code and what it wrote.
    pub(crate) async fn refused(self) -> (Option<i32>, String, String) {
        let temporary = tempfile::tempdir().unwrap();
        let output = self.spawn(temporary.path()).wait_with_output();
        let output = tokio::time::timeout(PATIENCE, output).await.unwrap().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    }

    /// Starts the provider and reads up to the line that holds `mark`; returns the rest of that line from there.
    pub(crate) async fn announced(self, mark: &str) -> (Process, String) {
        let temporary = tempfile::tempdir().unwrap();
        let mut child = self.spawn(temporary.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        while let Some(line) = tokio::time::timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap() {
            // The test harness in the child writes the test's name before it, on the same line.
            if let Some(at) = line.find(mark) {
                return (Process { child, lines, temporary }, line[at..].to_owned());
            }
        }
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).await.unwrap();
        panic!("no `{mark}` from the provider: {stderr}");
    }

    /// Starts the provider and takes its handshake.
    pub(crate) async fn handshake(self) -> (Process, Handshake) {
        let (process, line) = self.announced("1|6|").await;
        let fields: Vec<&str> = line.split('|').collect();
        let [_, _, network, address, "grpc", certificate] = fields[..] else { panic!("not a handshake: {line}") };
        let handshake = Handshake {
            network: network.to_owned(),
            address: address.to_owned(),
            certificate: STANDARD_NO_PAD.decode(certificate).unwrap().into(),
        };
        (process, handshake)
    }
}

/// A started provider, or the shell that started it.
pub(crate) struct Process {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Where the provider puts its temporary files; goes with this value, whatever end the provider takes.
    temporary: TempDir,
}

impl Process {
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Waits for an orderly end: success, and nothing left behind.
    pub(crate) async fn ends_in_order(mut self) {
        let status = tokio::time::timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        assert!(status.success(), "{status}");
        self.left_nothing();
    }

    pub(crate) fn left_nothing(&self) {
        assert_eq!(fs::read_dir(self.temporary.path()).unwrap().count(), 0);
    }

    /// All that the provider writes to standard error up to its end.
    pub(crate) async fn log(&mut self) -> String {
        let mut log = String::new();
        let stderr = self.child.stderr.as_mut().unwrap();
        tokio::time::timeout(PATIENCE, stderr.read_to_string(&mut log)).await.unwrap().unwrap();
        log
    }

    /// Resolves when every process that writes to this standard output has ended.
    pub(crate) async fn silence(&mut self) {
        let to_the_end = async { while self.lines.next_line().await.unwrap().is_some() {} };
        tokio::time::timeout(PATIENCE, to_the_end).await.unwrap();
    }
}

/// What the provider's line said.
#[derive(Debug, Clone)]
pub(crate) struct Handshake {
    pub(crate) network: String,
    pub(crate) address: String,
    pub(crate) certificate: CertificateDer<'static>,
}

impl Handshake {
    /// Connects without TLS.
    pub(crate) async fn connect_plain(&self) -> Channel {
        self.connect(None).await.unwrap()
    }

    /// Connects with TLS, with the client's certificate if there is one.
    pub(crate) async fn connect_as(&self, identity: Option<&Identity>) -> Result<Channel, tonic::transport::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let pinned =
            Pinned { certificate: self.certificate.clone(), algorithms: provider.signature_verification_algorithms };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(pinned));
        let mut config = match identity {
            Some(one) => config.with_client_auth_cert(vec![one.certificate.clone()], one.key()).unwrap(),
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        self.connect(Some(TlsConnector::from(Arc::new(config)))).await
    }

    async fn connect(&self, tls: Option<TlsConnector>) -> Result<Channel, tonic::transport::Error> {
        let (network, address) = (self.network.clone(), self.address.clone());
        let connector = tower::service_fn(move |_: http::Uri| {
            let (network, address, tls) = (network.clone(), address.clone(), tls.clone());
            async move {
                let io: Box<dyn Io> = match network.as_str() {
                    "unix" => Box::new(UnixStream::connect(address).await?),
                    _ => Box::new(TcpStream::connect(address).await?),
                };
                let io: Box<dyn Io> = match tls {
                    Some(tls) => Box::new(tls.connect(ServerName::try_from("localhost").unwrap(), io).await?),
                    None => io,
                };
                Ok::<_, io::Error>(TokioIo::new(io))
            }
        });
        Endpoint::from_static("http://localhost").connect_with_connector(connector).await
    }
}

trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// Takes the one certificate from the handshake, as Go's client does by a pool of one.
struct Pinned {
    certificate: CertificateDer<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").finish_non_exhaustive()
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(rustls::Error::General("not the certificate of the handshake".into()))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
