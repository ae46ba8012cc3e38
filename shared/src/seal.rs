//! Sealing: XChaCha20-Poly1305 with random nonces, every text bound to its circumstances.
//!
//! What is sealed can't be read by the broker, nor redirected to another member, replayed after a reload, reordered
//! within an exchange or passed off as another kind: all of that is authenticated beside the text ([`Context`]). A text
//! that opens was therefore made by somebody with the key for exactly this place.
//!
//! Room-wide things are sealed with the room's key, so any member could have made them; who made a card is told by
//! its own signature. Things to one member are sealed with a [`PairKey`], that only the two have.

use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use zeroize::Zeroize;

use crate::encoding::{fields, pad, unpad};
use crate::limits::ROOM_NAME_BYTES;
use crate::wire::Side;
use crate::{ExchangeId, MemberId, RoomId, RoomName, Sealed, SessionNonce, random_bytes};

const LABEL: &[u8] = b"klatch.v1";
const NIL: [u8; 16] = [0; 16];
const NONCE_BYTES: usize = 24;
/// The first key of a room; a room that changes its key counts up.
pub const FIRST_EPOCH: u32 = 0;

/// A text that does not open: another key, other circumstances, or altered on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("does not open")]
pub struct DoesNotOpen;

/// A key that seals: the room's, or a pair's.
#[derive(Clone)]
pub struct SealingKey([u8; 32]);

/// The key of two members: HKDF of the room's key and what X25519 gives them ([`crate::MemberKeys::pair_key`]).
pub type PairKey = SealingKey;

impl SealingKey {
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Seals `text` for these circumstances.
    pub fn seal(&self, context: &Context, text: &[u8]) -> Sealed {
        let nonce: [u8; NONCE_BYTES] = random_bytes();
        let payload = Payload { msg: text, aad: &context.to_bytes() };
        let cipher =
            self.cipher().encrypt(&XNonce::from(nonce), payload).expect("the text is far below the cipher's bound");
        Sealed::from_bytes(&[&nonce[..], &cipher].concat())
    }

    /// Opens what was sealed with this key for exactly these circumstances.
    ///
    /// # Errors
    /// [`DoesNotOpen`], without a why: there is nothing to tell whoever sent it.
    pub fn open(&self, context: &Context, sealed: &Sealed) -> Result<Vec<u8>, DoesNotOpen> {
        let bytes = sealed.to_bytes().map_err(|_| DoesNotOpen)?;
        let (nonce, cipher) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or(DoesNotOpen)?;
        let payload = Payload { msg: cipher, aad: &context.to_bytes() };
        self.cipher().decrypt(&XNonce::from(*nonce), payload).map_err(|_| DoesNotOpen)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&self.0.into())
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

impl Drop for SealingKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// What a sealed text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The room's name, room-wide.
    RoomName,
    /// A member's card, room-wide.
    Card,
    /// A session description that offers (W3C WebRTC §4.4).
    Offer,
    /// A session description that answers.
    Answer,
    /// An ICE candidate, by which side of the exchange.
    Candidate(Side),
}

impl Kind {
    fn text(self) -> &'static [u8] {
        match self {
            Self::RoomName => b"room-name",
            Self::Card => b"card",
            Self::Offer => b"offer",
            Self::Answer => b"answer",
            Self::Candidate(Side::Offerer) => b"candidate offerer",
            Self::Candidate(Side::Answerer) => b"candidate answerer",
        }
    }
}

/// The circumstances that a sealed text is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context {
    /// Which of the room's keys.
    pub epoch: u32,
    /// What it is.
    pub kind: Kind,
    /// In which room.
    pub room: RoomId,
    /// Who sealed it; none for the room's name.
    pub sender: Option<(MemberId, Option<SessionNonce>)>,
    /// For whom, in which page session; none for room-wide things.
    pub receiver: Option<(MemberId, SessionNonce)>,
    /// The exchange it belongs to and its place there.
    pub place: Option<(ExchangeId, u32)>,
}

impl Context {
    /// Of the room's name.
    pub fn room_name(room: RoomId) -> Self {
        Self { epoch: FIRST_EPOCH, kind: Kind::RoomName, room, sender: None, receiver: None, place: None }
    }

    /// Of a member's card. It outlives page sessions, so it names none; its revision is inside.
    pub fn card(room: RoomId, member: MemberId) -> Self {
        Self { epoch: FIRST_EPOCH, kind: Kind::Card, room, sender: Some((member, None)), receiver: None, place: None }
    }

    /// Of a description or candidate from one member's page session to another's.
    pub fn signal(
        kind: Kind,
        room: RoomId,
        sender: (MemberId, SessionNonce),
        receiver: (MemberId, SessionNonce),
        exchange: ExchangeId,
        sequence: u32,
    ) -> Self {
        Self {
            epoch: FIRST_EPOCH,
            kind,
            room,
            sender: Some((sender.0, Some(sender.1))),
            receiver: Some(receiver),
            place: Some((exchange, sequence)),
        }
    }

    fn to_bytes(self) -> Vec<u8> {
        let (sender, sender_session) = match &self.sender {
            Some((member, session)) => (member.as_bytes(), session.as_ref().map_or(&NIL, SessionNonce::as_bytes)),
            None => (&NIL, &NIL),
        };
        let (receiver, receiver_session) = match &self.receiver {
            Some((member, session)) => (member.as_bytes(), session.as_bytes()),
            None => (&NIL, &NIL),
        };
        let (exchange, sequence) = self.place.map_or((0, 0), |(exchange, sequence)| (exchange.0, sequence));
        fields(&[
            LABEL,
            &self.epoch.to_be_bytes(),
            self.kind.text(),
            self.room.as_bytes(),
            sender,
            receiver,
            sender_session,
            receiver_session,
            &exchange.to_be_bytes(),
            &sequence.to_be_bytes(),
        ])
    }
}

/// The room's name, sealed room-wide and padded.
pub fn seal_room_name(key: &SealingKey, room: RoomId, name: &RoomName) -> Sealed {
    let padded = pad(name.as_str().as_bytes(), ROOM_NAME_BYTES).expect("a room's name is at most 512 bytes");
    key.seal(&Context::room_name(room), &padded)
}

/// The room's name, parsed again: whoever sealed it may have lied.
///
/// # Errors
/// [`DoesNotOpen`], also for what opens and is no name.
pub fn open_room_name(key: &SealingKey, room: RoomId, sealed: &Sealed) -> Result<RoomName, DoesNotOpen> {
    let padded = key.open(&Context::room_name(room), sealed)?;
    let name = unpad(&padded).and_then(|name| std::str::from_utf8(name).ok()).ok_or(DoesNotOpen)?;
    name.parse().map_err(|_| DoesNotOpen)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal() -> Context {
        Context::signal(
            Kind::Candidate(Side::Offerer),
            crate::RoomKeys::derive(&crate::RoomKey::random()).id(),
            (MemberId::random(), SessionNonce::random()),
            (MemberId::random(), SessionNonce::random()),
            ExchangeId(3),
            5,
        )
    }

    #[test]
    fn what_is_sealed_opens_in_its_own_circumstances() {
        let (key, context) = (SealingKey::new(random_bytes()), signal());
        let sealed = key.seal(&context, b"candidate");
        assert_eq!(key.open(&context, &sealed), Ok(b"candidate".to_vec()));
        assert_ne!(sealed, key.seal(&context, b"candidate"), "nonces are fresh");
    }

    #[test]
    fn what_is_sealed_opens_in_no_other_circumstances() {
        let (key, context) = (SealingKey::new(random_bytes()), signal());
        let sealed = key.seal(&context, b"candidate");
        let (sender, receiver) = (context.sender.expect("one"), context.receiver.expect("one"));
        let session = sender.1.expect("one");
        let others = [
            ("epoch", Context { epoch: 1, ..context }),
            ("kind", Context { kind: Kind::Offer, ..context }),
            ("side", Context { kind: Kind::Candidate(Side::Answerer), ..context }),
            ("room", Context { room: signal().room, ..context }),
            ("sender", Context { sender: Some((MemberId::random(), Some(session))), ..context }),
            ("sender's session", Context { sender: Some((sender.0, Some(SessionNonce::random()))), ..context }),
            ("receiver", Context { receiver: Some((MemberId::random(), receiver.1)), ..context }),
            ("receiver's session", Context { receiver: Some((receiver.0, SessionNonce::random())), ..context }),
            (
                "direction",
                Context {
                    sender: Some((receiver.0, Some(receiver.1))),
                    receiver: Some((sender.0, session)),
                    ..context
                },
            ),
            ("exchange", Context { place: Some((ExchangeId(4), 5)), ..context }),
            ("sequence", Context { place: Some((ExchangeId(3), 6)), ..context }),
        ];
        for (what, other) in others {
            assert_eq!(key.open(&other, &sealed), Err(DoesNotOpen), "another {what}");
        }
        assert_eq!(SealingKey::new(random_bytes()).open(&context, &sealed), Err(DoesNotOpen), "another key");
    }

    #[test]
    fn an_altered_text_does_not_open() {
        let (key, context) = (SealingKey::new(random_bytes()), signal());
        let good = key.seal(&context, b"candidate").to_bytes().expect("base64url");
        for i in 0..good.len() {
            let mut bad = good.clone();
            bad[i] ^= 1;
            assert_eq!(key.open(&context, &Sealed::from_bytes(&bad)), Err(DoesNotOpen), "byte {i}");
            assert_eq!(key.open(&context, &Sealed::from_bytes(&good[..i.max(1)])), Err(DoesNotOpen), "cut at {i}");
        }
    }

    #[test]
    fn room_names_of_all_lengths_look_alike_and_lies_do_not_open() {
        let (key, room) = (SealingKey::new(random_bytes()), signal().room);
        let short = seal_room_name(&key, room, &"a".parse().expect("a name"));
        let long = seal_room_name(&key, room, &"b".repeat(64).parse().expect("a name"));
        assert_eq!(short.as_str().len(), long.as_str().len());
        assert_eq!(long.as_str().len(), crate::limits::MAX_SEALED_ROOM_NAME_CHARS);
        assert_eq!(open_room_name(&key, room, &short).map(|n| n.as_str().to_owned()), Ok("a".to_owned()));
        let lie = key.seal(&Context::room_name(room), &pad("\u{202e}evil".as_bytes(), ROOM_NAME_BYTES).expect("fits"));
        assert_eq!(open_room_name(&key, room, &lie), Err(DoesNotOpen));
    }
}
