//! A member's own keys, and the card that shows their public halves and the member's name to the room.

use std::fmt;

use ed25519_dalek::{Signer, SigningKey};
use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};
use x25519_dalek::StaticSecret;
use zeroize::{Zeroize, Zeroizing};

use crate::encoding::{encode, fields, from_json, pad, text_bytes, unpad};
use crate::json::{ToJson, object};
use crate::limits::CARD_BYTES;
use crate::seal::{Context, FIRST_EPOCH, PairKey, SealingKey};
use crate::{MemberId, RoomId, RoomKeys, Sealed, Username, random_bytes};

const PAIR_LABEL: &[u8] = b"klatch.v1 pair";
const CARD_LABEL: &[u8] = b"klatch.v1 card";
const MEMBER_LABEL: &[u8] = b"klatch.v1 member";

macro_rules! public_bytes {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq)]
        pub struct $name([u8; $length]);

        text_bytes!($name, $length);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), encode(&self.0))
            }
        }
    };
}

public_bytes! {
    /// An Ed25519 public key: a member's statements verify with it.
    VerifyingKey, 32
}

public_bytes! {
    /// An X25519 public key: with it two members agree on a pair key.
    DhPublicKey, 32
}

public_bytes! {
    /// An Ed25519 signature by a member.
    Signature, 64
}

impl Signature {
    /// Of what is yet to be signed.
    pub(crate) const NONE: Self = Self([0; 64]);

    /// The bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// One that was read.
    pub(crate) fn from_bytes(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }
}

impl VerifyingKey {
    /// The id of the member whose key this is.
    pub fn owner(&self) -> MemberId {
        let hash: [u8; 32] = Sha256::digest(fields(&[MEMBER_LABEL, &self.0])).into();
        MemberId::from_random_bytes(*hash.first_chunk().expect("a hash has more bytes"))
    }

    /// Whether `signature` is this key's over `text`.
    pub(crate) fn verifies(&self, text: &[u8], signature: &Signature) -> bool {
        ed25519_dalek::VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(text, &ed25519_dalek::Signature::from_bytes(&signature.0)).is_ok())
    }
}

/// An Ed25519 and an X25519 pair, made for each seat and kept with it.
#[derive(Clone)]
pub struct MemberKeys {
    signing: SigningKey,
    dh: StaticSecret,
}

impl MemberKeys {
    /// Fresh ones.
    pub fn random() -> Self {
        Self::from_secret(random_bytes())
    }

    fn from_secret(mut secret: [u8; 64]) -> Self {
        let (signing, dh) = secret.split_at(32);
        let half = |bytes: &[u8]| -> [u8; 32] { bytes.try_into().expect("half of 64 bytes") };
        let keys = Self { signing: SigningKey::from_bytes(&half(signing)), dh: StaticSecret::from(half(dh)) };
        secret.zeroize();
        keys
    }

    /// Both secrets as text, to be kept with the seat. Handle with care.
    pub fn reveal(&self) -> String {
        let secret = Zeroizing::new([self.signing.to_bytes(), self.dh.to_bytes()].concat());
        encode(&secret)
    }

    /// The public half that statements verify with.
    pub fn verifying(&self) -> VerifyingKey {
        VerifyingKey(self.signing.verifying_key().to_bytes())
    }

    /// The public half that pair keys are made with.
    pub fn dh(&self) -> DhPublicKey {
        DhPublicKey(x25519_dalek::PublicKey::from(&self.dh).to_bytes())
    }

    pub(crate) fn sign(&self, text: &[u8]) -> Signature {
        Signature(self.signing.sign(text).to_bytes())
    }

    /// The key of this member and the owner of `theirs`: HKDF-SHA256 over the room's key and the shared secret of X25519
    /// (RFC 7748 §6.1), salted with the room's id. `None` where their key is of low order and would give everybody the same.
    pub fn pair_key(&self, room: &RoomKeys, theirs: &DhPublicKey) -> Option<PairKey> {
        let shared = self.dh.diffie_hellman(&x25519_dalek::PublicKey::from(theirs.0));
        if !shared.was_contributory() {
            return None;
        }
        let material = Zeroizing::new([&room.key().0[..], shared.as_bytes()].concat());
        let mut key = [0; 32];
        let hkdf = Hkdf::<Sha256>::new(Some(room.id().as_bytes()), &material);
        hkdf.expand(PAIR_LABEL, &mut key).expect("32 bytes are within HKDF's bound");
        let pair = SealingKey::new(key);
        key.zeroize();
        Some(pair)
    }
}

impl std::str::FromStr for MemberKeys {
    type Err = crate::BadEncoding;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        crate::encoding::decode(text).map(Self::from_secret)
    }
}

impl fmt::Debug for MemberKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemberKeys(…)")
    }
}

/// A card that does not open, is not signed by itself, or holds what is no card.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a card of this member")]
pub struct BadCard;

/// What a member shows the room: name and public keys, signed by itself. A later card of the same member has a higher
/// revision and the same keys ([`Card::follows`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Card {
    /// The member's name.
    pub name: Username,
    /// What the member's statements verify with.
    pub verifying: VerifyingKey,
    /// What pair keys are made with.
    pub dh: DhPublicKey,
    /// Counts up with each change of name.
    pub revision: u32,
    signature: Signature,
}

object!(Card { name, verifying, dh, revision, signature });

impl Card {
    /// Signs a card for the member whom these keys make.
    pub fn new(room: RoomId, keys: &MemberKeys, name: Username, revision: u32) -> Self {
        let (verifying, dh, signature) = (keys.verifying(), keys.dh(), Signature::NONE);
        let mut card = Self { name, verifying, dh, revision, signature };
        card.signature = keys.sign(&card.signed_text(room));
        card
    }

    /// Whose it is: a member's id is made of the key.
    fn owner(&self) -> MemberId {
        self.verifying.owner()
    }

    /// What the owner signs.
    fn signed_text(&self, room: RoomId) -> Vec<u8> {
        fields(&[
            CARD_LABEL,
            &FIRST_EPOCH.to_be_bytes(),
            room.as_bytes(),
            self.owner().as_bytes(),
            self.name.as_str().as_bytes(),
            &self.verifying.0,
            &self.dh.0,
            &self.revision.to_be_bytes(),
        ])
    }

    /// Seals it room-wide, padded.
    pub fn seal(&self, room: &RoomKeys) -> Sealed {
        self.seal_for(room, self.owner())
    }

    fn seal_for(&self, room: &RoomKeys, member: MemberId) -> Sealed {
        let padded = pad(self.to_json().as_bytes(), CARD_BYTES).expect("a card of the longest name fits");
        room.sealing().seal(&Context::card(room.id(), member), &padded)
    }

    /// Opens `member`'s card and checks that it is theirs: once a seat is released the broker gives its id to whoever asks, and nothing but
    /// the key that the id is made of tells who came.
    ///
    /// # Errors
    /// [`BadCard`]: there is no tile and no link for such a member.
    pub fn open(room: &RoomKeys, member: MemberId, sealed: &Sealed) -> Result<Self, BadCard> {
        let padded = room.sealing().open(&Context::card(room.id(), member), sealed).map_err(|_| BadCard)?;
        let card: Self = unpad(&padded).and_then(from_json).ok_or(BadCard)?;
        if card.proves(room.id()) == Some(member) { Ok(card) } else { Err(BadCard) }
    }

    /// Whose it is, if its owner signed it for this room: nobody else can have made it, whoever hands it on.
    pub fn proves(&self, room: RoomId) -> Option<MemberId> {
        self.verifying.verifies(&self.signed_text(room), &self.signature).then(|| self.owner())
    }

    /// Whether this may take the place of `earlier`: the same keys, and not older.
    pub fn follows(&self, earlier: &Self) -> bool {
        self.verifying == earlier.verifying && self.dh == earlier.dh && self.revision >= earlier.revision
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RoomKey;

    fn name(text: &str) -> Username {
        text.parse().expect("a name")
    }

    #[test]
    fn two_members_agree_on_a_pair_key_and_a_third_does_not() {
        let room = RoomKeys::derive(&RoomKey::random());
        let (ana, bo, eve) = (MemberKeys::random(), MemberKeys::random(), MemberKeys::random());
        let context = Context::room_name(room.id());
        let sealed = ana.pair_key(&room, &bo.dh()).expect("good").seal(&context, b"hello");
        assert!(bo.pair_key(&room, &ana.dh()).expect("good").open(&context, &sealed).is_ok());
        assert!(eve.pair_key(&room, &ana.dh()).expect("good").open(&context, &sealed).is_err());
        let elsewhere = RoomKeys::derive(&RoomKey::random());
        assert!(bo.pair_key(&elsewhere, &ana.dh()).expect("good").open(&context, &sealed).is_err());
    }

    #[test]
    fn a_key_of_low_order_gives_no_pair_key() {
        let room = RoomKeys::derive(&RoomKey::random());
        assert!(MemberKeys::random().pair_key(&room, &DhPublicKey([0; 32])).is_none());
    }

    #[test]
    fn a_card_opens_for_its_own_member_alone() {
        let (room, keys) = (RoomKeys::derive(&RoomKey::random()), MemberKeys::random());
        let card = Card::new(room.id(), &keys, name("Ana"), 1);
        let sealed = card.seal(&room);
        assert_eq!(Card::open(&room, keys.verifying().owner(), &sealed), Ok(card));
        assert_eq!(Card::open(&room, MemberId::random(), &sealed), Err(BadCard));
    }

    #[test]
    fn nobody_has_a_card_for_anothers_id() {
        let room = RoomKeys::derive(&RoomKey::random());
        let (ana, eve) = (MemberKeys::random(), MemberKeys::random());
        let of_eve = Card::new(room.id(), &eve, name("Ana"), 1);
        let id = ana.verifying().owner();
        assert_eq!(Card::open(&room, id, &of_eve.seal_for(&room, id)), Err(BadCard), "signed, and not hers");
        let forged = Card { verifying: ana.verifying(), ..of_eve };
        assert_eq!(Card::open(&room, id, &forged.seal(&room)), Err(BadCard));
        let renamed = Card { name: name("Mallory"), ..Card::new(room.id(), &ana, name("Ana"), 1) };
        assert_eq!(Card::open(&room, id, &renamed.seal(&room)), Err(BadCard));
    }

    #[test]
    fn a_card_proves_whose_it_is_by_itself() {
        let (room, keys) = (RoomKeys::derive(&RoomKey::random()), MemberKeys::random());
        let owner = keys.verifying().owner();
        assert_eq!(owner, keys.verifying().owner());
        assert_ne!(owner, MemberKeys::random().verifying().owner());
        let card = Card::new(room.id(), &keys, name("Ana"), 1);
        assert_eq!(card.proves(room.id()), Some(owner));
        assert_eq!(card.proves(RoomKeys::derive(&RoomKey::random()).id()), None);
        assert_eq!(Card { name: name("Eve"), ..card }.proves(room.id()), None);
    }

    #[test]
    fn a_later_card_keeps_the_keys() {
        let room = RoomKeys::derive(&RoomKey::random());
        let (ana, eve) = (MemberKeys::random(), MemberKeys::random());
        let card = |keys, revision| Card::new(room.id(), keys, name("Ana"), revision);
        assert!(card(&ana, 2).follows(&card(&ana, 1)));
        assert!(!card(&ana, 1).follows(&card(&ana, 2)), "an old card played again");
        assert!(!card(&eve, 2).follows(&card(&ana, 1)), "another's keys");
    }

    #[test]
    fn cards_of_all_names_look_alike() {
        let (room, keys) = (RoomKeys::derive(&RoomKey::random()), MemberKeys::random());
        let sealed = |text: &str| Card::new(room.id(), &keys, name(text), u32::MAX).seal(&room);
        // As many bytes as a name may have, and as many that JSON escapes.
        let longest = "\"\u{301}\u{302}\u{20d7}".repeat(crate::limits::MAX_USERNAME_CLUSTERS);
        assert_eq!(longest.len(), crate::limits::MAX_USERNAME_BYTES);
        for name in ["A", &longest, &format!("{}{}", "\"".repeat(25), "👨‍👩‍👧‍👦".repeat(7))] {
            assert_eq!(sealed(name).as_str().len(), crate::limits::MAX_SEALED_CARD_CHARS);
        }
    }

    #[test]
    fn keys_survive_their_text() {
        let keys = MemberKeys::random();
        let again: MemberKeys = keys.reveal().parse().expect("good");
        assert_eq!((keys.verifying(), keys.dh()), (again.verifying(), again.dh()));
        assert!("AAAA".parse::<MemberKeys>().is_err());
        assert_eq!(format!("{keys:?}"), "MemberKeys(…)");
    }
}
