//! Whom relay credentials were made for, the room of their seat, and who of them has none any more.

use std::collections::HashMap;

use klatch_relay::Holder;
use klatch_shared::RoomId;

use crate::tables;

/// Those who may relay. Whoever removes a seat has to have this in hand.
#[derive(Debug, Default)]
pub(super) struct Holders {
    rooms: HashMap<Holder, RoomId>,
    /// Those whose seat is gone, until somebody takes them.
    gone: Vec<Holder>,
}

impl Holders {
    pub(super) fn insert(&mut self, holder: Holder, room: RoomId) {
        self.rooms.insert(holder, room);
    }

    pub(super) fn remove(&mut self, holder: &Holder) {
        if tables::remove(&mut self.rooms, holder).is_some() {
            self.gone.push(holder.clone());
        }
    }

    pub(super) fn room_of(&self, holder: &Holder) -> Option<RoomId> {
        self.rooms.get(holder).copied()
    }

    pub(super) fn take_gone(&mut self) -> Vec<Holder> {
        std::mem::take(&mut self.gone)
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Holder, &RoomId)> {
        self.rooms.iter()
    }
}
