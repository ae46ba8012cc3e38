//! What page and broker say to each other: JSON text frames, subprotocol [`SUBPROTOCOL`].
//!
//! A [`Request`] carries an `id` and a [`Verb`], and gets exactly one [`ServerFrame::Reply`] with the same id. What the broker says
//! of itself is an [`Event`]. Unknown fields and events are ignored, unknown verbs refused, so that old pages and new
//! brokers get along.

mod events;
#[cfg(test)]
mod largest;
mod refusal;
mod replies;
mod verbs;

pub use events::{CloseCode, Event, Hello, MemberView, Presence, ServerFrame, ok_frame};
pub use refusal::{Refusal, RefusalCode};
pub use replies::{Admitted, Empty, Glance, IceServer, IceServers, Peeked, PeekedRoom, RoomGlance};
pub use verbs::{
    Account, Admission, Answer, Candidate, Create, Forget, Join, Lock, NewCard, Offer, Peek, PeekAt, Request, Revive,
    SeatOf, Side, Unreadable, Verb,
};

/// The WebSocket subprotocol (RFC 6455 §1.9).
pub const SUBPROTOCOL: &str = "klatch.v1";
