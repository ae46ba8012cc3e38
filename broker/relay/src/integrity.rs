//! MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256 (RFC 8489 §14.5, §14.6).
//!
//! By hand, as the codec ties each to one way of making keys; which of them signs and how the key is made are two choices.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;
use stun_types::attribute::{MessageIntegrity, MessageIntegritySha256};
use stun_types::message::{Message, MessageWrite};
use stun_types::prelude::AttributeStaticType;

use crate::credentials::Key;
use crate::wire::HEADER;

/// How a message is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seal {
    Sha1,
    Sha256,
}

/// How a request is signed; the stronger, where it is signed twice.
pub(crate) fn seal_of(message: &Message<'_>) -> Option<Seal> {
    if message.has_attribute(MessageIntegritySha256::TYPE) {
        Some(Seal::Sha256)
    } else if message.has_attribute(MessageIntegrity::TYPE) {
        Some(Seal::Sha1)
    } else {
        None
    }
}

/// Whether `message` was signed with `key`. A MESSAGE-INTEGRITY-SHA256 that is cut short is refused: TURN allows none.
pub(crate) fn is_signed(message: &Message<'_>, seal: Seal, key: &Key) -> bool {
    let kind = match seal {
        Seal::Sha1 => MessageIntegrity::TYPE,
        Seal::Sha256 => MessageIntegritySha256::TYPE,
    };
    let Some((offset, attribute)) = message.raw_attribute_and_offset(kind) else { return false };
    let bytes = message.as_bytes();
    match seal {
        Seal::Sha1 => mac::<Hmac<Sha1>>(bytes, offset, 20, key).verify_slice(&attribute.value).is_ok(),
        Seal::Sha256 => mac::<Hmac<Sha256>>(bytes, offset, 32, key).verify_slice(&attribute.value).is_ok(),
    }
}

/// Signs what has been written so far.
pub(crate) fn sign(message: &mut impl MessageWrite, seal: Seal, key: &Key) {
    let offset = message.len();
    match seal {
        Seal::Sha1 => {
            message.push_attribute_unchecked(&MessageIntegrity::new([0; 20]));
            let mac = mac::<Hmac<Sha1>>(message.data(), offset, 20, key).finalize().into_bytes();
            message.mut_data()[offset + 4..offset + 24].copy_from_slice(&mac);
        }
        Seal::Sha256 => {
            let blank = MessageIntegritySha256::new(&[0; 32]).expect("32 is its length");
            message.push_attribute_unchecked(&blank);
            let mac = mac::<Hmac<Sha256>>(message.data(), offset, 32, key).finalize().into_bytes();
            message.mut_data()[offset + 4..offset + 36].copy_from_slice(&mac);
        }
    }
}

/// Over everything in front of the attribute at `offset`, with the length as if the message ended behind it.
fn mac<M: Mac + KeyInit>(bytes: &[u8], offset: usize, length: usize, key: &Key) -> M {
    let claimed = (offset + 4 + length - HEADER) as u16;
    let mut mac = <M as KeyInit>::new_from_slice(key.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(&bytes[..2]);
    mac.update(&claimed.to_be_bytes());
    mac.update(&bytes[4..offset]);
    mac
}

#[cfg(test)]
mod tests {
    use stun_types::message::{BINDING, MessageClass, MessageType, MessageWriteVec};

    use super::*;
    use crate::wire::tests::vector;

    #[test]
    fn the_vectors_of_the_rfcs_are_signed() {
        // RFC 5769 §2.1 to §2.3: short-term, the password is the key. §2.4, RFC 8489 B.1: long-term, by MD5 and SHA-256.
        let short = Key::of(b"VOkJxbRl1RmTxUk/WvJxBt");
        let user = "\u{30DE}\u{30C8}\u{30EA}\u{30C3}\u{30AF}\u{30B9}:example.org:TheMatrIX";
        let md5 = Key::of(&<md5::Md5 as md5::Digest>::digest(user));
        let sha256 = Key::of(&<Sha256 as sha2::Digest>::digest(user));
        for (name, seal, key) in [
            ("rfc5769-request", Seal::Sha1, &short),
            ("rfc5769-response-ipv4", Seal::Sha1, &short),
            ("rfc5769-response-ipv6", Seal::Sha1, &short),
            ("rfc5769-long-term", Seal::Sha1, &md5),
            ("rfc8489-sha256", Seal::Sha256, &sha256),
        ] {
            let bytes = vector(name);
            let message = Message::from_bytes(&bytes).unwrap();
            assert_eq!(seal_of(&message), Some(seal), "{name}");
            assert!(is_signed(&message, seal, key), "{name}");
            assert!(!is_signed(&message, seal, &Key::of(b"another")), "{name}");
        }
    }

    #[test]
    fn what_is_signed_is_signed_either_way() {
        for seal in [Seal::Sha1, Seal::Sha256] {
            let kind = MessageType::from_class_method(MessageClass::Success, BINDING);
            let mut message = Message::builder(kind, 7.into(), MessageWriteVec::new());
            sign(&mut message, seal, &Key::of(b"key"));
            let mut bytes = message.finish();
            assert!(is_signed(&Message::from_bytes(&bytes).unwrap(), seal, &Key::of(b"key")));
            bytes[10] ^= 1;
            assert!(!is_signed(&Message::from_bytes(&bytes).unwrap(), seal, &Key::of(b"key")));
        }
    }

    #[test]
    fn a_signature_that_is_cut_short_is_none() {
        let mut bytes = vector("rfc8489-sha256");
        let whole = bytes.len();
        bytes.truncate(whole - 16);
        bytes[3] -= 16;
        bytes[whole - 33] = 16;
        let message = Message::from_bytes(&bytes).unwrap();
        assert_eq!(seal_of(&message), Some(Seal::Sha256));
        assert!(!is_signed(&message, Seal::Sha256, &Key::of(b"key")));
    }
}
