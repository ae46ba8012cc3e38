//! Opens the site at one address as a browser would: TCP, TLS if that is what its URL says, and `/healthz`.

use std::error::Error;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::CertificateError;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::origin::Origin;

/// How long one address may take, whole.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);
/// More than `/healthz` says.
const MAX_BYTES: usize = 64;

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Came {
    /// A klatch says that it is well.
    Well,
    /// There was an answer, and it was another.
    Status(StatusCode),
    /// Nobody takes the connection.
    Closed(String),
    /// Nothing came in time.
    Nothing,
    /// Browsers refuse the certificate.
    Distrust(CertificateError),
    /// What came was no TLS.
    NoTls,
    /// The connection was taken, and ended before there was an answer.
    Ended(String),
}

/// Visits the site at one of its addresses, with TLS by this connector.
pub(super) async fn visit(url: &Origin, ip: IpAddr, tls: &TlsConnector) -> Came {
    timeout(PATIENCE, open(url, ip, tls)).await.unwrap_or(Came::Nothing)
}

async fn open(url: &Origin, ip: IpAddr, tls: &TlsConnector) -> Came {
    let stream = match TcpStream::connect(SocketAddr::new(ip, url.port())).await {
        Ok(stream) => stream,
        Err(error) => return Came::Closed(error.to_string()),
    };
    if !url.is_https() {
        return ask(url, stream).await;
    }
    let Ok(name) = ServerName::try_from(url.bare_host().to_owned()) else {
        return Came::Distrust(CertificateError::NotValidForName);
    };
    match tls.connect(name, stream).await {
        Ok(stream) => ask(url, stream).await,
        Err(error) => what_is_wrong(&error),
    }
}

fn what_is_wrong(error: &io::Error) -> Came {
    match error.get_ref().and_then(|error| error.downcast_ref()) {
        Some(rustls::Error::InvalidCertificate(error)) => Came::Distrust(error.clone()),
        Some(rustls::Error::InvalidMessage(_)) => Came::NoTls,
        Some(_) | None => Came::Ended(error.to_string()),
    }
}

async fn ask(url: &Origin, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Came {
    answer(url, stream).await.unwrap_or_else(|error| Came::Ended(error.to_string()))
}

async fn answer(
    url: &Origin,
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> Result<Came, Box<dyn Error + Send + Sync>> {
    let request = Request::get("/healthz").header(HOST, url.authority()).body(Empty::<Bytes>::new())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let answer = async {
        let (head, body) = sender.send_request(request).await?.into_parts();
        // What is longer, or does not end, is not what is asked for.
        let body = Limited::new(body, MAX_BYTES).collect().await.map(|body| body.to_bytes());
        let is_well = head.status == StatusCode::OK && body.is_ok_and(|body| body.trim_ascii() == b"ok");
        Ok(if is_well { Came::Well } else { Came::Status(head.status) })
    }
    .await;
    connection.abort();
    answer
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use rustls::ServerConfig;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::tls::Roots;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n";

    fn web() -> TlsConnector {
        Roots::of_the_web().connector().expect("TLS")
    }

    /// Takes one connection, reads some of it, says this, and ends it.
    async fn says(answer: &'static str) -> Origin {
        let listener = TcpListener::bind((HERE, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("somebody comes");
            let _ = stream.read(&mut [0; 2048]).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        });
        format!("http://localhost:{port}").parse().expect("a URL")
    }

    fn with_tls(url: &Origin) -> Origin {
        url.to_string().replace("http:", "https:").parse().expect("a URL")
    }

    #[tokio::test]
    async fn only_a_klatch_that_is_well_says_so() {
        for (said, came) in [
            (OK, Came::Well),
            (
                "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n",
                Came::Status(StatusCode::SERVICE_UNAVAILABLE),
            ),
            ("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>", Came::Status(StatusCode::OK)),
            ("HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n", Came::Status(StatusCode::OK)),
            ("HTTP/1.1 302 Found\r\ncontent-length: 2\r\n\r\nok", Came::Status(StatusCode::FOUND)),
        ] {
            assert_eq!(visit(&says(said).await, HERE, &web()).await, came, "{said}");
        }
    }

    #[tokio::test]
    async fn who_says_nothing_that_makes_sense_is_told_from_who_is_not_there() {
        for said in ["", "SSH-2.0-something\r\n", "\0\0\0"] {
            let came = visit(&says(said).await, HERE, &web()).await;
            assert!(matches!(came, Came::Ended(_)), "{said:?}: {came:?}");
        }
        let url = with_tls(&says("SSH-2.0-something\r\n").await);
        assert_eq!(visit(&url, HERE, &web()).await, Came::NoTls);
        let url = with_tls(&says("").await);
        assert!(matches!(visit(&url, HERE, &web()).await, Came::Ended(_)));
        let free = TcpListener::bind((HERE, 0)).await.expect("a free port").local_addr().expect("bound");
        let came = visit(&format!("http://{free}").parse().expect("a URL"), HERE, &web()).await;
        assert!(matches!(came, Came::Closed(_)), "{came:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn who_never_answers_is_waited_for_a_few_seconds() {
        let listener = TcpListener::bind((HERE, 0)).await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound")).parse().expect("a URL");
        assert_eq!(visit(&url, HERE, &web()).await, Came::Nothing);
    }

    #[tokio::test]
    async fn by_tls_the_certificate_is_looked_at_as_browsers_do() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let trusting = || {
            let file = std::env::temp_dir().join(format!("klatch-visit-{}.pem", std::process::id()));
            std::fs::write(&file, made.cert.pem()).expect("a place for files");
            let roots = Roots::read(&file);
            std::fs::remove_file(&file).expect("it is there");
            roots.expect("a root").connector().expect("TLS")
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("TLS");
        let key = rustls::pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config =
            builder.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).expect("a pair");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((HERE, 0)).await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("somebody comes");
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let _ = stream.read(&mut [0; 2048]).await;
                let _ = stream.write_all(OK.as_bytes()).await;
            }
        });
        let at = |host: &str| format!("https://{host}:{port}").parse::<Origin>().expect("a URL");
        assert_eq!(visit(&at("localhost"), HERE, &trusting()).await, Came::Well);
        let unknown = visit(&at("localhost"), HERE, &web()).await;
        assert_eq!(unknown, Came::Distrust(CertificateError::UnknownIssuer));
        let other = visit(&at("meet.example"), HERE, &trusting()).await;
        assert!(matches!(other, Came::Distrust(CertificateError::NotValidForNameContext { .. })), "{other:?}");
    }
}
