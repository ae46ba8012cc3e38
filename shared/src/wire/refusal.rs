//! Why the broker does not do what it was asked: a stable code for programs, a sentence for people.

use std::borrow::Cow;

use crate::json::{FromJson, ToJson, object, quoted};

/// `{"code":"room-locked","reason":"This room is locked…"}`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// Which.
    pub code: RefusalCode,
    /// One sentence for a person.
    pub reason: Cow<'static, str>,
}

impl Refusal {
    /// The refusal with its usual sentence.
    pub const fn of(code: RefusalCode) -> Self {
        Self { code, reason: Cow::Borrowed(code.reason()) }
    }
}

impl From<RefusalCode> for Refusal {
    fn from(code: RefusalCode) -> Self {
        Self::of(code)
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident $word:literal => $reason:literal,)*) => {
        /// The codes. A page that meets one it does not know shows the reason.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum RefusalCode {
            $($(#[$doc])* $name,)*
            /// A code that this version does not know.
            Unknown,
        }

        impl RefusalCode {
            /// Those that the broker gives.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// As it travels.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                    Self::Unknown => "unknown",
                }
            }

            /// The usual sentence.
            pub const fn reason(self) -> &'static str {
                match self {
                    $(Self::$name => $reason,)*
                    Self::Unknown => "The server refused this, for a reason this page does not know. Reload the page.",
                }
            }
        }
    };
}

codes! {
    /// Not JSON, not an object, no id or no verb. The program erred.
    BadFrame "bad-frame" => "This frame could not be read.",
    /// No such verb. The program erred, or is newer than the broker.
    UnknownVerb "unknown-verb" => "This server does not know what was asked of it. Reload the page.",
    /// A field is missing or of another shape. The program erred.
    BadRequest "bad-request" => "This request is malformed.",
    /// The verb makes no sense on this socket: `/ws` only peeks.
    NoRoomHere "no-room-here" => "This connection is for looking at rooms, not for joining one.",
    /// More than this connection may send, than the other member takes, or than the broker can write down; or one more page load on a
    /// seat after many of late. Wait a moment; the seat is kept.
    TooFast "too-fast" => "Too many requests at once. Wait a moment and try again.",
    /// One failure of many from this address, whatever it was, and the socket closes with 4005. What would not have failed is granted
    /// all the same.
    TooManyFailures "too-many-failures" => "Too many failed tries from your address. Wait a few minutes and try again.",
    /// This address opened too many rooms, of those that live or of late.
    TooManyRooms "too-many-rooms" => "Too many rooms were opened from your address. Close one or try again later.",
    /// This address took too many seats of late. Whoever comes back to one is let in all the same.
    TooManyJoins "too-many-joins" => "Too many people joined from your address just now. Wait a few minutes and try again.",
    /// The broker holds as many rooms as it may.
    BrokerFull "broker-full" => "This server has no room left for another room. Try again later.",
    /// No such room, or no longer; or no token for it.
    UnknownRoom "unknown-room" => "This room no longer exists: it was ended, or stood empty for too long. If others are inside, this link is damaged: ask for it to be sent again.",
    /// This broker wants a host's code of whoever opens a room, and none was given.
    HostCodeWanted "host-code-wanted" => "This server opens rooms for those who have its host code. Type it on the start page.",
    /// A code was given that is none of this broker's. Counted as a failure of the address; after too many no code is looked at.
    HostCodeWrong "host-code-wrong" => "This is not a host code of this server. Ask whoever runs it for one.",
    /// `create` for a room that lives.
    RoomExists "room-exists" => "This room exists already.",
    /// As many are present as may be.
    RoomFull "room-full" => "This room is full. Wait until somebody leaves and try again.",
    /// Locked for new seats.
    RoomLocked "room-locked" => "This room is locked. Ask somebody inside to unlock it.",
    /// The signature by the room's key does not hold for this socket, room and member.
    BadProof "bad-proof" => "The key in this link does not open this room. Ask for the link to be sent again.",
    /// The invitation's token is wrong or used up.
    BadInvitation "bad-invitation" => "This invitation is not valid for this room. Ask for a new link.",
    /// The seat's token is wrong, or the seat was released.
    UnknownSeat "unknown-seat" => "Your seat in this room was released. Open the invitation link again.",
    /// Another seat has this member's id.
    MemberTaken "member-taken" => "This member is in the room already.",
    /// The verb needs a seat: `create` or `join` first.
    NotJoined "not-joined" => "Join the room first.",
    /// This socket has a seat.
    AlreadyJoined "already-joined" => "This connection has joined already.",
    /// The creator's alone.
    NotCreator "not-creator" => "Only the person who created the room can do this.",
    /// The other member is not present in this room.
    NotPresent "not-present" => "That member is not in the room right now.",
    /// No such exchange with that member, or no longer.
    UnknownExchange "unknown-exchange" => "This exchange is over.",
    /// More candidates than an exchange may have.
    TooManyCandidates "too-many-candidates" => "This exchange has too many candidates.",
    /// The broker is being stopped.
    ShuttingDown "shutting-down" => "The server is restarting. Your page reconnects by itself.",
}

object!(Refusal { code, reason });

impl FromJson for RefusalCode {
    fn from_json(json: &str) -> Option<Self> {
        let word = quoted(json)?;
        let known = Self::ALL.iter().copied().find(|code| code.word() == word);
        Some(known.unwrap_or(Self::Unknown))
    }
}

impl ToJson for RefusalCode {
    fn write_json(&self, to: &mut String) {
        self.word().write_json(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_kebab_case_and_reasons_are_sentences() {
        for code in RefusalCode::ALL {
            let text = code.word();
            assert!(text.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{text}");
            // It is made of the variant's own words.
            assert_eq!(text.replace('-', ""), format!("{code:?}").to_lowercase());
            assert_eq!(RefusalCode::from_json(&code.to_json()), Some(*code));
            assert!(code.reason().ends_with('.') && code.reason().len() > 15, "{text}");
        }
    }

    #[test]
    fn a_code_from_the_future_keeps_its_reason() {
        let refusal = Refusal::from_json(r#"{"code":"room-on-fire","reason":"Run."}"#).expect("readable");
        assert_eq!((refusal.code, &*refusal.reason), (RefusalCode::Unknown, "Run."));
    }
}
