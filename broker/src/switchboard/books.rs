//! What is handed to whoever keeps rooms, and what of it is not yet written down.

use std::collections::HashMap;
use std::sync::Arc;

use klatch_shared::RoomId;

use crate::rooms::Change;
use crate::state::Keeper;
use crate::state::commits::{Commits, Ticket};

/// The records of what rooms decide; none, where rooms are not kept.
pub(super) struct Books {
    keeper: Option<Keeper>,
    /// The latest change of each room that may not be written down yet.
    unkept: HashMap<RoomId, Ticket>,
    latest: Ticket,
}

impl Books {
    pub(super) fn new(keeper: Option<Keeper>) -> Self {
        Self { keeper, unkept: HashMap::new(), latest: Ticket::NONE }
    }

    pub(super) fn commits(&self) -> Arc<Commits> {
        self.keeper.as_ref().map(|keeper| Arc::clone(keeper.commits())).unwrap_or_default()
    }

    /// Takes changes in.
    pub(super) fn enter(&mut self, changes: Vec<Change>) {
        let Some(keeper) = self.keeper.as_ref().filter(|_| !changes.is_empty()) else { return };
        let rooms: Vec<_> = changes.iter().map(Change::room).collect();
        let ticket = keeper.hand_in(changes);
        if ticket > self.latest {
            self.latest = ticket;
            self.unkept.retain(|_, ticket| !keeper.commits().include(*ticket));
        }
        self.unkept.extend(rooms.into_iter().map(|room| (room, ticket)));
    }

    /// What has to be written down before anybody is told how this room is.
    pub(super) fn after(&self, room: RoomId) -> Ticket {
        self.unkept.get(&room).copied().unwrap_or(Ticket::NONE)
    }

    /// Whether so much waits to be written down that there should not be more.
    pub(super) fn are_behind(&self) -> bool {
        self.keeper.as_ref().is_some_and(Keeper::is_behind)
    }

    /// Takes nothing in any more. Whoever drops what this gives waits until everything is written down.
    pub(super) fn close(&mut self) -> Option<Keeper> {
        self.keeper.take()
    }
}
