//! Rooms without sockets, clocks or signatures: each rule as a sentence, and what holds whatever anybody does.

mod claims;
mod entering;
mod expiry;
mod hosts;
mod keeping;
mod outsiders;
mod peeking;
mod places;
mod properties;
mod relaying;
mod reviving;
mod ruling;
mod signalling;

use klatch_shared::limits::{MAX_SEALED_ROOM_NAME_CHARS, MAX_SEATS};
use klatch_shared::wire::{
    Admission, Admitted, Answer, Candidate, Create, Event, Join, Lock, MemberView, Offer, Presence,
};
use klatch_shared::{
    ExchangeId, InviteToken, MemberId, Proof, RoomId, RoomPublicKey, Sealed, SeatToken, SessionNonce, TokenHash,
};

use super::*;

const TTL: u64 = 1000;

/// Rooms with short lives and few members, and a clock that is turned by hand.
struct World {
    rooms: Rooms,
    now: u64,
}

impl World {
    fn new() -> Self {
        Self::with(3, &Limits { rooms_per_address: 3, failures_per_address: 4, ..Limits::default() })
    }

    fn with(max_members: usize, limits: &Limits) -> Self {
        let policy = Policy { max_members, max_rooms: 5, room_ttl: TTL, revival: Revival::default() };
        Self { rooms: Rooms::new(policy, limits), now: 0 }
    }

    /// A room 1 that member 1 created on connection 1, and members 2 to `count` on connections of the same number.
    fn with_members(count: u8) -> Self {
        let mut world = Self::new();
        world.create(1, 1).expect("a room");
        for number in 2..=count {
            world.join(number.into(), number).expect("a seat");
        }
        world
    }

    fn ask(&mut self, connection: u64, ask: Ask) -> Outcome {
        self.rooms.ask(who(connection, 1), ask, self.now)
    }

    fn ask_from(&mut self, address: Address, connection: u64, ask: Ask) -> Outcome {
        self.rooms.ask(Who { address, ..who(connection, 1) }, ask, self.now)
    }

    /// Asks for what has no reply of its own.
    fn done(&mut self, connection: u64, ask: Ask) -> Result<Vec<Effect>, RefusalCode> {
        let Outcome { reply, effects } = self.ask(connection, ask);
        assert_eq!(reply?, Granted::Done);
        Ok(effects)
    }

    fn create(&mut self, connection: u64, number: u8) -> Result<(Admitted, Vec<Effect>), RefusalCode> {
        seat(self.ask(connection, create(number)))
    }

    fn join(&mut self, connection: u64, number: u8) -> Result<(Admitted, Vec<Effect>), RefusalCode> {
        seat(self.ask(connection, join(number, invitation(number), 0)))
    }

    fn come_back(&mut self, connection: u64, number: u8, session: u8) -> Result<(Admitted, Vec<Effect>), RefusalCode> {
        seat(self.ask(connection, join(number, Admission::Seat { token: seat_token(number) }, session)))
    }

    fn lose(&mut self, connection: u64) -> Vec<Effect> {
        self.rooms.lost(who(connection, 1), self.now)
    }

    fn lock(&mut self, connection: u64, locked: bool) -> Result<Vec<Effect>, RefusalCode> {
        self.done(connection, Ask::Lock(Lock { locked }))
    }
}

fn seat(outcome: Outcome) -> Result<(Admitted, Vec<Effect>), RefusalCode> {
    match outcome.reply? {
        Granted::Seat(admitted) => Ok((admitted, outcome.effects)),
        Granted::Done => panic!("a seat was asked for"),
    }
}

fn who(connection: u64, number: u8) -> Who {
    Who { connection: ConnectionId(connection), room: room(number), address: address(1) }
}

fn address(last: u8) -> Address {
    std::net::IpAddr::from([192, 0, 2, last]).into()
}

fn room(number: u8) -> RoomId {
    format!("00000000-0000-8000-8000-0000000000{number:02x}").parse().expect("a UUID v8")
}

fn member(number: u8) -> MemberId {
    MemberId::from_random_bytes([number; 16])
}

/// Base64url of bytes that all are `number`.
fn bytes(number: u8, length: usize) -> String {
    use base64ct::{Base64UrlUnpadded, Encoding as _};
    Base64UrlUnpadded::encode_string(&vec![number; length])
}

fn seat_token(number: u8) -> SeatToken {
    bytes(number, 32).parse().expect("32 bytes")
}

fn invite_token() -> InviteToken {
    bytes(77, 16).parse().expect("16 bytes")
}

fn hash(number: u8) -> TokenHash {
    seat_token(number).hash()
}

fn holder(number: u32) -> Holder {
    format!("holder{number}").parse().expect("letters and digits")
}

fn session(number: u8) -> SessionNonce {
    SessionNonce::from_bytes([number; 16])
}

fn sealed(text: &str) -> Sealed {
    text.parse().expect("base64url")
}

fn card(number: u8) -> Sealed {
    sealed(&format!("card{number:04}"))
}

fn key_and_proof() -> (RoomPublicKey, Proof) {
    (bytes(0, 32).parse().expect("32 bytes"), bytes(0, 64).parse().expect("64 bytes"))
}

fn create_request(number: u8) -> Create {
    let (key, proof) = key_and_proof();
    let (seat, invite) = (hash(number), invite_token().hash());
    let (member, card, session) = (member(number), card(number), session(0));
    Create { member, key, proof, seat, invite, name: sealed("name"), card, session, code: None }
}

fn create(number: u8) -> Ask {
    Ask::Create(Proven::granted(create_request(number)), Right::Everybodys)
}

fn join(number: u8, admission: Admission, session_number: u8) -> Ask {
    let (key, proof) = key_and_proof();
    let (member, card, session) = (member(number), card(number), session(session_number));
    Ask::Join(Proven::granted(Join { member, key, proof, admission, card, session }))
}

fn invitation(number: u8) -> Admission {
    Admission::Invite { token: invite_token(), seat: hash(number) }
}

fn view(number: u8, ordinal: u32, presence: Presence, session_number: u8) -> MemberView {
    let (latch, session) = (hash(number).latch(), session(session_number));
    MemberView { member: member(number), ordinal, presence, latch, session, card: card(number) }
}

fn tell_all(to: &[u64], event: Event) -> Effect {
    Effect::TellAll { to: to.iter().copied().map(ConnectionId).collect(), event }
}

fn tell(to: u64, event: Event) -> Effect {
    Effect::Tell { to: ConnectionId(to), event }
}

fn close(connection: u64, code: CloseCode) -> Effect {
    Effect::Close { connection: ConnectionId(connection), code }
}

fn offer(to: u8, exchange: u32) -> Ask {
    Ask::Offer(Offer { to: member(to), exchange: ExchangeId(exchange), body: sealed("body") })
}

fn answer(to: u8, exchange: u32) -> Ask {
    Ask::Answer(Answer { to: member(to), exchange: ExchangeId(exchange), body: sealed("body") })
}
