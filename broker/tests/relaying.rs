//! The bundled relay as members meet it: what they are handed, and that it opens the relay to them and to nobody else.

#![allow(clippy::unwrap_used, reason = "a test fails where that fails")]

mod common;
#[allow(dead_code, reason = "the relay's own tests use the rest")]
#[path = "../relay/tests/support/speech.rs"]
mod speech;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Instant;

use common::http::{exchange, text};
use common::tls::Certificate;
use common::{Broker, Client, PATIENCE, Room, Seat, TempFile, TurnServer};
use klatch_relay::{Credentials, Holder, Secret};
use klatch_shared::wire::{Forget, IceServers, RefusalCode, Verb};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use speech::{Answer, Speaker, bare_allocate, channel_data, send};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_tungstenite::Connector;

/// Runs the relay on loopback.
const TURN: [&str; 3] = ["--turn", "--turn-listen", "127.0.0.1:0"];

async fn broker(flags: &[&str]) -> Broker {
    Broker::start(&[&TURN, flags].concat()).await
}

/// How somebody reaches the relay.
enum Way {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// Somebody at the relay, with what a member was handed.
struct Visitor {
    way: Way,
    speaker: Speaker,
}

impl Visitor {
    /// Somebody who trusts this certificate alone.
    fn over_tls(certificate: &Certificate, server: &TurnServer) -> Self {
        Self::over_tls_with(certificate.trusting(&[]).0, server)
    }

    fn over_tls_with(config: Arc<ClientConfig>, server: &TurnServer) -> Self {
        let url = server.urls.iter().find(|url| url.starts_with("turns:")).unwrap();
        let port = url.strip_suffix("?transport=tcp").and_then(|url| url.rsplit(':').next());
        let stream = TcpStream::connect(("127.0.0.1", port.unwrap().parse().unwrap())).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let connection = ClientConnection::new(config, "localhost".try_into().unwrap()).unwrap();
        Self::by(Way::Tls(Box::new(StreamOwned::new(connection, stream))), server)
    }

    fn over(transport: &str, server: &TurnServer) -> Self {
        let at = server.urls.iter().find_map(|url| address(url, transport)).unwrap();
        let way = if transport == "udp" {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(at).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            Way::Udp(socket)
        } else {
            let stream = TcpStream::connect(at).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            Way::Tcp(stream)
        };
        Self::by(way, server)
    }

    fn by(way: Way, server: &TurnServer) -> Self {
        let credentials =
            Credentials { username: server.username.clone(), password: server.credential.clone(), ttl: 600 };
        Self { way, speaker: Speaker::new(&credentials) }
    }

    fn say(&mut self, message: &[u8]) {
        match &mut self.way {
            Way::Udp(socket) => drop(socket.send(message).unwrap()),
            Way::Tcp(stream) => write(stream, message),
            Way::Tls(stream) => write(stream, message),
        }
    }

    fn hear(&mut self) -> Vec<u8> {
        match &mut self.way {
            Way::Udp(socket) => {
                let mut buffer = [0; 2048];
                let length = socket.recv(&mut buffer).unwrap();
                buffer[..length].to_vec()
            }
            Way::Tcp(stream) => read(stream),
            Way::Tls(stream) => read(stream),
        }
    }

    fn ask(&mut self, request: &[u8]) -> Answer {
        self.say(request);
        Answer(self.hear())
    }

    /// Asks for an allocation as browsers do: unsigned first, to be told realm and nonce.
    fn allocate(&mut self) -> Answer {
        let challenge = self.ask(&bare_allocate(1));
        assert_eq!(challenge.code(), 401);
        self.speaker.heed(&challenge);
        let request = self.speaker.allocate();
        self.ask(&request)
    }

    fn refresh(&mut self) -> u16 {
        let request = self.speaker.refresh(600);
        self.ask(&request).code()
    }

    fn permit(&mut self, peer: SocketAddr) -> u16 {
        let request = self.speaker.permit(peer);
        self.ask(&request).code()
    }
}

fn write(stream: &mut impl Write, message: &[u8]) {
    stream.write_all(&[message, &[0; 3][..message.len().wrapping_neg() % 4]].concat()).unwrap();
}

fn read(stream: &mut impl Read) -> Vec<u8> {
    let mut message = vec![0; 4];
    stream.read_exact(&mut message).unwrap();
    let length = usize::from(u16::from_be_bytes([message[2], message[3]]));
    let all = if message[0] < 0x40 { 20 + length } else { 4 + length };
    message.resize(all.next_multiple_of(4), 0);
    stream.read_exact(&mut message[4..]).unwrap();
    message.truncate(all);
    message
}

fn address(url: &str, transport: &str) -> Option<SocketAddr> {
    url.strip_prefix("turn:")?.strip_suffix(&format!("?transport={transport}"))?.parse().ok()
}

/// A member of a room of its own, and what it was handed.
async fn member(broker: &Broker) -> (Client, TurnServer) {
    let room = Room::new();
    let mut client = Client::creating(broker, &room, &Seat::new(&room, "Ana")).await;
    let server = client.credentials().await.unwrap();
    (client, server)
}

/// The same by HTTPS.
async fn member_over_tls(broker: &Broker, certificate: &Certificate) -> (Client, TurnServer) {
    let room = Room::new();
    let url = broker.room_url(&room).replace("ws://127.0.0.1", "wss://localhost");
    let connector = Connector::Rustls(certificate.trusting(&[]).0);
    let mut client = Client::connect_by(connector, &url, &[]).await.unwrap();
    client.create(&room, &Seat::new(&room, "Ana")).await.unwrap();
    let server = client.credentials().await.unwrap();
    (client, server)
}

#[tokio::test]
async fn members_meet_over_the_relay_whatever_they_reach_it_by() {
    let (broker, room) = (broker(&[]).await, Room::new());
    let mut ana = Client::creating(&broker, &room, &Seat::new(&room, "Ana")).await;
    let mut ben = Client::joining(&broker, &room, &Seat::new(&room, "Ben")).await;
    let mut ana = Visitor::over("udp", &ana.credentials().await.unwrap());
    let mut ben = Visitor::over("tcp", &ben.credentials().await.unwrap());
    let (ana_at, ben_at) = (ana.allocate().relayed(), ben.allocate().relayed());
    let bound = ana.speaker.bind(0x4000, ben_at);
    assert_eq!((ana.ask(&bound).code(), ben.permit(ana_at)), (0, 0));
    ben.say(&send(ana_at, b"sealed"));
    assert_eq!(ana.hear(), channel_data(0x4000, b"sealed"));
}

#[tokio::test]
async fn members_meet_over_tls_with_the_hosts_certificate() {
    let certificate = Certificate::new();
    let flags = ["--turn-tls-listen", "127.0.0.1:0", "--public-url", "https://localhost:8443"];
    let broker = broker(&[&certificate.flags()[..], &flags].concat()).await;
    let (_client, server) = member_over_tls(&broker, &certificate).await;
    let mut visitor = Visitor::over_tls(&certificate, &server);
    assert!(visitor.allocate().is_allocated());
    assert_eq!(visitor.refresh(), 0);
}

// The broker answers while the visitor waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn the_relay_is_reached_over_the_port_of_https_too() {
    let certificate = Certificate::new();
    let broker = broker(&[&certificate.flags()[..], &["--limit", "tls-handshake-seconds=2"]].concat()).await;
    let (_client, server) = member_over_tls(&broker, &certificate).await;
    let told = format!("turns:127.0.0.1:{}?transport=tcp", broker.address().port());
    assert_eq!(server.urls.last(), Some(&told));
    for protocols in
        [&[][..], &[&b"stun.turn"[..]], &[&b"http/1.1"[..], &b"stun.turn"[..]], &[&b"stun.nat-discovery"[..]]]
    {
        let mut visitor = Visitor::over_tls_with(certificate.trusting(protocols).0, &server);
        assert!(visitor.allocate().is_allocated(), "{protocols:?}");
        assert_eq!(visitor.refresh(), 0);
    }
    for protocols in [&[][..], &[&b"http/1.1"[..]]] {
        let stream = certificate.trusting(protocols).connect(broker.address()).await.unwrap();
        let request = text("localhost", "GET", "/healthz", &[]);
        assert_eq!(exchange(stream, request.as_bytes()).await.unwrap().text(), "ok", "{protocols:?}");
    }
    // Who says neither is let go.
    let mut silent = certificate.trusting(&[]).connect(broker.address()).await.unwrap();
    assert!(matches!(timeout(PATIENCE, silent.read(&mut [0])).await.unwrap(), Ok(0) | Err(_)));
    let mut rubbish = certificate.trusting(&[b"stun.turn"]).connect(broker.address()).await.unwrap();
    rubbish.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(matches!(timeout(PATIENCE, rubbish.read(&mut [0])).await.unwrap(), Ok(0) | Err(_)));
}

#[tokio::test]
async fn the_relay_shows_a_renewed_certificate_too() {
    let certificate = Certificate::new();
    let flags = ["--turn-tls-listen", "127.0.0.1:0", "--public-url", "https://localhost:8443"];
    let broker = broker(&[&certificate.flags()[..], &flags].concat()).await;
    let (_client, server) = member_over_tls(&broker, &certificate).await;
    let certificate = certificate.renewed();
    // Long enough for it to look at the files.
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(11)).await;
    tokio::time::resume();
    while certificate.trusting(&[]).connect(broker.address()).await.is_err() {}
    assert!(Visitor::over_tls(&certificate, &server).allocate().is_allocated());
}

#[tokio::test]
async fn what_members_are_told_leads_to_the_relay() {
    let broker = broker(&["--public-url", "http://localhost:8080", "--ice-server", "stun:stun.example"]).await;
    let room = Room::new();
    let mut client = Client::creating(&broker, &room, &Seat::new(&room, "Ana")).await;
    let servers: IceServers = client.ask(Verb::IceServers).await.unwrap();
    let relay = broker.server.relay_url.clone().unwrap();
    let place = relay.strip_prefix("turn:").unwrap();
    let port = place.strip_prefix("localhost:").unwrap();
    assert_ne!(port.parse::<u16>().unwrap(), 0);
    let [bundled, outside] = &servers.ice_servers[..] else { panic!("{servers:?}") };
    let told = [format!("stun:{place}"), format!("turn:{place}?transport=udp"), format!("turn:{place}?transport=tcp")];
    assert_eq!(bundled.urls, told);
    assert_eq!(outside.urls, ["stun:stun.example"]);
    assert!(outside.username.is_none());
}

#[tokio::test]
async fn who_has_no_seat_gets_nothing_and_gets_nothing_relayed() {
    let secret = TempFile::with("a secret");
    let broker = broker(&["--turn-secret-file", secret.path()]).await;
    let mut stranger = Client::connect(&broker.room_url(&Room::new())).await;
    assert_eq!(stranger.credentials().await.unwrap_err(), RefusalCode::NotJoined);
    let (_client, server) = member(&broker).await;
    assert!(Visitor::over("udp", &server).allocate().is_allocated());
    // Even with the right secret: credentials are a member's, for as long as there is a seat.
    let made = Secret::new(b"a secret").unwrap().credentials(&Holder::random(), 4_000_000_000, 600);
    let made = TurnServer { username: made.username, credential: made.password, ..server };
    assert_eq!(Visitor::over("udp", &made).allocate().code(), 401);
}

#[tokio::test]
async fn a_seat_that_was_given_up_relays_no_more() {
    let broker = broker(&[]).await;
    for verb in [Verb::Forget(Forget::default()), Verb::End] {
        let (mut client, server) = member(&broker).await;
        let mut visitor = Visitor::over("udp", &server);
        assert!(visitor.allocate().is_allocated());
        assert_eq!(visitor.refresh(), 0);
        client.done(verb).await.unwrap();
        // At once, not when the allocation runs out: it is gone as soon as the relay has been told.
        let begun = Instant::now();
        while visitor.refresh() != 437 {
            assert!(begun.elapsed() < PATIENCE);
        }
        assert_eq!(Visitor::over("udp", &server).allocate().code(), 401);
    }
}

#[tokio::test]
async fn a_member_whose_socket_is_lost_relays_on() {
    let broker = broker(&[]).await;
    let (client, server) = member(&broker).await;
    let mut visitor = Visitor::over("udp", &server);
    assert!(visitor.allocate().is_allocated());
    drop(client);
    assert_eq!(visitor.refresh(), 0);
    assert!(Visitor::over("tcp", &server).allocate().is_allocated());
}

#[tokio::test]
async fn the_hosts_own_network_is_relayed_to_only_where_it_is_allowed() {
    let peer = "127.0.0.1:9".parse().unwrap();
    for (flags, other, code) in [
        (&["--turn-allow-peer", "127.0.0.0/8"][..], "10.0.0.1:9", 403),
        (&["--turn-allow-peer", "127.0.0.0/8"], "127.0.0.2:9", 0),
        (&[], "127.0.0.2:9", 403),
    ] {
        let broker = broker(flags).await;
        let (_client, server) = member(&broker).await;
        let mut visitor = Visitor::over("udp", &server);
        assert!(visitor.allocate().is_allocated());
        assert_eq!(visitor.permit(other.parse().unwrap()), code, "{flags:?} {other}");
        // The relayed addresses are there too, and they are reachable in any case.
        assert_eq!(visitor.permit(peer), 0);
    }
}

#[tokio::test]
async fn the_relays_limits_ports_and_realm_are_as_they_were_set() {
    let flags = ["--limit", "turn-allocations-per-credential=1", "--turn-ports", "40000-40999", "--turn-realm", "here"];
    let broker = broker(&flags).await;
    let (_client, server) = member(&broker).await;
    let mut visitor = Visitor::over("udp", &server);
    let relayed = visitor.allocate().relayed();
    assert!((40_000..=40_999).contains(&relayed.port()), "{relayed}");
    assert_eq!(visitor.speaker.realm, "here");
    assert_eq!(Visitor::over("udp", &server).allocate().code(), 486);
}

#[tokio::test]
async fn stopping_ends_the_relay_too() {
    let broker = broker(&[]).await;
    let (_client, server) = member(&broker).await;
    let at = server.urls.iter().find_map(|url| address(url, "tcp")).unwrap();
    broker.server.shutdown().await;
    assert!(TcpStream::connect(at).is_err() && UdpSocket::bind(at).is_ok());
}
