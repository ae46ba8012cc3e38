//! A connection's line to the switchboard: what it asks goes in there, and what it is answered into its outbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use klatch_relay::Holder;
use klatch_shared::json::ToJson;
use klatch_shared::wire::{CloseCode, Create, Empty, IceServers, Join, Peek, Refusal, RefusalCode, Revive, ok_frame};
use klatch_shared::{HostCode, Nonce, RoomId};

use super::Switchboard;
use crate::address::Address;
use crate::rooms::{Ask, ConnectionId, Granted, Outcome, Proven, Right, Who};
use crate::socket::outbox::{Outbox, text_frame};
use crate::state::commits::Ticket;
use crate::tables;

/// One connection's line. Dropped, its member is away.
pub(crate) struct Line {
    pub(super) switchboard: Arc<Switchboard>,
    pub(super) connection: ConnectionId,
    pub(super) place: Option<RoomId>,
    pub(super) address: Address,
    pub(super) nonce: Nonce,
    pub(crate) outbox: Outbox,
    pub(super) seated: AtomicBool,
}

impl Line {
    /// The room in the socket's path.
    pub(crate) fn place(&self) -> Option<RoomId> {
        self.place
    }

    /// Whether a seat was taken here, left since or not.
    pub(crate) fn was_seated(&self) -> bool {
        self.seated.load(Ordering::Relaxed)
    }

    pub(crate) fn switchboard(&self) -> &Switchboard {
        &self.switchboard
    }

    /// Checks a `create`'s proof.
    pub(crate) fn prove_create(&self, room: RoomId, create: Create) -> Result<Ask, RefusalCode> {
        let right = self.right(create.code.as_ref());
        self.prove(|nonce| Ok(Ask::Create(Proven::<Create>::check(create, room, nonce)?, right)))
    }

    /// Checks a `join`'s proof.
    pub(crate) fn prove_join(&self, room: RoomId, join: Join) -> Result<Ask, RefusalCode> {
        self.prove(|nonce| Proven::<Join>::check(join, room, nonce).map(Ask::Join))
    }

    /// Checks a `revive`'s proof.
    pub(crate) fn prove_revive(&self, room: RoomId, revive: Revive) -> Result<Ask, RefusalCode> {
        let right = self.right(revive.code.as_ref());
        self.prove(|nonce| Ok(Ask::Revive(Proven::<Revive>::check(revive, room, nonce)?, right)))
    }

    /// Asks the rooms, and queues the reply and everything that follows.
    pub(crate) fn ask(&self, room: RoomId, id: i64, ask: Ask) {
        self.switchboard.decide(|hall, now| {
            if !hall.open {
                return self.refuse(Some(id), RefusalCode::ShuttingDown);
            }
            // Before anything is decided: whoever is refused may send the same again.
            if !hall.has_room(self.who(room), &ask) {
                return self.refuse(Some(id), RefusalCode::TooFast);
            }
            let Outcome { reply, effects } = hall.rooms.ask(self.who(room), ask, now);
            hall.keep();
            let after = hall.books.after(room);
            match reply {
                Ok(Granted::Seat(admitted)) => {
                    self.switchboard.tally.joined();
                    self.seated.store(true, Ordering::Relaxed);
                    self.outbox.push_room(id, after, text_frame(ok_frame(id, &admitted)));
                }
                Ok(Granted::Done) => self.grant_after(after, id, &Empty {}),
                Err(code) => self.refuse_after(after, Some(id), code),
            }
            hall.perform(self.connection, after, effects);
        });
    }

    /// Says whether this is a host's code.
    pub(crate) fn try_code(&self, id: i64, code: &HostCode) {
        let right = self.right(Some(code));
        match self.switchboard.decide(|hall, now| hall.rooms.may_open(self.address, right, now)) {
            Ok(()) => self.grant(id, &Empty {}),
            Err(code) => self.refuse(Some(id), code),
        }
    }

    /// Looks at some rooms.
    pub(crate) fn peek(&self, id: i64, peek: &Peek) {
        let peeked = self.switchboard.decide(|hall, now| {
            let peeked = hall.rooms.peek(peek, now)?;
            hall.keep();
            Ok((peeked, peek.rooms.iter().map(|at| hall.books.after(at.room)).max()))
        });
        match peeked {
            Ok((peeked, after)) => {
                self.switchboard.tally.looked(&peeked);
                self.grant_after(after.unwrap_or(Ticket::NONE), id, &peeked);
            }
            Err(code) => self.refuse(Some(id), code),
        }
    }

    /// The servers for whoever has a seat, with fresh credentials.
    pub(crate) fn ice_servers(&self, room: RoomId) -> Result<IceServers, RefusalCode> {
        let fresh = Holder::random();
        let holder = self.switchboard.decide(|hall, _| hall.rooms.holder(self.who(room), fresh))?;
        let unix = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        Ok(self.switchboard.servers.handed_to(&holder, unix))
    }

    /// Queues the reply to a ping, which waits for nothing.
    pub(crate) fn pong(&self, id: i64) {
        self.outbox.push_beat(text_frame(ok_frame(id, &Empty {})));
    }

    /// Queues the reply that grants.
    pub(crate) fn grant(&self, id: i64, what: &dyn ToJson) {
        self.grant_after(Ticket::NONE, id, what);
    }

    /// Queues the reply that refuses. Where an address has failed too often, each further failure costs it a connection.
    pub(crate) fn refuse(&self, id: Option<i64>, code: RefusalCode) {
        self.refuse_after(Ticket::NONE, id, code);
    }

    fn grant_after(&self, after: Ticket, id: i64, what: &dyn ToJson) {
        self.outbox.push_answer(Some(id), after, text_frame(ok_frame(id, what)));
    }

    fn refuse_after(&self, after: Ticket, id: Option<i64>, code: RefusalCode) {
        self.switchboard.tally.refused(code);
        let (connection, address) = (self.connection.0, self.address);
        tracing::debug!(connection, address = %address.unredacted(), code = %code.word(), "refused");
        self.outbox.push_answer(id, after, text_frame(Refusal::of(code).to_frame(id)));
        if code == RefusalCode::TooManyFailures {
            self.give_up();
        }
    }

    /// Ends a connection of which nothing good is to be expected.
    pub(crate) fn give_up(&self) {
        let (connection, address) = (self.connection.0, self.address);
        tracing::debug!(connection, address = %address.unredacted(), "given up");
        self.outbox.close(CloseCode::Misbehaved);
    }

    /// Signatures are checked outside the lock, and always: only so a proof that holds is let in wherever it comes from. What that
    /// costs is bounded all the same. A proof counts as many frames in its connection's pace ([`crate::socket`]), an address has so
    /// many connections, and beyond so many failures one more ends the connection that it came on.
    fn prove(&self, check: impl FnOnce(&Nonce) -> Result<Ask, RefusalCode>) -> Result<Ask, RefusalCode> {
        check(&self.nonce).map_err(|code| self.switchboard.decide(|hall, now| hall.rooms.fail(self.address, code, now)))
    }

    fn right(&self, code: Option<&HostCode>) -> Right {
        self.switchboard.welcome.host_codes.right_of(code)
    }

    fn who(&self, room: RoomId) -> Who {
        Who { connection: self.connection, room, address: self.address }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.switchboard.decide(|hall, now| {
            tables::remove(&mut hall.outboxes, &self.connection);
            if let Some(room) = self.place {
                let effects = hall.rooms.lost(self.who(room), now);
                hall.keep();
                hall.perform(self.connection, hall.books.after(room), effects);
            }
        });
        self.switchboard.relieve();
    }
}
