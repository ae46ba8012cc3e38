//! Who and what: ids that can be told apart by type, all made in the page.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::encoding::{encode, text_bytes};
use crate::json::ToJson;
use crate::random_bytes;

/// A text that is not an id of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind")]
pub struct BadId;

/// A newtype around a UUID of one version, hyphenated in text.
macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident, $version:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 16]);

        impl $name {
            /// The sixteen bytes, in the order that ids are compared in.
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl TryFrom<[u8; 16]> for $name {
            type Error = BadId;
            fn try_from(bytes: [u8; 16]) -> Result<Self, BadId> {
                if bytes[6] >> 4 == $version { Ok(Self(bytes)) } else { Err(BadId) }
            }
        }

        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                parse_uuid(text).ok_or(BadId)?.try_into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&uuid_text(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), uuid_text(&self.0))
            }
        }

        impl ToJson for $name {
            fn write_json(&self, to: &mut String) {
                uuid_text(&self.0).write_json(to);
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&uuid_text(&self.0))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::encoding::deserialize_text(deserializer)
            }
        }
    };
}

uuid_id! {
    /// A room: UUID v8 of the first 16 bytes of SHA-256 of the room's public key, so that nobody without the
    /// room's key can open, squat or join it ([`crate::RoomPublicKey::room_id`]).
    RoomId, 8
}

uuid_id! {
    /// A member of a room: a UUID v4 made of the seat's key ([`crate::VerifyingKey::owner`]), so that a member's card proves itself,
    /// whoever hands it on. The lower one of two (by bytes) is polite.
    MemberId, 4
}

uuid_id! {
    /// A chat message: a random UUID v4, made by its author.
    MessageId, 4
}

impl RoomId {
    /// The id of the room whose public key hashes to `hash`.
    pub(crate) fn from_hash(hash: [u8; 16]) -> Self {
        Self(uuid(hash, 8))
    }
}

impl MemberId {
    /// A fresh id.
    pub fn random() -> Self {
        Self::from_random_bytes(random_bytes())
    }

    /// The id that these bytes make, random ones or of a hash; version and variant bits are set.
    pub fn from_random_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid(bytes, 4))
    }
}

impl MessageId {
    /// That of the switch of a room's history.
    pub const HISTORY: Self = Self([0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, 0, 0, 0, 0]);

    /// A fresh id.
    pub fn random() -> Self {
        Self(uuid(random_bytes(), 4))
    }
}

/// These bytes as a UUID of such a version (RFC 9562 §4): six bits of them tell that it is one.
fn uuid(mut bytes: [u8; 16], version: u8) -> [u8; 16] {
    bytes[6] = bytes[6] & 0x0f | version << 4;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

/// Whether a hyphen stands before a UUID's byte of this index.
fn begins_group(index: usize) -> bool {
    matches!(index, 4 | 6 | 8 | 10)
}

fn uuid_text(bytes: &[u8; 16]) -> String {
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if begins_group(index) {
            text.push('-');
        }
        text.extend([byte >> 4, byte & 15].into_iter().filter_map(|digit| char::from_digit(digit.into(), 16)));
    }
    text
}

/// Of all that others read as a UUID one spelling, so that an id in a path and one in a frame compare as text too.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let (mut bytes, mut rest) = ([0; 16], text.bytes());
    let digit = |c: u8| match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        _ => None,
    };
    for (index, byte) in bytes.iter_mut().enumerate() {
        if begins_group(index) && rest.next() != Some(b'-') {
            return None;
        }
        *byte = digit(rest.next()?)? << 4 | digit(rest.next()?)?;
    }
    rest.next().is_none().then_some(bytes)
}

/// Sixteen bytes that are used once. Not secret.
macro_rules! nonce {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) [u8; 16]);

        impl $name {
            /// A fresh one.
            pub fn random() -> Self {
                Self(random_bytes())
            }

            /// The bytes.
            pub fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }

            /// One from given bytes; for pure code, which is handed its randomness.
            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(bytes)
            }
        }

        text_bytes!($name, 16);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), encode(&self.0))
            }
        }
    };
}

nonce! {
    /// The broker's nonce for one socket, told in `hello`; a [`crate::Proof`] is made over it.
    Nonce
}

nonce! {
    /// Made at each page load, told in `joined` and `back`: peers tell a reconnected socket (keep the link)
    /// from a reloaded page (new link) by it.
    SessionNonce
}

/// Which build of the page a broker serves: the first 16 hexadecimal digits of a SHA-256 over its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientHash(u64);

impl FromStr for ClientHash {
    type Err = BadId;
    fn from_str(text: &str) -> Result<Self, BadId> {
        let hash = u64::from_str_radix(text, 16).map(Self).map_err(|_| BadId)?;
        if hash.to_string() == text { Ok(hash) } else { Err(BadId) }
    }
}

impl fmt::Display for ClientHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl ToJson for ClientHash {
    fn write_json(&self, to: &mut String) {
        self.to_string().write_json(to);
    }
}

/// An exchange (one offer with its answer and candidates), numbered by the offerer: the first of a page session is 1,
/// and later ones are higher. With the offerer's session it is unique.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExchangeId(pub u32);

impl ToJson for ExchangeId {
    fn write_json(&self, to: &mut String) {
        self.0.write_json(to);
    }
}

impl ExchangeId {
    /// The one after this; the first is `ExchangeId(0).next()`.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_has_one_spelling_and_one_version() {
        let id = MemberId::from_random_bytes([7; 16]);
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        assert_eq!(text.to_uppercase().parse::<MemberId>().is_err(), text.to_uppercase() != text);
        assert_eq!(text.replace('-', "").parse::<MemberId>(), Err(BadId));
        assert_eq!(format!("{{{text}}}").parse::<MemberId>(), Err(BadId));
        assert_eq!(text.parse::<RoomId>(), Err(BadId));
        assert_eq!("00000000-0000-0000-0000-000000000000".parse::<MemberId>(), Err(BadId));
        assert_eq!(MemberId::try_from(*id.as_bytes()), Ok(id));
        assert_eq!((RoomId::try_from(*id.as_bytes()), MemberId::try_from([0; 16])), (Err(BadId), Err(BadId)));
    }

    #[test]
    fn ids_are_the_uuids_that_others_make_of_the_same_bytes() {
        for seed in 0..=255 {
            let bytes = std::array::from_fn(|index| u8::try_from(index * 31 % 256).expect("a byte") ^ seed);
            let (member, room) = (MemberId::from_random_bytes(bytes), RoomId::from_hash(bytes));
            let random = uuid::Builder::from_random_bytes(bytes).into_uuid();
            let custom = uuid::Builder::from_custom_bytes(bytes).into_uuid();
            assert_eq!((member.to_string(), room.to_string()), (random.to_string(), custom.to_string()));
            assert_eq!((member.as_bytes(), room.as_bytes()), (random.as_bytes(), custom.as_bytes()));
            assert_eq!((member.to_string().parse(), room.to_string().parse()), (Ok(member), Ok(room)));
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_a_uuid_in_its_one_spelling(text in "[0-9a-fA-F-]{0,37}|[0-9a-g]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{11,12}[0-9a-fA-F+é]?") {
            let others = uuid::Uuid::try_parse(&text).ok().filter(|id| id.to_string() == text);
            prop_assert_eq!(parse_uuid(&text), others.map(uuid::Uuid::into_bytes));
        }
    }

    #[test]
    fn a_clients_hash_has_sixteen_small_digits() {
        let hash: ClientHash = "000123abcdef0009".parse().expect("one");
        assert_eq!((hash, hash.to_string().as_str()), (ClientHash(0x0001_23ab_cdef_0009), "000123abcdef0009"));
        for bad in
            ["", "123abcdef0009", "000123ABCDEF0009", "+00123abcdef0009", "0000123abcdef0009", "000123abcdef000g"]
        {
            assert_eq!(bad.parse::<ClientHash>(), Err(BadId), "{bad}");
        }
    }

    #[test]
    fn ids_compare_by_their_bytes() {
        let low = MemberId::from_random_bytes([1; 16]);
        let high = MemberId::from_random_bytes([2; 16]);
        assert!(low < high && low.as_bytes() < high.as_bytes());
    }
}
