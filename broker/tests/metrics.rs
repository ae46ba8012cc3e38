//! What monitoring reads of a broker, and what it does not.

mod common;

use std::time::UNIX_EPOCH;

use common::http::{Answer, get, raw, request, text};
use common::tls::Certificate;
use common::{Broker, Client, PATIENCE, Room, Seat, TempFile};
use klatch_shared::wire::{Empty, RefusalCode, Verb};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

async fn read(broker: &Broker) -> Answer {
    get(broker.server.measured_at[0], "/metrics", &[]).await
}

fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in {text}")).parse().expect("a number")
}

#[tokio::test]
async fn what_happens_in_rooms_is_counted_and_nobody_is_named() {
    let broker = Broker::start(&["--metrics-listen", "127.0.0.1:0"]).await;
    let room = Room::new();
    let (ana, bo) = (Seat::new(&room, "Ana"), Seat::new(&room, "Bo"));
    let _ana = Client::creating(&broker, &room, &ana).await;
    let mut client = Client::joining(&broker, &room, &bo).await;
    let refused = client.ask::<Empty>(Verb::End).await.expect_err("not the creator");
    assert_eq!(refused, RefusalCode::NotCreator);
    assert!(client.finds(&room).await && !client.finds(&Room::new()).await && !client.finds(&Room::new()).await);

    let answer = read(&broker).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    let text = answer.text();
    for (sample, expected) in [
        ("klatch_rooms", 1.),
        ("klatch_members_present", 2.),
        ("klatch_websockets", 2.),
        ("klatch_connections", 2.),
        ("klatch_joins_total", 2.),
        ("klatch_refusals_total{code=\"not-creator\"}", 1.),
        ("klatch_glances_total{found=\"yes\"}", 1.),
        ("klatch_glances_total{found=\"no\"}", 2.),
        ("klatch_verb_seconds_count{kind=\"entering\"}", 2.),
    ] {
        assert_eq!(value(text, sample), expected, "{sample}");
    }
    assert!(value(text, "process_resident_memory_bytes") > 1e6 && value(text, "process_open_fds") > 3.);
    assert!(value(text, "process_cpu_seconds_total") > 0. && !text.contains("klatch_relay_"));
    assert!(text.contains(&format!("klatch_build_info{{version=\"{}\"", env!("CARGO_PKG_VERSION"))));
    for secret in [room.keys.id().to_string(), ana.member.to_string(), "127.0.0.1".to_owned()] {
        assert!(!text.contains(&secret), "{secret}");
    }

    client.socket.close(None).await.expect("a goodbye");
    let closed = async {
        while value(read(&broker).await.text(), "klatch_closes_total{code=\"1000\"}") < 1. {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, closed).await.expect("counted");
}

#[tokio::test]
async fn the_end_of_the_certificate_that_is_served_is_told_where_there_is_one() {
    const END: &str = "klatch_certificate_expires_timestamp_seconds";
    let (certificate, folder) = (Certificate::new(), TempFile::unused());
    let broker = bounded(&certificate.flags()).await;
    let end = rcgen::date_time_ymd(4096, 1, 1).unix_timestamp() as f64;
    assert_eq!(value(read(&broker).await.text(), END), end);
    let a_year = 360. * 86_400.;
    assert!(value(read(&bounded(&["--self-signed"]).await).await.text(), END) > now() + a_year);

    let asked_in_vain = ["--acme", "meet.example", "--acme-directory", "https://127.0.0.1:1", "--acme-cache"];
    for flags in [&[][..], &[&asked_in_vain[..], &[folder.path()]].concat()] {
        let broker = bounded(flags).await;
        assert!(!read(&broker).await.text().contains(END), "{flags:?}");
    }
    std::fs::remove_dir(folder.path()).expect("nothing is kept");
}

#[tokio::test]
async fn when_it_was_started_is_told_and_stays() {
    let before = now();
    let broker = bounded(&[]).await;
    let told = async || value(read(&broker).await.text(), "process_start_time_seconds");
    let first = told().await;
    // It is told to the millisecond.
    assert!(first > before - 0.001 && first <= now(), "{before} {first}");
    assert_eq!(told().await, first);
}

fn now() -> f64 {
    UNIX_EPOCH.elapsed().expect("the clock is set").as_secs_f64()
}

/// A broker of which metrics are read, and how often it has turned somebody away for this reason, and for any.
async fn bounded(flags: &[&str]) -> Broker {
    Broker::start(&[&["--metrics-listen", "127.0.0.1:0"], flags].concat()).await
}

async fn turned_away(broker: &Broker, reason: &str) -> (f64, f64) {
    let answer = read(broker).await;
    let name = "klatch_connections_refused_total";
    let all = answer.text().lines().filter_map(|line| line.strip_prefix(name)?.split_once("} "));
    let all = all.map(|(_, count)| count.parse::<f64>().expect("a number")).sum();
    (value(answer.text(), &format!("{name}{{reason=\"{reason}\"}}")), all)
}

/// Comes, and waits until the connection is dropped.
async fn is_dropped(broker: &Broker) {
    let mut stream = TcpStream::connect(broker.address()).await.expect("a connection");
    let read = timeout(PATIENCE, stream.read(&mut [0; 1])).await.expect("an end in time");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
}

#[tokio::test]
async fn whom_the_door_turns_away_is_counted_by_the_limit_in_the_way() {
    let lobby = |broker: &Broker| format!("ws://{}/ws", broker.address());
    for (limit, reason) in [("connections=1", "connections"), ("connections-per-address=1", "connections-per-address")]
    {
        let broker = bounded(&["--limit", limit]).await;
        let _inside = Client::connect(&lobby(&broker)).await;
        assert_eq!(turned_away(&broker, reason).await, (0., 0.));
        is_dropped(&broker).await;
        assert_eq!(turned_away(&broker, reason).await, (1., 1.), "{limit}");
    }

    let broker = bounded(&["--trusted-proxy", "127.0.0.1", "--limit", "connections-per-address=1"]).await;
    let brought = [("x-forwarded-for", "203.0.113.9")];
    let _inside = Client::try_connect(&lobby(&broker), &brought).await.expect("a place");
    assert!(Client::try_connect(&lobby(&broker), &brought).await.is_err());
    assert_eq!(turned_away(&broker, "connections-per-address").await, (1., 1.));

    let broker = bounded(&[]).await;
    assert!(Client::try_connect(&lobby(&broker), &[("origin", "https://evil.example")]).await.is_err());
    assert_eq!(turned_away(&broker, "origin").await, (1., 1.));
}

#[tokio::test]
async fn handshakes_that_find_no_place_are_counted_by_the_limit_in_the_way() {
    let certificate = Certificate::new();
    for reason in ["tls-handshakes", "tls-handshakes-per-address"] {
        let limit = format!("{reason}=1");
        let broker = bounded(&[&certificate.flags()[..], &["--limit", &limit]].concat()).await;
        let first = TcpStream::connect(broker.address()).await.expect("a connection");
        let second = TcpStream::connect(broker.address()).await.expect("a connection");
        let counted = async {
            while turned_away(&broker, reason).await != (1., 1.) {
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, counted).await.expect("counted");
        drop((first, second));
    }
}

#[tokio::test]
async fn a_relay_tells_its_figures() {
    let flags = ["--metrics-listen", "127.0.0.1:0", "--turn", "--turn-listen", "127.0.0.1:0"];
    let broker = Broker::start(&flags).await;
    let answer = read(&broker).await;
    assert_eq!(value(answer.text(), "klatch_relay_allocations"), 0.);
    assert_eq!(value(answer.text(), "klatch_relay_bytes_to_peers_total"), 0.);
    assert_eq!(value(answer.text(), "klatch_relay_refusals_total{code=\"401\"}"), 0.);
}

#[tokio::test]
async fn metrics_are_at_their_own_address_alone_and_nothing_else_is_there() {
    let broker = Broker::start(&["--metrics-listen", "127.0.0.1:0"]).await;
    assert_eq!(get(broker.address(), "/metrics", &[]).await.status, 404);
    for path in ["/", "/healthz", "/ws"] {
        assert_eq!(get(broker.server.measured_at[0], path, &[]).await.status, 404, "{path}");
    }
    assert!(Broker::start(&[]).await.server.measured_at.is_empty());
}

#[tokio::test]
async fn every_answer_of_theirs_carries_the_strict_headers() {
    let broker = Broker::start(&["--metrics-listen", "127.0.0.1:0"]).await;
    let address = broker.server.measured_at[0];
    let head = request(address, "HEAD", "/metrics", &[]).await;
    assert!(head.body.is_empty() && head.header("content-length").is_some_and(|length| length != "0"));
    let bad = raw(address, b"?\r\n\r\n").await.expect("an answer");
    assert_eq!(bad.status, 400);
    for answer in [read(&broker).await, head, bad, get(address, "/", &[]).await, get(address, "/metrics", PAGE).await] {
        assert_eq!(answer.header("content-security-policy"), Some("default-src 'none'; frame-ancestors 'none'"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        assert!(answer.header("access-control-allow-origin").is_none());
    }
}

const PAGE: &[(&str, &str)] = &[("sec-fetch-site", "cross-site")];

#[tokio::test]
async fn pages_do_not_read_metrics_even_if_their_name_leads_here() {
    let broker = Broker::start(&["--metrics-listen", "127.0.0.1:0"]).await;
    let address = broker.server.measured_at[0];
    let by = async |host: &str, headers: &[(&str, &str)]| {
        raw(address, text(host, "GET", "/metrics", headers).as_bytes()).await.expect("an answer")
    };
    let browser = [("accept-language", "en")];
    for refused in [by("evil.example:9100", &browser).await, by("localhost", PAGE).await] {
        assert!(refused.status == 403 && !refused.text().contains("klatch_"), "{refused:?}");
    }
    for read in [by("klatch.example.com", &[]).await, by("localhost", &browser).await] {
        assert!(read.status == 200 && read.text().contains("klatch_rooms"), "{read:?}");
    }
}
