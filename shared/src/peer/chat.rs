//! What is said in the chat: messages that anybody may pass on, because their authors sign them.

use std::ops::Deref;
use std::str::FromStr;

use crate::encoding::{decode_all, encode, fields};
use crate::json::ToJson;
use crate::limits::MAX_CHAT_CHARS;
use crate::peer::Print;
use crate::{BadEncoding, MemberId, MemberKeys, MessageId, RoomId, Signature, VerifyingKey};

const CHAT_LABEL: &[u8] = b"klatch.v1 chat";
const SIGNATURE_BYTES: usize = 64;
/// So long is a message that says nothing.
const HEAD_BYTES: usize = SIGNATURE_BYTES + 16 + 16 + 8 + 8 + 4 + 4;

/// What a chat message says: 1 to 2,000 characters, something but space among them, no control characters but tab and
/// line feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatText(String);

/// Why a text can't be sent. The message is a sentence for the person who typed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadChatText {
    /// Nothing but space.
    #[error("There is nothing to send yet.")]
    Empty,
    /// Too long.
    #[error("This message is too long. Please send at most {MAX_CHAT_CHARS} characters at a time.")]
    TooLong,
}

impl ChatText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ChatText {
    type Err = BadChatText;
    fn from_str(text: &str) -> Result<Self, BadChatText> {
        let text = text.trim();
        if text.len() > MAX_CHAT_CHARS * 4 || text.chars().count() > MAX_CHAT_CHARS {
            return Err(BadChatText::TooLong);
        }
        let kept: String = text.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        if kept.trim().is_empty() { Err(BadChatText::Empty) } else { Ok(Self(kept)) }
    }
}

/// When a message was said first. Its revisions keep that, and with it their place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// By the author's clock: milliseconds since 1970.
    pub sent: u64,
    /// Its time among messages: greater than that of each that the author had seen (Lamport 1978), and not less than `sent`, so that what
    /// two say who do not hear each other stands as their clocks have it.
    pub at: u64,
    /// The ordinal of the latest seat that the author knew of. Whoever has a later one came after this was said.
    pub last_seat: u32,
}

/// A message, signed by its author so that anybody may pass it on. It travels as base64url of its signature and what was signed.
///
/// Its author may revise it: the same id with a greater revision takes its place. All agree on one order of messages: by time, then by
/// author, then by id ([`ChatMessage::place`]).
///
/// One message is not to be read: the creator's switch of the room's history ([`MessageId::HISTORY`]). While it says something, whoever
/// comes is told what was said before; once it is deleted, a message is for those who had a seat when it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatMessage {
    /// Its own, and its revisions'. Unique among its author's.
    pub id: MessageId,
    /// Who wrote it.
    pub author: MemberId,
    /// When it was said first. The history's switch: when it was switched.
    pub moment: Moment,
    /// 0 as it was said first, and more with each change.
    pub revision: u32,
    /// What it says; nothing once its author deleted it.
    pub text: Option<ChatText>,
    signature: Signature,
}

impl ChatMessage {
    /// Writes and signs one.
    pub fn say(room: RoomId, author: MemberId, keys: &MemberKeys, moment: Moment, text: ChatText) -> Authentic {
        let (id, signature) = (MessageId::random(), Signature::NONE);
        Self { id, author, moment, revision: 0, text: Some(text), signature }.signed(room, keys)
    }

    /// The author's next revision of it: another text, or none for a deletion. `None` where there were as many as can be counted.
    pub fn revised(&self, room: RoomId, keys: &MemberKeys, text: Option<ChatText>) -> Option<Authentic> {
        let revision = self.revision.checked_add(1)?;
        Some(Self { revision, text, ..self.clone() }.signed(room, keys))
    }

    /// The creator's switch of the room's history, to follow the one that was known before.
    pub fn switch(
        room: RoomId,
        creator: MemberId,
        keys: &MemberKeys,
        before: Option<&Self>,
        moment: Moment,
        kept: bool,
    ) -> Authentic {
        let revision = before.map_or(0, |before| before.revision).saturating_add(1);
        let text = kept.then(|| ChatText("kept".to_owned()));
        // Before all others, wherever it is first heard of.
        let moment = Moment { at: 0, ..moment };
        Self { id: MessageId::HISTORY, author: creator, moment, revision, text, signature: Signature::NONE }
            .signed(room, keys)
    }

    /// Whether it is the history's switch.
    pub fn is_switch(&self) -> bool {
        self.id == MessageId::HISTORY
    }

    /// The message, if the owner of `key` wrote it in this room.
    pub fn by(self, room: RoomId, key: &VerifyingKey) -> Option<Authentic> {
        key.verifies(&self.signed_text(room), &self.signature).then_some(Authentic(self))
    }

    /// Whether it takes the place of `earlier`, of the same author and id. An author who signs two texts as one revision has said one
    /// of them: whoever hears of both keeps the same.
    pub fn follows(&self, earlier: &Self) -> bool {
        (self.revision, self.signature.as_bytes()) > (earlier.revision, earlier.signature.as_bytes())
    }

    /// Where it stands among all.
    pub fn place(&self) -> (u64, MemberId, MessageId) {
        (self.moment.at, self.author, self.id)
    }

    /// Its fingerprint.
    pub fn print(&self) -> Print {
        Print::of(&self.to_bytes())
    }

    /// As it travels.
    pub fn to_text(&self) -> String {
        encode(&self.to_bytes())
    }

    fn signed(mut self, room: RoomId, keys: &MemberKeys) -> Authentic {
        self.signature = keys.sign(&self.signed_text(room));
        Authentic(self)
    }

    fn signed_text(&self, room: RoomId) -> Vec<u8> {
        fields(&[CHAT_LABEL, room.as_bytes(), &self.to_bytes()[SIGNATURE_BYTES..]])
    }

    /// The signature and what is signed. No text is empty, so none is told from some.
    fn to_bytes(&self) -> Vec<u8> {
        let Moment { sent, at, last_seat } = self.moment;
        let text = self.text.as_ref().map_or("", ChatText::as_str).as_bytes();
        let (id, author, last_seat) = (self.id.as_bytes(), self.author.as_bytes(), &last_seat.to_be_bytes());
        let (sent, at, revision) = (&sent.to_be_bytes(), &at.to_be_bytes(), &self.revision.to_be_bytes());
        [self.signature.as_bytes(), id, author, sent, at, last_seat, revision, text].concat()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (head, text) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let (signature, head) = head.split_first_chunk()?;
        let (id, head) = head.split_first_chunk()?;
        let (author, head) = head.split_first_chunk()?;
        let (sent, head) = head.split_first_chunk()?;
        let (at, head) = head.split_first_chunk()?;
        let (last_seat, head) = head.split_first_chunk()?;
        let revision = head.first_chunk()?;
        let (sent, at) = (u64::from_be_bytes(*sent), u64::from_be_bytes(*at));
        Some(Self {
            id: MessageId::try_from(*id).ok()?,
            author: MemberId::try_from(*author).ok()?,
            moment: Moment { sent, at, last_seat: u32::from_be_bytes(*last_seat) },
            revision: u32::from_be_bytes(*revision),
            text: if text.is_empty() { None } else { Some(std::str::from_utf8(text).ok()?.parse().ok()?) },
            signature: Signature::from_bytes(*signature),
        })
    }
}

impl FromStr for ChatMessage {
    type Err = BadEncoding;
    fn from_str(text: &str) -> Result<Self, BadEncoding> {
        decode_all(text).and_then(|bytes| Self::from_bytes(&bytes)).ok_or(BadEncoding)
    }
}

impl ToJson for ChatMessage {
    fn write_json(&self, to: &mut String) {
        self.to_text().write_json(to);
    }
}

/// A message that its author is known to have signed: made by signing and by verifying, and by nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentic(ChatMessage);

impl Authentic {
    /// The message.
    pub fn into_inner(self) -> ChatMessage {
        self.0
    }
}

impl Deref for Authentic {
    type Target = ChatMessage;
    fn deref(&self) -> &ChatMessage {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::PeerMessage;
    use crate::{RoomKey, RoomKeys};

    const MOMENT: Moment = Moment { sent: 1_700_000_000_000, at: 1_700_000_000_001, last_seat: 3 };

    fn text(text: &str) -> ChatText {
        text.parse().expect("a text")
    }

    fn room() -> RoomId {
        RoomKeys::derive(&RoomKey::random()).id()
    }

    #[test]
    fn a_message_is_by_its_author_in_its_room_as_it_was_signed() {
        let (room, keys) = (room(), MemberKeys::random());
        let said = ChatMessage::say(room, MemberId::random(), &keys, MOMENT, text("hello"));
        let is_by =
            |message: &ChatMessage, room, keys: &MemberKeys| message.clone().by(room, &keys.verifying()).is_some();
        for message in [&said, &said.revised(room, &keys, Some(text("hi"))).expect("one more")] {
            assert!(is_by(message, room, &keys));
            assert!(!is_by(message, super::tests::room(), &keys));
            assert!(!is_by(message, room, &MemberKeys::random()));
            let bends: [fn(&mut ChatMessage); 7] = [
                |bent| bent.id = MessageId::random(),
                |bent| bent.author = MemberId::random(),
                |bent| bent.moment.sent += 1,
                |bent| bent.moment.at += 1,
                |bent| bent.moment.last_seat += 1,
                |bent| bent.revision += 1,
                |bent| bent.text = None,
            ];
            for bend in bends {
                let mut bent = ChatMessage::clone(message);
                bend(&mut bent);
                assert!(!is_by(&bent, room, &keys), "{bent:?}");
            }
        }
    }

    #[test]
    fn a_revision_follows_in_place_and_of_two_that_are_one_revision_one_is_kept() {
        let (room, keys) = (room(), MemberKeys::random());
        let said = ChatMessage::say(room, MemberId::random(), &keys, MOMENT, text("hello"));
        let revise = |text: Option<ChatText>| said.revised(room, &keys, text).expect("one more");
        let (edited, deleted) = (revise(Some(text("hi"))), revise(None));
        assert!(edited.follows(&said) && !said.follows(&edited) && !said.follows(&said));
        assert_eq!((edited.place(), edited.revision), (said.place(), 1));
        assert_ne!(edited.follows(&deleted), deleted.follows(&edited));
        let prints = [said.print(), edited.print(), deleted.print()];
        assert!(prints[0] != prints[1] && prints[1] != prints[2] && prints[0] != prints[2]);
        let last = ChatMessage { revision: u32::MAX, ..said.into_inner() };
        assert_eq!(last.revised(room, &keys, None), None);
    }

    #[test]
    fn the_historys_switch_is_deleted_to_switch_it_off() {
        let (room, keys, creator) = (room(), MemberKeys::random(), MemberId::random());
        let off = ChatMessage::switch(room, creator, &keys, None, MOMENT, false);
        let on = ChatMessage::switch(room, creator, &keys, Some(&off), MOMENT, true);
        assert!(on.follows(&off) && on.is_switch() && off.is_switch());
        assert_eq!((on.text.is_some(), off.text.is_some(), on.place()), (true, false, off.place()));
        assert!(!ChatMessage::say(room, creator, &keys, MOMENT, text("hello")).is_switch());
        assert_eq!(MessageId::try_from(*MessageId::HISTORY.as_bytes()), Ok(MessageId::HISTORY));
    }

    #[test]
    fn what_is_no_message_does_not_parse() {
        let said = ChatMessage::say(room(), MemberId::random(), &MemberKeys::random(), MOMENT, text("hello"));
        let bytes = said.to_bytes();
        assert_eq!(encode(&bytes).parse(), Ok(ChatMessage::clone(&said)));
        let head = bytes.len() - "hello".len();
        assert!(ChatMessage::from_bytes(&bytes[..head]).is_some_and(|deleted| deleted.text.is_none()));
        assert!((0..head).all(|cut| ChatMessage::from_bytes(&bytes[..cut]).is_none()));
        assert_eq!(ChatMessage::from_bytes(&[&bytes[..head], b" "].concat()), None);
        assert_eq!(ChatMessage::from_bytes(&[&bytes[..head], b"\xff"].concat()), None);
        for (at, of) in [(SIGNATURE_BYTES + 6, "the id"), (SIGNATURE_BYTES + 16 + 6, "the author")] {
            let mut bent = bytes.clone();
            bent[at] = 0x10;
            assert_eq!(ChatMessage::from_bytes(&bent), None, "{of} is of another version");
        }
    }

    #[test]
    fn chat_is_bounded_and_cleaned() {
        assert_eq!("  \n ".parse::<ChatText>(), Err(BadChatText::Empty));
        assert_eq!("x".repeat(MAX_CHAT_CHARS + 1).parse::<ChatText>(), Err(BadChatText::TooLong));
        assert_eq!(text(" a\u{7}b\nc ").as_str(), "ab\nc");
        let (room, keys) = (room(), MemberKeys::random());
        let most = Moment { sent: u64::MAX, at: u64::MAX, last_seat: u32::MAX };
        for longest in ["\u{1f600}", "\"", "\\"] {
            let message =
                ChatMessage::say(room, MemberId::random(), &keys, most, text(&longest.repeat(MAX_CHAT_CHARS)));
            let said = PeerMessage::Chat { message: message.into_inner() };
            assert_eq!(PeerMessage::parse(&said.to_text()), Ok(said), "the longest message fits the channel");
        }
    }
}
