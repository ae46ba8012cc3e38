//! The words both sides of Klatch speak, and nothing that does IO.
//!
//! A room's life in these types:
//!
//! 1. The creator's page makes a [`RoomKey`] and an [`InviteToken`]; the key gives the room's keys and its
//!    [`RoomId`] ([`RoomKeys`]). Together they are the [`Invitation`], whose fragment the broker never sees.
//! 2. Each page makes a [`MemberId`], a [`SeatToken`] and [`MemberKeys`], describes itself in a [`Card`], seals
//!    it room-wide ([`seal`]) and sends a [`wire::Verb`]: `create` or `join`, with a [`Proof`] that it holds the room's key.
//! 3. The broker answers each [`wire::Request`] once, and tells the others in [`wire::Event`]s.
//! 4. Two members agree on a pair key and exchange sealed offers, answers and candidates ([`exchange`]).
//! 5. From then on they speak over their own data channel, in [`peer::PeerMessage`]s.
//!
//! Everything here parses at the edge: a [`Username`] in hand is a valid one. Secrets are redacted in `Debug`,
//! compared in constant time and wiped when dropped.

pub mod exchange;
pub mod fuzzing;
pub mod json;
pub mod limits;
pub mod peer;
pub mod seal;
pub mod wire;

mod clusters;
mod encoding;
mod host_code;
mod ids;
mod invitation;
mod member_keys;
mod names;
mod random;
mod room_keys;
mod secrets;

pub use encoding::{BadEncoding, Sealed};
pub use host_code::{BadHostCode, HostCode, HostCodeHash};
pub use ids::{BadId, ClientHash, ExchangeId, MemberId, MessageId, Nonce, RoomId, SessionNonce};
pub use invitation::{BadInvitation, Invitation};
pub use member_keys::{BadCard, Card, DhPublicKey, MemberKeys, Signature, VerifyingKey};
pub use names::{BadName, RoomName, Username, look_alike};
pub use random::random_bytes;
pub use room_keys::{Proof, ProofLabel, RoomKeys, RoomPublicKey};
pub use secrets::{AnyToken, InviteToken, Latch, RoomKey, SeatToken, TokenHash};
