//! What the broker says of itself, and the frames that a page receives.

use super::{Answer, Candidate, Offer, Refusal, SeatOf, Side};
use crate::json::{Fields, FromFields, Object, Raw, ToFields, ToJson, object, words};
use crate::{ClientHash, ExchangeId, Latch, MemberId, Nonce, Sealed, SessionNonce};

/// Events. To signal a member, `to` in the verb becomes `from` here. What tells how a room is may be left out where a later event
/// tells it better and a page reads slowly.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The first frame on each socket.
    Hello(Hello),
    /// A new seat was taken.
    Joined(MemberView),
    /// A member is present again; a new session means a reloaded page.
    Back(MemberView),
    /// A member's socket was lost; the links stay.
    Away {
        /// Who.
        member: MemberId,
    },
    /// A member gave up presence and keeps the seat.
    Left {
        /// Who.
        member: MemberId,
    },
    /// A seat was released.
    Forgotten {
        /// Whose.
        member: MemberId,
    },
    /// A member has a new card.
    Card {
        /// Whose.
        member: MemberId,
        /// The card.
        card: Sealed,
    },
    /// The room was locked or unlocked.
    Locked {
        /// How it is now.
        locked: bool,
    },
    /// The creator ended the room; the socket closes with [`CloseCode::Ended`].
    Ended,
    /// An offer from a member.
    Offer {
        /// The offerer.
        from: MemberId,
        /// The exchange that it begins.
        exchange: ExchangeId,
        /// The description, sealed for the pair.
        body: Sealed,
    },
    /// An answer from a member.
    Answer {
        /// The answerer.
        from: MemberId,
        /// The exchange of the offer.
        exchange: ExchangeId,
        /// The description, sealed for the pair.
        body: Sealed,
    },
    /// A candidate from a member.
    Candidate {
        /// The sender.
        from: MemberId,
        /// The exchange that it belongs to.
        exchange: ExchangeId,
        /// Which end of it the sender is.
        side: Side,
        /// Counts from 1 on each side.
        sequence: u32,
        /// The candidate, sealed for the pair.
        body: Sealed,
    },
}

impl Event {
    /// What `from`'s offer is to its receiver.
    pub fn offer(from: MemberId, offer: Offer) -> Self {
        Self::Offer { from, exchange: offer.exchange, body: offer.body }
    }

    /// What `from`'s answer is to its receiver.
    pub fn answer(from: MemberId, answer: Answer) -> Self {
        Self::Answer { from, exchange: answer.exchange, body: answer.body }
    }

    /// What `from`'s candidate is to its receiver.
    pub fn candidate(from: MemberId, candidate: Candidate) -> Self {
        let Candidate { to: _, exchange, side, sequence, body } = candidate;
        Self::Candidate { from, exchange, side, sequence, body }
    }

    /// The frame.
    pub fn to_frame(&self) -> String {
        self.to_json()
    }
}

/// What a page must know before it asks anything.
#[derive(Clone, Debug, PartialEq)]
pub struct Hello {
    /// For proofs on this socket.
    pub nonce: Nonce,
    /// The broker's version.
    pub version: String,
    /// Members present in one room at once.
    pub max_members: u32,
    /// A frame's greatest size in bytes.
    pub max_frame_bytes: u32,
    /// What invitation links start with, where that is not the page's own origin.
    pub public_url: Option<String>,
    /// Which page the broker serves, where it has one: who was loaded under another is older, and offers to reload.
    pub client: Option<ClientHash>,
    /// Where the host says who they are, if they must.
    pub imprint: Option<String>,
    /// Where the host says what becomes of people's data.
    pub privacy: Option<String>,
    /// Whether a host's code is wanted of whoever opens a room; left out where it is not.
    pub host_code: Option<bool>,
}

/// A seat as other members see it.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberView {
    /// Whose.
    pub member: MemberId,
    /// Its place in the order in which seats were taken.
    pub ordinal: u32,
    /// Whether its owner is here.
    pub presence: Presence,
    /// What its token is checked against, for whoever brings the room back to a broker that forgot it.
    pub latch: Latch,
    /// The owner's latest page load.
    pub session: SessionNonce,
    /// Name and public keys, sealed room-wide.
    pub card: Sealed,
}

impl From<&MemberView> for SeatOf {
    fn from(view: &MemberView) -> Self {
        Self { member: view.member, ordinal: view.ordinal, latch: view.latch }
    }
}

/// Whether a seat's owner is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// With a socket.
    Present,
    /// The socket was lost; may be back any moment, and links may still work.
    Away,
    /// Left, and may come back.
    Left,
}

/// Why the broker closes a socket (RFC 6455 §7.4.2: 4000 to 4999 are private).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseCode {
    /// The same seat was opened elsewhere. This page does not reconnect by itself.
    TakenOver,
    /// The creator ended the room.
    Ended,
    /// Silent for longer than [`crate::limits::BROKER_SILENCE`].
    Silent,
    /// Did not read what was sent to it.
    TooSlow,
    /// Hopeless: what it sends can't be read, or floods.
    Misbehaved,
    /// This seat was released.
    Forgotten,
    /// The broker is being stopped (RFC 6455's 1012, service restart).
    Restarting,
}

impl CloseCode {
    /// Each of them.
    pub const ALL: [Self; 7] = [
        Self::TakenOver,
        Self::Ended,
        Self::Silent,
        Self::TooSlow,
        Self::Misbehaved,
        Self::Forgotten,
        Self::Restarting,
    ];

    /// As a number.
    pub const fn code(self) -> u16 {
        match self {
            Self::TakenOver => 4001,
            Self::Ended => 4002,
            Self::Silent => 4003,
            Self::TooSlow => 4004,
            Self::Misbehaved => 4005,
            Self::Forgotten => 4006,
            Self::Restarting => 1012,
        }
    }

    /// From a number, if it is one of these.
    pub fn from_code(code: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.code() == code)
    }

    /// What the close frame says.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::TakenOver => "seat opened elsewhere",
            Self::Ended => "room ended",
            Self::Silent => "silent for too long",
            Self::TooSlow => "too slow",
            Self::Misbehaved => "misbehaved",
            Self::Forgotten => "seat released",
            Self::Restarting => "restarting",
        }
    }
}

/// What a page receives.
#[derive(Debug)]
pub enum ServerFrame {
    /// To a request.
    Reply {
        /// The request's; none where it could not be read.
        id: Option<i64>,
        /// What is in `ok` depends on the verb.
        outcome: Result<Raw, Refusal>,
    },
    /// Of the broker's own accord.
    Event(Event),
    /// Something newer than this page: ignored.
    Unknown,
}

object!(Hello { nonce, version, max_members, max_frame_bytes ? public_url, client, imprint, privacy, host_code });
object!(MemberView { member, ordinal, presence, latch, session, card });

words! {
    Presence { Present = "present", Away = "away", Left = "left" }
}

impl Event {
    /// Reads the event of this name.
    fn read(name: &str, fields: &Fields<'_>) -> Option<Self> {
        let member = || fields.get("member");
        Some(match name {
            "hello" => Self::Hello(FromFields::from_fields(fields)?),
            "joined" => Self::Joined(FromFields::from_fields(fields)?),
            "back" => Self::Back(FromFields::from_fields(fields)?),
            "away" => Self::Away { member: member()? },
            "left" => Self::Left { member: member()? },
            "forgotten" => Self::Forgotten { member: member()? },
            "card" => Self::Card { member: member()?, card: fields.get("card")? },
            "locked" => Self::Locked { locked: fields.get("locked")? },
            "ended" => Self::Ended,
            "offer" | "answer" | "candidate" => Self::read_signal(name, fields)?,
            _ => return None,
        })
    }

    fn read_signal(name: &str, fields: &Fields<'_>) -> Option<Self> {
        let (from, exchange, body) = (fields.get("from")?, fields.get("exchange")?, fields.get("body")?);
        Some(match name {
            "offer" => Self::Offer { from, exchange, body },
            "answer" => Self::Answer { from, exchange, body },
            _ => Self::Candidate { from, exchange, side: fields.get("side")?, sequence: fields.get("sequence")?, body },
        })
    }
}

impl ToFields for Event {
    fn write_fields(&self, to: &mut Object<'_>) {
        match self {
            Self::Hello(hello) => to.tag("event", "hello").fields(hello),
            Self::Joined(view) => to.tag("event", "joined").fields(view),
            Self::Back(view) => to.tag("event", "back").fields(view),
            Self::Away { member } => to.tag("event", "away").field("member", member),
            Self::Left { member } => to.tag("event", "left").field("member", member),
            Self::Forgotten { member } => to.tag("event", "forgotten").field("member", member),
            Self::Card { member, card } => to.tag("event", "card").field("member", member).field("card", card),
            Self::Locked { locked } => to.tag("event", "locked").field("locked", locked),
            Self::Ended => to.tag("event", "ended"),
            Self::Offer { from, exchange, body } => signal(to, "offer", from, exchange).field("body", body),
            Self::Answer { from, exchange, body } => signal(to, "answer", from, exchange).field("body", body),
            Self::Candidate { from, exchange, side, sequence, body } => signal(to, "candidate", from, exchange)
                .field("side", side)
                .field("sequence", sequence)
                .field("body", body),
        };
    }
}

/// What all signals begin with.
fn signal<'a, 'b>(to: &'a mut Object<'b>, name: &str, from: &MemberId, exchange: &ExchangeId) -> &'a mut Object<'b> {
    to.tag("event", name).field("from", from).field("exchange", exchange)
}

impl ServerFrame {
    /// Reads a frame from the broker; what this page does not know is [`ServerFrame::Unknown`].
    pub fn parse(text: &str) -> Self {
        let Some(fields) = Fields::of(text) else { return Self::Unknown };
        if let Some(name) = fields.get::<String>("event") {
            return Event::read(&name, &fields).map_or(Self::Unknown, Self::Event);
        }
        match (fields.optional("id"), fields.optional("ok"), fields.optional("error")) {
            (Some(id), Some(Some(ok)), Some(None)) => Self::Reply { id, outcome: Ok(ok) },
            (Some(id), Some(None), Some(Some(refusal))) => Self::Reply { id, outcome: Err(refusal) },
            _ => Self::Unknown,
        }
    }
}

/// The frame that answers request `id`, with one field more.
fn reply(id: Option<i64>, name: &str, outcome: &dyn ToJson) -> String {
    struct Reply<'a>(Option<i64>, &'a str, &'a dyn ToJson);
    impl ToFields for Reply<'_> {
        fn write_fields(&self, to: &mut Object<'_>) {
            // A frame that could not be read had no id: this is told.
            let id = self.0.map_or("null".to_owned(), |id| id.to_json());
            to.field("id", &Raw(id)).field(self.1, self.2);
        }
    }
    Reply(id, name, outcome).to_json()
}

impl Refusal {
    /// The frame that refuses request `id`.
    pub fn to_frame(&self, id: Option<i64>) -> String {
        reply(id, "error", self)
    }
}

/// The frame that grants request `id`.
pub fn ok_frame(id: i64, ok: &dyn ToJson) -> String {
    reply(Some(id), "ok", ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Empty, RefusalCode};

    #[test]
    fn a_reply_carries_the_id_and_either_ok_or_error() {
        assert_eq!(ok_frame(1, &Empty {}), r#"{"id":1,"ok":{}}"#);
        let refused = Refusal { code: RefusalCode::RoomLocked, reason: "Locked.".into() }.to_frame(None);
        assert_eq!(refused, r#"{"id":null,"error":{"code":"room-locked","reason":"Locked."}}"#);
        assert!(matches!(ServerFrame::parse(&refused), ServerFrame::Reply { id: None, outcome: Err(_) }));
        assert!(matches!(
            ServerFrame::parse(r#"{"id":1,"ok":{}}"#),
            ServerFrame::Reply { id: Some(1), outcome: Ok(_) }
        ));
    }

    #[test]
    fn an_event_survives_its_frame_and_an_unknown_one_is_ignored() {
        let event = Event::Locked { locked: true };
        assert_eq!(event.to_frame(), r#"{"event":"locked","locked":true}"#);
        assert!(matches!(ServerFrame::parse(&event.to_frame()), ServerFrame::Event(e) if e == event));
        assert!(matches!(ServerFrame::parse(r#"{"event":"party"}"#), ServerFrame::Unknown));
        assert!(matches!(ServerFrame::parse(r#"{"event":"ended","id":3,"new":1}"#), ServerFrame::Event(Event::Ended)));
    }

    #[test]
    fn each_event_survives_its_frame() {
        let (member, session) = (MemberId::random(), SessionNonce::random());
        let body: Sealed = "AAAA".parse().expect("base64url");
        let latch = crate::SeatToken::random().hash().latch();
        let view = MemberView { member, ordinal: 1, presence: Presence::Away, latch, session, card: body.clone() };
        let hello = Hello {
            nonce: Nonce::random(),
            version: "1".into(),
            max_members: 12,
            max_frame_bytes: 1,
            public_url: Some("https://klatch.example".into()),
            client: "0123456789abcdef".parse().ok(),
            imprint: Some("https://klatch.example/imprint".into()),
            privacy: None,
            host_code: Some(true),
        };
        let (from, exchange) = (member, ExchangeId(1));
        let all = [
            Event::Hello(hello),
            Event::Joined(view.clone()),
            Event::Back(view),
            Event::Away { member },
            Event::Left { member },
            Event::Forgotten { member },
            Event::Card { member, card: body.clone() },
            Event::Locked { locked: false },
            Event::Ended,
            Event::Offer { from, exchange, body: body.clone() },
            Event::Answer { from, exchange, body: body.clone() },
            Event::Candidate { from, exchange, side: Side::Answerer, sequence: 3, body },
        ];
        for event in all {
            let frame = event.to_frame();
            assert!(matches!(ServerFrame::parse(&frame), ServerFrame::Event(read) if read == event), "{frame}");
        }
    }

    #[test]
    fn rubbish_from_a_broker_is_ignored() {
        for text in ["", "[]", "{}", r#"{"id":1}"#, r#"{"id":1,"ok":{},"error":{}}"#, r#"{"event":7}"#] {
            assert!(matches!(ServerFrame::parse(text), ServerFrame::Unknown), "{text}");
        }
    }

    #[test]
    fn close_codes_are_told_apart() {
        for code in CloseCode::ALL {
            assert_eq!(CloseCode::from_code(code.code()), Some(code));
        }
        assert_eq!(CloseCode::TakenOver.code(), 4001);
        assert_eq!(CloseCode::from_code(1006), None);
    }
}
