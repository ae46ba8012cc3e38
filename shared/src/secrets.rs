//! Keys and tokens: redacted in `Debug`, compared in constant time, wiped when dropped, never `Copy`.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::encoding::{encode, text_bytes};
use crate::random_bytes;

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident, $length:literal) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(pub(crate) [u8; $length]);

        impl $name {
            /// A fresh one.
            pub fn random() -> Self {
                Self(random_bytes())
            }

            /// The text for a link or for storage: base64url without padding. Handle with care.
            pub fn reveal(&self) -> String {
                encode(&self.0)
            }
        }

        text_bytes!($name, $length);

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }

        impl Eq for $name {}

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl Drop for $name {
            fn drop(&mut self) {
                self.0.zeroize();
            }
        }
    };
}

secret! {
    /// The room's key: lives in the invitation's fragment, is never sent, and gives all the room's keys
    /// ([`crate::RoomKeys`]).
    RoomKey, 32
}

secret! {
    /// Permission to take a seat again.
    SeatToken, 32
}

secret! {
    /// Permission to take a new seat; in the invitation's fragment behind the room's key.
    InviteToken, 16
}

/// SHA-256 of a token: all that the broker keeps of it. Compared in constant time.
#[derive(Clone, Copy, Eq)]
pub struct TokenHash([u8; 32]);

text_bytes!(TokenHash, 32);

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

impl SeatToken {
    /// What the broker keeps of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }
}

impl InviteToken {
    /// What the broker keeps of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0).into())
    }
}

/// Either token, where either will do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnyToken {
    /// Of a seat that one has.
    Seat(SeatToken),
    /// Of an invitation.
    Invite(InviteToken),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show_in_debug() {
        let (key, seat) = (RoomKey::random(), SeatToken::random());
        let shown = format!("{key:?} {seat:?} {:?} {:?}", seat.hash(), AnyToken::Seat(seat.clone()));
        assert!(!shown.contains(&key.reveal()) && !shown.contains(&seat.reveal()));
        assert!(shown.starts_with("RoomKey(…) SeatToken(…) TokenHash(…)"));
    }

    #[test]
    fn a_secret_survives_its_text_and_nothing_else_parses() {
        let invite = InviteToken::random();
        assert_eq!(invite.reveal().parse(), Ok(invite.clone()));
        assert!(invite.reveal().parse::<SeatToken>().is_err());
        assert!(format!("{}=", invite.reveal()).parse::<InviteToken>().is_err());
        assert_ne!(invite, InviteToken::random());
    }
}
