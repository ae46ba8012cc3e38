//! The room's lock, and who is not met because of it where the broker had forgotten the room.

use klatch_mesh::in_sentence;
use klatch_shared::Card;
use klatch_shared::wire::{Admitted, Lock, MemberView, Presence, SeatOf};

use super::super::storage;
use super::*;

impl Session {
    /// Locks or unlocks, if we may.
    pub(in crate::engine) fn lock(&self, locked: bool) {
        self.request(Verb::Lock(Lock { locked }), move |this| {
            if !locked {
                this.unbar();
            }
            this.locked(locked);
        });
    }

    /// The creator says that the room is open: those who were not met are.
    pub(super) fn unbar(&self) {
        if self.bar.borrow_mut().lift() {
            self.close_socket();
            self.connect();
        }
    }

    /// The broker says whether the room is locked.
    pub(super) fn locked(&self, locked: bool) {
        let locked = self.bar.borrow_mut().hear(locked);
        let before = self.around.store.state().room().is_some_and(|room| room.locked);
        self.dispatch(RoomAction::Locked(locked));
        if before != locked {
            self.happened(if locked { "The room was locked" } else { "The room was unlocked" }.to_owned());
            self.remember_lock();
        }
    }

    /// Keeps with the seat what tells strangers from members, should the broker forget.
    pub(super) fn remember_lock(&self) {
        let mut seat = self.seat.borrow_mut();
        seat.memory = self.bar.borrow_mut().memory(&self.peers.borrow().seats());
        storage::save_seat(&seat);
    }

    /// Says of somebody that they are not met.
    pub(super) fn turn_away(&self, view: &MemberView) {
        if view.presence != Presence::Present || !self.bar.borrow_mut().turns_away(view.latch) {
            return;
        }
        let card = Card::open(&self.room, view.member, &view.card);
        let who = card.map_or("Somebody".to_owned(), |card| in_sentence(card.name.as_str()));
        self.happened(
            who + " is in the room, who was not here when it was locked or has somebody else’s seat. Until it is unlocked they can neither see nor hear you",
        );
    }

    /// Those who have no seat, as the broker has it, are no members any more; unless it is kept for them, or the broker forgot them
    /// all: they will be back as we are.
    pub(super) fn look_who_is_missing(&self, admitted: &Admitted, forgot: bool) {
        let seats = self.peers.borrow().seats();
        for SeatOf { member, .. } in seats {
            if admitted.members.iter().any(|view| view.member == member) {
                continue;
            }
            if forgot || admitted.reserved.contains(&member) {
                self.member_away(member);
            } else {
                self.member_forgotten(member);
            }
        }
    }
}
