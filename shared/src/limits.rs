//! What is bounded on the wire and between members, named once.
//!
//! The broker's own limits (rates, connections, rooms) are its configuration; these are part of the protocol.

use std::time::Duration;

/// A frame to or from the broker, in bytes of UTF-8.
pub const MAX_FRAME_BYTES: usize = 64 * 1024;
/// A sealed text in a frame, in base64url characters.
pub const MAX_SEALED_CHARS: usize = 60 * 1024;
/// A sealed card, in base64url characters.
pub const MAX_SEALED_CARD_CHARS: usize = sealed_chars(CARD_BYTES);
/// A sealed room name, in base64url characters.
pub const MAX_SEALED_ROOM_NAME_CHARS: usize = sealed_chars(ROOM_NAME_BYTES);
/// Bytes a card is padded to before sealing, so that a name's length does not show. The cards of a room full of seats fit in a frame.
pub const CARD_BYTES: usize = 576;
/// Bytes a room's name is padded to before sealing.
pub const ROOM_NAME_BYTES: usize = 640;
/// A host's code, in bytes of UTF-8.
pub const MAX_HOST_CODE_BYTES: usize = 256;
/// Rooms one `peek` may ask for.
pub const MAX_PEEKED_ROOMS: usize = 50;
/// Seats one room holds, present or not.
pub const MAX_SEATS: usize = 64;
/// A seat's place in their order is below this, whatever a room that is revived says.
pub const MAX_ORDINAL: u32 = 1 << 30;
/// Candidates each way in one exchange, and in one description.
pub const MAX_CANDIDATES: u32 = 64;
/// How far ahead of the next sequence number something sealed may come and still be held.
pub const MAX_AHEAD: u32 = 64;
/// How long the broker remembers an exchange.
pub const EXCHANGE_LIFE: Duration = Duration::from_secs(60);
/// How long a gap in the sequence may last before its exchange is abandoned.
pub const MAX_GAP: Duration = Duration::from_secs(10);

/// So many bytes once they are sealed: with a nonce of 24 bytes and a tag of 16, as base64url without padding.
const fn sealed_chars(bytes: usize) -> usize {
    ((bytes + 24 + 16) * 4).div_ceil(3)
}

/// The broker pings each socket this often.
pub const BROKER_PING: Duration = Duration::from_secs(10);
/// The broker evicts a socket that was silent this long.
pub const BROKER_SILENCE: Duration = Duration::from_secs(25);
/// The page sends `ping` when it has heard nothing for this long.
pub const PAGE_PING: Duration = Duration::from_secs(5);
/// The page takes its socket for dead after this long without a frame.
pub const PAGE_SILENCE: Duration = Duration::from_secs(15);

/// A member's name: grapheme clusters and bytes.
pub const MAX_USERNAME_CLUSTERS: usize = 32;
/// See [`MAX_USERNAME_CLUSTERS`].
pub const MAX_USERNAME_BYTES: usize = 256;
/// A room's name: grapheme clusters and bytes.
pub const MAX_ROOM_NAME_CLUSTERS: usize = 64;
/// See [`MAX_ROOM_NAME_CLUSTERS`].
pub const MAX_ROOM_NAME_BYTES: usize = 512;
/// Combining marks one cluster of a name may stack.
pub const MAX_MARKS: usize = 8;

/// A message on a data channel, in bytes: a sealed description fits. What both browsers take at least (RFC 8841 §6.1).
pub const MAX_PEER_MESSAGE_BYTES: usize = 64 * 1024;
/// A chat message, in characters (Unicode scalar values).
pub const MAX_CHAT_CHARS: usize = 2000;
/// Chat messages that a member keeps and passes on. When there are more, the oldest goes of whoever has most.
pub const MAX_KEPT_MESSAGES: usize = 500;
/// Chat messages that are passed on at once, in one message on a data channel.
pub const MAX_HANDED_MESSAGES: usize = 24;
/// Fingerprints in one list.
pub const MAX_PRINTS: usize = 2 * MAX_KEPT_MESSAGES;
/// An SDP description, in bytes, before sealing.
pub const MAX_SDP_BYTES: usize = 40 * 1024;
/// An ICE candidate line, in bytes, before sealing.
pub const MAX_CANDIDATE_BYTES: usize = 1024;
/// Sources one description may name: microphone, camera, screen and its sound.
pub const MAX_SOURCES: usize = 4;
/// Media sections one description may have: those of the sources, and the data channel's.
pub const MAX_SECTIONS: usize = MAX_SOURCES + 1;
