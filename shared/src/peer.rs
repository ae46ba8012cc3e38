//! What two members say to each other over their data channel: JSON texts of at most 64 KiB on one ordered, reliable
//! channel ([`CHANNEL`]), protected by DTLS. What does not fit is dropped and counted by whoever receives it.

mod chat;
mod spread;

use std::fmt;

use crate::encoding::from_json;
use crate::json::{Fields, FromFields, Object, ToFields, ToJson, object, words, written};
use crate::limits::{
    MAX_CANDIDATE_BYTES, MAX_HANDED_MESSAGES, MAX_PEER_MESSAGE_BYTES, MAX_SDP_BYTES, MAX_SEATS, MAX_SECTIONS,
    MAX_SOURCES,
};
use crate::wire::Side;
use crate::{Card, ExchangeId, MemberId, Sealed};

pub use chat::{Authentic, BadChatText, ChatMessage, ChatText, Moment};
pub use spread::{Digest, Print, Prints};

/// The data channel's label and, as it is negotiated out of band, its id (W3C WebRTC §6.2).
pub const CHANNEL: (&str, u16) = ("klatch", 0);

/// What one member tells another.
#[derive(Clone, Debug, PartialEq)]
pub enum PeerMessage {
    /// Something to read: its author says it, or says how it is revised.
    Chat {
        /// The message.
        message: ChatMessage,
    },
    /// Messages arrived.
    Received {
        /// As which revisions.
        prints: Prints,
    },
    /// What this member has of the chat, of all that it would tell the other. Said on a new channel, and once a second.
    Digest {
        /// Of all messages that are for the other, in their order.
        digest: Digest,
        /// The greatest time of a message that this member knows of.
        at: u64,
    },
    /// All that this member has of the chat: the other may tell the rest. Said where digests differ.
    Have {
        /// Of messages, last those that could not be verified or believed yet.
        prints: Prints,
        /// So many are of the latter: they need not be told again, and are not received.
        aside: u16,
    },
    /// What the other lacks, as its list has it: the oldest first, and as much as fits in one message.
    Lacked {
        /// Of their authors, whom the other may not know: at most [`MAX_HANDED_MESSAGES`].
        cards: Vec<Card>,
        /// At most [`MAX_HANDED_MESSAGES`].
        messages: Vec<ChatMessage>,
    },
    /// What this member sends now. The first thing said on a new channel, and again at each change.
    Sends(Sends),
    /// What this member wants to be sent. Said on a new channel, and again at each change.
    Wants(Wants),
    /// This page is going.
    Bye {
        /// Its person left the room. Otherwise it is closed, or loaded again, and may be back in a moment.
        left: bool,
    },
    /// I am here: said each second, so that silence tells of a dead path before the browser does.
    Pulse {
        /// The members with whom this one's channel works: at most [`MAX_SEATS`].
        reaches: Vec<MemberId>,
        /// The room is open to whoever has its link, as far as this member knows; the creator's word counts where the broker's does not.
        open: bool,
    },
    /// A signal for whoever reads this, or to be passed on.
    Signal(PassedSignal),
}

/// A sealed signal without the broker: over the pair's own channel, or by way of a member whom both reach. Whoever passes it on
/// can neither read nor change it.
#[derive(Clone, Debug, PartialEq)]
pub struct PassedSignal {
    /// Who sealed it.
    pub from: MemberId,
    /// For whom.
    pub to: MemberId,
    /// Where it belongs.
    pub exchange: ExchangeId,
    /// Which end of that exchange the sender is.
    pub side: Side,
    /// Its place there: 0 is the description, candidates count from 1.
    pub sequence: u32,
    /// An offer, an answer or a candidate, as side and place say.
    pub body: Sealed,
}

object!(PassedSignal { from, to, exchange, side, sequence, body });

/// Which of a member's sources are live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sends {
    /// The microphone is on and not muted.
    pub microphone: bool,
    /// The camera is on.
    pub camera: bool,
    /// A screen is shared.
    pub screen: bool,
    /// The screen is shared with its sound.
    pub screen_sound: bool,
}

/// What a receiver looks at: the height in CSS pixels that it shows, `0` for nothing (a hidden tab, a hidden member).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wants {
    /// Of the camera.
    pub camera: u16,
    /// Of the screen.
    pub screen: u16,
}

impl FromFields for Sends {
    fn from_fields(fields: &Fields<'_>) -> Option<Self> {
        let live = |name: &str| fields.optional(name).map(Option::unwrap_or_default);
        Some(Self {
            microphone: live("microphone")?,
            camera: live("camera")?,
            screen: live("screen")?,
            screen_sound: live("screen_sound")?,
        })
    }
}

written!(Sends { microphone, camera, screen, screen_sound });
object!(Wants { camera, screen });

impl Wants {
    /// Nothing that is seen; sound goes on.
    pub const NOTHING: Self = Self { camera: 0, screen: 0 };
    /// As good as it gets; what a receiver that has not spoken yet is taken to want.
    pub const EVERYTHING: Self = Self { camera: u16::MAX, screen: u16::MAX };
}

/// A text that is no message of this version; it is dropped and counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message between members")]
pub struct BadPeerMessage;

impl PeerMessage {
    /// Reads what came over the data channel.
    ///
    /// # Errors
    /// [`BadPeerMessage`] for what is too long or does not parse.
    pub fn parse(text: &str) -> Result<Self, BadPeerMessage> {
        if text.len() > MAX_PEER_MESSAGE_BYTES {
            return Err(BadPeerMessage);
        }
        Fields::of(text).and_then(|fields| Self::read(&fields)).ok_or(BadPeerMessage)
    }

    fn read(fields: &Fields<'_>) -> Option<Self> {
        Some(match fields.get::<String>("say")?.as_str() {
            "chat" => Self::Chat { message: fields.get("message")? },
            "received" => Self::Received { prints: fields.get("prints")? },
            "digest" => Self::Digest { digest: fields.get("digest")?, at: fields.get("at")? },
            "have" => {
                Self::Have { prints: fields.get("prints")?, aside: fields.optional("aside")?.unwrap_or_default() }
            }
            "lacked" => Self::Lacked {
                cards: fields.get("cards").filter(|it: &Vec<_>| it.len() <= MAX_HANDED_MESSAGES)?,
                messages: fields.get("messages").filter(|it: &Vec<_>| it.len() <= MAX_HANDED_MESSAGES)?,
            },
            "sends" => Self::Sends(FromFields::from_fields(fields)?),
            "wants" => Self::Wants(FromFields::from_fields(fields)?),
            "bye" => Self::Bye { left: fields.optional("left")?.unwrap_or_default() },
            "pulse" => Self::Pulse {
                reaches: fields.get("reaches").filter(|all: &Vec<_>| all.len() <= MAX_SEATS)?,
                open: fields.optional("open")?.unwrap_or_default(),
            },
            "signal" => Self::Signal(FromFields::from_fields(fields)?),
            _ => return None,
        })
    }

    /// The text to send.
    pub fn to_text(&self) -> String {
        self.to_json()
    }
}

impl ToFields for PeerMessage {
    fn write_fields(&self, to: &mut Object<'_>) {
        match self {
            Self::Chat { message } => to.tag("say", "chat").field("message", message),
            Self::Received { prints } => to.tag("say", "received").field("prints", prints),
            Self::Digest { digest, at } => to.tag("say", "digest").field("digest", digest).field("at", at),
            Self::Have { prints, aside } => to.tag("say", "have").field("prints", prints).field("aside", aside),
            Self::Lacked { cards, messages } => {
                to.tag("say", "lacked").field("cards", cards).field("messages", messages)
            }
            Self::Sends(sends) => to.tag("say", "sends").fields(sends),
            Self::Wants(wants) => to.tag("say", "wants").fields(wants),
            Self::Bye { left } => to.tag("say", "bye").field("left", left),
            Self::Pulse { reaches, open } => to.tag("say", "pulse").field("reaches", reaches).field("open", open),
            Self::Signal(signal) => to.tag("say", "signal").fields(signal),
        };
    }
}

/// What a member can send, each with a media section of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The microphone.
    Microphone,
    /// The camera.
    Camera,
    /// A shared screen.
    Screen,
    /// Its sound.
    ScreenSound,
}

words! {
    Source { Microphone = "microphone", Camera = "camera", Screen = "screen", ScreenSound = "screen-sound" }
}

impl Source {
    /// All of them, in the order in which their media sections are made.
    pub const ALL: [Self; 4] = [Self::Microphone, Self::Camera, Self::Screen, Self::ScreenSound];

    /// Whether it is heard rather than seen.
    pub fn is_sound(self) -> bool {
        match self {
            Self::Microphone | Self::ScreenSound => true,
            Self::Camera | Self::Screen => false,
        }
    }
}

/// What is inside a sealed offer or answer: the SDP and what its media sections carry. An offer without any asks the other end for
/// one, with an ICE restart.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Description {
    /// RFC 8866.
    pub sdp: String,
    /// Media section (`mid`, RFC 5888) by media section, what it is for.
    pub sources: Vec<(String, Source)>,
}

object!(Description { sdp, sources });

impl Description {
    /// Reads what was opened.
    ///
    /// # Errors
    /// [`BadPeerMessage`] for what is too long, names too much, or does not parse.
    pub fn parse(text: &[u8]) -> Result<Self, BadPeerMessage> {
        let description: Self = from_json(text).ok_or(BadPeerMessage)?;
        let fits = description.sdp.len() <= MAX_SDP_BYTES
            && sections(&description.sdp) <= MAX_SECTIONS
            && description.sources.len() <= MAX_SOURCES
            && description.sources.iter().all(|(mid, _)| !mid.is_empty() && mid.len() <= 32);
        if fits { Ok(description) } else { Err(BadPeerMessage) }
    }

    /// The text to seal.
    pub fn to_text(&self) -> Vec<u8> {
        self.to_json().into_bytes()
    }
}

/// How many media sections there are (RFC 8866 §5.14), whatever ends a line.
fn sections(sdp: &str) -> usize {
    sdp.split(['\r', '\n']).filter(|line| line.starts_with("m=")).count()
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Description({} bytes, {:?})", self.sdp.len(), self.sources)
    }
}

/// What is inside a sealed candidate (`RTCIceCandidateInit`, W3C WebRTC §4.8.1). An empty candidate ends them.
#[derive(Clone, PartialEq, Eq)]
pub struct IceCandidate {
    /// The candidate line, RFC 8839 §5.1; empty for the end.
    pub candidate: String,
    /// The media section that it belongs to.
    pub mid: Option<String>,
    /// The media section's index.
    pub line: Option<u16>,
    /// The username fragment of the ICE generation that it belongs to.
    pub ufrag: Option<String>,
}

object!(IceCandidate { candidate ? mid, line, ufrag });

impl IceCandidate {
    /// Reads what was opened.
    ///
    /// # Errors
    /// [`BadPeerMessage`] for what is too long or does not parse.
    pub fn parse(text: &[u8]) -> Result<Self, BadPeerMessage> {
        if text.len() > MAX_CANDIDATE_BYTES {
            return Err(BadPeerMessage);
        }
        from_json(text).ok_or(BadPeerMessage)
    }

    /// The text to seal.
    pub fn to_text(&self) -> Vec<u8> {
        self.to_json().into_bytes()
    }
}

impl fmt::Debug for IceCandidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IceCandidate({} bytes)", self.candidate.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MemberId, MemberKeys, RoomId, RoomKey, RoomKeys};
    use proptest::prelude::*;

    fn room() -> RoomId {
        RoomKeys::derive(&RoomKey::random()).id()
    }

    fn card() -> Card {
        Card::new(room(), &MemberKeys::random(), "Ana".parse().expect("a name"), 1)
    }

    fn lacked(count: usize) -> PeerMessage {
        let moment = Moment { sent: 1, at: u64::MAX, last_seat: 0 };
        let text: ChatText = "hello".parse().expect("a text");
        let say = || ChatMessage::say(room(), MemberId::random(), &MemberKeys::random(), moment, text.clone());
        let messages = (0..count).map(|_| say().into_inner()).collect();
        PeerMessage::Lacked { cards: (0..count).map(|_| card()).collect(), messages }
    }

    #[test]
    fn what_is_too_long_or_wrong_is_no_message() {
        assert_eq!(PeerMessage::parse(r#"{"say":"bye"}"#), Ok(PeerMessage::Bye { left: false }));
        assert!(
            PeerMessage::parse(&format!(r#"{{"say":"bye","x":"{}"}}"#, "x".repeat(MAX_PEER_MESSAGE_BYTES))).is_err()
        );
        for bad in ["", "{}", r#"{"say":"dance"}"#, r#"{"say":"wants","camera":-1,"screen":0}"#, r#"{"say":"wants"}"#] {
            assert_eq!(PeerMessage::parse(bad), Err(BadPeerMessage), "{bad}");
        }
        assert!(Description::parse(br#"{"sdp":"v=0","sources":[["0","microphone"],["1","camera"]]}"#).is_ok());
        assert!(Description::parse(br#"{"sdp":"v=0","sources":[["","microphone"]]}"#).is_err());
        assert!(
            Description::parse(format!(r#"{{"sdp":"{}","sources":[]}}"#, "x".repeat(MAX_SDP_BYTES + 1)).as_bytes())
                .is_err()
        );
        let sections = |count: usize, end: &str| {
            let sdp = format!("v=0{end}{}", format!("m=audio 9 UDP/TLS/RTP/SAVPF 111{end}").repeat(count));
            Description::parse(&Description { sdp, sources: vec![] }.to_text())
        };
        for end in ["\r\n", "\n", "\r"] {
            assert!(sections(MAX_SECTIONS, end).is_ok() && sections(MAX_SECTIONS + 1, end).is_err());
        }
        assert!(IceCandidate::parse(br#"{"candidate":""}"#).is_ok());
        assert!(
            IceCandidate::parse(format!(r#"{{"candidate":"{}"}}"#, "x".repeat(MAX_CANDIDATE_BYTES)).as_bytes())
                .is_err()
        );
    }

    #[test]
    fn each_message_survives_its_text() {
        let sends = Sends { microphone: true, camera: false, screen: true, screen_sound: false };
        let all = [
            PeerMessage::Received { prints: Prints(vec![]) },
            PeerMessage::Sends(sends),
            PeerMessage::Wants(Wants { camera: 0, screen: 720 }),
            PeerMessage::Bye { left: true },
            PeerMessage::Pulse { reaches: vec![MemberId::random(), MemberId::random()], open: true },
            PeerMessage::Signal(PassedSignal {
                from: MemberId::random(),
                to: MemberId::random(),
                exchange: ExchangeId(7),
                side: Side::Answerer,
                sequence: 3,
                body: "c2VhbGVk".parse().expect("base64url"),
            }),
            PeerMessage::Digest { digest: Digest::of(&[]), at: u64::MAX },
            PeerMessage::Have { prints: Prints(vec![]), aside: 7 },
            lacked(0),
            lacked(2),
        ];
        for message in all {
            assert_eq!(PeerMessage::parse(&message.to_text()), Ok(message));
        }
    }

    #[test]
    fn so_many_messages_are_handed_on_at_once_and_no_more() {
        for (count, fits) in [(MAX_HANDED_MESSAGES, true), (MAX_HANDED_MESSAGES + 1, false)] {
            assert_eq!(PeerMessage::parse(&lacked(count).to_text()).is_ok(), fits);
        }
        for (cards, messages) in [("[]", r#"[""]"#), ("[]", r#""AAAA""#), ("[{}]", "[]"), ("[]", "null")] {
            let bad = format!(r#"{{"say":"lacked","cards":{cards},"messages":{messages}}}"#);
            assert_eq!(PeerMessage::parse(&bad), Err(BadPeerMessage), "{bad}");
        }
        let PeerMessage::Lacked { cards, .. } = lacked(MAX_HANDED_MESSAGES + 1) else { panic!("it is handed on") };
        assert!(PeerMessage::parse(&PeerMessage::Lacked { cards, messages: vec![] }.to_text()).is_err());
    }

    #[test]
    fn sdp_does_not_show_in_debug() {
        let description = Description { sdp: "a=ice-pwd:secret".into(), sources: vec![] };
        assert!(!format!("{description:?}").contains("secret"));
    }

    proptest! {
        #[test]
        fn nothing_from_a_member_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = PeerMessage::parse(&String::from_utf8_lossy(&bytes));
            let _ = (Description::parse(&bytes), IceCandidate::parse(&bytes));
        }
    }
}
