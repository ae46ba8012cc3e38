//! Keys and tokens: redacted in `Debug`, compared in constant time, wiped when dropped, never `Copy`.

use std::fmt;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::encoding::{encode, text_bytes};
use crate::json::{Object, ToFields};
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

macro_rules! hash {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Eq)]
        pub struct $name([u8; 32]);

        text_bytes!($name, 32);

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

hash! {
    /// SHA-256 of a token. The broker keeps an invitation's; a seat's is what that is taken with. Compared in constant time.
    TokenHash
}

hash! {
    /// SHA-256 of a seat's [`TokenHash`]: all that the broker keeps of its token. Who takes a seat names it by the hash, and may do so
    /// again after a lost reply; so whoever steals what the broker keeps must not find the hash there. Compared in constant time.
    Latch
}

impl TokenHash {
    /// What the broker keeps of it.
    pub fn latch(&self) -> Latch {
        Latch(Sha256::digest(self.0).into())
    }
}

impl SeatToken {
    /// What a seat is taken with.
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
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnyToken {
    /// Of a seat that one has.
    Seat(SeatToken),
    /// Of an invitation.
    Invite(InviteToken),
}

impl ToFields for AnyToken {
    fn write_fields(&self, to: &mut Object<'_>) {
        match self {
            Self::Seat(token) => to.field("seat", token),
            Self::Invite(token) => to.field("invite", token),
        };
    }
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
    fn a_latch_is_one_seats_and_neither_its_token_nor_its_hash() {
        let seat = SeatToken::random();
        assert_eq!(seat.hash().latch(), seat.clone().hash().latch());
        assert_ne!(seat.hash().latch(), SeatToken::random().hash().latch());
        let latch = seat.hash().latch().0;
        assert!(latch != seat.0 && latch != seat.hash().0);
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
