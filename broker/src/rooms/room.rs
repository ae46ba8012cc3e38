//! One room: its seats, who is present, and what members may do to each other.
//!
//! Each method decides one thing and says what is to be told to whom; nothing here sends anything.

use std::collections::BTreeSet;

use klatch_relay::Holder;
#[cfg(test)]
use klatch_shared::limits::{MAX_ORDINAL, MAX_SEATS};
use klatch_shared::wire::{Admitted, CloseCode, Create, Event, RefusalCode, RoomGlance};
use klatch_shared::{AnyToken, MemberId, Sealed, SessionNonce, TokenHash};

use super::kept::Part;
use super::revival::Reserve;
use super::seat::{Attendance, Seat};
use super::spacing::{Doings, Newcomers};
use super::{ConnectionId, Effect, Holders};
use crate::address::Address;

/// A living room.
#[derive(Debug)]
pub(super) struct Room {
    /// From where, unless it was kept over a restart.
    pub(super) opened_from: Option<Address>,
    pub(super) creator: MemberId,
    pub(super) locked: bool,
    /// When it dies; set exactly while nobody is present.
    pub(super) dies_at: Option<u64>,
    pub(super) name: Sealed,
    pub(super) invite: TokenHash,
    /// In the order in which they were taken.
    pub(super) seats: Vec<Seat>,
    /// Seats of whoever has not come back since the room was revived.
    pub(super) reserves: Vec<Reserve>,
    /// The [`super::Revival::number`], where it was opened by somebody who remembered it, not created here.
    pub(super) revived: Option<u32>,
    /// Two who revived it disagree on who created it: nobody rules.
    pub(super) is_orphaned: bool,
    /// The creator said how it is since: what others remember of the lock counts no more.
    pub(super) is_ruled: bool,
    pub(super) next_ordinal: u32,
    /// From where it was newly come in of late.
    pub(super) newcomers: Newcomers,
    /// What changed since it was last written down ([`super::Rooms::take_changes`]).
    pub(super) outdated: BTreeSet<Part>,
}

/// Somebody about to be present: through what, and how others see them.
pub(super) struct Arrival {
    pub(super) connection: ConnectionId,
    pub(super) address: Address,
    pub(super) session: SessionNonce,
    pub(super) card: Sealed,
}

impl Room {
    /// A new room with its creator's seat, not yet sat on.
    pub(super) fn open(create: &Create, opened_from: Address, connection: ConnectionId) -> Self {
        let mut room = Self {
            opened_from: Some(opened_from),
            creator: create.member,
            locked: false,
            dies_at: None,
            name: create.name.clone(),
            invite: create.invite,
            seats: Vec::new(),
            reserves: Vec::new(),
            revived: None,
            is_orphaned: false,
            is_ruled: false,
            next_ordinal: 0,
            newcomers: Newcomers::default(),
            outdated: BTreeSet::from([Part::Room]),
        };
        let (session, card) = (create.session, create.card.clone());
        let arrival = Arrival { connection, address: opened_from, session, card };
        room.push_seat(create.member, create.seat, arrival);
        room
    }

    /// The seat whose owner is present on `connection`.
    pub(super) fn seated(&self, connection: ConnectionId) -> Option<MemberId> {
        self.seats.iter().find(|seat| seat.connection() == Some(connection)).map(|seat| seat.member)
    }

    /// The seat's member, if there is such a seat and the token is its own.
    pub(super) fn owns(&self, member: MemberId, token: TokenHash) -> bool {
        let latch = token.latch();
        self.seat(member).is_some_and(|seat| seat.latch == latch)
            || self.reserve(member).is_some_and(|reserve| reserve.opens_with(latch))
    }

    /// Whether the seat was taken like this, by the page load that sits on it or did last. A hash is no token: whoever came to know
    /// one can't sit down with it.
    pub(super) fn seated_by(&self, member: MemberId, token: TokenHash, session: SessionNonce) -> bool {
        self.owns(member, token) && self.seat(member).is_some_and(|seat| seat.session == session)
    }

    /// Whose token this is. All seats are looked at, so that the time taken does not tell which one it was.
    pub(super) fn owner(&self, token: TokenHash) -> Option<MemberId> {
        let latch = token.latch();
        let reserves = self.reserves.iter().map(|reserve| (reserve.opens_with(latch), reserve.seat.member));
        let seats = self.seats.iter().map(|seat| (seat.latch == latch, seat.member)).chain(reserves);
        seats.fold(None, |found, (owns, member)| if owns { Some(member) } else { found })
    }

    /// Where a present member sits.
    pub(super) fn connection_of(&self, member: MemberId) -> Option<ConnectionId> {
        self.seat(member).and_then(Seat::connection)
    }

    /// For whom a member's relay credentials are made; from now on `fresh`, if it is for nobody yet.
    pub(super) fn holder(&mut self, member: MemberId, fresh: Holder) -> Option<Holder> {
        self.seat_mut(member).map(|seat| seat.holder.get_or_insert(fresh).clone())
    }

    /// For whom relay credentials were made.
    pub(super) fn holders(&self) -> impl Iterator<Item = &Holder> {
        self.seats.iter().filter_map(|seat| seat.holder.as_ref())
    }

    /// Whether somebody has, or as the creator had, this id.
    pub(super) fn knows(&self, member: MemberId) -> bool {
        member == self.creator || self.has_place_of(member)
    }

    /// Whether a member has a seat, or one is kept for them.
    pub(super) fn has_place_of(&self, member: MemberId) -> bool {
        self.seat(member).is_some() || self.reserve(member).is_some()
    }

    /// Whether this is the room's invitation.
    pub(super) fn invites(&self, token: TokenHash) -> bool {
        self.invite == token
    }

    /// How many are present.
    pub(super) fn present(&self) -> usize {
        self.seats.iter().filter(|seat| seat.connection().is_some()).count()
    }

    /// How it looks to `member`.
    pub(super) fn admitted(&self, member: MemberId) -> Option<Admitted> {
        let ordinal = self.seat(member)?.ordinal;
        Some(Admitted {
            ordinal,
            creator: self.creator,
            locked: self.locked,
            name: self.name.clone(),
            members: self.seats.iter().filter(|seat| seat.member != member).map(Seat::view).collect(),
            reserved: self.reserves.iter().map(|reserve| reserve.seat.member).collect(),
            revived: self.revived,
        })
    }

    /// How it looks from outside, to whoever holds one of its tokens.
    pub(super) fn glance(&self, token: &AnyToken, max_members: usize, now: u64) -> Option<RoomGlance> {
        let holds = match token {
            AnyToken::Invite(token) => self.invite == token.hash(),
            AnyToken::Seat(token) => self.owner(token.hash()).is_some(),
        };
        holds.then(|| RoomGlance {
            present: u32::try_from(self.present()).expect("at most MAX_SEATS"),
            locked: self.locked,
            full: self.present() >= max_members,
            name: self.name.clone(),
            expires_in: self.dies_at.map(|at| at.saturating_sub(now)),
        })
    }

    /// Says when it dies, while nobody is present.
    pub(super) fn live_until(&mut self, dies_at: Option<u64>) {
        if self.dies_at != dies_at {
            self.dies_at = dies_at;
            self.outdated.insert(Part::Room);
        }
    }

    /// Loses or gives up presence; the seat stays.
    pub(super) fn depart(&mut self, member: MemberId, how: Attendance) -> Vec<Effect> {
        let Some(seat) = self.seat_mut(member) else { return Vec::new() };
        seat.attendance = how;
        self.outdated.insert(Part::Seat(member));
        self.forget_exchanges(member);
        let event = match how {
            Attendance::Away(_) => Event::Away { member },
            Attendance::Left(_) => Event::Left { member },
            Attendance::Present(_) => return Vec::new(),
        };
        self.tell_others(Some(member), event).into_iter().collect()
    }

    /// Releases a seat.
    pub(super) fn forget(&mut self, member: MemberId, holders: &mut Holders) -> Vec<Effect> {
        self.remove_seat(member, holders);
        self.tell_others(None, Event::Forgotten { member }).into_iter().collect()
    }

    /// Changes a card.
    pub(super) fn change_card(&mut self, member: MemberId, card: Sealed, now: u64) -> Result<Vec<Effect>, RefusalCode> {
        let Some(seat) = self.seat_mut(member) else { return Ok(Vec::new()) };
        if !seat.doings.notices.takes(now) {
            return Err(RefusalCode::TooFast);
        }
        seat.card = card.clone();
        self.outdated.insert(Part::Seat(member));
        Ok(self.tell_others(Some(member), Event::Card { member, card }).into_iter().collect())
    }

    /// Locks or unlocks.
    pub(super) fn lock(&mut self, member: MemberId, locked: bool, now: u64) -> Result<Vec<Effect>, RefusalCode> {
        self.require_creator(member)?;
        self.is_ruled = true;
        if self.locked == locked {
            return Ok(Vec::new());
        }
        if self.seat_mut(member).is_some_and(|seat| !seat.doings.notices.takes(now)) {
            return Err(RefusalCode::TooFast);
        }
        self.locked = locked;
        self.outdated.insert(Part::Room);
        Ok(self.tell_others(Some(member), Event::Locked { locked }).into_iter().collect())
    }

    /// What everybody is told when the creator ends the room.
    pub(super) fn end(&mut self, member: MemberId) -> Result<Vec<Effect>, RefusalCode> {
        self.require_creator(member)?;
        let mut effects: Vec<Effect> = self.tell_others(Some(member), Event::Ended).into_iter().collect();
        let connections = self.seats.iter().filter_map(Seat::connection);
        effects.extend(connections.map(|connection| Effect::Close { connection, code: CloseCode::Ended }));
        Ok(effects)
    }

    fn require_creator(&self, member: MemberId) -> Result<(), RefusalCode> {
        if member == self.creator && !self.is_orphaned { Ok(()) } else { Err(RefusalCode::NotCreator) }
    }

    pub(super) fn seat(&self, member: MemberId) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.member == member)
    }

    pub(super) fn seat_mut(&mut self, member: MemberId) -> Option<&mut Seat> {
        self.seats.iter_mut().find(|seat| seat.member == member)
    }

    pub(super) fn push_seat(&mut self, member: MemberId, token: TokenHash, arrival: Arrival) {
        let Arrival { connection, address: _, session, card } = arrival;
        let ordinal = self.next_ordinal;
        self.next_ordinal = ordinal.saturating_add(1);
        self.outdated.extend([Part::Room, Part::Seat(member)]);
        let attendance = Attendance::Present(connection);
        let latch = token.latch();
        let (is_known, is_told, holder, offers, doings) = (false, false, None, Vec::new(), Doings::default());
        let seat =
            Seat { member, latch, ordinal, session, card, attendance, is_known, is_told, holder, offers, doings };
        self.seats.push(seat);
    }

    pub(super) fn remove_seat(&mut self, member: MemberId, holders: &mut Holders) {
        self.forget_exchanges(member);
        self.outdated.insert(Part::Seat(member));
        if let Some(holder) = self.seat(member).and_then(|seat| seat.holder.as_ref()) {
            holders.remove(holder);
        }
        self.seats.retain(|seat| seat.member != member);
        self.reserves.retain(|reserve| reserve.seat.member != member);
    }

    pub(super) fn tell_others(&self, except: Option<MemberId>, event: Event) -> Option<Effect> {
        let others = self.seats.iter().filter(|seat| Some(seat.member) != except);
        let to: Vec<_> = others.filter_map(Seat::connection).collect();
        (!to.is_empty()).then_some(Effect::TellAll { to, event })
    }
}

#[cfg(test)]
impl Room {
    /// What must hold of every room at every time.
    pub(super) fn check(&self, max_members: usize) {
        assert!(self.present() <= max_members);
        assert!(self.seats.len() + self.reserves.len() <= MAX_SEATS);
        assert_eq!(self.dies_at.is_some(), self.present() == 0, "a room is about to die exactly while it is empty");
        assert!(self.seats.is_sorted_by_key(|seat| seat.ordinal));
        let distinct = |count: usize| {
            assert_eq!(count, self.seats.len() + self.reserves.len(), "no two seats of one member or ordinal")
        };
        let reserved = || self.reserves.iter().map(|reserve| reserve.seat);
        let members = self.seats.iter().map(|seat| seat.member).chain(reserved().map(|seat| seat.member));
        distinct(members.collect::<std::collections::BTreeSet<_>>().len());
        let ordinals = self.seats.iter().map(|seat| seat.ordinal).chain(reserved().map(|seat| seat.ordinal));
        let ordinals: std::collections::BTreeSet<_> = ordinals.collect();
        distinct(ordinals.len());
        assert!(ordinals.last().is_none_or(|last| *last < self.next_ordinal.min(MAX_ORDINAL)));
        let connections: std::collections::BTreeSet<_> = self.connections().collect();
        assert_eq!(connections.len(), self.present(), "nobody is present twice on one connection");
        for seat in &self.seats {
            assert!(seat.offers.len() < MAX_SEATS && (seat.offers.is_empty() || seat.connection().is_some()));
            assert!(seat.offers.iter().all(|exchange| self.other_present(seat.member, exchange.to).is_ok()));
        }
    }

    /// Through what its members are present.
    pub(super) fn connections(&self) -> impl Iterator<Item = ConnectionId> + '_ {
        self.seats.iter().filter_map(Seat::connection)
    }
}
