//! Rooms that outlive a broker that keeps none: members who are still connected to each other bring theirs back.
//!
//! Each of them remembers the room ([`Account`]): the first account opens it again, those of the others are held against it. Seats come
//! back without cards and stay reserved until their owners return with theirs, so that nobody speaks for the absent. Where two
//! accounts disagree the stricter wins: the room is locked, the seat opens to nobody, nobody rules it. Where a room is full, seats of
//! which one account alone tells give way.
//!
//! The broker can't tell a member's account from that of somebody who has the link: who is quick to revive a room is inside, locked or
//! not, and sits where the creator sat if they know of that seat. So pages don't take its word: they let in nobody new until the creator
//! says so itself (`klatch_mesh::Bar`). Where a host's code is wanted of whoever opens a room, it is of whoever is the first to bring one back, too: a
//! member who has one is enough for all. Rooms are revived only for a while after the start (`--limit revival-seconds=…`), and never one
//! that was created or has ended here.

use klatch_shared::limits::{MAX_ORDINAL, MAX_SEALED_CARD_CHARS, MAX_SEALED_ROOM_NAME_CHARS, MAX_SEATS};
use klatch_shared::wire::{Account, Event, RefusalCode, Revive, SeatOf};
use klatch_shared::{Latch, MemberId, RoomId};

use super::room::{Arrival, Room};
use super::seat::{Attendance, Seat};
use super::{Decision, Effect, Revival, Right, Rooms, Who, fit};
use crate::address::Address;

/// Rooms that ended here, and are remembered for it.
const MAX_ENDED: usize = 4096;

/// A seat that was told of, and whose owner has not come back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reserve {
    pub(super) seat: SeatOf,
    /// Whose account was the first to tell of it.
    told_by: MemberId,
    /// Another's did too.
    is_vouched: bool,
    /// Two told of it, with different latches: it opens to nobody.
    is_disputed: bool,
}

impl Reserve {
    /// Whether a token with this latch opens it.
    pub(super) fn opens_with(&self, latch: Latch) -> bool {
        self.seat.latch == latch && !self.is_disputed
    }
}

/// A room that is no more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    room: RoomId,
    creator: MemberId,
    /// Of the creator's seat.
    latch: Option<Latch>,
}

impl Ended {
    /// Whether an account is of this room, rather than of one that somebody passed it off for in order to end it.
    fn agrees(&self, account: &Account, own: SeatOf) -> bool {
        let told = account.seats.iter().chain([&own]).find(|seat| seat.member == self.creator).map(|seat| seat.latch);
        account.creator == self.creator && (told.is_none() || self.latch.is_none() || told == self.latch)
    }
}

impl Rooms {
    /// Somebody says what they remember of a room, and comes back to their seat in it.
    /// What follows from the account for whoever is inside is `news`, whether there is a seat for its author or not.
    pub(super) fn revive(
        &mut self,
        who: Who,
        revive: Revive,
        right: Right,
        now: u64,
        news: &mut Vec<Effect>,
    ) -> Decision {
        let Revive { member, key: _, proof: _, token, ordinal, card, session, account, code: _ } = revive;
        fit(&card, MAX_SEALED_CARD_CHARS)?;
        fit(&account.name, MAX_SEALED_ROOM_NAME_CHARS)?;
        let own = SeatOf { member, ordinal, latch: token.hash().latch() };
        if !is_plausible(&account, own) {
            return Err(RefusalCode::BadRequest);
        }
        let Revival { until, number } = self.policy.revival;
        let may_revive = now < until;
        if !self.rooms.contains_key(&who.room) {
            if !may_revive || self.ended.iter().any(|ended| ended.room == who.room && ended.agrees(&account, own)) {
                return Err(RefusalCode::UnknownRoom);
            }
            self.count_opening(who.address, right)?;
            self.rooms.insert(who.room, Room::revived(&account, who.address, number));
        }
        let room = self.rooms.get_mut(&who.room).ok_or(RefusalCode::UnknownRoom)?;
        // What was created here is known better than by any account.
        if may_revive && room.revived.is_some() {
            news.extend(room.reconcile(&account, own));
        }
        let owns = room.owns(member, token.hash());
        let decision = if owns { self.come_back(who, member, session, card) } else { Err(RefusalCode::UnknownSeat) };
        // Nobody came in, perhaps, where nobody was.
        self.note_emptiness(who.room, now);
        decision
    }

    /// A room is no more.
    pub(super) fn note_end(&mut self, id: RoomId, room: &Room) {
        if self.policy.revival.until > 0 {
            let reserved = room.reserve(room.creator).map(|reserve| reserve.seat.latch);
            let latch = room.seat(room.creator).map(|seat| seat.latch).or(reserved);
            self.ended.push_back(Ended { room: id, creator: room.creator, latch });
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
    fn revived(account: &Account, opened_from: Address, number: u32) -> Self {
        Self {
            opened_from: Some(opened_from),
            creator: account.creator,
            locked: account.locked,
            dies_at: None,
            name: account.name.clone(),
            invite: account.invite,
            seats: Vec::new(),
            reserves: Vec::new(),
            revived: Some(number),
            is_orphaned: false,
            is_ruled: false,
            next_ordinal: account.next_ordinal,
            outdated: Default::default(),
        }
    }

    /// Holds what a member remembers against what is known. Says what is to be told.
    fn reconcile(&mut self, account: &Account, own: SeatOf) -> Option<Effect> {
        let was_locked = self.locked;
        self.next_ordinal = self.next_ordinal.max(account.next_ordinal);
        self.is_orphaned |= account.creator != self.creator;
        for seat in &account.seats {
            self.hear_of(*seat, own.member, false);
        }
        self.hear_of(own, own.member, true);
        self.locked |= self.is_orphaned || account.invite != self.invite || account.locked && !self.is_ruled;
        if own.member == self.creator && !self.is_orphaned {
            // Locked it is all the same, until the creator says otherwise.
            self.invite = account.invite;
        }
        if self.locked == was_locked { None } else { self.tell_others(None, Event::Locked { locked: true }) }
    }

    /// An account tells of a seat; its author `is_here` and has shown the token.
    fn hear_of(&mut self, seat: SeatOf, author: MemberId, is_here: bool) {
        if let Some(taken) = self.seat(seat.member) {
            // Whoever sits there has shown a token. That alone lets nobody rule.
            self.is_orphaned |= seat.member == self.creator && seat.latch != taken.latch;
            return;
        }
        if let Some(known) = self.reserves.iter_mut().find(|known| known.seat.member == seat.member) {
            known.is_disputed |= known.seat.latch != seat.latch;
            known.is_vouched |= known.told_by != author;
            return;
        }
        if self.seats.len() + self.reserves.len() >= MAX_SEATS && !self.make_way(author, is_here) {
            return;
        }
        let is_taken = self.ordinals().any(|ordinal| ordinal == seat.ordinal);
        let ordinal = if is_taken { self.next_ordinal } else { seat.ordinal };
        self.next_ordinal = self.next_ordinal.max(ordinal.saturating_add(1));
        let seat = SeatOf { ordinal, ..seat };
        self.reserves.push(Reserve { seat, told_by: author, is_vouched: false, is_disputed: false });
    }

    /// Gives up a kept seat for another, if there is one to be given up: nobody fills a room with seats that are made up. For one that
    /// is only told of, that is a seat for which nobody else vouches, of somebody who tells of more of them.
    fn make_way(&mut self, author: MemberId, is_here: bool) -> bool {
        let Some(least) = self.least_credible() else { return false };
        let gives_way = is_here || !least.is_vouched && self.told_alone(least.told_by) > self.told_alone(author);
        if gives_way {
            let member = least.seat.member;
            self.reserves.retain(|reserve| reserve.seat.member != member);
        }
        gives_way
    }

    /// The kept seat to be given up first, which is never the creator's: one that nobody else vouches for, of the account that told of
    /// most of them, the latest.
    pub(super) fn least_credible(&self) -> Option<&Reserve> {
        let others = self.reserves.iter().filter(|reserve| reserve.seat.member != self.creator);
        others.max_by_key(|reserve| (!reserve.is_vouched, self.told_alone(reserve.told_by)))
    }

    /// Of how many kept seats this member alone told.
    fn told_alone(&self, author: MemberId) -> usize {
        self.reserves.iter().filter(|reserve| reserve.told_by == author && !reserve.is_vouched).count()
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
