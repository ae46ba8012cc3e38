//! What a host gives to those who may open rooms, where not everybody may.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::json::{FromJson, ToJson};
use crate::limits::MAX_HOST_CODE_BYTES;
use crate::names::nfc;

/// A host's code: in NFC, without space around it, redacted in `Debug` and wiped when dropped.
#[derive(Clone)]
pub struct HostCode(String);

/// A text that is no code: empty, too long, or with control characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a host code has 1 to {MAX_HOST_CODE_BYTES} bytes, and no control characters")]
pub struct BadHostCode;

/// SHA-256 of a code: all that the broker keeps of it. Compared in constant time.
#[derive(Clone, Copy, Eq)]
pub struct HostCodeHash([u8; 32]);

impl HostCode {
    /// The text, for storage. Handle with care.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What the broker keeps of it.
    pub fn hash(&self) -> HostCodeHash {
        HostCodeHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl FromStr for HostCode {
    type Err = BadHostCode;

    fn from_str(text: &str) -> Result<Self, BadHostCode> {
        let text = text.trim();
        // NFC shortens a text to a third at the most.
        if text.len() > MAX_HOST_CODE_BYTES * 4 || text.chars().any(char::is_control) {
            return Err(BadHostCode);
        }
        let code = nfc(text).into_owned();
        if code.is_empty() || code.len() > MAX_HOST_CODE_BYTES { Err(BadHostCode) } else { Ok(Self(code)) }
    }
}

impl PartialEq for HostCode {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for HostCode {}

impl fmt::Debug for HostCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostCode(…)")
    }
}

impl Drop for HostCode {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl ToJson for HostCode {
    fn write_json(&self, to: &mut String) {
        self.0.write_json(to);
    }
}

impl FromJson for HostCode {
    fn from_json(json: &str) -> Option<Self> {
        crate::json::text(json)
    }
}

impl<'de> Deserialize<'de> for HostCode {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut text = String::deserialize(from)?;
        let code = text.parse().map_err(de::Error::custom);
        text.zeroize();
        code
    }
}

impl HostCodeHash {
    /// From 64 hexadecimal digits.
    pub fn from_hex(digits: &str) -> Option<Self> {
        if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut hash = [0; 32];
        for (byte, at) in hash.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()?;
        }
        Some(Self(hash))
    }
}

impl PartialEq for HostCodeHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for HostCodeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HostCodeHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> Result<HostCode, BadHostCode> {
        text.parse()
    }

    #[test]
    fn a_code_is_the_same_however_it_is_typed() {
        let plain = code("Café du coin").expect("a code");
        assert_eq!(code("  Cafe\u{301} du coin\n"), Ok(plain.clone()));
        assert_ne!(code("café du coin"), Ok(plain.clone()));
        assert_eq!(code("Cafe\u{301} du coin").map(|code| code.hash()), Ok(plain.hash()));
    }

    #[test]
    fn what_no_field_takes_is_no_code() {
        let long = "ö".repeat(MAX_HOST_CODE_BYTES / 2);
        assert!(code(&long).is_ok() && code(&format!("{long}a")).is_err());
        for bad in ["", " ", "a\tb", "a\u{0}b", &"a".repeat(100_000)] {
            assert_eq!(code(bad), Err(BadHostCode));
        }
    }

    #[test]
    fn neither_a_code_nor_its_hash_shows_in_debug() {
        let code = code("a secret").expect("a code");
        assert_eq!(format!("{code:?} {:?}", code.hash()), "HostCode(…) HostCodeHash(…)");
    }

    #[test]
    fn a_hash_is_read_from_what_sha256sum_prints() {
        // printf %s 'a secret' | sha256sum
        let printed = "984ca5162200734c592148f1820b71057f098573d138666b48663e4e30cd8d3a";
        let read = HostCodeHash::from_hex(printed);
        assert_eq!(read, HostCodeHash::from_hex(&printed.to_uppercase()));
        assert_eq!(read, code("a secret").ok().map(|code| code.hash()));
        for bad in ["", &printed[1..], &format!("{printed}0"), &printed.replace('8', "+"), &"é".repeat(32)] {
            assert_eq!(HostCodeHash::from_hex(bad), None, "{bad}");
        }
    }
}
