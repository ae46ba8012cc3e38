//! Whose seat is given up where a room has as many as there may be: never that of somebody present, nor the creator's.
//!
//! Whoever takes seat after seat and leaves them gives up their own. So of those who left, or have been away for long, the last to come
//! go first, and who was there longest stays; so it is with those who are away for a moment, who go only after them.
//!
//! In a revived room seats are told of, and may be made up. Word of a seat counts where it is from the member who revived the room, or
//! from one of whom somebody tells whose word counts: a stranger's accounts vouch for nobody, however many they are. A seat that two tell of
//! whose word counts gives way to no account. Strangers, of whom nobody tells but themselves, have few seats together. In a locked room
//! they did not come through its door: where as many are present as may be, the last of them goes when somebody known comes back.

use std::cmp::Reverse;
use std::collections::HashMap;

use klatch_shared::MemberId;
use klatch_shared::limits::MAX_SEATS;
use klatch_shared::wire::{CloseCode, Event};

use super::room::Room;
use super::seat::{Attendance, Seat};
use super::{Effect, Holders};

/// The seats of strangers in a revived room, and those that one account alone may tell of without being doubted first.
pub(super) const MAX_STRANGERS: usize = 16;

/// Away for longer than this is as good as having left: who is back sooner finds their seat.
const LONG_MS: u64 = 10 * 60_000;

/// What speaks for the seat of somebody absent, the weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Claim {
    /// One account alone tells of it, and of so many that they will be made up.
    MadeUp,
    /// Its owner left, or has been away for long.
    Left,
    /// Its owner is away, perhaps for a moment.
    Away,
    /// One account alone tells of it.
    Told,
    /// Others vouch for it.
    Vouched,
}

/// A seat that may be given up.
struct Absent {
    member: MemberId,
    ordinal: u32,
    claim: Claim,
    /// Others tell of it whose word counts.
    is_vouched: bool,
    /// Nobody whose word counts tells of it but its owner.
    is_stranger: bool,
    /// Of how many kept seats whoever told of this one told alone.
    told_alone: usize,
}

impl Room {
    /// Whose seat goes for that of a newcomer.
    pub(super) fn gives_way_to_newcomers(&self, now: u64) -> Option<MemberId> {
        self.weakest(now, |_| true)
    }

    /// Sees to it that there is a place for a seat of which this member tells, or which `is_own`. Whether there is one. Nobody's own gives
    /// way to one of which they tell.
    pub(super) fn make_way(
        &mut self,
        author: MemberId,
        is_own: bool,
        now: u64,
        holders: &mut Holders,
        news: &mut Vec<Effect>,
    ) -> bool {
        let weakest = if is_own && self.strangers() >= MAX_STRANGERS {
            self.weakest(now, |absent| absent.is_stranger)
        } else if !self.is_full() {
            return true;
        } else if is_own {
            self.weakest(now, |absent| !absent.is_vouched)
        } else {
            let told_alone = self.told_alone().get(&author).copied().unwrap_or_default();
            self.weakest(now, |absent| absent.told_alone > told_alone && absent.member != author)
        };
        let Some(member) = weakest else { return false };
        let was_taken = self.seat(member).is_some();
        self.remove_seat(member, holders);
        if was_taken {
            news.extend(self.tell_others(None, Event::Forgotten { member }));
        }
        true
    }

    /// Sends a stranger away who is in the place of a member who is known, in a locked room; nothing if nobody is.
    pub(super) fn see_out_stranger_for(&mut self, member: MemberId, holders: &mut Holders) -> Option<Vec<Effect>> {
        if !self.locked || !self.is_known(member) {
            return None;
        }
        let is_stranger = |seat: &&Seat| seat.is_told && !seat.is_known && seat.member != self.creator;
        let strangers = self.seats.iter().filter(is_stranger);
        let present =
            strangers.filter_map(|seat| seat.connection().map(|connection| (seat.ordinal, seat.member, connection)));
        let (_, stranger, connection) = present.max()?;
        let mut effects = self.forget(stranger, holders);
        effects.push(Effect::Close { connection, code: CloseCode::Forgotten });
        Some(effects)
    }

    /// Whether it has as many seats as there may be.
    pub(super) fn is_full(&self) -> bool {
        self.seats.len() + self.reserves.len() >= MAX_SEATS
    }

    /// Whether a member's word counts.
    pub(super) fn is_known(&self, member: MemberId) -> bool {
        let reserved = self.reserve(member).is_some_and(|reserve| reserve.is_known);
        reserved || self.seat(member).is_some_and(|seat| seat.is_known)
    }

    fn weakest(&self, now: u64, may_go: impl Fn(&Absent) -> bool) -> Option<MemberId> {
        let others = self.absent(now).filter(|absent| absent.member != self.creator && may_go(absent));
        let weakest = others.min_by_key(|absent| (absent.claim, Reverse(absent.told_alone), Reverse(absent.ordinal)));
        weakest.map(|absent| absent.member)
    }

    fn absent(&self, now: u64) -> impl Iterator<Item = Absent> {
        let seats = self.seats.iter().filter_map(move |seat| {
            let claim = match seat.attendance {
                Attendance::Present(_) => return None,
                Attendance::Left(_) => Claim::Left,
                Attendance::Away(since) if now.saturating_sub(since) > LONG_MS => Claim::Left,
                Attendance::Away(_) if seat.is_known => Claim::Vouched,
                Attendance::Away(_) => Claim::Away,
            };
            let (is_vouched, is_stranger) = (seat.is_known, !seat.is_known);
            let (member, ordinal) = (seat.member, seat.ordinal);
            Some(Absent { member, ordinal, claim, is_vouched, is_stranger, told_alone: 0 })
        });
        // Counted once: an account may tell of as many seats as there are, and holds up all rooms meanwhile.
        let told_alone = self.told_alone();
        let reserves = self.reserves.iter().map(move |reserve| {
            let told_alone = if reserve.is_vouched { 0 } else { told_alone[&reserve.told_by] };
            let claim = match told_alone {
                0 => Claim::Vouched,
                1..=MAX_STRANGERS => Claim::Told,
                _ => Claim::MadeUp,
            };
            let (is_vouched, is_stranger) = (reserve.is_vouched, reserve.is_strangers());
            let (member, ordinal) = (reserve.seat.member, reserve.seat.ordinal);
            Absent { member, ordinal, claim, is_vouched, is_stranger, told_alone }
        });
        seats.chain(reserves)
    }

    fn strangers(&self) -> usize {
        let seats = self.seats.iter().filter(|seat| !seat.is_known).count();
        seats + self.reserves.iter().filter(|reserve| reserve.is_strangers()).count()
    }

    /// Of how many kept seats each member alone told.
    fn told_alone(&self) -> HashMap<MemberId, usize> {
        let mut told = HashMap::new();
        for reserve in self.reserves.iter().filter(|reserve| !reserve.is_vouched) {
            *told.entry(reserve.told_by).or_default() += 1;
        }
        told
    }
}
