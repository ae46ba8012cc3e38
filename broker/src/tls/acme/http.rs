//! A client for the few requests that a directory is asked: a connection each, over TLS, with a time limit.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Request, Uri};
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::small_file::MAX_BYTES;
use crate::tls::roots::Roots;

/// How long one answer may take, whole.
const PATIENCE: Duration = Duration::from_secs(30);

/// A client that trusts these.
pub(super) fn client(roots: &Roots) -> Result<Box<dyn HttpClient>, rustls::Error> {
    Ok(Box::new(Client(roots.connector()?)))
}

struct Client(TlsConnector);

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let connector = self.0.clone();
        Box::pin(async move {
            let answer = timeout(PATIENCE, ask(connector, request)).await;
            answer.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into())).map_err(Error::Other)
        })
    }
}

async fn ask(
    connector: TlsConnector,
    request: Request<BodyWrapper<Bytes>>,
) -> Result<BytesResponse, Box<dyn std::error::Error + Send + Sync>> {
    let (mut parts, body) = request.into_parts();
    let uri = std::mem::take(&mut parts.uri);
    let authority = uri.authority().ok_or("a URL without a host")?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let stream = TcpStream::connect((&*host, authority.port_u16().unwrap_or(443))).await?;
    let stream = connector.connect(ServerName::try_from(host)?, stream).await?;
    parts.headers.insert(HOST, authority.as_str().parse()?);
    parts.uri = uri.path_and_query().map_or(Ok(Uri::from_static("/")), |path| path.as_str().parse())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(Request::from_parts(parts, body)).await?.into_parts();
    let body = Limited::new(body, MAX_BYTES).collect().await?.to_bytes();
    Ok(BytesResponse { parts, body: Box::new(body) })
}
