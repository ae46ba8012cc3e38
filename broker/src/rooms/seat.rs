//! A seat: somebody's place in a room, whether they are there or not.

use klatch_relay::Holder;
use klatch_shared::wire::{MemberView, Presence};
use klatch_shared::{Latch, MemberId, Sealed, SessionNonce};

use super::ConnectionId;
use super::exchange::Exchange;
use super::spacing::Doings;

/// One member's place.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) member: MemberId,
    pub(super) latch: Latch,
    pub(super) ordinal: u32,
    pub(super) session: SessionNonce,
    pub(super) card: Sealed,
    pub(super) attendance: Attendance,
    /// In a revived room: somebody whose word counts told of it, or it is the first's.
    pub(super) is_known: bool,
    /// In a revived room: its owner came by an account, not through an open door.
    pub(super) is_told: bool,
    /// For whom its owner's relay credentials are made, once there are any.
    pub(super) holder: Option<Holder>,
    /// What its owner offered, the latest to each other member.
    pub(super) offers: Vec<Exchange>,
    /// How often its owner did of late what all others are told of.
    pub(super) doings: Doings,
}

/// Whether the seat's owner is there, and through what or since when not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attendance {
    /// On this connection.
    Present(ConnectionId),
    /// The connection was lost then.
    Away(u64),
    /// Left then.
    Left(u64),
}

impl Seat {
    /// The connection of a present owner.
    pub(super) fn connection(&self) -> Option<ConnectionId> {
        match self.attendance {
            Attendance::Present(connection) => Some(connection),
            Attendance::Away(_) | Attendance::Left(_) => None,
        }
    }

    /// As the others see it.
    pub(super) fn view(&self) -> MemberView {
        MemberView {
            member: self.member,
            ordinal: self.ordinal,
            presence: match self.attendance {
                Attendance::Present(_) => Presence::Present,
                Attendance::Away(_) => Presence::Away,
                Attendance::Left(_) => Presence::Left,
            },
            latch: self.latch,
            session: self.session,
            card: self.card.clone(),
        }
    }
}
