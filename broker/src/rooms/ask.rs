//! What goes into [`Rooms`](super::Rooms) and comes out: who asks, what can be asked, what is answered and what is to be done.

use klatch_shared::wire::{
    Admitted, Answer, Candidate, CloseCode, Create, Event, Join, Lock, NewCard, Offer, RefusalCode, Revive,
};
use klatch_shared::{MemberId, RoomId, Sealed, SeatToken};

use super::Proven;
use crate::address::Address;

/// One connection, for as long as the broker runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Who asks: a connection, the room in its path, and where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Who {
    /// The connection.
    pub connection: ConnectionId,
    /// The room.
    pub room: RoomId,
    /// From where.
    pub address: Address,
}

/// What can be asked of a room.
#[derive(Clone, Debug)]
pub enum Ask {
    /// See [`klatch_shared::wire::Verb::Create`].
    Create(Proven<Create>, Right),
    /// See [`klatch_shared::wire::Verb::Join`].
    Join(Proven<Join>),
    /// See [`klatch_shared::wire::Verb::Revive`].
    Revive(Proven<Revive>, Right),
    /// See [`klatch_shared::wire::Verb::Leave`].
    Leave,
    /// See [`klatch_shared::wire::Verb::Forget`], of the seat that one sits on.
    Forget,
    /// The same, of the seat with this token.
    Release(SeatToken),
    /// See [`klatch_shared::wire::Verb::Card`].
    Card(NewCard),
    /// See [`klatch_shared::wire::Verb::Lock`].
    Lock(Lock),
    /// See [`klatch_shared::wire::Verb::End`].
    End,
    /// See [`klatch_shared::wire::Verb::Offer`].
    Offer(Offer),
    /// See [`klatch_shared::wire::Verb::Answer`].
    Answer(Answer),
    /// See [`klatch_shared::wire::Verb::Candidate`].
    Candidate(Candidate),
}

impl Ask {
    /// What is for one other member, and for whom.
    pub fn signal(&self) -> Option<(MemberId, &Sealed)> {
        match self {
            Self::Offer(Offer { to, body, .. })
            | Self::Answer(Answer { to, body, .. })
            | Self::Candidate(Candidate { to, body, .. }) => Some((*to, body)),
            Self::Create(..)
            | Self::Join(_)
            | Self::Revive(..)
            | Self::Leave
            | Self::Forget
            | Self::Release(_)
            | Self::Card(_)
            | Self::Lock(_)
            | Self::End => None,
        }
    }
}

/// By what right somebody would open a room that there is not yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Everybody may, here.
    Everybodys,
    /// They showed a code of this host's.
    Shown,
    /// They showed none, and one is wanted.
    Unshown,
    /// They showed another.
    Wrong,
}

/// What is to be done, in this order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Send an event to one connection.
    Tell {
        /// Where to.
        to: ConnectionId,
        /// What.
        event: Event,
    },
    /// Send the same event to several.
    TellAll {
        /// Where to.
        to: Vec<ConnectionId>,
        /// What.
        event: Event,
    },
    /// Send what was told before, then close the connection.
    Close {
        /// Which.
        connection: ConnectionId,
        /// Why.
        code: CloseCode,
    },
}

/// What was granted.
#[derive(Clone, Debug, PartialEq)]
pub enum Granted {
    /// A seat.
    Seat(Admitted),
    /// What was asked; there is nothing to add.
    Done,
}

/// The answer to one [`Ask`]: the reply goes out first, then the effects.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// To whoever asked.
    pub reply: Result<Granted, RefusalCode>,
    /// To others.
    pub effects: Vec<Effect>,
}

/// How big rooms are, how many there may be, how long they stay when empty.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Members present in one room; at most [`klatch_shared::limits::MAX_SEATS`].
    pub max_members: usize,
    /// Rooms at once.
    pub max_rooms: usize,
    /// Milliseconds that an empty room lives.
    pub room_ttl: u64,
    /// Rooms of which a broker before this one knew. Never where rooms are kept: what is not there has ended.
    pub revival: Revival,
}

/// Whether and how long members may bring rooms back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Revival {
    /// Until then; 0 never.
    pub until: u64,
    /// Another one after each start: by it pages tell whether a broker is one that let them in before.
    pub number: u32,
}
