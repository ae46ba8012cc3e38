//! Taking seats: the servers that are measured, and how one gets into a room of each.

use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use klatch_shared::limits::MAX_SEATS;
use klatch_shared::wire::{
    Account, Admission, Create, Event, Join, NewCard, Request, Revive, SeatOf, ServerFrame, Verb,
};
use klatch_shared::{
    Card, InviteToken, MemberId, MemberKeys, Nonce, ProofLabel, RoomKey, RoomKeys, Sealed, SeatToken, SessionNonce,
    seal,
};
use klatch_tests::Broker;
use klatch_tests::process::Process;
use serde_json::json;

use super::stream::Stream;
use super::{floor, turn, ws};

/// What would keep a load from one address out, or tell it to go slower: whoever measures is often behind with reading.
const LIFTED: [&str; 18] = [
    "--limit",
    "connections=1000000",
    "--limit",
    "connections-per-address=1000000",
    "--limit",
    "rooms-per-address=1000000",
    "--limit",
    "openings-per-address=1000000",
    "--limit",
    "joins-per-address=1000000",
    "--limit",
    "frames-per-second=1000000",
    "--limit",
    "frame-burst=1000000",
    "--limit",
    "queue-frames=1000000",
    "--limit",
    "queue-bytes=100000000",
];
/// For a server to answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// Which of the two, running.
pub enum Server {
    /// The program.
    Klatch(Broker),
    /// What it is compared with.
    Floor { process: Process, url: String },
}

impl Server {
    /// Klatch, with the limits lifted that hold for one address.
    ///
    /// # Errors
    /// It does not serve.
    pub async fn klatch() -> Result<Self> {
        Broker::start(&LIFTED).await.map(Self::Klatch)
    }

    /// Klatch as it comes, but for these flags.
    ///
    /// # Errors
    /// It does not serve.
    pub async fn klatch_with(flags: &[&str]) -> Result<Self> {
        Broker::start(flags).await.map(Self::Klatch)
    }

    /// The same over TLS.
    ///
    /// # Errors
    /// It does not serve.
    pub async fn klatch_over_tls() -> Result<Self> {
        let (certificate, key) = turn::certificate()?;
        let files = [&*certificate.to_string_lossy(), &*key.to_string_lossy()].map(str::to_owned);
        Self::klatch_with(&[&LIFTED[..], &["--tls-cert", &files[0], "--tls-key", &files[1]]].concat()).await
    }

    /// The floor.
    ///
    /// # Errors
    /// It does not serve.
    pub async fn floor() -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg(floor::VERB);
        let mut process = Process::start("the floor", command)?;
        let url = process.says(PATIENCE, |line| line.strip_prefix(floor::GREETING).map(str::to_owned)).await?;
        Ok(Self::Floor { process, url })
    }

    /// A connection to it, over TLS where it speaks that.
    ///
    /// # Errors
    /// There is none to be had.
    pub fn connect(&self) -> Result<Stream<TcpStream>> {
        let socket = TcpStream::connect(("127.0.0.1", self.port()?))?;
        socket.set_nodelay(true)?;
        Ok(if self.url().starts_with("https:") {
            Stream::sealed(socket, &turn::certificate()?.0)?
        } else {
            socket.into()
        })
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        match self {
            Self::Klatch(broker) => broker.id(),
            Self::Floor { process, .. } => process.id(),
        }
    }

    /// Where its page is, without a slash at the end.
    pub fn url(&self) -> &str {
        match self {
            Self::Klatch(broker) => broker.url(),
            Self::Floor { url, .. } => url,
        }
    }

    /// Where it listens on this machine.
    ///
    /// # Errors
    /// Its URL has no port.
    pub fn port(&self) -> Result<u16> {
        let port = self.url().rsplit(':').next().and_then(|port| port.parse().ok());
        port.with_context(|| format!("no port in {}", self.url()))
    }
}

/// A room whose first seat is still to be taken.
pub struct Room {
    keys: RoomKeys,
    invite: InviteToken,
    members: u32,
}

/// Somebody who is about to take a seat, with everything at hand but the proof: that needs the server's nonce.
pub struct Newcomer {
    /// Who.
    pub member: MemberId,
    /// What to ask the server for.
    pub path: String,
    keys: RoomKeys,
    seat: SeatToken,
    verb: Verb,
}

/// A seat that was taken: a socket, and what was read from it already.
pub struct Seat {
    /// Whose.
    pub member: MemberId,
    /// To the server.
    pub stream: Stream<TcpStream>,
    /// Of frames that nobody looked at yet.
    pub held: Vec<u8>,
}

impl Room {
    /// A fresh one.
    pub fn new() -> Self {
        Self { keys: RoomKeys::derive(&RoomKey::random()), invite: InviteToken::random(), members: 0 }
    }

    /// Who takes the next seat.
    pub fn newcomer(&mut self) -> Newcomer {
        let member = MemberId::random();
        let seat = SeatToken::random();
        let verb = self.admission(member, &seat, &Nonce::random());
        self.members += 1;
        Newcomer { member, path: format!("/ws/{}", self.keys.id()), keys: self.keys.clone(), seat, verb }
    }

    /// Takes the next seat.
    ///
    /// # Errors
    /// The server refuses.
    pub fn take_seat(&mut self, server: &Server) -> Result<Seat> {
        let newcomer = self.newcomer();
        let (stream, held) = ws::upgrade(server.connect()?, server.port()?, &newcomer.path)?;
        newcomer.sit_down(stream, held, matches!(server, Server::Klatch(_)))
    }

    fn admission(&self, member: MemberId, seat: &SeatToken, nonce: &Nonce) -> Verb {
        let keys = &self.keys;
        let name = format!("Member {}", self.members).parse().expect("a name");
        let card = Card::new(keys.id(), &MemberKeys::random(), name, 1).seal(keys);
        let (key, seat, session) = (keys.public(), seat.hash(), SessionNonce::random());
        if self.members == 0 {
            Verb::Create(Create {
                member,
                key,
                proof: keys.prove(ProofLabel::Create, nonce, &member),
                seat,
                invite: self.invite.hash(),
                name: sealed_name(keys),
                card,
                session,
                code: None,
            })
        } else {
            Verb::Join(Join {
                member,
                key,
                proof: keys.prove(ProofLabel::Join, nonce, &member),
                admission: Admission::Invite { token: self.invite.clone(), seat },
                card,
                session,
            })
        }
    }
}

impl Newcomer {
    /// The request, once the server has said its nonce.
    pub fn request(&self, nonce: &Nonce) -> String {
        let prove = |label| self.keys.prove(label, nonce, &self.member);
        let verb = match self.verb.clone() {
            Verb::Create(create) => Verb::Create(Create { proof: prove(ProofLabel::Create), ..create }),
            Verb::Join(join) => Verb::Join(Join { proof: prove(ProofLabel::Join), ..join }),
            other => other,
        };
        Request { id: 1, verb }.to_frame()
    }

    /// The request to come back to the seat once it was taken, by the same page.
    pub fn return_request(&self, nonce: &Nonce) -> String {
        let (member, keys, (card, session)) = (self.member, &self.keys, self.introduction());
        let (key, proof) = (keys.public(), keys.prove(ProofLabel::Join, nonce, &member));
        let admission = Admission::Seat { token: self.seat.clone() };
        Request { id: 1, verb: Verb::Join(Join { member, key, proof, admission, card, session }) }.to_frame()
    }

    /// The request to bring the room back, by somebody in whose account all is made up: the others' seats, as many as it may tell of,
    /// and who created it.
    pub fn made_up_account(&self, nonce: &Nonce) -> String {
        let (member, keys, (card, session)) = (self.member, &self.keys, self.introduction());
        let seat = |ordinal| SeatOf { member: MemberId::random(), ordinal, latch: SeatToken::random().hash().latch() };
        let account = Account {
            creator: MemberId::random(),
            locked: false,
            name: sealed_name(keys),
            invite: InviteToken::random().hash(),
            next_ordinal: 0,
            seats: (1..).map(seat).take(MAX_SEATS - 1).collect(),
        };
        let verb = Verb::Revive(Revive {
            member,
            key: keys.public(),
            proof: keys.prove(ProofLabel::Revive, nonce, &member),
            token: self.seat.clone(),
            ordinal: 0,
            card,
            session,
            account,
            code: None,
        });
        Request { id: 1, verb }.to_frame()
    }

    /// Their card, as a change of it.
    pub fn card_change(&self) -> String {
        let (card, _) = self.introduction();
        Request { id: 1, verb: Verb::Card(NewCard { card }) }.to_frame()
    }

    fn introduction(&self) -> (Sealed, SessionNonce) {
        match self.verb.clone() {
            Verb::Create(Create { card, session, .. }) | Verb::Join(Join { card, session, .. }) => (card, session),
            _ => unreachable!("nobody takes a seat otherwise"),
        }
    }

    /// Takes the seat over a WebSocket, of which this was read already; `prove` to a server that asks for it.
    ///
    /// # Errors
    /// The server refuses.
    pub fn sit_down(self, stream: impl Into<Stream<TcpStream>>, mut held: Vec<u8>, prove: bool) -> Result<Seat> {
        let mut stream = stream.into();
        stream.socket().set_read_timeout(Some(PATIENCE))?;
        let request = if prove {
            let nonce = ws::wait_for(&mut stream, &mut held, nonce_of)?;
            self.request(&nonce)
        } else {
            json!({ "id": 1, "verb": "join", "member": self.member }).to_string()
        };
        ws::send(&mut stream, &request)?;
        let outcome = ws::wait_for(&mut stream, &mut held, |text| match ServerFrame::parse(text) {
            ServerFrame::Reply { outcome, .. } => Some(outcome),
            ServerFrame::Event(_) | ServerFrame::Unknown => None,
        })?;
        if let Err(refusal) = outcome {
            bail!("no seat: {refusal}");
        }
        Ok(Seat { member: self.member, stream, held })
    }
}

/// What rooms are called here.
fn sealed_name(keys: &RoomKeys) -> Sealed {
    seal::seal_room_name(keys.sealing(), keys.id(), &"Bench".parse().expect("a name"))
}

/// The nonce in the server's first words.
pub fn nonce_of(text: &str) -> Option<Nonce> {
    match ServerFrame::parse(text) {
        ServerFrame::Event(Event::Hello(hello)) => Some(hello.nonce),
        ServerFrame::Event(_) | ServerFrame::Reply { .. } | ServerFrame::Unknown => None,
    }
}
