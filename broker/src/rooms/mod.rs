//! All rooms, as a pure state machine: who asks, what, and when go in; a reply, effects and what is to be kept come out.
//!
//! A room's life:
//!
//! 1. Somebody who holds the room's key asks to [`Ask::Create`] it and has its first seat.
//! 2. Others [`Ask::Join`], with the invitation for a new seat or with their seat's token to come back. A seat is sat on through one
//!    connection at a time: a newer one takes over, and the older is closed.
//! 3. Present members signal each other along exchanges: an offer, its one answer, their candidates.
//! 4. A connection that is gone leaves its member away ([`Rooms::lost`]); *leave* gives up presence, *forget* the seat.
//! 5. When nobody is present any more the room has `--room-ttl` to live. [`Rooms::next_deadline`] says when somebody has to call
//!    [`Rooms::expire`]; every decision calls it too, so that a room is never used past its time.
//!
//! There is no clock here (`now` is milliseconds of whatever clock the caller has), no randomness, no IO and no await. Everything that
//! grows is bounded by [`Limits`], [`Policy`] or [`klatch_shared::limits`].

mod ask;
mod claim;
mod entering;
mod exchange;
mod holders;
mod kept;
mod proven;
mod rates;
mod revival;
mod room;
mod seat;
mod signalling;
mod spacing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap, VecDeque};

use klatch_relay::Holder;
use klatch_shared::limits::{MAX_PEEKED_ROOMS, MAX_SEALED_CARD_CHARS};
use klatch_shared::wire::{CloseCode, Glance, Lock, NewCard, Peek, Peeked, PeekedRoom, Refusal, RefusalCode};
use klatch_shared::{MemberId, RoomId, Sealed, SeatToken};

pub use ask::{Ask, ConnectionId, Effect, Granted, Outcome, Policy, Revival, Right, Who};
pub use kept::{Change, KeptRoom, KeptSeat, Whereabouts};
pub use proven::Proven;

use crate::address::Address;
use crate::limits::Limits;
use crate::tables;
use holders::Holders;
use rates::Rates;
use revival::Ended;
use room::Room;
use seat::Attendance;

/// All rooms.
#[derive(Debug)]
pub struct Rooms {
    policy: Policy,
    rooms_per_address: u32,
    rooms: HashMap<RoomId, Room>,
    /// The empty rooms, by when they die.
    deaths: BTreeSet<(u64, RoomId)>,
    /// How many living rooms each address opened.
    openers: HashMap<Address, u32>,
    holders: Holders,
    rates: Rates,
    /// Those that ended here while rooms may be revived: these may not.
    ended: VecDeque<Ended>,
    /// What changed of what is kept, until somebody takes it.
    changes: Vec<Change>,
}

type Decision = Result<(Granted, Vec<Effect>), RefusalCode>;

impl Rooms {
    /// None yet.
    pub fn new(policy: Policy, limits: &Limits) -> Self {
        Self {
            policy,
            rooms_per_address: limits.rooms_per_address,
            rooms: HashMap::new(),
            deaths: BTreeSet::new(),
            openers: HashMap::new(),
            holders: Holders::default(),
            rates: Rates::new(limits),
            ended: VecDeque::new(),
            changes: Vec::new(),
        }
    }

    /// How big they are, and so on.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Decides one thing.
    pub fn ask(&mut self, who: Who, ask: Ask, now: u64) -> Outcome {
        self.expire(now);
        let joining = matches!(ask, Ask::Join(_) | Ask::Revive(..));
        let signalling = ask.signal().is_some();
        let mut news = Vec::new();
        let decision = match ask {
            Ask::Create(create, right) => self.create(who, create.into_inner(), right, now),
            Ask::Join(join) => self.join(who, join.into_inner(), now),
            Ask::Revive(revive, right) => self.revive(who, revive.into_inner(), right, now, &mut news),
            Ask::Leave => self.leave(who, now),
            Ask::Forget => self.forget(who, now),
            Ask::Release(token) => self.release(who, &token, now),
            Ask::Card(NewCard { card }) => {
                let fits = fit(&card, MAX_SEALED_CARD_CHARS);
                self.in_room(who, |room, member| fits.and_then(|()| room.change_card(member, card, now)))
            }
            Ask::Lock(Lock { locked }) => self.in_room(who, |room, member| room.lock(member, locked, now)),
            Ask::End => self.end(who),
            Ask::Offer(offer) => self.in_room(who, |room, member| Ok(vec![room.offer(member, offer, now)?])),
            Ask::Answer(answer) => self.in_room(who, |room, member| Ok(vec![room.answer(member, answer, now)?])),
            Ask::Candidate(candidate) => {
                self.in_room(who, |room, member| Ok(vec![room.candidate(member, candidate, now)?]))
            }
        };
        if !signalling {
            self.note_changes(who.room);
        }
        match decision {
            Ok((granted, effects)) => {
                news.extend(effects);
                Outcome { reply: Ok(granted), effects: news }
            }
            Err(code) => {
                let code = if is_failure(code, joining) { self.fail(who.address, code, now) } else { code };
                Outcome { reply: Err(code), effects: news }
            }
        }
    }

    /// How some rooms are; an unknown room and a wrong token look the same.
    ///
    /// # Errors
    /// [`RefusalCode::BadRequest`] for more rooms than may be asked for at once.
    pub fn peek(&mut self, peek: &Peek, now: u64) -> Result<Peeked, RefusalCode> {
        self.expire(now);
        if peek.rooms.len() > MAX_PEEKED_ROOMS {
            return Err(RefusalCode::BadRequest);
        }
        let glance = |at: &klatch_shared::wire::PeekAt| {
            let room = self.rooms.get(&at.room);
            let glance = room.and_then(|room| room.glance(&at.token, self.policy.max_members, now));
            glance.map_or(Glance::Refused(Refusal::of(RefusalCode::UnknownRoom)), Glance::Alive)
        };
        Ok(Peeked { rooms: peek.rooms.iter().map(|at| PeekedRoom { room: at.room, glance: glance(at) }).collect() })
    }

    /// For whom relay credentials are made: a name that belongs to the member's seat for as long as there is one, and
    /// tells nothing of either. A seat that has none yet takes `fresh`, which is to be random.
    ///
    /// # Errors
    /// [`RefusalCode::NotJoined`] to whoever has no seat.
    pub fn holder(&mut self, who: Who, fresh: Holder) -> Result<Holder, RefusalCode> {
        let (room, member) = self.seat_of(who).ok_or(RefusalCode::NotJoined)?;
        let holder = room.holder(member, fresh).ok_or(RefusalCode::NotJoined)?;
        self.holders.insert(holder.clone(), who.room);
        Ok(holder)
    }

    /// The room in which this holder has a seat, present or not, unless its time is over.
    pub fn room_of(&self, holder: &Holder, now: u64) -> Option<RoomId> {
        let id = self.holders.room_of(holder)?;
        let room = self.rooms.get(&id)?;
        room.dies_at.is_none_or(|at| at > now).then_some(id)
    }

    /// The holders whose seats have gone since this was last asked: nothing may be relayed for them any more.
    pub fn take_gone(&mut self) -> Vec<Holder> {
        self.holders.take_gone()
    }

    /// Where a present member of a room sits.
    pub fn connection_of(&self, room: RoomId, member: MemberId) -> Option<ConnectionId> {
        self.rooms.get(&room)?.connection_of(member)
    }

    /// The connection is gone: its member, if it still has one, is away.
    pub fn lost(&mut self, who: Who, now: u64) -> Vec<Effect> {
        self.expire(now);
        let Some((room, member)) = self.seat_of(who) else { return Vec::new() };
        let effects = room.depart(member, Attendance::Away(now));
        self.note_emptiness(who.room, now);
        self.note_changes(who.room);
        effects
    }

    /// Somebody at this address failed with `code`: says what to answer, which is nothing but that there were too many once
    /// there were. Whoever does not fail is never refused for it: a family or a company shares an address with whoever does.
    pub fn fail(&mut self, address: Address, code: RefusalCode, now: u64) -> RefusalCode {
        self.rates.expire(now);
        if self.rates.failures.note(address, now) { RefusalCode::TooManyFailures } else { code }
    }

    /// How many live.
    pub fn count(&self) -> usize {
        self.rooms.len()
    }

    /// How many members are present in all of them.
    pub fn present(&self) -> usize {
        self.rooms.values().map(Room::present).sum()
    }

    /// When [`Rooms::expire`] has something to do next.
    pub fn next_deadline(&self) -> Option<u64> {
        [self.next_death(), self.rates.deadline()].into_iter().flatten().min()
    }

    /// When the next room dies.
    fn next_death(&self) -> Option<u64> {
        self.deaths.first().map(|(at, _)| *at)
    }

    /// Discards what has outlived its time.
    pub fn expire(&mut self, now: u64) {
        while let Some((at, room)) = self.deaths.first().copied()
            && at <= now
        {
            self.discard(room);
        }
        self.rates.expire(now);
    }

    fn leave(&mut self, who: Who, now: u64) -> Decision {
        let (room, member) = self.seat_of(who).ok_or(RefusalCode::NotJoined)?;
        let effects = room.depart(member, Attendance::Left(now));
        self.note_emptiness(who.room, now);
        Ok((Granted::Done, effects))
    }

    fn forget(&mut self, who: Who, now: u64) -> Decision {
        let (_, member) = self.seat_of(who).ok_or(RefusalCode::NotJoined)?;
        let room = self.rooms.get_mut(&who.room).ok_or(RefusalCode::NotJoined)?;
        let effects = room.forget(member, &mut self.holders);
        self.note_emptiness(who.room, now);
        Ok((Granted::Done, effects))
    }

    /// Somebody who is not inside gives up a seat; whoever sits on it is sent away.
    fn release(&mut self, who: Who, token: &SeatToken, now: u64) -> Decision {
        let room = self.rooms.get_mut(&who.room).ok_or(RefusalCode::UnknownSeat)?;
        let member = room.owner(token.hash()).ok_or(RefusalCode::UnknownSeat)?;
        let sitting = room.connection_of(member);
        let mut effects = room.forget(member, &mut self.holders);
        effects.extend(sitting.map(|connection| Effect::Close { connection, code: CloseCode::Forgotten }));
        self.note_emptiness(who.room, now);
        Ok((Granted::Done, effects))
    }

    fn end(&mut self, who: Who) -> Decision {
        let (room, member) = self.seat_of(who).ok_or(RefusalCode::NotJoined)?;
        let effects = room.end(member)?;
        self.discard(who.room);
        Ok((Granted::Done, effects))
    }

    fn in_room(
        &mut self,
        who: Who,
        decide: impl FnOnce(&mut Room, MemberId) -> Result<Vec<Effect>, RefusalCode>,
    ) -> Decision {
        let (room, member) = self.seat_of(who).ok_or(RefusalCode::NotJoined)?;
        Ok((Granted::Done, decide(room, member)?))
    }

    fn seat_of(&mut self, who: Who) -> Option<(&mut Room, MemberId)> {
        let room = self.rooms.get_mut(&who.room)?;
        let member = room.seated(who.connection)?;
        Some((room, member))
    }

    fn note_emptiness(&mut self, id: RoomId, now: u64) {
        let Some(room) = self.rooms.get_mut(&id) else { return };
        if room.present() == 0 && room.dies_at.is_none() {
            let at = now.saturating_add(self.policy.room_ttl);
            room.live_until(Some(at));
            self.deaths.insert((at, id));
        }
    }

    fn discard(&mut self, id: RoomId) {
        let Some(room) = tables::remove(&mut self.rooms, &id) else { return };
        self.changes.push(Change::DiscardRoom(id));
        self.note_end(id, &room);
        if let Some(at) = room.dies_at {
            self.deaths.remove(&(at, id));
        }
        for holder in room.holders() {
            self.holders.remove(holder);
        }
        let Some(opened_from) = room.opened_from else { return };
        if let Some(opened) = self.openers.get_mut(&opened_from) {
            *opened -= 1;
            if *opened == 0 {
                tables::remove(&mut self.openers, &opened_from);
            }
        }
    }
}

/// Cards and room names are padded to a fixed size; what is larger is neither.
fn fit(sealed: &Sealed, most: usize) -> Result<(), RefusalCode> {
    if sealed.as_str().len() <= most { Ok(()) } else { Err(RefusalCode::BadRequest) }
}

/// Whether somebody who guesses would be refused like this. Giving up seats of rooms that are gone is no guessing: a page does that.
fn is_failure(code: RefusalCode, joining: bool) -> bool {
    code == RefusalCode::HostCodeWrong
        || joining && matches!(code, RefusalCode::UnknownSeat | RefusalCode::BadInvitation | RefusalCode::MemberTaken)
}
