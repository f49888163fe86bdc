//! TLS: shakes hands with whoever comes, and learns who it is.

use std::io;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{VerifierBuilderError, WebPkiClientVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::authn::Identity;

/// The names of HTTP/2 and HTTP/1.1 in TLS.
pub(crate) const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// TLS can't be set up with these certificates.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// To verify clients.
    #[error("cannot verify clients: {0}")]
    Verifier(#[from] VerifierBuilderError),
    /// To serve them.
    #[error("cannot set up TLS: {0}")]
    Server(#[from] rustls::Error),
}

/// Lets clients in.
#[derive(Clone)]
pub(crate) struct Door {
    acceptor: TlsAcceptor,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl Door {
    /// Presents `server`, and knows the clients that `authority` has issued certificates for.
    pub(crate) fn new(
        authority: CertificateDer<'static>,
        server: CertificateDer<'static>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(authority)?;
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(Arc::new(Deferred(verifier.clone())))
            .with_single_cert(vec![server], key)?;
        config.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
        Ok(Self {
            acceptor: TlsAcceptor::from(Arc::new(config)),
            verifier,
        })
    }

    /// Shakes hands; who it is, or none for somebody unknown.
    pub(crate) async fn admit(
        &self,
        stream: TcpStream,
    ) -> io::Result<(TlsStream<TcpStream>, Option<Identity>)> {
        let stream = self.acceptor.accept(stream).await?;
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let identity = self.identify(certificates);
        Ok((stream, identity))
    }

    pub(crate) fn identify(&self, certificates: &[CertificateDer<'_>]) -> Option<Identity> {
        let (client, intermediates) = certificates.split_first()?;
        let verified = self
            .verifier
            .verify_client_cert(client, intermediates, UnixTime::now());
        // There is one certificate for clients, and the authority's key, which could make more, is forgotten.
        verified.ok().map(|_| Identity::admin())
    }
}

/// Accepts any certificate whose key its client has, because who comes with a wrong one is told so by HTTP, as
/// Kubernetes does it. Whether it is a right one is asked after the handshake, by [`Door::identify`].
#[derive(Debug)]
struct Deferred(Arc<dyn ClientCertVerifier>);

impl ClientCertVerifier for Deferred {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.0.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
