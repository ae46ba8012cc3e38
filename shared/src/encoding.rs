//! Bytes as text: base64url without padding (RFC 4648 §5), and what is sealed.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64UrlUnpadded, Encoding};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::json::ToJson;
use crate::limits::MAX_SEALED_CHARS;

/// A text that is not base64url without padding, or not of the length that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not base64url of the expected length")]
pub struct BadEncoding;

/// Bytes as base64url without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

/// Exactly `N` bytes from base64url without padding.
pub(crate) fn decode<const N: usize>(text: &str) -> Result<[u8; N], BadEncoding> {
    if text.len() != (N * 4).div_ceil(3) {
        return Err(BadEncoding);
    }
    let mut bytes = [0; N];
    match Base64UrlUnpadded::decode(text, &mut bytes) {
        Ok(decoded) if decoded.len() == N => Ok(bytes),
        _ => Err(BadEncoding),
    }
}

/// All bytes from base64url without padding.
pub(crate) fn decode_all(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}

/// Serialises a type through its base64url text.
macro_rules! text_bytes {
    ($name:ident, $length:expr) => {
        impl std::str::FromStr for $name {
            type Err = $crate::BadEncoding;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self($crate::encoding::decode::<$length>(text)?))
            }
        }

        impl $crate::json::ToJson for $name {
            fn write_json(&self, to: &mut String) {
                $crate::encoding::encode(&self.0).write_json(to);
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&$crate::encoding::encode(&self.0))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::encoding::deserialize_text(deserializer)
            }
        }
    };
}
pub(crate) use text_bytes;

/// Reads a `FromStr` type from a JSON string, borrowed where the text allows.
pub(crate) fn deserialize_text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    struct Visitor<T>(std::marker::PhantomData<T>);
    impl<T: FromStr<Err: fmt::Display>> de::Visitor<'_> for Visitor<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Visitor(std::marker::PhantomData))
}

/// Reads JSON that was sealed.
pub(crate) fn from_json<T: crate::json::FromJson>(bytes: &[u8]) -> Option<T> {
    T::from_json(std::str::from_utf8(bytes).ok()?)
}

/// A ciphertext as it travels: base64url of nonce and text. Only its alphabet and length are known to be right;
/// what is inside is known to whoever opens it ([`crate::seal`]).
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(Box<str>);

impl Sealed {
    /// Wraps nonce and ciphertext.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        Self(encode(bytes).into())
    }

    /// Nonce and ciphertext.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, BadEncoding> {
        decode_all(&self.0).ok_or(BadEncoding)
    }

    /// The text as it travels.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Sealed {
    type Err = BadEncoding;
    fn from_str(text: &str) -> Result<Self, BadEncoding> {
        let fits = !text.is_empty() && text.len() <= MAX_SEALED_CHARS && text.len() % 4 != 1;
        let alphabet = |b: u8| b.is_ascii_alphanumeric() | (b == b'-') | (b == b'_');
        // To the end, whatever comes: without a way out of the loop the compiler makes vectors of it.
        let is_base64 = text.bytes().fold(true, |so_far, b| so_far & alphabet(b));
        if fits && is_base64 { Ok(Self(text.into())) } else { Err(BadEncoding) }
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} characters)", self.0.len())
    }
}

impl ToJson for Sealed {
    fn write_json(&self, to: &mut String) {
        self.0.write_json(to);
    }
}

impl Serialize for Sealed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Sealed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_text(deserializer)
    }
}

/// Fields laid end to end, each behind its length (u32, big endian), so that no two lists give the same bytes.
/// What is signed or authenticated is always such a list.
pub(crate) fn fields(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(parts.iter().map(|part| part.len() + 4).sum());
    for part in parts {
        out.extend_from_slice(&u32::try_from(part.len()).expect("a field is far below 4 GiB").to_be_bytes());
        out.extend_from_slice(part);
    }
    out
}

/// `text` behind its length (u16, big endian), filled with zeros to `size` bytes; `None` where it does not fit.
pub(crate) fn pad(text: &[u8], size: usize) -> Option<Vec<u8>> {
    let length = u16::try_from(text.len()).ok()?;
    if text.len() + 2 > size {
        return None;
    }
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(text);
    out.resize(size, 0);
    Some(out)
}

/// What [`pad`] was given.
pub(crate) fn unpad(padded: &[u8]) -> Option<&[u8]> {
    let (length, rest) = padded.split_first_chunk::<2>()?;
    rest.get(..usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_hides_the_length_and_comes_off_again() {
        assert_eq!(pad(b"Ana", 16).map(|p| p.len()), pad(b"Wilhelmine", 16).map(|p| p.len()));
        assert_eq!(unpad(&pad(b"Ana", 16).expect("fits")), Some(&b"Ana"[..]));
        assert_eq!(pad(&[0; 15], 16), None);
        assert_eq!(unpad(&[0, 9, 1]), None);
        assert_eq!(unpad(&[0]), None);
    }

    #[test]
    fn two_lists_of_fields_never_give_the_same_bytes() {
        assert_ne!(fields(&[b"ab", b"c"]), fields(&[b"a", b"bc"]));
        assert_ne!(fields(&[b"a", b""]), fields(&[b"a"]));
    }

    #[test]
    fn only_base64url_of_the_right_length_decodes() {
        assert_eq!(decode::<3>("AQID"), Ok([1, 2, 3]));
        for bad in ["AQI", "AQIDBA", "AQ=D", "AQ+D", "AQI\u{e9}", ""] {
            assert_eq!(decode::<3>(bad), Err(BadEncoding), "{bad}");
        }
    }

    #[test]
    fn a_sealed_text_is_checked_for_alphabet_and_length_and_never_shown() {
        assert!("aGk_-".parse::<Sealed>().is_err());
        assert!("".parse::<Sealed>().is_err());
        assert!("a b".parse::<Sealed>().is_err());
        assert!("A".repeat(MAX_SEALED_CHARS + 4).parse::<Sealed>().is_err());
        let sealed: Sealed = "aGk_".parse().expect("good");
        assert_eq!(format!("{sealed:?}"), "Sealed(4 characters)");
    }
}
