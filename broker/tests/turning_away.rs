//! What the log says of those who are turned away: by which limit, once a minute, and at `debug` who.

mod common;

use common::program::start;
use common::tls::Certificate;
use common::{Client, PATIENCE, Room, TempFile};
use klatch_shared::wire::{CloseCode, RefusalCode, Verb};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::time::timeout;

/// All that it has logged, up to now.
async fn log_of(mut child: Child) -> String {
    child.start_kill().expect("it runs");
    let mut log = String::new();
    child.stderr.take().expect("piped").read_to_string(&mut log).await.expect("text");
    log
}

fn authority(url: &str) -> &str {
    url.split_once("//").map_or(url, |(_, authority)| authority)
}

async fn come(url: &str) -> TcpStream {
    TcpStream::connect(authority(url)).await.expect("a connection")
}

/// Waits until a connection is dropped.
async fn is_dropped(stream: &mut TcpStream) {
    let read = timeout(PATIENCE, stream.read(&mut [0; 1])).await.expect("an end in time");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test]
async fn each_limit_that_turns_people_away_is_named_once_and_nobody_who_comes() {
    let certificate = Certificate::new();
    for (limit, flags) in [
        ("connections", &[][..]),
        ("connections-per-address", &[]),
        ("tls-handshakes", &certificate.flags()),
        ("tls-handshakes-per-address", &certificate.flags()),
    ] {
        let bound = format!("{limit}=1");
        let (child, url) = start(&[&["--listen", "127.0.0.1:0", "--limit", &bound], flags].concat()).await;
        let mut first = come(&url).await;
        for _ in 0..2 {
            let mut next = come(&url).await;
            // Of two handshakes either may begin first.
            tokio::select! {
                () = is_dropped(&mut first) => first = next,
                () = is_dropped(&mut next) => {}
            }
        }
        let log = log_of(child).await;
        let told = format!(
            " WARN klatch_broker::metrics::turned_away: people are turned away, as --limit {limit} lets no more in"
        );
        assert_eq!((log.matches(&told).count(), log.matches("turned away").count()), (1, 1), "{limit}: {log}");
        assert!(!log.contains("127.0.0.1"), "{log}");
    }
}

#[tokio::test]
async fn whom_a_trusted_proxy_brings_too_often_is_told_of_as_well() {
    let flags =
        ["--listen", "127.0.0.1:0", "--trusted-proxy", "127.0.0.1", "--limit", "connections-per-address=1", "--log"];
    for (level, is_named) in [("info", false), ("debug", true)] {
        let (child, url) = start(&[&flags[..], &[level]].concat()).await;
        let (lobby, brought) = (format!("ws://{}/ws", authority(&url)), [("x-forwarded-for", "2001:db8:1:2::9")]);
        let _inside = Client::try_connect(&lobby, &brought).await.expect("a place");
        assert!(Client::try_connect(&lobby, &brought).await.is_err());
        let log = log_of(child).await;
        assert!(log.contains("people are turned away, as --limit connections-per-address lets no more in"), "{log}");
        let named = "turned away address=2001:db8:1:2::/64 reason=connections-per-address";
        assert_eq!((log.contains(named), log.contains("2001:db8")), (is_named, is_named), "{log}");
    }
}

#[tokio::test]
async fn at_debug_each_refusal_has_its_reason_and_its_address() {
    let file = TempFile::with("correct horse battery");
    for (level, times) in [("info", 0), ("debug", 1)] {
        let flags = ["--listen", "127.0.0.1:0", "--host-code-file", file.path(), "--limit", "failures-per-address=1"];
        let (child, url) = start(&[&flags[..], &["--log", level]].concat()).await;
        let room = Room::new();
        let place = format!("ws://{}/ws/{}", authority(&url), room.keys.id());
        let mut client = Client::connect(&place).await;
        assert!(Client::try_connect(&place, &[("origin", "https://elsewhere.example")]).await.is_err());
        client.send(r#"{"id":7,"verb":"dance"}"#).await;
        assert_eq!(client.reply().await.1.map_err(|refusal| refusal.code), Err(RefusalCode::UnknownVerb));
        let mut guess = async || client.done(Verb::HostCode("a wrong guess".parse().expect("a code"))).await;
        assert_eq!(guess().await, Err(RefusalCode::HostCodeWrong));
        assert_eq!(guess().await, Err(RefusalCode::TooManyFailures));
        assert_eq!(client.close_code().await, CloseCode::Misbehaved.code());
        let log = log_of(child).await;
        for told in [
            "refused connection=0 address=127.0.0.1 code=unknown-verb",
            "refused connection=0 address=127.0.0.1 code=host-code-wrong",
            "refused connection=0 address=127.0.0.1 code=too-many-failures",
            "given up connection=0 address=127.0.0.1",
            "turned away address=127.0.0.1 reason=origin",
        ] {
            assert_eq!(log.matches(told).count(), times, "{told}: {log}");
        }
        assert_eq!(log.contains("127.0.0.1"), times > 0, "{log}");
        assert!(!log.contains("wrong guess") && !log.contains("dance"), "{log}");
    }
}
