//! What `hello` promises of frames, held against the largest of each kind that the other limits allow.

use super::*;
use crate::limits::{
    MAX_FRAME_BYTES, MAX_HOST_CODE_BYTES, MAX_PEEKED_ROOMS, MAX_SEALED_CARD_CHARS, MAX_SEALED_CHARS,
    MAX_SEALED_ROOM_NAME_CHARS, MAX_SEATS,
};
use crate::{
    AnyToken, ExchangeId, HostCode, InviteToken, MemberId, Nonce, Proof, ProofLabel, RoomId, RoomKey, RoomKeys, Sealed,
    SeatToken, SessionNonce,
};

fn sealed(chars: usize) -> Sealed {
    "A".repeat(chars).parse().expect("base64url")
}

fn card() -> Sealed {
    sealed(MAX_SEALED_CARD_CHARS)
}

fn name() -> Sealed {
    sealed(MAX_SEALED_ROOM_NAME_CHARS)
}

/// Of characters that are written as longest.
fn code() -> Option<HostCode> {
    "\"".repeat(MAX_HOST_CODE_BYTES).parse().ok()
}

fn view() -> MemberView {
    let (member, session) = (MemberId::random(), SessionNonce::random());
    MemberView {
        member,
        ordinal: u32::MAX,
        presence: Presence::Present,
        latch: SeatToken::random().hash().latch(),
        session,
        card: card(),
    }
}

fn longest_refusal() -> Refusal {
    let longest = RefusalCode::ALL.iter().max_by_key(|code| Refusal::of(**code).to_frame(None).len());
    Refusal::of(*longest.expect("there are some"))
}

fn keys_and_proof() -> (RoomKeys, Proof) {
    let keys = RoomKeys::derive(&RoomKey::random());
    let proof = keys.prove(ProofLabel::Join, &Nonce::random(), &MemberId::random());
    (keys, proof)
}

fn peeked(room: RoomId, glance: &Glance) -> Peeked {
    Peeked { rooms: vec![PeekedRoom { room, glance: glance.clone() }; MAX_PEEKED_ROOMS] }
}

#[test]
fn no_frame_to_a_page_is_larger_than_promised() {
    let room = keys_and_proof().0.id();
    let admitted = Admitted {
        ordinal: u32::MAX,
        creator: MemberId::random(),
        locked: false,
        name: name(),
        members: vec![view(); MAX_SEATS - 1],
        reserved: Vec::new(),
        revived: Some(u32::MAX),
    };
    let glance = RoomGlance { present: u32::MAX, locked: false, full: false, name: name(), expires_in: Some(u64::MAX) };
    let (member, exchange, body) = (MemberId::random(), ExchangeId(u32::MAX), sealed(MAX_SEALED_CHARS));
    let candidate = Candidate { to: member, exchange, side: Side::Answerer, sequence: u32::MAX, body: body.clone() };
    for frame in [
        ok_frame(i64::MIN, &admitted),
        ok_frame(i64::MIN, &peeked(room, &Glance::Alive(glance))),
        ok_frame(i64::MIN, &peeked(room, &Glance::Refused(longest_refusal()))),
        longest_refusal().to_frame(Some(i64::MIN)),
        Event::Joined(view()).to_frame(),
        Event::Card { member, card: card() }.to_frame(),
        Event::offer(member, Offer { to: member, exchange, body: body.clone() }).to_frame(),
        Event::answer(member, Answer { to: member, exchange, body }).to_frame(),
        Event::candidate(member, candidate).to_frame(),
    ] {
        assert!(frame.len() <= MAX_FRAME_BYTES, "{} bytes: {}…", frame.len(), &frame[..80]);
    }
}

#[test]
fn no_frame_from_a_page_is_larger_than_promised() {
    let ((keys, proof), session) = (keys_and_proof(), SessionNonce::random());
    let (member, seat, invite) = (MemberId::random(), SeatToken::random(), InviteToken::random());
    let (key, exchange, body) = (keys.public(), ExchangeId(u32::MAX), sealed(MAX_SEALED_CHARS));
    let create = Create {
        member,
        key,
        proof: proof.clone(),
        seat: seat.hash(),
        invite: invite.hash(),
        name: name(),
        card: card(),
        session,
        code: code(),
    };
    let of = SeatOf { member, ordinal: u32::MAX, latch: seat.hash().latch() };
    let seats = vec![of; MAX_SEATS - 1];
    let account =
        Account { creator: member, locked: false, name: name(), invite: invite.hash(), next_ordinal: u32::MAX, seats };
    let revive = Revive {
        member,
        key,
        proof: proof.clone(),
        token: seat.clone(),
        ordinal: u32::MAX,
        card: card(),
        session,
        account,
        code: code(),
    };
    let admission = Admission::Invite { token: invite, seat: seat.hash() };
    let at = PeekAt { room: keys.id(), token: AnyToken::Seat(seat) };
    for verb in [
        Verb::Create(create),
        Verb::Revive(revive),
        Verb::Join(Join { member, key, proof, admission, card: card(), session }),
        Verb::Candidate(Candidate { to: member, exchange, side: Side::Answerer, sequence: u32::MAX, body }),
        Verb::Peek(Peek { rooms: vec![at; MAX_PEEKED_ROOMS] }),
    ] {
        let frame = Request { id: i64::MIN, verb }.to_frame();
        assert!(frame.len() <= MAX_FRAME_BYTES, "{} bytes: {}…", frame.len(), &frame[..80]);
    }
}
