//! Rooms that outlive a broker that keeps none: members who are still connected to each other bring theirs back.
//!
//! Each of them remembers the room ([`Account`]): the first account opens it again, those of the others are held against it. Seats come
//! back without cards and stay reserved until their owners return with theirs, so that nobody speaks for the absent. Where two
//! accounts disagree the stricter wins: the room is locked, the seat opens to nobody, nobody rules it. Which seats give way where a room
//! is full is told in `claim`.
//!
//! An honest account has in it whatever somebody made its author's page believe. So what makes no sense in one is settled or left out
//! ([`settled`]), and a place that can't be had, because another has it or there would be none left for newcomers, becomes the next one.
//! So does that of a stranger, as by their places members tell what was said before somebody came. Where nobody has told of others yet,
//! as whoever is the first after a reload can't, there are no strangers: all are where they say.
//!
//! The broker can't tell a member's account from that of somebody who has the link: who is quick to revive a room is inside, locked or
//! not, and sits where the creator sat if they know of that seat. So pages don't take its word: they let in nobody new until the creator
//! says so itself (`klatch_mesh::Bar`). Where a host's code is wanted of whoever opens a room, it is of whoever is the first to bring one back, too: a
//! member who has one is enough for all. Rooms are revived only for a while after the start (`--limit revival-seconds=…`), and not where
//! there is one that was created here.
//!
//! What has ended here stays so for every account that names the creator who ended it, with that seat's latch. Others are of another room:
//! else somebody with the link could revive a room as their own, end it, and nobody would bring the true one back. So whoever has the link
//! can open a room of their own where one has ended, by an account as by `create`. No member's page goes there by itself.

use std::collections::BTreeSet;

use klatch_shared::limits::{MAX_ORDINAL, MAX_SEALED_CARD_CHARS, MAX_SEALED_ROOM_NAME_CHARS, MAX_SEATS};
use klatch_shared::wire::{Account, Event, RefusalCode, Revive, SeatOf};
use klatch_shared::{Latch, MemberId, RoomId};

use super::room::{Arrival, Room};
use super::seat::{Attendance, Seat};
use super::spacing::Doings;
use super::{Decision, Effect, Holders, Revival, Right, Rooms, Who, fit};
use crate::address::Address;

/// Rooms that ended here, and are remembered for it.
const MAX_ENDED: usize = 4096;

/// Places that are taken as told are below this, so that as many are left for newcomers whatever is told.
const MAX_TOLD: u32 = MAX_ORDINAL / 2;

/// A seat that was told of, and whose owner has not come back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reserve {
    pub(super) seat: SeatOf,
    /// Whose account was the first to tell of it.
    pub(super) told_by: MemberId,
    /// Somebody whose word counts told of it, other than its owner; or its owner's word counts as that of who revived the room.
    pub(super) is_known: bool,
    /// Two told of it whose word counts.
    pub(super) is_vouched: bool,
    /// Two told of it, with different latches: it opens to nobody.
    is_disputed: bool,
}

impl Reserve {
    /// Whether nobody tells of it but its owner.
    pub(super) fn is_strangers(&self) -> bool {
        self.told_by == self.seat.member && !self.is_known
    }

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
        if ordinal >= MAX_ORDINAL {
            return Err(RefusalCode::BadRequest);
        }
        let own = SeatOf { member, ordinal, latch: token.hash().latch() };
        let account = settled(account, own);
        let Revival { until, number } = self.policy.revival;
        let may_revive = now < until;
        if !self.rooms.contains_key(&who.room) {
            if !may_revive || self.ended.iter().any(|ended| ended.room == who.room && ended.agrees(&account, own)) {
                return Err(RefusalCode::UnknownRoom);
            }
            self.count_opening(who.address, right, now)?;
            self.rooms.insert(who.room, Room::revived(&account, own, who.address, number));
        }
        let room = self.rooms.get_mut(&who.room).ok_or(RefusalCode::UnknownRoom)?;
        // What was created here is known better than by any account.
        if may_revive && room.revived.is_some() {
            room.reconcile(&account, own, now, &mut self.holders, news);
        }
        let owns = room.owns(member, token.hash());
        let decision =
            if owns { self.come_back(who, member, session, card, now) } else { Err(RefusalCode::UnknownSeat) };
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

/// The same with one seat for each of the others, as many as there may be, in their order; those behind are left out.
fn settled(mut account: Account, own: SeatOf) -> Account {
    account.seats.sort_by_key(|seat| (seat.ordinal, seat.member));
    let mut members = BTreeSet::from([own.member]);
    account.seats.retain(|seat| members.insert(seat.member));
    account.seats.truncate(MAX_SEATS - 1);
    account.next_ordinal = account.next_ordinal.min(MAX_TOLD);
    account
}

impl Room {
    /// A room of which one member told, with nobody in it yet.
    fn revived(account: &Account, own: SeatOf, opened_from: Address, number: u32) -> Self {
        let own = SeatOf { ordinal: own.ordinal.min(MAX_TOLD), ..own };
        let first = Reserve { seat: own, told_by: own.member, is_known: true, is_vouched: false, is_disputed: false };
        Self {
            opened_from: Some(opened_from),
            creator: account.creator,
            locked: account.locked,
            dies_at: None,
            name: account.name.clone(),
            invite: account.invite,
            seats: Vec::new(),
            reserves: vec![first],
            revived: Some(number),
            is_orphaned: false,
            is_ruled: false,
            next_ordinal: account.next_ordinal.max(own.ordinal.saturating_add(1)),
            newcomers: Default::default(),
            outdated: Default::default(),
        }
    }

    /// Holds what a member remembers against what is known. What is to be told is `news`.
    fn reconcile(&mut self, account: &Account, own: SeatOf, now: u64, holders: &mut Holders, news: &mut Vec<Effect>) {
        let was_locked = self.locked;
        self.next_ordinal = self.next_ordinal.max(account.next_ordinal);
        self.is_orphaned |= account.creator != self.creator;
        // Where no seat gives way to one that is told of, none does to those behind it: all rooms wait meanwhile.
        let mut is_crowded = false;
        for seat in &account.seats {
            let is_there = self.has_place_of(seat.member);
            is_crowded = is_crowded || !is_there && !self.make_way(own.member, false, now, holders, news);
            if is_there || !is_crowded {
                self.hear_of(*seat, own.member);
            }
        }
        if self.has_place_of(own.member) || self.make_way(own.member, true, now, holders, news) {
            self.hear_of(own, own.member);
        }
        self.locked |= self.is_orphaned || account.invite != self.invite || account.locked && !self.is_ruled;
        if own.member == self.creator && !self.is_orphaned {
            // Locked it is all the same, until the creator says otherwise.
            self.invite = account.invite;
        }
        if self.locked != was_locked {
            news.extend(self.tell_others(None, Event::Locked { locked: true }));
        }
    }

    /// An account tells of a seat, for which there is a place.
    fn hear_of(&mut self, seat: SeatOf, author: MemberId) {
        let counts = author != seat.member && self.is_known(author);
        if let Some(taken) = self.seats.iter_mut().find(|taken| taken.member == seat.member) {
            taken.is_known |= counts && seat.latch == taken.latch;
            // Whoever sits there has shown a token. That alone lets nobody rule.
            self.is_orphaned |= seat.member == self.creator && seat.latch != taken.latch;
            return;
        }
        if let Some(known) = self.reserves.iter_mut().find(|known| known.seat.member == seat.member) {
            known.is_disputed |= known.seat.latch != seat.latch;
            known.is_vouched |= counts && known.is_known && known.told_by != author;
            if counts && !known.is_known {
                (known.is_known, known.told_by) = (true, author);
            }
            return;
        }
        // Members who are there told of others: whoever is not among them comes behind them, wherever they say they sat.
        let is_placed = counts || !self.is_described();
        let is_free = is_placed && seat.ordinal < MAX_TOLD && self.ordinals().all(|ordinal| ordinal != seat.ordinal);
        let ordinal = if is_free { seat.ordinal } else { self.next_ordinal };
        if ordinal >= MAX_ORDINAL {
            return;
        }
        self.next_ordinal = self.next_ordinal.max(ordinal + 1);
        let seat = SeatOf { ordinal, ..seat };
        self.reserves.push(Reserve { seat, told_by: author, is_known: counts, is_vouched: false, is_disputed: false });
    }

    /// Whether somebody whose word counts told of others.
    fn is_described(&self) -> bool {
        let seats = self.seats.iter().filter(|seat| seat.is_known).count();
        seats + self.reserves.iter().filter(|reserve| reserve.is_known).count() > 1
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
        let Reserve { seat: SeatOf { member, ordinal, latch }, is_known, .. } = self.reserves.remove(at);
        let place = self.seats.iter().position(|seat| seat.ordinal > ordinal).unwrap_or(self.seats.len());
        let attendance = Attendance::Away(0);
        let (session, card) = (arrival.session, arrival.card.clone());
        let (is_told, holder, offers, doings) = (true, None, Vec::new(), Doings::default());
        let seat =
            Seat { member, latch, ordinal, session, card, attendance, is_known, is_told, holder, offers, doings };
        self.seats.insert(place, seat);
    }
}
