//! Taking seats: the servers that are measured, and how one gets into a room of each.

use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use klatch_shared::wire::{Admission, Create, Event, Join, Request, ServerFrame, Verb};
use klatch_shared::{
    Card, InviteToken, MemberId, MemberKeys, Nonce, ProofLabel, RoomKey, RoomKeys, SeatToken, SessionNonce, seal,
};
use klatch_tests::Broker;
use klatch_tests::process::Process;
use serde_json::json;

use super::{floor, ws};

/// What would keep a load from one address out.
const LIFTED: [&str; 10] = [
    "--limit",
    "connections=1000000",
    "--limit",
    "connections-per-address=1000000",
    "--limit",
    "rooms-per-address=1000000",
    "--limit",
    "frames-per-second=1000000",
    "--limit",
    "frame-burst=1000000",
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

/// A seat that was taken: a socket, and what was read from it already.
pub struct Seat {
    /// Whose.
    pub member: MemberId,
    /// To the server.
    pub stream: TcpStream,
    /// Of frames that nobody looked at yet.
    pub held: Vec<u8>,
}

impl Room {
    /// A fresh one.
    pub fn new() -> Self {
        Self { keys: RoomKeys::derive(&RoomKey::random()), invite: InviteToken::random(), members: 0 }
    }

    /// Takes the next seat.
    ///
    /// # Errors
    /// The server refuses.
    pub fn take_seat(&mut self, server: &Server) -> Result<Seat> {
        let (mut stream, mut held) = ws::connect(server.port()?, &format!("/ws/{}", self.keys.id()))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let member = MemberId::random();
        let request = match server {
            Server::Klatch(_) => {
                let nonce = ws::wait_for(&mut stream, &mut held, |text| match ServerFrame::parse(text) {
                    ServerFrame::Event(Event::Hello(hello)) => Some(hello.nonce),
                    ServerFrame::Event(_) | ServerFrame::Reply { .. } | ServerFrame::Unknown => None,
                })?;
                Request { id: 1, verb: self.admission(member, &nonce) }.to_frame()
            }
            Server::Floor { .. } => json!({ "id": 1, "verb": "join", "member": member }).to_string(),
        };
        ws::send(&mut stream, &request)?;
        let outcome = ws::wait_for(&mut stream, &mut held, |text| match ServerFrame::parse(text) {
            ServerFrame::Reply { outcome, .. } => Some(outcome),
            ServerFrame::Event(_) | ServerFrame::Unknown => None,
        })?;
        if let Err(refusal) = outcome {
            bail!("no seat: {refusal}");
        }
        self.members += 1;
        Ok(Seat { member, stream, held })
    }

    fn admission(&self, member: MemberId, nonce: &Nonce) -> Verb {
        let keys = &self.keys;
        let name = format!("Member {}", self.members).parse().expect("a name");
        let card = Card::new(keys.id(), member, &MemberKeys::random(), name, 1).seal(keys, member);
        let (key, seat, session) = (keys.public(), SeatToken::random().hash(), SessionNonce::random());
        if self.members == 0 {
            Verb::Create(Create {
                member,
                key,
                proof: keys.prove(ProofLabel::Create, nonce, &member),
                seat,
                invite: self.invite.hash(),
                name: seal::seal_room_name(keys.sealing(), keys.id(), &"Bench".parse().expect("a name")),
                card,
                session,
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
