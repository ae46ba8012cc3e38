//! Certificates that are made for a test, and a client that trusts one of them alone.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::http::{Answer, exchange, text};
use super::{PATIENCE, TempFile};

/// A certificate for `localhost`, in files.
pub struct Certificate {
    pub der: CertificateDer<'static>,
    pub chain: TempFile,
    pub key: TempFile,
}

impl Certificate {
    pub fn new() -> Self {
        let certificate = Self { der: Vec::new().into(), chain: TempFile::unused(), key: TempFile::unused() };
        certificate.renewed()
    }

    /// One whose time is over.
    pub fn expired() -> Self {
        let certificate = Self { der: Vec::new().into(), chain: TempFile::unused(), key: TempFile::unused() };
        certificate.until(rcgen::date_time_ymd(2020, 1, 1))
    }

    /// One whose time has yet to come.
    pub fn ahead() -> Self {
        let certificate = Self { der: Vec::new().into(), chain: TempFile::unused(), key: TempFile::unused() };
        certificate.valid(rcgen::date_time_ymd(4095, 1, 1), rcgen::date_time_ymd(4096, 1, 1))
    }

    /// One that another vouches for, which is not in the file.
    pub fn alone() -> Self {
        let certificate = Self { der: Vec::new().into(), chain: TempFile::unused(), key: TempFile::unused() };
        let named = |name: &str| {
            let mut params = rcgen::CertificateParams::new([name.to_owned()]).expect("a name");
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            (params, rcgen::KeyPair::generate().expect("a key"))
        };
        let ((above, above_key), (own, key)) = (named("above.example"), named("localhost"));
        let made = own.signed_by(&key, &rcgen::Issuer::new(above, above_key)).expect("a certificate");
        std::fs::write(certificate.chain.path(), made.pem()).expect("a place for files");
        std::fs::write(certificate.key.path(), key.serialize_pem()).expect("a place for files");
        Self { der: made.der().clone(), ..certificate }
    }

    /// Another in the same files.
    pub fn renewed(self) -> Self {
        self.until(rcgen::date_time_ymd(4096, 1, 1))
    }

    fn until(self, end: time::OffsetDateTime) -> Self {
        self.valid(rcgen::date_time_ymd(1975, 1, 1), end)
    }

    fn valid(self, start: time::OffsetDateTime, end: time::OffsetDateTime) -> Self {
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a name");
        (params.not_before, params.not_after) = (start, end);
        let made = params.self_signed(&key).expect("a certificate");
        std::fs::write(self.chain.path(), made.pem()).expect("a place for files");
        std::fs::write(self.key.path(), key.serialize_pem()).expect("a place for files");
        Self { der: made.der().clone(), ..self }
    }

    pub fn flags(&self) -> [&str; 4] {
        ["--tls-cert", self.chain.path(), "--tls-key", self.key.path()]
    }

    /// Who trusts it, and speaks these protocols.
    pub fn trusting(&self, protocols: &[&[u8]]) -> Visitor {
        Visitor::new(&self.der, protocols, &[&TLS13, &TLS12])
    }
}

/// Who trusts one certificate alone.
#[derive(Clone)]
pub struct Visitor(pub Arc<ClientConfig>);

impl Visitor {
    pub fn new(
        certificate: &CertificateDer<'static>,
        protocols: &[&[u8]],
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).expect("versions");
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Self(Arc::new(config))
    }

    pub async fn connect(&self, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
        self.over(TcpStream::connect(address).await?).await
    }

    /// The same over a connection that is there already.
    pub async fn over(&self, stream: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let name = "localhost".try_into().expect("a name");
        timeout(PATIENCE, TlsConnector::from(Arc::clone(&self.0)).connect(name, stream)).await.expect("in time")
    }

    /// Asks over HTTP/1.1.
    pub async fn get(&self, address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
        let stream = self.connect(address).await.expect("a connection");
        exchange(stream, text("localhost", "GET", path, headers).as_bytes()).await.expect("an answer")
    }
}
