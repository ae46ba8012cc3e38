//! What a page asks of the broker.

use serde::Deserialize;

use super::{Refusal, RefusalCode};
use crate::json::{Object, ToFields, ToJson, words, written};
use crate::secrets::AnyToken;
use crate::{
    ExchangeId, HostCode, InviteToken, Latch, MemberId, Proof, RoomId, RoomPublicKey, Sealed, SeatToken, SessionNonce,
    TokenHash,
};

/// One request: `{"id":1,"verb":"lock","locked":true}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Chosen by the page; the reply carries it.
    pub id: i64,
    /// What is asked.
    pub verb: Verb,
}

/// The verbs. The room is the one in the socket's path, `/ws/<room>`; on `/ws` only `peek`, `host-code`, `ice-servers` (refused)
/// and `ping` make sense.
#[derive(Clone, Debug, PartialEq)]
pub enum Verb {
    /// Opens the room and takes its first seat, the creator's. Answer: [`super::Admitted`]. Asked again with the same member, seat and
    /// session, after a lost reply, it is harmless; from another page load it is refused, which comes back with the seat's token.
    Create(Create),
    /// Takes a new seat, or comes back to one's own. Answer: [`super::Admitted`].
    Join(Join),
    /// Brings a room back to a broker that was restarted and keeps no rooms, and comes back to one's seat in it. Answer:
    /// [`super::Admitted`]. Others who do the same may know better: where two disagree the stricter wins.
    Revive(Revive),
    /// Gives up presence and keeps the seat. Answer: [`super::Empty`].
    Leave,
    /// Releases the seat that one sits on, or, with its token and without sitting down, another. Answer: [`super::Empty`].
    Forget(Forget),
    /// A member's new card (a new name). Answer: [`super::Empty`].
    Card(NewCard),
    /// Locks or unlocks; the creator's alone. Answer: [`super::Empty`].
    Lock(Lock),
    /// Ends the room for everybody; the creator's alone. Answer: [`super::Empty`].
    End,
    /// Begins an exchange with a present member. Answer: [`super::Empty`].
    Offer(Offer),
    /// Answers an offer that the broker passed on. Answer: [`super::Empty`].
    Answer(Answer),
    /// One ICE candidate of a known exchange, or the end of them. Answer: [`super::Empty`].
    Candidate(Candidate),
    /// How some rooms are, for who has a token of each. Answer: [`super::Peeked`].
    Peek(Peek),
    /// Whether this is one of the host's codes, before it is needed. Answer: [`super::Empty`], also where none is wanted.
    HostCode(HostCode),
    /// The STUN and TURN servers to use, with fresh credentials. Answer: [`super::IceServers`].
    IceServers,
    /// Nothing but an answer. Answer: [`super::Empty`].
    Ping,
}

/// See [`Verb::Create`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Create {
    /// The creator's id.
    pub member: MemberId,
    /// The public key whose hash is the room's id.
    pub key: RoomPublicKey,
    /// Made with [`crate::ProofLabel::Create`] over the nonce in `hello`.
    pub proof: Proof,
    /// The seat's token, hashed.
    pub seat: TokenHash,
    /// The invitation's token, hashed.
    pub invite: TokenHash,
    /// The room's name.
    pub name: Sealed,
    /// The creator's card.
    pub card: Sealed,
    /// Of this page load.
    pub session: SessionNonce,
    /// One of the host's, where [`super::Hello::host_code`] says that one is wanted.
    #[serde(default)]
    pub code: Option<HostCode>,
}

/// See [`Verb::Join`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Join {
    /// The member's id.
    pub member: MemberId,
    /// The public key whose hash is the room's id.
    pub key: RoomPublicKey,
    /// Made with [`crate::ProofLabel::Join`] over the nonce in `hello`.
    pub proof: Proof,
    /// By what right.
    pub admission: Admission,
    /// The member's card as it is now.
    pub card: Sealed,
    /// Of this page load.
    pub session: SessionNonce,
}

/// By what right somebody joins.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Admission {
    /// With an invitation, to take a seat with this token's hash. Asked again for the same member, seat and session, after a lost
    /// reply, it is coming back; from another page load the seat's token is wanted.
    Invite {
        /// The invitation's token.
        token: InviteToken,
        /// The new seat's token, hashed.
        seat: TokenHash,
    },
    /// To the seat that one has.
    Seat {
        /// The seat's token.
        token: SeatToken,
    },
}

/// See [`Verb::Revive`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Revive {
    /// The member's id.
    pub member: MemberId,
    /// The public key whose hash is the room's id.
    pub key: RoomPublicKey,
    /// Made with [`crate::ProofLabel::Revive`] over the nonce in `hello`.
    pub proof: Proof,
    /// The seat's.
    pub token: SeatToken,
    /// Its place in the order in which seats were taken.
    pub ordinal: u32,
    /// The member's card as it is now.
    pub card: Sealed,
    /// Of this page load.
    pub session: SessionNonce,
    /// The room as this member knows it.
    pub account: Account,
    /// One of the host's, as with [`Create`]. Only who is the first to bring a room back needs it.
    #[serde(default)]
    pub code: Option<HostCode>,
}

/// What a member remembers of a room.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Account {
    /// Who created it.
    pub creator: MemberId,
    /// Whether new seats are refused.
    pub locked: bool,
    /// Its name.
    pub name: Sealed,
    /// The invitation's token, hashed.
    pub invite: TokenHash,
    /// The place of the next seat in their order: beyond any that was ever taken.
    pub next_ordinal: u32,
    /// The others' seats, fewer than [`crate::limits::MAX_SEATS`].
    pub seats: Vec<SeatOf>,
}

/// A seat, as far as somebody else knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct SeatOf {
    /// Whose.
    pub member: MemberId,
    /// Its place in the order in which seats were taken.
    pub ordinal: u32,
    /// What its token is checked against.
    pub latch: Latch,
}

/// See [`Verb::Forget`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Forget {
    /// Of the seat to release; none for the one that this socket sits on.
    #[serde(default)]
    pub token: Option<SeatToken>,
}

/// See [`Verb::Card`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct NewCard {
    /// The card.
    pub card: Sealed,
}

/// See [`Verb::Lock`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Lock {
    /// Locked, or open again.
    pub locked: bool,
}

/// See [`Verb::Offer`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Offer {
    /// To whom.
    pub to: MemberId,
    /// Higher than any before in this direction and session.
    pub exchange: ExchangeId,
    /// The description, sealed for the pair; sequence 0 of the offerer.
    pub body: Sealed,
}

/// See [`Verb::Answer`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Answer {
    /// To the offerer.
    pub to: MemberId,
    /// The offer's.
    pub exchange: ExchangeId,
    /// The description, sealed for the pair; sequence 0 of the answerer.
    pub body: Sealed,
}

/// See [`Verb::Candidate`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Candidate {
    /// To the other end.
    pub to: MemberId,
    /// The exchange that it belongs to.
    pub exchange: ExchangeId,
    /// Which end of that exchange the sender is.
    pub side: Side,
    /// Counts from 1 on each side: 0 is the description.
    pub sequence: u32,
    /// The candidate, sealed for the pair.
    pub body: Sealed,
}

/// An end of an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The end that offered.
    Offerer,
    /// The end that answers.
    Answerer,
}

words! {
    Side { Offerer = "offerer", Answerer = "answerer" }
}

/// See [`Verb::Peek`].
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Peek {
    /// At most [`crate::limits::MAX_PEEKED_ROOMS`].
    pub rooms: Vec<PeekAt>,
}

/// One room to look at.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct PeekAt {
    /// The room.
    pub room: RoomId,
    /// A seat's or an invitation's; without one the room is unknown.
    pub token: AnyToken,
}

written!(Create { member, key, proof, seat, invite, name, card, session, code });
written!(Join { member, key, proof, admission, card, session });
written!(Revive { member, key, proof, token, ordinal, card, session, account, code });
written!(Account { creator, locked, name, invite, next_ordinal, seats });
written!(SeatOf { member, ordinal, latch });
written!(Forget { token });
written!(NewCard { card });
written!(Lock { locked });
written!(Offer { to, exchange, body });
written!(Answer { to, exchange, body });
written!(Candidate { to, exchange, side, sequence, body });
written!(Peek { rooms });
written!(PeekAt { room, token });

impl ToFields for Admission {
    fn write_fields(&self, to: &mut Object<'_>) {
        match self {
            Self::Invite { token, seat } => to.object("invite", &|inner| {
                inner.field("token", token).field("seat", seat);
            }),
            Self::Seat { token } => to.object("seat", &|inner| {
                inner.field("token", token);
            }),
        };
    }
}

impl ToFields for Request {
    fn write_fields(&self, to: &mut Object<'_>) {
        to.field("id", &self.id);
        match &self.verb {
            Verb::Create(create) => to.tag("verb", "create").fields(create),
            Verb::Join(join) => to.tag("verb", "join").fields(join),
            Verb::Revive(revive) => to.tag("verb", "revive").fields(revive),
            Verb::Leave => to.tag("verb", "leave"),
            Verb::Forget(forget) => to.tag("verb", "forget").fields(forget),
            Verb::Card(card) => to.tag("verb", "card").fields(card),
            Verb::Lock(lock) => to.tag("verb", "lock").fields(lock),
            Verb::End => to.tag("verb", "end"),
            Verb::Offer(offer) => to.tag("verb", "offer").fields(offer),
            Verb::Answer(answer) => to.tag("verb", "answer").fields(answer),
            Verb::Candidate(candidate) => to.tag("verb", "candidate").fields(candidate),
            Verb::Peek(peek) => to.tag("verb", "peek").fields(peek),
            Verb::HostCode(code) => to.tag("verb", "host-code").field("code", code),
            Verb::IceServers => to.tag("verb", "ice-servers"),
            Verb::Ping => to.tag("verb", "ping"),
        };
    }
}

/// A frame that is no request: the refusal, and the id to answer with, where one could be read.
#[derive(Clone, Debug, PartialEq)]
pub struct Unreadable {
    /// The frame's id.
    pub id: Option<i64>,
    /// What is wrong with it.
    pub refusal: Refusal,
}

/// What is read of a frame before its verb is known.
#[derive(Deserialize)]
struct Head<'a> {
    id: Option<i64>,
    #[serde(borrow)]
    verb: Option<std::borrow::Cow<'a, str>>,
}

/// See [`Verb::HostCode`].
#[derive(Deserialize)]
struct Given {
    code: HostCode,
}

/// An id, where the rest is wrongly typed.
#[derive(Deserialize)]
struct OnlyId {
    id: i64,
}

impl Request {
    /// Reads one frame.
    ///
    /// # Errors
    /// [`Unreadable`], with the id if there is one, so that the frame can be answered.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        let unreadable = |id, code| Unreadable { id, refusal: Refusal::of(code) };
        // Derived readers take an array's elements for fields in their order.
        if !text.trim_start().starts_with('{') {
            return Err(unreadable(None, RefusalCode::BadFrame));
        }
        let head: Head<'_> = match serde_json::from_str(text) {
            Ok(head) => head,
            Err(error) if error.is_data() => {
                let id = serde_json::from_str::<OnlyId>(text).ok().map(|only| only.id);
                return Err(unreadable(id, RefusalCode::BadFrame));
            }
            Err(_) => return Err(unreadable(None, RefusalCode::BadFrame)),
        };
        let Some(id) = head.id else {
            return Err(unreadable(None, RefusalCode::BadFrame));
        };
        let Some(verb) = head.verb else {
            return Err(unreadable(Some(id), RefusalCode::BadFrame));
        };
        fn body<'a, T: Deserialize<'a>>(text: &'a str, verb: fn(T) -> Verb) -> Result<Verb, RefusalCode> {
            serde_json::from_str(text).map(verb).map_err(|_| RefusalCode::BadRequest)
        }
        let verb = match &*verb {
            "create" => body(text, Verb::Create),
            "join" => body(text, Verb::Join),
            "revive" => body(text, Verb::Revive),
            "leave" => Ok(Verb::Leave),
            "forget" => body(text, Verb::Forget),
            "card" => body(text, Verb::Card),
            "lock" => body(text, Verb::Lock),
            "end" => Ok(Verb::End),
            "offer" => body(text, Verb::Offer),
            "answer" => body(text, Verb::Answer),
            "candidate" => body(text, Verb::Candidate),
            "peek" => body(text, Verb::Peek),
            "host-code" => body(text, |Given { code }| Verb::HostCode(code)),
            "ice-servers" => Ok(Verb::IceServers),
            "ping" => Ok(Verb::Ping),
            _ => Err(RefusalCode::UnknownVerb),
        };
        match verb {
            Ok(verb) => Ok(Self { id, verb }),
            Err(code) => Err(unreadable(Some(id), code)),
        }
    }

    /// The frame.
    pub fn to_frame(&self) -> String {
        self.to_json()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemberKeys, Nonce, ProofLabel, RoomKey, RoomKeys};
    use proptest::prelude::*;

    fn one_of_each() -> Vec<Verb> {
        let keys = RoomKeys::derive(&RoomKey::random());
        let (member, session) = (MemberId::random(), SessionNonce::random());
        let (seat, invite) = (SeatToken::random(), InviteToken::random());
        let name = "Ana".parse().expect("a name");
        let card = crate::Card::new(keys.id(), &MemberKeys::random(), name, 1).seal(&keys);
        let proof = keys.prove(ProofLabel::Create, &Nonce::random(), &member);
        let (key, exchange, body) = (keys.public(), ExchangeId(1), card.clone());
        let join =
            |admission| Verb::Join(Join { member, key, proof: proof.clone(), admission, card: card.clone(), session });
        vec![
            Verb::Create(Create {
                member,
                key,
                proof: proof.clone(),
                seat: seat.hash(),
                invite: invite.hash(),
                name: card.clone(),
                card: card.clone(),
                session,
                code: "a secret".parse().ok(),
            }),
            Verb::Revive(Revive {
                member,
                key,
                proof: proof.clone(),
                token: seat.clone(),
                ordinal: 3,
                card: card.clone(),
                session,
                account: Account {
                    creator: member,
                    locked: true,
                    name: card.clone(),
                    invite: invite.hash(),
                    next_ordinal: 4,
                    seats: vec![SeatOf { member: MemberId::random(), ordinal: 1, latch: seat.hash().latch() }],
                },
                code: None,
            }),
            join(Admission::Invite { token: invite.clone(), seat: seat.hash() }),
            join(Admission::Seat { token: seat.clone() }),
            Verb::Leave,
            Verb::Forget(Forget::default()),
            Verb::Forget(Forget { token: Some(seat.clone()) }),
            Verb::Card(NewCard { card: card.clone() }),
            Verb::Lock(Lock { locked: true }),
            Verb::End,
            Verb::Offer(Offer { to: member, exchange, body: body.clone() }),
            Verb::Answer(Answer { to: member, exchange, body: body.clone() }),
            Verb::Candidate(Candidate { to: member, exchange, side: Side::Answerer, sequence: 1, body }),
            Verb::Peek(Peek { rooms: vec![PeekAt { room: keys.id(), token: AnyToken::Seat(seat) }] }),
            Verb::HostCode("a secret".parse().expect("a code")),
            Verb::IceServers,
            Verb::Ping,
        ]
    }

    fn refused(text: &str) -> (Option<i64>, RefusalCode) {
        let unreadable = Request::parse(text).expect_err(text);
        (unreadable.id, unreadable.refusal.code)
    }

    #[test]
    fn each_verb_survives_its_frame() {
        for verb in one_of_each() {
            let request = Request { id: 7, verb };
            assert_eq!(Request::parse(&request.to_frame()), Ok(request));
        }
    }

    #[test]
    fn unknown_fields_are_ignored_and_unknown_verbs_refused() {
        let ping = Request { id: -3, verb: Verb::Ping };
        assert_eq!(Request::parse(r#"{"future":[1,{"a":2}],"id":-3,"verb":"ping"}"#), Ok(ping));
        assert_eq!(refused(r#"{"id":1,"verb":"dance"}"#), (Some(1), RefusalCode::UnknownVerb));
    }

    #[test]
    fn a_frame_without_a_readable_id_is_refused_without_one() {
        for text in [
            "",
            "{",
            "null",
            "[]",
            "1",
            "\"ping\"",
            "{}",
            r#"{"verb":"ping"}"#,
            r#"{"id":1.5,"verb":"ping"}"#,
            r#"{"id":"1","verb":"ping"}"#,
        ] {
            assert_eq!(refused(text), (None, RefusalCode::BadFrame), "{text}");
        }
    }

    #[test]
    fn a_wrong_verb_or_field_is_answered_with_the_id() {
        assert_eq!(refused(r#"{"id":4,"verb":5}"#), (Some(4), RefusalCode::BadFrame));
        assert_eq!(refused(r#"{"id":4}"#), (Some(4), RefusalCode::BadFrame));
        assert_eq!(refused(r#"{"id":4,"verb":"lock","locked":"yes"}"#), (Some(4), RefusalCode::BadRequest));
        assert_eq!(
            refused(r#"{"id":4,"verb":"offer","to":"me","exchange":1,"body":"AAAA"}"#),
            (Some(4), RefusalCode::BadRequest)
        );
    }

    #[test]
    fn deep_nesting_is_skipped_where_ignored_and_refused_where_read() {
        let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
        assert!(Request::parse(&format!(r#"{{"id":1,"verb":"ping","x":{deep}}}"#)).is_ok());
        assert_eq!(
            refused(&format!(r#"{{"id":1,"verb":"lock","locked":{deep}}}"#)),
            (Some(1), RefusalCode::BadRequest)
        );
    }

    proptest! {
        #[test]
        fn no_frame_panics(text in ".{0,200}") {
            let _ = Request::parse(&text);
        }

        #[test]
        fn no_mutilated_frame_panics(which in 0usize..15, cut in 0usize..600, junk in ".{0,3}") {
            let frame = Request { id: 1, verb: one_of_each().swap_remove(which) }.to_frame();
            let cut = cut.min(frame.len());
            let _ = Request::parse(&format!("{}{junk}{}", &frame[..cut], &frame[(cut + 1).min(frame.len())..]));
        }
    }
}
