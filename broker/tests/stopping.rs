//! The end of a broker: who is waited for, and who is not.

mod common;

use std::time::{Duration, Instant};

use common::tls::Certificate;
use common::{Broker, PATIENCE};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Less than half of what those have who are owed something.
const SOON: Duration = Duration::from_secs(2);

/// Reads until this was said.
async fn hears(stream: &mut (impl AsyncRead + Unpin), wanted: &[u8]) {
    let mut heard = Vec::new();
    while !heard.windows(wanted.len()).any(|window| window == wanted) {
        let read = timeout(PATIENCE, stream.read_buf(&mut heard)).await.expect("in time").expect("open");
        assert_ne!(read, 0, "an end before {wanted:?}");
    }
}

async fn stops_soon(broker: Broker) {
    let since = Instant::now();
    broker.server.shutdown().await;
    assert!(since.elapsed() < SOON, "it took {:?}", since.elapsed());
}

#[tokio::test]
async fn who_says_nothing_or_half_a_request_is_not_waited_for() {
    for said in
        ["", "GE", "GET / HTTP/1.1\r\nhost: a\r\n", "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nhalf"]
    {
        let broker = Broker::start(&[]).await;
        let connect = async || TcpStream::connect(broker.address()).await.expect("a connection");
        let (mut first, mut second) = (connect().await, connect().await);
        first.write_all(said.as_bytes()).await.expect("open");
        // Once this is answered, what was said before it is heard.
        second.write_all(format!("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n{said}").as_bytes()).await.expect("open");
        hears(&mut second, b"\r\n\r\nok").await;
        stops_soon(broker).await;
    }
}

#[tokio::test]
async fn over_http_2_nobody_is_waited_for_who_is_owed_nothing() {
    let certificate = Certificate::new();
    let begun = [
        &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..],
        // The settings.
        &[0, 0, 0, 4, 0, 0, 0, 0, 0],
        // A ping, which is answered.
        &[0, 0, 8, 6, 0, 0, 0, 0, 0],
        b"answered",
    ];
    // `:method: GET`, which ends the stream, and not the headers.
    let headers = [0, 0, 1, 1, 1, 0, 0, 0, 1, 0x82];
    for unended in [&[][..], &headers] {
        let broker = Broker::start(&certificate.flags()).await;
        let mut stream = certificate.trusting(&[b"h2"]).connect(broker.address()).await.expect("a connection");
        stream.write_all(&[&begun.concat(), unended].concat()).await.expect("open");
        hears(&mut stream, b"answered").await;
        stops_soon(broker).await;
    }
}
