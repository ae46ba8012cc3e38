//! The ways in: opening a room, taking a seat with the invitation, coming back to one's own.

use klatch_shared::limits::{MAX_ORDINAL, MAX_SEALED_CARD_CHARS, MAX_SEALED_ROOM_NAME_CHARS};
use klatch_shared::wire::{Admission, CloseCode, Create, Event, Join, RefusalCode};
use klatch_shared::{MemberId, RoomId, Sealed, SessionNonce, TokenHash};

use super::kept::Part;
use super::room::{Arrival, Room};
use super::seat::{Attendance, Seat};
use super::{Decision, Effect, Granted, Holders, Right, Rooms, Who, fit, is_failure};
use crate::address::Address;

impl Rooms {
    /// Whether somebody at this address may open rooms by this right, before they would.
    ///
    /// # Errors
    /// Says why not. A wrong code is a failure of the address.
    pub fn may_open(&mut self, address: Address, right: Right, now: u64) -> Result<(), RefusalCode> {
        self.rates.expire(now);
        self.admit(address, right)
            .map_err(|code| if is_failure(code, false) { self.fail(address, code, now) } else { code })
    }

    pub(super) fn create(&mut self, who: Who, create: Create, right: Right, now: u64) -> Decision {
        fit(&create.card, MAX_SEALED_CARD_CHARS)?;
        fit(&create.name, MAX_SEALED_ROOM_NAME_CHARS)?;
        if let Some(room) = self.rooms.get(&who.room) {
            // The same `create` again, after a lost reply.
            let again = room.seated_by(create.member, create.seat, create.session);
            return if create.member == room.creator && again {
                self.come_back(who, create.member, create.session, create.card, now)
            } else {
                Err(RefusalCode::RoomExists)
            };
        }
        self.count_opening(who.address, right, now)?;
        let room = Room::open(&create, who.address, who.connection);
        let admitted = room.admitted(create.member).expect("the creator has a seat");
        self.rooms.insert(who.room, room);
        Ok((Granted::Seat(admitted), Vec::new()))
    }

    /// Counts one more room of an address, if it may open one.
    pub(super) fn count_opening(&mut self, address: Address, right: Right, now: u64) -> Result<(), RefusalCode> {
        self.admit(address, right)?;
        if self.rooms.len() >= self.policy.max_rooms {
            return Err(RefusalCode::BrokerFull);
        }
        let opened = self.openers.get(&address).copied().unwrap_or_default();
        if opened >= self.rooms_per_address || self.rates.openings.note(address, now) {
            return Err(RefusalCode::TooManyRooms);
        }
        self.openers.insert(address, opened + 1);
        Ok(())
    }

    /// Codes are short beside tokens. So where an address has failed too often none is looked at, or guesses would cost a connection each
    /// and nothing else. That keeps a neighbour of who guesses from opening rooms for a while, and from nothing else.
    fn admit(&self, address: Address, right: Right) -> Result<(), RefusalCode> {
        match right {
            Right::Everybodys => Ok(()),
            Right::Unshown => Err(RefusalCode::HostCodeWanted),
            Right::Shown | Right::Wrong if self.rates.failures.are_too_many(address) => {
                Err(RefusalCode::TooManyFailures)
            }
            Right::Shown => Ok(()),
            Right::Wrong => Err(RefusalCode::HostCodeWrong),
        }
    }

    pub(super) fn join(&mut self, who: Who, join: Join, now: u64) -> Decision {
        let Join { member, key: _, proof: _, admission, card, session } = join;
        fit(&card, MAX_SEALED_CARD_CHARS)?;
        let room = self.rooms.get_mut(&who.room).ok_or(RefusalCode::UnknownRoom)?;
        match admission {
            Admission::Seat { token } if room.owns(member, token.hash()) => {
                self.come_back(who, member, session, card, now)
            }
            Admission::Seat { .. } => Err(RefusalCode::UnknownSeat),
            Admission::Invite { token, .. } if !room.invites(token.hash()) => Err(RefusalCode::BadInvitation),
            // The same `join` again, after a lost reply.
            Admission::Invite { seat, .. } if room.seated_by(member, seat, session) => {
                self.come_back(who, member, session, card, now)
            }
            Admission::Invite { .. } if room.knows(member) => Err(RefusalCode::MemberTaken),
            Admission::Invite { .. } if room.seated(who.connection).is_some() => Err(RefusalCode::AlreadyJoined),
            Admission::Invite { .. } if self.rates.joins.note(who.address, now) => Err(RefusalCode::TooManyJoins),
            Admission::Invite { seat, .. } => {
                let arrival = Arrival { connection: who.connection, address: who.address, session, card };
                let max_members = self.policy.max_members;
                self.sit(who.room, member, |room, holders| {
                    room.take_seat(member, seat, arrival, max_members, now, holders)
                })
            }
        }
    }

    pub(super) fn come_back(
        &mut self,
        who: Who,
        member: MemberId,
        session: SessionNonce,
        card: Sealed,
        now: u64,
    ) -> Decision {
        let room = self.rooms.get_mut(&who.room).ok_or(RefusalCode::UnknownRoom)?;
        if room.seated(who.connection).is_some_and(|seated| seated != member) {
            return Err(RefusalCode::AlreadyJoined);
        }
        let arrival = Arrival { connection: who.connection, address: who.address, session, card };
        let max_members = self.policy.max_members;
        self.sit(who.room, member, |room, holders| room.come_back(member, arrival, max_members, now, holders))
    }

    /// Lets somebody become present, and the room live on.
    fn sit(
        &mut self,
        id: RoomId,
        member: MemberId,
        how: impl FnOnce(&mut Room, &mut Holders) -> Result<Vec<Effect>, RefusalCode>,
    ) -> Decision {
        let room = self.rooms.get_mut(&id).ok_or(RefusalCode::UnknownRoom)?;
        let dies_at = room.dies_at;
        let effects = how(room, &mut self.holders)?;
        if let Some(at) = dies_at {
            self.deaths.remove(&(at, id));
        }
        let admitted = room.admitted(member).expect("whoever sat down has a seat");
        Ok((Granted::Seat(admitted), effects))
    }
}

impl Room {
    /// Takes a new seat.
    pub(super) fn take_seat(
        &mut self,
        member: MemberId,
        token: TokenHash,
        arrival: Arrival,
        max_members: usize,
        now: u64,
        holders: &mut Holders,
    ) -> Result<Vec<Effect>, RefusalCode> {
        if self.locked {
            return Err(RefusalCode::RoomLocked);
        }
        if self.present() >= max_members || self.next_ordinal >= MAX_ORDINAL {
            return Err(RefusalCode::RoomFull);
        }
        let gives_way =
            if self.is_full() { Some(self.gives_way_to_newcomers(now).ok_or(RefusalCode::RoomFull)?) } else { None };
        if !self.newcomers.takes(arrival.address, now) {
            return Err(RefusalCode::TooFast);
        }
        let mut effects = Vec::new();
        if let Some(member) = gives_way {
            self.remove_seat(member, holders);
            effects.extend(self.tell_others(None, Event::Forgotten { member }));
        }
        self.push_seat(member, token, arrival);
        self.live_until(None);
        let view = self.seats.last().expect("it was pushed just now").view();
        effects.extend(self.tell_others(Some(member), Event::Joined(view)));
        Ok(effects)
    }

    /// Comes back to one's own seat, from wherever it is sat on now.
    pub(super) fn come_back(
        &mut self,
        member: MemberId,
        arrival: Arrival,
        max_members: usize,
        now: u64,
        holders: &mut Holders,
    ) -> Result<Vec<Effect>, RefusalCode> {
        let taken = self.seat(member);
        let is_reload = taken.is_some_and(|seat| seat.session != arrival.session);
        let before = taken.and_then(Seat::connection);
        let as_kept = before.is_some() && !is_reload && taken.is_some_and(|seat| seat.card == arrival.card);
        let same = as_kept && before == Some(arrival.connection);
        let is_too_much = |seat: &Seat| match is_reload {
            true => seat.doings.reloads.are_too_many(now),
            false => !same && seat.doings.notices.are_too_many(now),
        };
        // A seat that is only told of has never been sat on here: whoever takes it is new to all.
        let comes_too_fast = match taken {
            Some(seat) => is_too_much(seat),
            None if self.is_known(member) => !self.newcomers.takes_known(now),
            None => !self.newcomers.takes(arrival.address, now),
        };
        if comes_too_fast {
            return Err(RefusalCode::TooFast);
        }
        let mut effects = Vec::new();
        if before.is_none() && self.present() >= max_members {
            effects = self.see_out_stranger_for(member, holders).ok_or(RefusalCode::RoomFull)?;
        }
        self.take_up_reserve(member, &arrival);
        let seat = self.seat_mut(member).ok_or(RefusalCode::UnknownSeat)?;
        if is_reload {
            seat.doings.reloads.note(now);
        } else if !same {
            seat.doings.notices.note(now);
        }
        let Arrival { connection, address: _, session, card } = arrival;
        (seat.attendance, seat.session, seat.card) = (Attendance::Present(connection), session, card);
        let view = seat.view();
        if !as_kept {
            self.outdated.insert(Part::Seat(member));
        }
        self.live_until(None);

        if let Some(older) = before.filter(|older| *older != connection) {
            effects.push(Effect::Close { connection: older, code: CloseCode::TakenOver });
        }
        if !same {
            self.forget_exchanges(member);
            effects.extend(self.tell_others(Some(member), Event::Back(view)));
        }
        Ok(effects)
    }
}
