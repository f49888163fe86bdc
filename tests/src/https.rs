//! A client of the Kubernetes API that knows nothing but its kubeconfig.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// A kubeconfig, as far as it says where the API is and how to get in.
#[derive(Debug, Clone)]
pub struct Kubeconfig {
    /// Where the API is.
    pub server: SocketAddr,
    authority: Vec<u8>,
    credential: Option<(Vec<u8>, Vec<u8>)>,
}

impl Kubeconfig {
    /// Reads a file that podlab wrote.
    pub fn read(file: &Path) -> Self {
        let text = std::fs::read_to_string(file).expect("the kubeconfig can be read");
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.trim().split_once(": "));
            let (_, value) = lines.find(|(name, _)| *name == key).expect(key);
            value.to_owned()
        };
        let data = |key: &str| STANDARD.decode(value(key)).expect("base64");
        let server = value("server");
        Self {
            server: server
                .strip_prefix("https://")
                .and_then(|address| address.parse().ok())
                .expect("an address"),
            authority: data("certificate-authority-data"),
            credential: Some((data("client-certificate-data"), data("client-key-data"))),
        }
    }

    /// With the credential of another one, or with none.
    #[must_use]
    pub fn as_user_of(mut self, other: Option<&Self>) -> Self {
        self.credential = other.and_then(|other| other.credential.clone());
        self
    }

    /// The status code and the body of what is answered.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn get(&self, path: &str) -> io::Result<(u16, String)> {
        self.send("GET", path, "application/json", &[])
    }

    /// Sends a body; the status code and the body of what is answered.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn send(&self, method: &str, path: &str, media_type: &str, body: &[u8]) -> io::Result<(u16, String)> {
        let length = format!("Content-Type: {media_type}\r\nContent-Length: {}\r\n", body.len());
        self.ask(method, path, &length, body)
    }

    /// With headers that say how long the body is, which may not all be sent.
    ///
    /// # Errors
    /// When there is no answer.
    pub fn ask(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> io::Result<(u16, String)> {
        let stream = TcpStream::connect(self.server)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let name = self.server.ip().into();
        let client = ClientConnection::new(Arc::new(self.tls()), name).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(client, stream);
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: podlab\r\nAccept: application/json\r\n{headers}Connection: close\r\n\r\n"
        )?;
        stream.write_all(body)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        Ok((code.ok_or(io::ErrorKind::InvalidData)?, body.to_owned()))
    }

    fn tls(&self) -> ClientConfig {
        let certificate = |pem: &[u8]| CertificateDer::from_pem_slice(pem).expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add(certificate(&self.authority)).expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS")
            .with_root_certificates(roots);
        match &self.credential {
            None => tls.with_no_client_auth(),
            Some((own, key)) => tls
                .with_client_auth_cert(
                    vec![certificate(own)],
                    PrivateKeyDer::from_pem_slice(key).expect("a key"),
                )
                .expect("a credential"),
        }
    }
}
