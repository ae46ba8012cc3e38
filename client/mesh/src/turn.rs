//! What a link needs of the mesh while it handles one fact.

use klatch_shared::{ExchangeId, MemberId};

use crate::carrier::Carriers;
use crate::{Command, LinkId};

/// One call of [`crate::Mesh::handle`].
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    /// When.
    pub(crate) now: u64,
    /// What carries signals.
    pub(crate) carriers: &'a Carriers,
    /// What counts up through a page session.
    pub(crate) counters: &'a mut Counters,
    /// What to do.
    pub(crate) commands: &'a mut Vec<Command>,
}

/// What counts up through a page session, whatever becomes of links.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counters {
    /// The latest exchange of ours with anybody.
    pub(crate) exchange: ExchangeId,
    /// The latest generation of any link.
    pub(crate) generation: u32,
}

impl Turn<'_> {
    pub(crate) fn order(&mut self, command: Command) {
        self.commands.push(command);
    }

    pub(crate) fn next_exchange(&mut self) -> ExchangeId {
        self.counters.exchange = self.counters.exchange.next();
        self.counters.exchange
    }

    pub(crate) fn next_link(&mut self, peer: MemberId) -> LinkId {
        self.counters.generation = self.counters.generation.wrapping_add(1);
        LinkId { peer, generation: self.counters.generation }
    }
}
