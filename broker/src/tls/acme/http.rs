//! A client for the few requests that a directory is asked: a connection each, over TLS, with a time limit.

use std::io;
use std::net::SocketAddr;
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
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::small_file::MAX_BYTES;
use crate::tls::roots::Roots;

/// How long one answer may take, whole.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long one of a directory's addresses may take to be reached: one of IPv6 may lead nowhere from here, and the next is of IPv4.
const PATIENCE_OF_ONE: Duration = Duration::from_secs(5);

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
    let addresses = lookup_host((&*host, authority.port_u16().unwrap_or(443))).await?;
    let stream = first_of(addresses, TcpStream::connect).await?;
    let stream = connector.connect(ServerName::try_from(host)?, stream).await?;
    parts.headers.insert(HOST, authority.as_str().parse()?);
    parts.uri = uri.path_and_query().map_or(Ok(Uri::from_static("/")), |path| path.as_str().parse())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let (parts, body) = sender.send_request(Request::from_parts(parts, body)).await?.into_parts();
    let body = Limited::new(body, MAX_BYTES).collect().await?.to_bytes();
    Ok(BytesResponse { parts, body: Box::new(body) })
}

/// The first of these that is reached.
async fn first_of<T, Reached: Future<Output = io::Result<T>>>(
    addresses: impl Iterator<Item = SocketAddr>,
    connect: impl Fn(SocketAddr) -> Reached,
) -> io::Result<T> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "there is no address by that name");
    for address in addresses {
        match timeout(PATIENCE_OF_ONE, connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failure = error,
            Err(_) => failure = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    /// What is reached of these after how long, where a documentation address of IPv6 says nothing and port 1 refuses.
    async fn reached(addresses: &[&str]) -> (Result<String, io::ErrorKind>, Duration) {
        let (addresses, begun) = (addresses.iter().map(|text| text.parse().expect(text)), Instant::now());
        let connect = |address: SocketAddr| async move {
            match address {
                SocketAddr::V6(_) => std::future::pending().await,
                SocketAddr::V4(v4) if v4.port() == 1 => Err(io::ErrorKind::ConnectionRefused.into()),
                SocketAddr::V4(v4) => Ok(v4.to_string()),
            }
        };
        let reached = timeout(PATIENCE, first_of(addresses, connect)).await;
        (
            reached.unwrap_or_else(|_| Err(io::Error::other("it waits on"))).map_err(|error| error.kind()),
            begun.elapsed(),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_leads_nowhere_leaves_time_for_the_next() {
        let (silent, refusing, well) = ("[2001:db8::1]:443", "192.0.2.1:1", "192.0.2.1:443");
        let well_after = |seconds| (Ok(well.to_owned()), Duration::from_secs(seconds));
        assert_eq!(reached(&[silent, well]).await, well_after(5));
        assert_eq!(reached(&[silent, silent, refusing, well, silent]).await, well_after(10));
        assert_eq!(reached(&[well, silent]).await, well_after(0));
        assert_eq!(reached(&[refusing]).await.0, Err(io::ErrorKind::ConnectionRefused));
        assert_eq!(reached(&[silent]).await.0, Err(io::ErrorKind::TimedOut));
        assert_eq!(reached(&[]).await.0, Err(io::ErrorKind::NotFound));
    }
}
