//! Time-limited long-term credentials: a user name that carries its own end, and the password that belongs to it.
//!
//! The user name is `expiry:holder`: the end in decimal Unix seconds, and whoever it was made for, opaque to the relay.
//! The password is `base64(HMAC-SHA1(secret, user name))`. Many servers understand this form, so that outside ones get
//! theirs the same way.

use std::fmt;
use std::str::FromStr;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;

/// Bytes of a holder's name at most.
const MAX_HOLDER_BYTES: usize = 64;
/// Digits of 2⁶⁴ at most.
const MAX_EXPIRY_DIGITS: usize = 20;

/// What the relay and whoever makes credentials share.
#[derive(Clone)]
pub struct Secret(Hmac<Sha1>);

/// A secret without a byte in it, with which anybody could make credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the relay's secret is empty")]
pub struct EmptySecret;

/// What a member signs in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// `expiry:holder`.
    pub username: String,
    /// Base64, 28 characters.
    pub password: String,
    /// For how many seconds new allocations can be made with them.
    pub ttl: u32,
}

impl Secret {
    /// Takes all of these bytes.
    ///
    /// # Errors
    /// There are none.
    pub fn new(bytes: &[u8]) -> Result<Self, EmptySecret> {
        if bytes.is_empty() {
            return Err(EmptySecret);
        }
        Ok(Self(Hmac::new_from_slice(bytes).expect("HMAC takes keys of any length")))
    }

    /// One that nobody else knows: 256 random bits.
    ///
    /// # Panics
    /// Where the platform has no random source; nothing secret can be made there.
    pub fn random() -> Self {
        Self::new(&random_bytes::<32>()).expect("it is not empty")
    }

    /// Credentials for `holder` that end `ttl` seconds after `unix` (seconds since 1970).
    pub fn credentials(&self, holder: &Holder, unix: u64, ttl: u32) -> Credentials {
        let username = format!("{}:{}", unix.saturating_add(ttl.into()), holder.as_str());
        let password = self.password(&username);
        Credentials { username, password, ttl }
    }

    fn password(&self, username: &str) -> String {
        let mut mac = self.0.clone();
        mac.update(username.as_bytes());
        Base64::encode_string(&mac.finalize().into_bytes())
    }

    /// The key that signs a user's messages (RFC 8489 §9.2.2), derived as `algorithm` says.
    pub(crate) fn key(&self, algorithm: KeyAlgorithm, username: &Username, realm: &Realm) -> Key {
        let password = self.password(&username.text);
        let parts = [username.text.as_bytes(), b":", realm.0.as_bytes(), b":", password.as_bytes()];
        match algorithm {
            KeyAlgorithm::Md5 => Key::of(&parts.iter().fold(Md5::new(), Digest::chain_update).finalize()),
            KeyAlgorithm::Sha256 => Key::of(&parts.iter().fold(Sha256::new(), Digest::chain_update).finalize()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// How a key is made of a password: what PASSWORD-ALGORITHM names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyAlgorithm {
    Md5,
    Sha256,
}

/// What signs messages.
#[derive(Clone)]
pub(crate) struct Key {
    bytes: [u8; 32],
    length: usize,
}

impl Key {
    /// At most 32 bytes, as long as the longest digest.
    pub(crate) fn of(digest: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes[..digest.len()].copy_from_slice(digest);
        Self { bytes, length: digest.len() }
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Whom credentials were made for: 1 to 64 letters, digits, `-`, `_`, `.`, `+`, `/` or `=`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Holder(Box<str>);

/// A text that can't be a holder's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a holder of relay credentials is 1 to {MAX_HOLDER_BYTES} letters, digits and -_.+/=")]
pub struct BadHolder;

impl Holder {
    /// One whom nobody has thought of: 128 random bits.
    ///
    /// # Panics
    /// Where the platform has no random source; nothing secret can be made there.
    pub fn random() -> Self {
        Self(Base64UrlUnpadded::encode_string(&random_bytes::<16>()).into())
    }

    /// As it is in the user name, behind the colon.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Holder {
    type Err = BadHolder;

    fn from_str(text: &str) -> Result<Self, BadHolder> {
        let fits = (1..=MAX_HOLDER_BYTES).contains(&text.len());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+/=".contains(&byte);
        if fits && text.bytes().all(is_plain) { Ok(Self(text.into())) } else { Err(BadHolder) }
    }
}

/// A user name of the right form. That somebody claims it proves nothing yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Username {
    text: Box<str>,
    /// Unix seconds.
    pub(crate) expiry: u64,
    pub(crate) holder: Holder,
}

impl Username {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Username {
    type Err = BadHolder;

    fn from_str(text: &str) -> Result<Self, BadHolder> {
        let (expiry, holder) = text.split_once(':').ok_or(BadHolder)?;
        let is_number = expiry.len() <= MAX_EXPIRY_DIGITS && expiry.bytes().all(|byte| byte.is_ascii_digit());
        let expiry = expiry.parse().ok().filter(|_| is_number).ok_or(BadHolder)?;
        Ok(Self { text: text.into(), expiry, holder: holder.parse()? })
    }
}

/// Where credentials are valid: 1 to 127 printable ASCII characters, without quotes and backslashes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm(Box<str>);

/// A text that names no realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a realm is 1 to 127 printable ASCII characters without quotes and backslashes")]
pub struct BadRealm;

impl Realm {
    /// As clients are told it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Realm {
    type Err = BadRealm;

    fn from_str(text: &str) -> Result<Self, BadRealm> {
        let is_plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
        let fits = (1..=127).contains(&text.len());
        if fits && text.bytes().all(is_plain) { Ok(Self(text.into())) } else { Err(BadRealm) }
    }
}

fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the platform has a random source");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> Secret {
        Secret::new(b"north").unwrap()
    }

    #[test]
    fn credentials_carry_their_end_and_a_password_that_others_compute_too() {
        let made = secret().credentials(&"alice".parse().unwrap(), 1_700_000_000, 600);
        assert_eq!(made.username, "1700000600:alice");
        assert_eq!(made.ttl, 600);
        // echo -n 1700000600:alice | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(made.password, "gthUwOpcRoLI0MMCziCEBOWYnpo=");
    }

    #[test]
    fn a_user_name_tells_its_end_and_its_holder() {
        let name: Username = "1700000600:a-B_9.+/=".parse().unwrap();
        assert_eq!((name.expiry, name.holder.as_str()), (1_700_000_600, "a-B_9.+/="));
        let long = format!("1:{}", "x".repeat(65));
        for bad in
            ["", ":", "1", "1:", ":a", "+1:a", "-1:a", "x:a", "1:a b", "1:a:b", "99999999999999999999999:a", &long]
        {
            assert_eq!(bad.parse::<Username>(), Err(BadHolder), "{bad}");
        }
    }

    #[test]
    fn keys_are_as_the_rfcs_vector_says() {
        // RFC 8489 B.1: the user name's form is another there, so the digest is checked over the same parts.
        let digest = Md5::digest(b"user:realm:pass");
        assert_eq!(digest[..4], [0x84, 0x93, 0xfb, 0xc5]);
        let name: Username = "1:a".parse().unwrap();
        let realm: Realm = "realm".parse().unwrap();
        let text = format!("1:a:realm:{}", secret().password("1:a"));
        assert_eq!(secret().key(KeyAlgorithm::Md5, &name, &realm).as_bytes(), &Md5::digest(&text)[..]);
        assert_eq!(secret().key(KeyAlgorithm::Sha256, &name, &realm).as_bytes(), &Sha256::digest(&text)[..]);
    }

    #[test]
    fn a_random_holder_is_one_and_another_each_time() {
        let (one, other) = (Holder::random(), Holder::random());
        assert_ne!(one, other);
        assert_eq!(one.as_str().parse(), Ok(one.clone()));
    }

    #[test]
    fn a_realm_can_be_told_to_clients() {
        assert!("klatch.example".parse::<Realm>().is_ok());
        for bad in ["", "a\"b", "a\\b", "a\nb", "é", &"x".repeat(128)] {
            assert_eq!(bad.parse::<Realm>(), Err(BadRealm), "{bad}");
        }
    }

    #[test]
    fn nothing_is_signed_with_an_empty_secret() {
        assert_eq!(Secret::new(b"").map(drop), Err(EmptySecret));
        assert_eq!(format!("{:?}", secret()), "Secret");
    }
}
