//! A broker on a free port, and a client that speaks to it over a real socket as a page does.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod http;
pub mod pebble;
pub mod program;
pub mod tls;
#[path = "../../../tests/src/usage.rs"]
pub mod usage;

use std::collections::VecDeque;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use clap::Parser as _;
use futures_util::{SinkExt as _, StreamExt as _};
use klatch_broker::{Config, Server, serve};
use klatch_shared::json::FromJson;
use klatch_shared::wire::{
    Admission, Admitted, Answer, Candidate, Create, Event, Glance, Hello, IceServer, IceServers, Join, Offer, Peek,
    PeekAt, Peeked, Refusal, RefusalCode, Request, ServerFrame, Side, Verb,
};
use klatch_shared::{
    AnyToken, Card, ExchangeId, InviteToken, MemberId, MemberKeys, ProofLabel, RoomKey, RoomKeys, Sealed, SeatToken,
    SessionNonce, Username, seal,
};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Uri};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config};

/// Longer than anything here takes, so that a test fails rather than hangs.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running broker.
pub struct Broker {
    pub server: Server,
}

impl Broker {
    pub async fn start(flags: &[&str]) -> Self {
        let config = Config::parse_from(["klatch", "--listen", "127.0.0.1:0"].iter().chain(flags));
        Self { server: serve(&config).await.expect("a free port") }
    }

    pub fn address(&self) -> SocketAddr {
        self.server.addresses[0]
    }

    pub fn room_url(&self, room: &Room) -> String {
        format!("ws://{}/ws/{}", self.address(), room.keys.id())
    }
}

/// What those who have the invitation know of a room.
pub struct Room {
    pub keys: RoomKeys,
    pub invite: InviteToken,
    pub name: Sealed,
}

pub const ROOM_NAME: &str = "Kitchen table";

impl Room {
    pub fn new() -> Self {
        let keys = RoomKeys::derive(&RoomKey::random());
        let name = seal::seal_room_name(keys.sealing(), keys.id(), &ROOM_NAME.parse().expect("a name"));
        Self { keys, invite: InviteToken::random(), name }
    }
}

/// What a member knows of its seat.
#[derive(Clone)]
pub struct Seat {
    pub member: MemberId,
    pub token: SeatToken,
    pub session: SessionNonce,
    pub card: Sealed,
}

impl Seat {
    pub fn new(room: &Room, name: &str) -> Self {
        Self::of(room, name, &MemberKeys::random())
    }

    /// Of whoever has these keys.
    pub fn of(room: &Room, name: &str, keys: &MemberKeys) -> Self {
        let name: Username = name.parse().expect("a name");
        let card = Card::new(room.keys.id(), keys, name, 1).seal(&room.keys);
        Self { member: keys.verifying().owner(), token: SeatToken::random(), session: SessionNonce::random(), card }
    }

    /// The same seat after the page was loaded anew.
    pub fn reloaded(&self) -> Self {
        Self { session: SessionNonce::random(), ..self.clone() }
    }
}

/// One socket.
pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub hello: Hello,
    events: VecDeque<Event>,
    next_id: i64,
}

impl Client {
    pub async fn connect(url: &str) -> Self {
        Self::try_connect(url, &[]).await.expect("a connection")
    }

    pub async fn try_connect(url: &str, headers: &[(&'static str, &str)]) -> Result<Self, tungstenite::Error> {
        Self::connect_by(Connector::Plain, url, headers).await
    }

    pub async fn connect_by(
        connector: Connector,
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tungstenite::Error> {
        let uri: Uri = url.parse().expect("a URL");
        let host = uri.host().expect("a host").trim_start_matches('[').trim_end_matches(']');
        let stream = TcpStream::connect((host, uri.port_u16().expect("a port"))).await?;
        Self::connect_over(stream, connector, url, headers).await
    }

    /// Over a connection that is there already.
    pub async fn connect_over(
        stream: TcpStream,
        connector: Connector,
        url: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, tungstenite::Error> {
        let mut request = url.into_client_request().expect("a URL");
        request.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("klatch.v1"));
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_str(value).expect("a value"));
        }
        let connecting = client_async_tls_with_config(request, stream, None, Some(connector));
        let (mut socket, response) = timeout(PATIENCE, connecting).await.expect("an answer in time")?;
        assert_eq!(response.headers()["sec-websocket-protocol"], "klatch.v1");
        let first = timeout(PATIENCE, socket.next()).await.expect("hello in time");
        let first = first.unwrap_or(Err(tungstenite::Error::ConnectionClosed))?;
        let ServerFrame::Event(Event::Hello(hello)) = ServerFrame::parse(first.to_text()?) else {
            panic!("not hello: {first}");
        };
        Ok(Self { socket, hello, events: VecDeque::new(), next_id: 1 })
    }

    /// Comes into a room that it creates.
    pub async fn creating(broker: &Broker, room: &Room, seat: &Seat) -> Self {
        let mut client = Self::connect(&broker.room_url(room)).await;
        client.create(room, seat).await.expect("a room");
        client
    }

    /// Comes into a room with the invitation.
    pub async fn joining(broker: &Broker, room: &Room, seat: &Seat) -> Self {
        let mut client = Self::connect(&broker.room_url(room)).await;
        client.join(room, seat).await.expect("a seat");
        client
    }

    pub async fn create(&mut self, room: &Room, seat: &Seat) -> Result<Admitted, RefusalCode> {
        let create = self.create_request(room, seat);
        self.ask(Verb::Create(create)).await
    }

    pub async fn join(&mut self, room: &Room, seat: &Seat) -> Result<Admitted, RefusalCode> {
        let admission = Admission::Invite { token: room.invite.clone(), seat: seat.token.hash() };
        let join = self.join_request(room, seat, admission);
        self.ask(Verb::Join(join)).await
    }

    pub async fn come_back(&mut self, room: &Room, seat: &Seat) -> Result<Admitted, RefusalCode> {
        let join = self.join_request(room, seat, Admission::Seat { token: seat.token.clone() });
        self.ask(Verb::Join(join)).await
    }

    pub fn create_request(&self, room: &Room, seat: &Seat) -> Create {
        Create {
            member: seat.member,
            key: room.keys.public(),
            proof: room.keys.prove(ProofLabel::Create, &self.hello.nonce, &seat.member),
            seat: seat.token.hash(),
            invite: room.invite.hash(),
            name: room.name.clone(),
            card: seat.card.clone(),
            session: seat.session,
            code: None,
        }
    }

    pub fn join_request(&self, room: &Room, seat: &Seat, admission: Admission) -> Join {
        Join {
            member: seat.member,
            key: room.keys.public(),
            proof: room.keys.prove(ProofLabel::Join, &self.hello.nonce, &seat.member),
            admission,
            card: seat.card.clone(),
            session: seat.session,
        }
    }

    /// Asks, and reads on until the answer is there; events on the way are kept.
    pub async fn ask<T: FromJson>(&mut self, verb: Verb) -> Result<T, RefusalCode> {
        self.try_ask(verb).await.expect("an open socket")
    }

    /// The same; nothing if the connection ends before the answer is there.
    pub async fn try_ask<T: FromJson>(&mut self, verb: Verb) -> Option<Result<T, RefusalCode>> {
        let id = self.next_id;
        self.next_id += 1;
        self.socket.send(Message::text(Request { id, verb }.to_frame())).await.ok()?;
        match self.try_reply().await? {
            (Some(answered), Ok(ok)) if answered == id => Some(Ok(T::from_json(&ok).expect("the answer's shape"))),
            (Some(answered), Err(refusal)) if answered == id => Some(Err(refusal.code)),
            other => panic!("not the answer to {id}: {other:?}"),
        }
    }

    /// Asks for servers, and takes the first credentials among them.
    pub async fn credentials(&mut self) -> Result<TurnServer, RefusalCode> {
        let servers: IceServers = self.ask(Verb::IceServers).await?;
        let server = servers.ice_servers.into_iter().find_map(|IceServer { urls, username, credential }| {
            Some(TurnServer { urls, username: username?, credential: credential? })
        });
        Ok(server.expect("a server with credentials"))
    }

    /// Asks for what is answered with nothing.
    pub async fn done(&mut self, verb: Verb) -> Result<(), RefusalCode> {
        self.ask::<klatch_shared::wire::Empty>(verb).await.map(|_| ())
    }

    pub async fn offer(&mut self, to: &Seat, exchange: u32) -> Result<(), RefusalCode> {
        self.done(Verb::Offer(Offer { to: to.member, exchange: ExchangeId(exchange), body: body() })).await
    }

    pub async fn send(&mut self, frame: impl Into<String>) {
        self.socket.send(Message::text(frame.into())).await.expect("an open socket");
    }

    /// The next reply.
    pub async fn reply(&mut self) -> (Option<i64>, Result<String, Refusal>) {
        self.try_reply().await.expect("an open socket")
    }

    async fn try_reply(&mut self) -> Option<(Option<i64>, Result<String, Refusal>)> {
        loop {
            match self.try_frame().await? {
                ServerFrame::Reply { id, outcome } => return Some((id, outcome.map(|ok| ok.0))),
                ServerFrame::Event(event) => self.events.push_back(event),
                ServerFrame::Unknown => panic!("a frame that makes no sense"),
            }
        }
    }

    /// The next event.
    pub async fn event(&mut self) -> Event {
        if let Some(event) = self.events.pop_front() {
            return event;
        }
        match self.try_frame().await.expect("an open socket") {
            ServerFrame::Event(event) => event,
            other => panic!("no event: {other:?}"),
        }
    }

    /// Whether the room is still there.
    pub async fn finds(&mut self, room: &Room) -> bool {
        let at = PeekAt { room: room.keys.id(), token: AnyToken::Invite(room.invite.clone()) };
        let peeked: Peeked = self.ask(Verb::Peek(Peek { rooms: vec![at] })).await.expect("peeked");
        matches!(peeked.rooms[0].glance, Glance::Alive(_))
    }

    /// Whether nothing came before the answer to a ping.
    pub async fn is_undisturbed(&mut self) -> bool {
        self.done(Verb::Ping).await.expect("a ping is answered");
        self.events.is_empty()
    }

    /// Reads on until the broker closes, and says with which code.
    pub async fn close_code(&mut self) -> u16 {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            match tokio::time::timeout_at(deadline, self.socket.next()).await.expect("a close in time") {
                Some(Ok(Message::Close(Some(frame)))) => {
                    let code = frame.code.into();
                    // The closing is answered, and the connection ends.
                    while let Ok(Some(Ok(_))) = timeout(PATIENCE, self.socket.next()).await {}
                    return code;
                }
                Some(Ok(_)) => {}
                other => panic!("not closed with a reason: {other:?}"),
            }
        }
    }

    async fn try_frame(&mut self) -> Option<ServerFrame> {
        loop {
            match timeout(PATIENCE, self.socket.next()).await.expect("a frame in time")?.ok()? {
                Message::Text(text) => return Some(ServerFrame::parse(&text)),
                Message::Ping(_) | Message::Pong(_) => {}
                Message::Close(_) => return None,
                other => panic!("no frame of text: {other:?}"),
            }
        }
    }
}

/// A server that wants credentials, and those.
#[derive(Debug)]
pub struct TurnServer {
    pub urls: Vec<String>,
    pub username: String,
    pub credential: String,
}

/// A file that is gone with the test.
pub struct TempFile(PathBuf);

impl TempFile {
    /// The name of one that is not there yet.
    pub fn unused() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("klatch-test-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        Self(std::env::temp_dir().join(name))
    }

    pub fn with(content: &str) -> Self {
        let file = Self::unused();
        std::fs::write(&file.0, content).expect("a place for files");
        file
    }

    pub fn path(&self) -> &str {
        self.0.to_str().expect("text")
    }

    /// Removes what whoever was killed while they made the file left beside it.
    pub fn remove_what_is_beside(&self) {
        let beside = format!("{}.", self.path());
        let folder = std::fs::read_dir(std::env::temp_dir()).expect("a place for files");
        for file in folder.flatten().map(|entry| entry.path()) {
            if file.to_str().is_some_and(|path| path.starts_with(&beside)) {
                let _ = std::fs::remove_file(file);
            }
        }
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Says that a test did not run for want of something, past what the test runner keeps to itself, and where build.sh counts it.
pub fn left_out(reason: &str) {
    let _ = writeln!(std::io::stdout(), "LEFT OUT: {reason}");
}

pub fn answer(to: &Seat, exchange: u32) -> Verb {
    Verb::Answer(Answer { to: to.member, exchange: ExchangeId(exchange), body: body() })
}

pub fn candidate(to: &Seat, exchange: u32, side: Side, sequence: u32) -> Verb {
    Verb::Candidate(Candidate { to: to.member, exchange: ExchangeId(exchange), side, sequence, body: body() })
}

/// Something that looks sealed.
pub fn body() -> Sealed {
    "c2VhbGVk".parse().expect("base64url")
}
