//! What of rooms outlives the broker, where that keeps any: a record of each room and of each seat.
//!
//! With every decision [`Rooms`] says which records changed ([`Rooms::take_changes`]). Somebody else writes them down, and hands them
//! back after a restart ([`Rooms::restore`]). A seat has a record of its own, so that a new card or somebody's return costs one record
//! however many seats the room has.
//!
//! Not kept are connections and exchanges, which end with the broker; whom relay credentials were made for, as the relay ends with it
//! too; and what addresses opened or failed, so that no record tells from where anybody was here.

use klatch_shared::limits::MAX_SEATS;
use klatch_shared::{Latch, MemberId, RoomId, Sealed, SessionNonce, TokenHash};
use serde::{Deserialize, Serialize};

use super::Rooms;
use super::room::Room;
use super::seat::{Attendance, Seat};
use super::spacing::Doings;

/// A room without its seats.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptRoom {
    /// Who created it.
    pub creator: MemberId,
    /// Whether new seats are refused.
    pub locked: bool,
    /// Its name.
    pub name: Sealed,
    /// What an invitation's token hashes to.
    pub invite: TokenHash,
    /// The place of the next seat in their order.
    pub next_ordinal: u32,
    /// When it dies; none while somebody is present.
    pub dies_at: Option<u64>,
}

/// A seat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptSeat {
    /// Whose.
    pub member: MemberId,
    /// What its token is checked against.
    pub latch: Latch,
    /// Its place in the order in which seats were taken.
    pub ordinal: u32,
    /// The owner's latest page load: by it the others' pages keep their links to who was never gone for them.
    pub session: SessionNonce,
    /// Name and public keys.
    pub card: Sealed,
    /// Where its owner is.
    pub whereabouts: Whereabouts,
}

/// Whether a seat's owner is there, or since when not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whereabouts {
    /// There, through whatever connection.
    Present,
    /// The connection was lost then.
    Away(u64),
    /// Left then.
    Left(u64),
}

/// What becomes of a record.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The room is like this from now on.
    KeepRoom(RoomId, KeptRoom),
    /// The seat is like this from now on.
    KeepSeat(RoomId, KeptSeat),
    /// The seat is no more.
    DiscardSeat(RoomId, MemberId),
    /// The room is no more, nor are its seats.
    DiscardRoom(RoomId),
}

impl Change {
    /// Of which room.
    pub fn room(&self) -> RoomId {
        match self {
            Self::KeepRoom(room, _)
            | Self::KeepSeat(room, _)
            | Self::DiscardSeat(room, _)
            | Self::DiscardRoom(room) => *room,
        }
    }

    /// The same, its times told by another clock.
    #[must_use]
    pub fn by_clock(mut self, clock: impl Fn(u64) -> u64) -> Self {
        match &mut self {
            Self::KeepRoom(_, room) => room.dies_at = room.dies_at.map(clock),
            Self::KeepSeat(_, seat) => match &mut seat.whereabouts {
                Whereabouts::Present => {}
                Whereabouts::Away(since) | Whereabouts::Left(since) => *since = clock(*since),
            },
            Self::DiscardSeat(..) | Self::DiscardRoom(_) => {}
        }
        self
    }
}

/// What of a room has a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The room itself.
    Room,
    /// A member's seat.
    Seat(MemberId),
}

impl Rooms {
    /// Which records changed since this was last asked, in order.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Takes a room up again that was kept. Nobody is present any more. If it was empty it dies when it was to; if not, it lives as
    /// long as one from which all have gone just now, since nobody could come back meanwhile.
    pub fn restore(&mut self, id: RoomId, kept: KeptRoom, seats: Vec<KeptSeat>, now: u64) {
        let latest = now.saturating_add(self.policy.room_ttl);
        let dies_at = kept.dies_at.map_or(latest, |at| at.min(latest));
        self.deaths.insert((dies_at, id));
        self.rooms.insert(id, Room::restore(kept, seats, dies_at, now));
        self.note_changes(id);
    }

    /// Writes down what a decision changed in a room.
    pub(super) fn note_changes(&mut self, id: RoomId) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        for part in std::mem::take(&mut room.outdated) {
            self.changes.push(match part {
                Part::Room => Change::KeepRoom(id, room.kept()),
                Part::Seat(member) => match room.seat(member) {
                    Some(seat) => Change::KeepSeat(id, seat.kept()),
                    None => Change::DiscardSeat(id, member),
                },
            });
        }
    }
}

impl Room {
    fn restore(kept: KeptRoom, mut seats: Vec<KeptSeat>, dies_at: u64, now: u64) -> Self {
        let KeptRoom { creator, locked, name, invite, next_ordinal, dies_at: was_to_die_at } = kept;
        seats.sort_by_key(|seat| seat.ordinal);
        // Only a store that others wrote to has more of these.
        seats.dedup_by_key(|seat| seat.ordinal);
        seats.truncate(MAX_SEATS);
        let next_ordinal = seats.last().map_or(0, |seat| seat.ordinal.saturating_add(1)).max(next_ordinal);
        let gone = seats.iter().filter(|seat| seat.whereabouts == Whereabouts::Present);
        let mut outdated: std::collections::BTreeSet<_> = gone.map(|seat| Part::Seat(seat.member)).collect();
        if was_to_die_at != Some(dies_at) {
            outdated.insert(Part::Room);
        }
        Self {
            opened_from: None,
            creator,
            locked,
            dies_at: Some(dies_at),
            name,
            invite,
            seats: seats.into_iter().map(|seat| Seat::restore(seat, now)).collect(),
            reserves: Vec::new(),
            revived: None,
            is_orphaned: false,
            is_ruled: false,
            next_ordinal,
            newcomers: Default::default(),
            outdated,
        }
    }

    /// As it is kept.
    pub(super) fn kept(&self) -> KeptRoom {
        KeptRoom {
            creator: self.creator,
            locked: self.locked,
            name: self.name.clone(),
            invite: self.invite,
            next_ordinal: self.next_ordinal,
            dies_at: self.dies_at,
        }
    }
}

impl Seat {
    fn restore(kept: KeptSeat, now: u64) -> Self {
        let KeptSeat { member, latch, ordinal, session, card, whereabouts } = kept;
        let attendance = match whereabouts {
            Whereabouts::Present => Attendance::Away(now),
            Whereabouts::Away(since) => Attendance::Away(since.min(now)),
            Whereabouts::Left(since) => Attendance::Left(since.min(now)),
        };
        let (is_known, is_told, holder, offers, doings) = (false, false, None, Vec::new(), Doings::default());
        Self { member, latch, ordinal, session, card, attendance, is_known, is_told, holder, offers, doings }
    }

    /// As it is kept.
    pub(super) fn kept(&self) -> KeptSeat {
        let whereabouts = match self.attendance {
            Attendance::Present(_) => Whereabouts::Present,
            Attendance::Away(since) => Whereabouts::Away(since),
            Attendance::Left(since) => Whereabouts::Left(since),
        };
        let Self { member, latch, ordinal, session, ref card, .. } = *self;
        KeptSeat { member, latch, ordinal, session, card: card.clone(), whereabouts }
    }
}
