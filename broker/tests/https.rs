//! HTTPS as browsers and strangers meet it: what is spoken, who waits for whom, and which certificate is shown.

mod common;

use common::http::{Answer, exchange, get, raw, text};
use common::tls::{Certificate, Visitor};
use common::{Broker, Client, PATIENCE, Room, Seat};
use http_body_util::{BodyExt as _, Empty};
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use klatch_shared::wire::Event;
use rustls::ProtocolVersion;
use rustls::version::{TLS12, TLS13};
use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::Connector;

/// A browser over HTTP/2, and the connection by itself.
async fn over_h2(
    visitor: &Visitor,
    address: SocketAddr,
) -> (SendRequest<Empty<&'static [u8]>>, JoinHandle<hyper::Result<()>>) {
    let stream = visitor.connect(address).await.expect("a connection");
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.expect("a preface");
    (sender, tokio::spawn(connection))
}

fn asks(path: &str) -> hyper::Request<Empty<&'static [u8]>> {
    hyper::Request::get(format!("https://localhost{path}")).body(Empty::new()).expect("a request")
}

/// Whether the other end closes without a word.
async fn is_dropped(stream: &mut TcpStream) -> bool {
    let mut word = [0];
    match timeout(PATIENCE, stream.read(&mut word)).await.expect("an end in time") {
        Ok(read) => read == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[tokio::test]
async fn pages_come_over_http_2_and_over_http_1_1_to_who_speaks_no_other() {
    let certificate = Certificate::new();
    let broker = Broker::start(&certificate.flags()).await;
    assert_eq!(broker.server.url, format!("https://localhost:{}", broker.address().port()));
    let (mut sender, _connection) = over_h2(&certificate.trusting(&[b"h2", b"http/1.1"]), broker.address()).await;
    let answer = sender.send_request(asks("/r/room")).await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.version()), (200, hyper::Version::HTTP_2));
    let page = answer.into_body().collect().await.expect("a page").to_bytes();
    for protocols in [&[&b"http/1.1"[..]][..], &[]] {
        let answer = certificate.trusting(protocols).get(broker.address(), "/", &[]).await;
        assert_eq!((answer.status, &answer.body[..]), (200, &page[..]), "{protocols:?}");
    }
    assert!(certificate.trusting(&[b"smtp"]).connect(broker.address()).await.is_err(), "it speaks nothing else");
}

#[tokio::test]
async fn members_meet_over_tls() {
    let (certificate, room) = (Certificate::new(), Room::new());
    let broker = Broker::start(&certificate.flags()).await;
    let url = broker.room_url(&room).replace("ws://127.0.0.1", "wss://localhost");
    let origin = [("origin", &*broker.server.url)];
    let client = async || {
        let connector = Connector::Rustls(certificate.trusting(&[b"http/1.1"]).0);
        Client::connect_by(connector, &url, &origin).await.expect("a connection")
    };
    let (ana, bo) = (Seat::new(&room, "Ana"), Seat::new(&room, "Bo"));
    let (mut ana_client, mut bo_client) = (client().await, client().await);
    ana_client.create(&room, &ana).await.expect("a room");
    bo_client.join(&room, &bo).await.expect("a seat");
    assert!(matches!(ana_client.event().await, Event::Joined(_)));
    bo_client.offer(&ana, 1).await.expect("it is passed on");
    assert!(matches!(ana_client.event().await, Event::Offer { .. }));
    broker.server.shutdown().await;
    assert_eq!(ana_client.close_code().await, 1012);
}

#[tokio::test]
async fn only_tls_1_2_and_1_3_are_spoken() {
    let certificate = Certificate::new();
    let broker = Broker::start(&certificate.flags()).await;
    for (version, spoken) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        let stream = Visitor::new(&certificate.der, &[], &[version]).connect(broker.address()).await.expect("spoken");
        assert_eq!(stream.get_ref().1.protocol_version(), Some(spoken));
    }
    // A ClientHello of TLS 1.1 with TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA and nothing else.
    let hello = [&[0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2][..], &[7; 32], &[0, 0, 2, 0xc0, 0x13, 1, 0]].concat();
    let mut stream = TcpStream::connect(broker.address()).await.expect("a connection");
    stream.write_all(&hello).await.expect("open");
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end in time");
    // An alert that is fatal.
    assert_eq!((answer.len(), answer[0], answer[5]), (7, 0x15, 2), "{answer:x?}");
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_to_whoever_comes_next_and_leaves_the_others() {
    let certificate = Certificate::new();
    let broker = Broker::start(&certificate.flags()).await;
    let (mut sender, _connection) = over_h2(&certificate.trusting(&[b"h2"]), broker.address()).await;
    let certificate = certificate.renewed();
    // Long enough for it to look at the files.
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(11)).await;
    tokio::time::resume();
    let renewed = certificate.trusting(&[]);
    while renewed.connect(broker.address()).await.is_err() {}
    let answer = sender.send_request(asks("/healthz")).await.expect("the connection is as it was");
    assert_eq!(answer.status(), 200);
}

#[tokio::test]
async fn who_never_comes_to_the_end_of_a_handshake_is_let_go() {
    let certificate = Certificate::new();
    let flags = [&certificate.flags()[..], &["--limit", "tls-handshake-seconds=1"]].concat();
    let broker = Broker::start(&flags).await;
    for begun in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut stream = TcpStream::connect(broker.address()).await.expect("a connection");
        stream.write_all(begun).await.expect("open");
        assert!(is_dropped(&mut stream).await, "{begun:?}");
    }
}

#[tokio::test]
async fn one_address_begins_so_many_handshakes_at_once() {
    let certificate = Certificate::new();
    let flags = [&certificate.flags()[..], &["--limit", "tls-handshakes-per-address=2"]].concat();
    let broker = Broker::start(&flags).await;
    let connect = async || TcpStream::connect(broker.address()).await.expect("a connection");
    let silent = (connect().await, connect().await);
    assert!(is_dropped(&mut connect().await).await);
    drop(silent);
    while certificate.trusting(&[]).connect(broker.address()).await.is_err() {}
}

#[tokio::test]
async fn a_trusted_proxy_begins_handshakes_for_others() {
    let certificate = Certificate::new();
    let flags = ["--limit", "tls-handshakes-per-address=1", "--trusted-proxy", "127.0.0.1"];
    let broker = Broker::start(&[&certificate.flags()[..], &flags].concat()).await;
    let connect = async || TcpStream::connect(broker.address()).await.expect("a connection");
    let _silent = (connect().await, connect().await);
    assert_eq!(certificate.trusting(&[]).get(broker.address(), "/healthz", &[]).await.text(), "ok");
}

#[tokio::test]
async fn where_all_places_are_taken_the_oldest_handshake_gives_way() {
    let certificate = Certificate::new();
    let flags = [&certificate.flags()[..], &["--limit", "tls-handshakes=1"]].concat();
    let broker = Broker::start(&flags).await;
    let mut silent = TcpStream::connect(broker.address()).await.expect("a connection");
    assert_eq!(certificate.trusting(&[]).get(broker.address(), "/healthz", &[]).await.text(), "ok");
    assert!(is_dropped(&mut silent).await);
}

#[tokio::test]
async fn who_asks_for_nothing_over_http_2_is_let_go_and_who_asks_is_not() {
    let certificate = Certificate::new();
    let flags = [&certificate.flags()[..], &["--limit", "header-seconds=1"]].concat();
    let broker = Broker::start(&flags).await;
    let (mut sender, connection) = over_h2(&certificate.trusting(&[b"h2"]), broker.address()).await;
    assert_eq!(sender.send_request(asks("/healthz")).await.expect("an answer").status(), 200);
    assert!(timeout(PATIENCE, connection).await.expect("an end in time").expect("it ran").is_ok());
}

#[tokio::test]
async fn over_http_2_who_says_nothing_or_never_ends_a_request_is_let_go() {
    let certificate = Certificate::new();
    let flags = [&certificate.flags()[..], &["--limit", "header-seconds=1"]].concat();
    let broker = Broker::start(&flags).await;
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    // `:method: GET`, which ends the stream, and not the headers.
    let headers = [0, 0, 1, 1, 1, 0, 0, 0, 1, 0x82];
    let unended = [&preface[..], &settings, &headers].concat();
    for said in [&b""[..], &preface[..], &unended] {
        let mut stream = certificate.trusting(&[b"h2"]).connect(broker.address()).await.expect("a connection");
        stream.write_all(said).await.expect("open");
        let mut heard = Vec::new();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut heard)).await.expect("an end in time");
    }
}

#[tokio::test]
async fn over_http_2_too_every_answer_carries_the_strict_headers_and_that_tls_is_to_be_used() {
    let certificate = Certificate::new();
    let broker = Broker::start(&certificate.flags()).await;
    let (mut sender, _connection) = over_h2(&certificate.trusting(&[b"h2"]), broker.address()).await;
    for path in ["/", "/nothing", "/ws", "/healthz"] {
        let plain = certificate.trusting(&[]).get(broker.address(), path, &[]).await;
        let answer = sender.send_request(asks(path)).await.expect("an answer");
        assert_eq!(answer.status().as_u16(), plain.status, "{path}");
        for name in [
            "strict-transport-security",
            "content-security-policy",
            "permissions-policy",
            "cross-origin-opener-policy",
            "cross-origin-resource-policy",
            "x-content-type-options",
            "referrer-policy",
        ] {
            let value = plain.header(name).expect(name);
            assert_eq!(answer.headers().get(name).and_then(|value| value.to_str().ok()), Some(value), "{path}");
        }
        assert_eq!(plain.header("strict-transport-security"), Some("max-age=31536000"));
        assert!(!answer.headers().contains_key("server"));
    }
}

#[tokio::test]
async fn pages_may_connect_over_tls_from_here_and_from_nowhere_else() {
    let certificate = Certificate::new();
    let broker = Broker::start(&certificate.flags()).await;
    let port = broker.address().port();
    let visitor = certificate.trusting(&[]);
    for (origin, status) in [
        (format!("https://localhost:{port}"), 426),
        (format!("https://127.0.0.1:{port}"), 426),
        (format!("http://localhost:{port}"), 403),
        (format!("https://meet.example:{port}"), 403),
    ] {
        assert_eq!(visitor.get(broker.address(), "/ws", &[("origin", &origin)]).await.status, status, "{origin}");
    }
}

#[tokio::test]
async fn plain_http_is_sent_to_https_under_a_name_that_is_ours() {
    let certificate = Certificate::new();
    let flags = [&certificate.flags()[..], &["--http-redirect", "127.0.0.1:0"]].concat();
    let broker = Broker::start(&flags).await;
    let port = broker.address().port();
    // Where plain HTTP is expected, and where somebody has left the `s` out.
    for address in [broker.server.redirecting[0], broker.address()] {
        for host in ["localhost", "localhost:80", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1"] {
            let request = text(host, "GET", "/r/a?b=c//evil.example", &[]);
            let answer = raw(address, request.as_bytes()).await.expect("an answer");
            let name = host.split(':').next().unwrap_or_default().to_lowercase();
            let place = format!("https://{name}:{port}/r/a?b=c//evil.example");
            assert_eq!((answer.status, answer.header("location")), (308, Some(&*place)), "{host}");
            assert_eq!(answer.header("strict-transport-security"), None, "browsers must not heed it over plain HTTP");
            for name in ["content-security-policy", "x-content-type-options", "cross-origin-opener-policy"] {
                assert!(answer.header(name).is_some(), "{name}");
            }
        }
        for host in
            ["evil.example", "evil.example@localhost", "localhost@evil.example", "localhost.evil.example", "", "a b"]
        {
            let request = text(host, "GET", "/", &[]);
            let answer = raw(address, request.as_bytes()).await.expect("an answer");
            assert!(matches!(answer.status, 400 | 421) && answer.header("location").is_none(), "{host}: {answer:?}");
        }
        let answer =
            raw(address, b"GET http://evil.example/x HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
        let place = format!("https://localhost:{port}/x");
        assert_eq!(answer.await.expect("an answer").header("location"), Some(&*place));
        let path = text("localhost", "GET", "//evil.example/..", &[]);
        let place = format!("https://localhost:{port}//evil.example/..");
        assert_eq!(raw(address, path.as_bytes()).await.expect("an answer").header("location"), Some(&*place));
        assert_eq!(
            raw(address, text("localhost", "POST", "/ws", &[]).as_bytes()).await.expect("an answer").status,
            308
        );
    }
}

#[tokio::test]
async fn over_http_2_who_asks_for_a_tunnel_gets_none() {
    let certificate = Certificate::new();
    let broker = Broker::start(&certificate.flags()).await;
    let (mut sender, _connection) = over_h2(&certificate.trusting(&[b"h2"]), broker.address()).await;
    let tunnel = hyper::Request::connect("a:1").body(Empty::new()).expect("a request");
    let answer = timeout(PATIENCE, sender.send_request(tunnel)).await.expect("in time").expect("an answer");
    assert_eq!(answer.status(), 404);
    assert!(answer.headers().contains_key("strict-transport-security"));
    assert_eq!(sender.send_request(asks("/healthz")).await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn plain_http_that_asks_for_no_path_is_sent_nowhere() {
    let certificate = Certificate::new();
    let flags = [&certificate.flags()[..], &["--http-redirect", "127.0.0.1:0"]].concat();
    let broker = Broker::start(&flags).await;
    for address in [broker.server.redirecting[0], broker.address()] {
        for line in ["CONNECT a:1", "GET @x", "GET a:1"] {
            let request = format!("{line} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
            let answer = raw(address, request.as_bytes()).await.expect(line);
            assert_eq!((answer.status, answer.header("location")), (404, None), "{line}");
        }
    }
}

#[tokio::test]
async fn the_public_url_is_where_plain_http_is_sent_whatever_it_asked_for() {
    let certificate = Certificate::new();
    let flags = ["--http-redirect", "127.0.0.1:0", "--public-url", "https://meet.example"];
    let broker = Broker::start(&[&certificate.flags()[..], &flags].concat()).await;
    for host in ["meet.example", "evil.example", "127.0.0.1"] {
        let stream = TcpStream::connect(broker.server.redirecting[0]).await.expect("a connection");
        let answer = exchange(stream, text(host, "GET", "/r/a", &[]).as_bytes()).await.expect("an answer");
        assert_eq!((answer.status, answer.header("location")), (308, Some("https://meet.example/r/a")), "{host}");
    }
}

#[tokio::test]
async fn without_a_certificate_nothing_asks_for_tls() {
    let broker = Broker::start(&[]).await;
    assert_eq!(get(broker.address(), "/", &[]).await.header("strict-transport-security"), None);
}

#[tokio::test]
async fn what_is_no_http_is_answered_with_the_strict_headers_over_tls_and_where_redirects_are() {
    let certificate = Certificate::new();
    let broker = Broker::start(&[&certificate.flags()[..], &["--http-redirect", "127.0.0.1:0"]].concat()).await;
    let bad = b"GET  / HTTP/1.1\r\n\r\n";
    let stream = certificate.trusting(&[b"http/1.1"]).connect(broker.address()).await.expect("a connection");
    let over_tls = exchange(stream, bad).await.expect("an answer");
    let plain = [broker.server.redirecting[0], broker.address()];
    let redirecting = [raw(plain[0], bad).await.expect("an answer"), raw(plain[1], bad).await.expect("an answer")];
    let redirect = get(plain[0], "/r/room", &[]).await;
    assert_eq!((over_tls.status, redirect.status), (400, 308));
    for answer in redirecting.iter().chain([&over_tls, &redirect]) {
        for name in ["content-security-policy", "x-content-type-options", "referrer-policy", "permissions-policy"] {
            assert!(answer.header(name).is_some(), "{name} of {answer:?}");
        }
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
    }
    let is_strict = |answer: &Answer| answer.header("strict-transport-security").is_some();
    assert!(is_strict(&over_tls) && !redirecting.iter().any(is_strict) && !is_strict(&redirect));
}
