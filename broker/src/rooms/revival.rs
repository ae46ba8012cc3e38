//! Rooms that outlive a broker that keeps none: members who are still connected to each other bring theirs back.
//!
//! Each of them remembers the room ([`Account`]): the first account opens it again, those of the others are held against it. Seats come
//! back without cards and stay reserved until their owners return with theirs, so that nobody speaks for the absent. Where two
//! accounts disagree the stricter wins: the room is locked, the seat opens to nobody, nobody rules it.
//!
//! The broker can't tell a member's account from that of somebody who has the link: who is quick to revive a room takes any seat of it, the
//! creator's among them, and is inside, locked or not. So it has to be asked for (`--limit revival-seconds=…`), holds only for a while
//! after the start, and never for a room that was created or has ended here.

use klatch_shared::limits::{MAX_ORDINAL, MAX_SEALED_CARD_CHARS, MAX_SEALED_ROOM_NAME_CHARS, MAX_SEATS};
use klatch_shared::wire::{Account, RefusalCode, Revive, SeatOf};
use klatch_shared::{Latch, MemberId, RoomId};

use super::room::{Arrival, Room};
use super::seat::{Attendance, Seat};
use super::{Decision, Rooms, Who, fit};
use crate::address::Address;

/// Rooms that ended here, and are remembered for it.
const MAX_ENDED: usize = 4096;

/// A seat that was told of, and whose owner has not come back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reserve {
    pub(super) seat: SeatOf,
    /// Two told of it, with different latches: it opens to nobody.
    is_disputed: bool,
}

impl Reserve {
    /// Whether a token with this latch opens it.
    pub(super) fn opens_with(&self, latch: Latch) -> bool {
        self.seat.latch == latch && !self.is_disputed
    }
}

impl Rooms {
    /// Somebody says what they remember of a room, and comes back to their seat in it.
    pub(super) fn revive(&mut self, who: Who, revive: Revive, now: u64) -> Decision {
        let Revive { member, key: _, proof: _, token, ordinal, card, session, account } = revive;
        fit(&card, MAX_SEALED_CARD_CHARS)?;
        fit(&account.name, MAX_SEALED_ROOM_NAME_CHARS)?;
        let own = SeatOf { member, ordinal, latch: token.hash().latch() };
        if !is_plausible(&account, own) {
            return Err(RefusalCode::BadRequest);
        }
        let may_revive = now < self.policy.revives_until;
        if !self.rooms.contains_key(&who.room) {
            if !may_revive || self.ended.contains(&who.room) {
                return Err(RefusalCode::UnknownRoom);
            }
            self.count_opening(who.address)?;
            self.rooms.insert(who.room, Room::revived(&account, who.address));
        }
        let room = self.rooms.get_mut(&who.room).ok_or(RefusalCode::UnknownRoom)?;
        // What was created here is known better than by any account.
        if may_revive && room.is_revived {
            room.reconcile(&account, own);
        }
        let owns = room.owns(member, token.hash());
        let decision = if owns { self.come_back(who, member, session, card) } else { Err(RefusalCode::UnknownSeat) };
        // Nobody came in, perhaps, where nobody was.
        self.note_emptiness(who.room, now);
        decision
    }

    /// A room is no more.
    pub(super) fn note_end(&mut self, id: RoomId) {
        if self.policy.revives_until > 0 {
            self.ended.push_back(id);
            if self.ended.len() > MAX_ENDED {
                self.ended.pop_front();
            }
        }
    }
}

/// Whether there can be such a room.
fn is_plausible(account: &Account, own: SeatOf) -> bool {
    let seats = || account.seats.iter().copied().chain([own]);
    account.next_ordinal <= MAX_ORDINAL
        && account.seats.len() < MAX_SEATS
        && seats().all(|seat| {
            let clashes = |other: &SeatOf| other.member == seat.member || other.ordinal == seat.ordinal;
            seat.ordinal < MAX_ORDINAL && seats().filter(clashes).count() == 1
        })
}

impl Room {
    /// A room of which one member told, with nobody in it yet.
    fn revived(account: &Account, opened_from: Address) -> Self {
        Self {
            opened_from: Some(opened_from),
            creator: account.creator,
            locked: account.locked,
            dies_at: None,
            name: account.name.clone(),
            invite: account.invite,
            seats: Vec::new(),
            reserves: Vec::new(),
            is_revived: true,
            is_orphaned: false,
            is_ruled: false,
            next_ordinal: account.next_ordinal,
            outdated: Default::default(),
        }
    }

    /// Holds what a member remembers against what is known.
    fn reconcile(&mut self, account: &Account, own: SeatOf) {
        self.next_ordinal = self.next_ordinal.max(account.next_ordinal);
        self.is_orphaned |= account.creator != self.creator;
        self.locked |= self.is_orphaned || account.invite != self.invite || account.locked && !self.is_ruled;
        if own.member == self.creator && !self.is_orphaned {
            // Locked it is all the same, until the creator says otherwise.
            self.invite = account.invite;
        }
        for seat in account.seats.iter().chain([&own]) {
            self.hear_of(*seat);
        }
    }

    fn hear_of(&mut self, seat: SeatOf) {
        // Whoever sits there has shown a token.
        if self.seat(seat.member).is_some() {
            return;
        }
        if let Some(known) = self.reserves.iter_mut().find(|known| known.seat.member == seat.member) {
            known.is_disputed |= known.seat.latch != seat.latch;
            return;
        }
        if self.seats.len() + self.reserves.len() < MAX_SEATS {
            let is_taken = self.ordinals().any(|ordinal| ordinal == seat.ordinal);
            let ordinal = if is_taken { self.next_ordinal } else { seat.ordinal };
            self.next_ordinal = self.next_ordinal.max(ordinal.saturating_add(1));
            self.reserves.push(Reserve { seat: SeatOf { ordinal, ..seat }, is_disputed: false });
        }
    }

    fn ordinals(&self) -> impl Iterator<Item = u32> {
        self.seats.iter().map(|seat| seat.ordinal).chain(self.reserves.iter().map(|reserve| reserve.seat.ordinal))
    }

    /// The seat that is kept for a member.
    pub(super) fn reserve(&self, member: MemberId) -> Option<&Reserve> {
        self.reserves.iter().find(|reserve| reserve.seat.member == member)
    }

    /// The owner of a reserved seat is back.
    pub(super) fn take_up_reserve(&mut self, member: MemberId, arrival: &Arrival) {
        let Some(at) = self.reserves.iter().position(|reserve| reserve.seat.member == member) else { return };
        let SeatOf { member, ordinal, latch } = self.reserves.remove(at).seat;
        let place = self.seats.iter().position(|seat| seat.ordinal > ordinal).unwrap_or(self.seats.len());
        let attendance = Attendance::Away(0);
        let (session, card) = (arrival.session, arrival.card.clone());
        let seat = Seat { member, latch, ordinal, session, card, attendance, holder: None, offers: Vec::new() };
        self.seats.insert(place, seat);
    }
}
