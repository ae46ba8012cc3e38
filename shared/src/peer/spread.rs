//! What two members compare, to find out what each lacks of the chat: fingerprints of messages, lists of them, and a digest of all.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::BadEncoding;
use crate::encoding::{decode_all, encode, text_bytes};
use crate::json::ToJson;
use crate::limits::{MAX_KEPT_MESSAGES, MAX_PRINTS};

/// A message's fingerprint: the first 8 bytes of a SHA-256 over its signature and what is signed. Who makes two of their own messages with
/// one fingerprint has said one of them to some and the other to others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Print([u8; Print::BYTES]);

impl Print {
    /// So long is one.
    const BYTES: usize = 8;

    /// That of a message of these bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let hash: [u8; 32] = Sha256::digest(bytes).into();
        Self(*hash.first_chunk().expect("a hash has more bytes"))
    }
}

/// All of them, end to end.
fn concat(prints: &[Print]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(prints.len() * Print::BYTES);
    for print in prints {
        bytes.extend_from_slice(&print.0);
    }
    bytes
}

impl fmt::Debug for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&self.0))
    }
}

/// Fingerprints of all that a member has, at most [`MAX_PRINTS`]: base64url of all of them, end to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prints(pub Vec<Print>);

impl FromStr for Prints {
    type Err = BadEncoding;
    fn from_str(text: &str) -> Result<Self, BadEncoding> {
        let bytes = decode_all(text).ok_or(BadEncoding)?;
        let (prints, rest) = bytes.as_chunks();
        if rest.is_empty() && prints.len() <= MAX_PRINTS {
            Ok(Self(prints.iter().copied().map(Print).collect()))
        } else {
            Err(BadEncoding)
        }
    }
}

impl ToJson for Prints {
    fn write_json(&self, to: &mut String) {
        encode(&concat(&self.0)).write_json(to);
    }
}

/// What a member has, in sixteen bytes: those who have the same have the same digest, and nobody makes two lists with one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest([u8; 16]);

text_bytes!(Digest, 16);

impl Digest {
    /// That of these messages, in the order all agree on.
    pub fn of(prints: &[Print]) -> Self {
        let hash: [u8; 32] = Sha256::digest(&concat(prints)[..]).into();
        Self(*hash.first_chunk().expect("a hash has more bytes"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&self.0))
    }
}

const _: () = assert!(MAX_PRINTS >= 2 * MAX_KEPT_MESSAGES, "what is kept, and what cannot be read");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MAX_PEER_MESSAGE_BYTES;
    use crate::peer::PeerMessage;

    fn prints(count: usize) -> Vec<Print> {
        (0..count).map(|n| Print::of(&n.to_be_bytes())).collect()
    }

    #[test]
    fn a_digest_tells_lists_apart_by_what_is_in_them_and_in_which_order() {
        let some = prints(3);
        assert_eq!(Digest::of(&some), Digest::of(&some.clone()));
        assert_ne!(Digest::of(&some), Digest::of(&some[..2]));
        assert_ne!(Digest::of(&some), Digest::of(&[some[1], some[0], some[2]]));
    }

    #[test]
    fn the_longest_list_fits_the_channel_and_a_longer_one_is_none() {
        let have = |count| PeerMessage::Have { prints: Prints(prints(count)), aside: 0 };
        for fits in [0, 1, MAX_PRINTS] {
            assert!(have(fits).to_text().len() <= MAX_PEER_MESSAGE_BYTES);
            assert_eq!(PeerMessage::parse(&have(fits).to_text()), Ok(have(fits)));
        }
        assert!(PeerMessage::parse(&have(MAX_PRINTS + 1).to_text()).is_err());
        assert!(PeerMessage::parse(&have(10_000).to_text()).is_err());
    }

    #[test]
    fn a_list_is_whole_fingerprints() {
        for bad in ["A", "AAAA", "AAAAAAAAAAA=", "AAAAAAAAAA+", "AAAAAAAAAAAA"] {
            assert_eq!(bad.parse::<Prints>(), Err(BadEncoding), "{bad}");
        }
        assert_eq!("AAAAAAAAAAA".parse(), Ok(Prints(vec![Print([0; 8])])));
    }
}
