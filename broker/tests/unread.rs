//! Strangers who ask for much and read nothing: what the system holds for them is little, and not for long.

mod common;

use std::net::SocketAddr;

use common::http::text;
use common::tls::Certificate;
use common::{Broker, PATIENCE};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Twice what the broker asks for, as the system counts it.
const MOST: u64 = 2 * 64 * 1024;

/// What the system holds of what each connection to this address was sent and has not taken, by `/proc`.
fn queues(at: SocketAddr) -> Vec<u64> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("Linux");
    let port = format!(":{:04X}", at.port());
    let queue = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let is_here = fields.next()?.ends_with(&port);
        let queue = u64::from_str_radix(fields.nth(2)?.split(':').next()?, 16).ok()?;
        is_here.then_some(queue).filter(|queue| *queue > 0)
    };
    table.lines().skip(1).filter_map(queue).collect()
}

/// Somebody who takes few bytes unread.
async fn reader_of_nothing(at: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("it may be small");
    socket.connect(at).await.expect("a connection")
}

/// Asks, and waits until nothing is kept for it any more. The bound holds all the while.
async fn ask_and_be_forgotten(mut stream: impl AsyncWrite + Unpin, at: SocketAddr, path: &str, times: usize) {
    let request = text("localhost", "GET", path, &[]).replace("connection: close\r\n", "");
    let asking = async {
        // Not all of it need be heard.
        let _ = stream.write_all(request.repeat(times).as_bytes()).await;
        std::future::pending::<()>().await;
    };
    let watching = async {
        while queues(at).is_empty() {
            tokio::task::yield_now().await;
        }
        loop {
            let queues = queues(at);
            assert!(queues.iter().all(|queue| *queue <= MOST), "{path}: {queues:?}");
            if queues.is_empty() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = asking => {}
        forgotten = timeout(PATIENCE, watching) => forgotten.expect("it is let go of"),
    }
}

#[tokio::test]
async fn who_asks_for_much_and_reads_nothing_is_let_go_whatever_is_spoken() {
    let certificate = Certificate::new();
    let hurry = ["--limit", "stalled-seconds=1"];
    let plain = Broker::start(&hurry).await;
    let sealed = [&hurry[..], &certificate.flags(), &["--http-redirect", "127.0.0.1:0"]].concat();
    let sealed = Broker::start(&sealed).await;
    let module = klatch_broker::client_hashes().find(|line| line.ends_with(".wasm")).expect("a module");
    let module = format!("/{}", module.split_whitespace().last().expect("a name"));

    let at = plain.address();
    ask_and_be_forgotten(reader_of_nothing(at).await, at, &module, 12).await;
    let at = sealed.address();
    let visitor = certificate.trusting(&[b"http/1.1"]);
    let stream = visitor.over(reader_of_nothing(at).await).await.expect("a handshake");
    ask_and_be_forgotten(stream, at, &module, 12).await;
    let at = sealed.server.redirecting[0];
    ask_and_be_forgotten(reader_of_nothing(at).await, at, "/", 5000).await;
}
