//! A core in virtual time, with seats that can be given and taken.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use klatch_relay::core::{Client, Core, Delivery, Now, Seeds, Settings, Slot, Step};
use klatch_relay::{Admission, Group, Holder, Limits, Policy, Secret};

use super::speech::{Answer, Speaker, bare_allocate};

pub const SECRET: &[u8] = b"a secret between broker and relay";
/// When the tests begin, in Unix seconds.
pub const BEGIN: u64 = 1_700_000_000;
pub const RELAYED_V4: &str = "198.51.100.1";
pub const RELAYED_V6: &str = "2001:db8:7::1";

/// Who has a seat, and in which room.
#[derive(Default)]
pub struct Seats(Mutex<HashMap<String, u64>>);

impl Seats {
    pub fn give(&self, holder: &str, room: u64) {
        self.0.lock().unwrap().insert(holder.into(), room);
    }

    pub fn take(&self, holder: &str) {
        self.0.lock().unwrap().remove(holder);
    }
}

impl Admission for Seats {
    fn group(&self, holder: &Holder) -> Option<Group> {
        self.0.lock().unwrap().get(holder.as_str()).map(|room| Group(*room))
    }
}

/// What came of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Nothing,
    Reply(Answer),
    ToPeer(Slot, SocketAddr, Vec<u8>),
    ToClient(Delivery, Vec<u8>),
}

impl Heard {
    pub fn answer(self) -> Answer {
        match self {
            Self::Reply(answer) => answer,
            other => panic!("no reply but {other:?}"),
        }
    }

    pub fn code(self) -> u16 {
        self.answer().code()
    }
}

pub struct World {
    pub core: Core,
    pub millis: u64,
    pub seats: Arc<Seats>,
    /// The port that the next relayed socket gets; none is to be had without.
    pub port: Option<u16>,
    pub opened: HashMap<SocketAddr, Slot>,
}

impl World {
    pub fn new() -> Self {
        Self::with(Limits::default(), Policy::default())
    }

    pub fn with(limits: Limits, policy: Policy) -> Self {
        Self::relaying_at(&[RELAYED_V4, RELAYED_V6], limits, policy)
    }

    pub fn relaying_at(relayed: &[&str], limits: Limits, policy: Policy) -> Self {
        let seats = Arc::new(Seats::default());
        let settings = Settings {
            secret: Secret::new(SECRET).unwrap(),
            realm: "klatch.test".parse().unwrap(),
            policy,
            relayed: relayed.iter().map(|ip| ip.parse().unwrap()).collect(),
            limits,
            admission: seats.clone(),
        };
        let core = Core::new(settings, &Seeds { nonces: [5; 32], indications: [6; 12] });
        Self { core, millis: 1_000_000, seats, port: Some(50_000), opened: HashMap::new() }
    }

    pub fn now(&self) -> Now {
        Now { millis: self.millis, unix: BEGIN + (self.millis - 1_000_000) / 1000 }
    }

    pub fn pass(&mut self, seconds: u64) {
        self.millis += seconds * 1000;
        self.core.tick(self.now());
    }

    pub fn say(&mut self, client: Client, bytes: &[u8]) -> Heard {
        let now = self.now();
        match self.core.from_client(now, client, bytes) {
            Step::Rest => Heard::Nothing,
            Step::Reply(bytes) => Heard::Reply(Answer(bytes.to_vec())),
            Step::ToPeer { slot, peer, payload } => Heard::ToPeer(slot, peer, bytes[payload].to_vec()),
            Step::ToClient { delivery, payload } => Heard::ToClient(delivery, bytes[payload].to_vec()),
            Step::Open(ticket) => {
                let slot = ticket.slot;
                let answer = Answer(self.core.opened(now, *ticket, self.port).to_vec());
                if answer.code() == 0 {
                    self.opened.insert(answer.relayed(), slot);
                    self.port = self.port.map(|port| port + 1);
                }
                Heard::Reply(answer)
            }
        }
    }

    /// What a peer's packet to this relayed address becomes.
    pub fn peer_says(&mut self, relayed: SocketAddr, peer: SocketAddr, length: usize) -> Option<Delivery> {
        let (now, slot) = (self.now(), self.opened[&relayed]);
        self.core.from_peer(now, slot, peer, length)
    }

    /// One with a seat in room 1, and a nonce.
    pub fn speaker(&mut self, client: Client, holder: &str) -> Speaker {
        self.seats.give(holder, 1);
        let secret = Secret::new(SECRET).unwrap();
        let mut speaker = Speaker::new(&secret.credentials(&holder.parse().unwrap(), self.now().unix, 600));
        self.greet(client, &mut speaker);
        speaker
    }

    /// Gets a nonce.
    pub fn greet(&mut self, client: Client, speaker: &mut Speaker) {
        let answer = self.say(client, &bare_allocate(1)).answer();
        speaker.heed(&answer);
    }

    /// One with an allocation, and its relayed address.
    pub fn member(&mut self, client: Client, holder: &str) -> (Speaker, SocketAddr) {
        let mut speaker = self.speaker(client, holder);
        let answer = self.say(client, &speaker.allocate()).answer();
        assert_eq!(answer.code(), 0);
        (speaker, answer.relayed())
    }
}

/// One who speaks over UDP.
pub fn client(number: u8) -> Client {
    Client { door: 1, on_stream: false, address: SocketAddr::new([192, 0, 2, number].into(), 4000 + u16::from(number)) }
}

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}
