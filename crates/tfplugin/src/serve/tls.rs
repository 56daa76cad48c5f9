//! Mutual TLS as go-plugin has it: each side makes a certificate for this one process and hands it over in the
//! handshake; each side then accepts exactly that certificate.
//!
//! go-plugin makes the client's certificate as a self-signed authority on curve P-521, which is why the cryptography is
//! aws-lc-rs, and why no chain is verified here: the certificate is compared byte for byte and its key must sign.
//!
//! aws-lc as it is built by default measures the jitter of the processor for some 30 ms before its first random number,
//! which is most of a provider's start; built with `AWS_LC_SYS_NO_JITTER_ENTROPY=1` in the environment it takes the
//! system's random numbers, and the handshake is out within 6 ms.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use rcgen::{
    CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        self, CertificateError, DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme,
        client::danger::HandshakeSignatureValid,
        crypto::{self, CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs},
        pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject},
        server::danger::{ClientCertVerified, ClientCertVerifier},
    },
};

/// Why no TLS can be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// What the client handed over is no certificate.
    #[error("PLUGIN_CLIENT_CERT holds no PEM certificate: {0}")]
    ClientCertificate(#[from] rustls::pki_types::pem::Error),
    /// The server's own certificate could not be made.
    #[error("could not make a certificate for the connection: {0}")]
    ServerCertificate(#[from] rcgen::Error),
    /// The certificate or the protocol version was refused.
    #[error("could not set up TLS: {0}")]
    Setup(#[from] rustls::Error),
}

/// The server's half: what accepts connections, and what the handshake tells the client.
pub(super) struct ServerTls {
    pub(super) acceptor: TlsAcceptor,
    /// The server's certificate as the handshake has it: base64 of the DER, without padding.
    pub(super) certificate: String,
}

/// TLS 1.3 with a fresh certificate for `localhost` that only the client with the certificate `client_pem` gets past.
pub(super) fn server_tls(client_pem: &str) -> Result<ServerTls, TlsError> {
    let pinned = CertificateDer::from_pem_slice(client_pem.as_bytes())?;
    let (certificate, key) = make_certificate()?;
    let encoded = STANDARD_NO_PAD.encode(&certificate);

    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(PinnedClient { pinned, algorithms: provider.signature_verification_algorithms });
    let mut config = server_config(provider, verifier, certificate, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(ServerTls { acceptor: TlsAcceptor::from(Arc::new(config)), certificate: encoded })
}

fn server_config(
    provider: Arc<CryptoProvider>,
    verifier: Arc<PinnedClient>,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate], key)
}

/// The same traits as the certificate that go-plugin makes for a server; Go's client asks for each of them.
fn make_certificate() -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let mut params = CertificateParams::new(["localhost".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.der().clone(), PrivateKeyDer::Pkcs8(key.serialize_der().into())))
}

/// Accepts the one client whose certificate came with the handshake.
#[derive(Debug)]
struct PinnedClient {
    pinned: CertificateDer<'static>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for PinnedClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        if *end_entity == self.pinned {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
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
