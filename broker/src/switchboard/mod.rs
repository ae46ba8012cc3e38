//! Where connections meet rooms: the one lock, the clock, and the delivery of what rooms decide.
//!
//! Events are queued under the same lock under which they were decided, so that everybody learns of them in the order in which they
//! happened. Queueing never waits. Where rooms are kept, what changed is handed over under that lock too, and what was queued is sent
//! once it is written down ([`Ticket`]).

mod books;
mod line;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;

use klatch_relay::{Holder, Usher};
use klatch_shared::limits::MAX_FRAME_BYTES;
use klatch_shared::wire::{CloseCode, Event, Hello};
use klatch_shared::{Nonce, RoomId};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::address::Address;
use crate::clock::Clock;
use crate::host_codes::HostCodes;
use crate::ice::Servers;
use crate::limits::Limits;
use crate::metrics::Tally;
use crate::page;
use crate::rooms::{Ask, ConnectionId, Effect, Rooms, Who};
use crate::socket::backlog::Backlog;
use crate::socket::news::News;
use crate::socket::outbox::{Outbox, text_frame};
use crate::state::State;
use crate::state::commits::{Commits, Ticket};
use books::Books;

pub(crate) use line::Line;

/// What a signal's frame may have beside its body, in bytes.
const ENVELOPE_BYTES: usize = 256;

/// All rooms, and a line to everybody who is connected.
pub(crate) struct Switchboard {
    hall: Mutex<Hall>,
    /// The earliest deadline changed.
    rescheduled: Notify,
    backlog: Arc<Backlog>,
    commits: Arc<Commits>,
    clock: Clock,
    next_connection: AtomicU64,
    pub(crate) limits: Limits,
    pub(crate) tally: Arc<Tally>,
    max_members: u32,
    welcome: Welcome,
    servers: Servers,
    /// Who sees holders out of the bundled relay, if it runs.
    usher: OnceLock<Usher>,
}

/// Who may open rooms, and what else `hello` says of this host.
#[derive(Clone, Debug, Default)]
pub(crate) struct Welcome {
    pub(crate) public_url: Option<String>,
    pub(crate) imprint: Option<String>,
    pub(crate) privacy: Option<String>,
    pub(crate) host_codes: HostCodes,
}

/// See [`Switchboard::attendance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attendance {
    pub(crate) websockets: usize,
    pub(crate) rooms: usize,
    pub(crate) present: usize,
}

struct Hall {
    rooms: Rooms,
    books: Books,
    outboxes: HashMap<ConnectionId, Outbox>,
    open: bool,
}

impl Switchboard {
    pub(crate) fn new(state: State, limits: Limits, welcome: Welcome, servers: Servers) -> Self {
        let State { rooms, clock, keeper } = state;
        let max_members = u32::try_from(rooms.policy().max_members).unwrap_or(u32::MAX);
        let books = Books::new(keeper);
        Self {
            rescheduled: Notify::new(),
            backlog: Backlog::new(&limits),
            commits: books.commits(),
            hall: Mutex::new(Hall { rooms, books, outboxes: HashMap::new(), open: true }),
            clock,
            next_connection: AtomicU64::new(0),
            limits,
            tally: Arc::default(),
            max_members,
            welcome,
            servers,
            usher: OnceLock::new(),
        }
    }

    /// Has the relay end what it does for members whose seats are gone.
    pub(crate) fn ushers_by(&self, usher: Usher) {
        let _ = self.usher.set(usher);
    }

    /// How many there are of whom, now.
    pub(crate) fn attendance(&self) -> Attendance {
        let hall = self.lock();
        Attendance { websockets: hall.outboxes.len(), rooms: hall.rooms.count(), present: hall.rooms.present() }
    }

    /// Whether it takes anything in, and did not begin to stop.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().open
    }

    /// What the clock shows.
    pub(crate) fn now(&self) -> u64 {
        self.clock.now()
    }

    /// Opens a line; the first thing on it is `hello`.
    pub(crate) fn connect(self: &Arc<Self>, place: Option<RoomId>, address: Address) -> Line {
        let connection = ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed));
        let (nonce, outbox) = (Nonce::random(), Outbox::new(&self.limits, &self.backlog, &self.commits));
        let Welcome { public_url, imprint, privacy, host_codes } = self.welcome.clone();
        let hello = Event::Hello(Hello {
            nonce,
            version: env!("CARGO_PKG_VERSION").into(),
            max_members: self.max_members,
            max_frame_bytes: u32::try_from(MAX_FRAME_BYTES).expect("64 KiB"),
            public_url,
            client: page::client_hash(),
            imprint,
            privacy,
            host_code: host_codes.are_wanted().then_some(true),
        });
        outbox.push(text_frame(hello.to_frame()));
        let mut hall = self.lock();
        if !hall.open {
            outbox.close(CloseCode::Restarting);
        }
        hall.outboxes.insert(connection, outbox.clone());
        drop(hall);
        Line {
            switchboard: Arc::clone(self),
            connection,
            place,
            address,
            nonce,
            outbox,
            seated: AtomicBool::new(false),
        }
    }

    /// Discards rooms on time, for as long as it is polled.
    pub(crate) async fn keep_time(&self) {
        loop {
            let deadline = self.lock().rooms.next_deadline();
            let rescheduled = self.rescheduled.notified();
            match deadline {
                None => rescheduled.await,
                Some(at) => {
                    tokio::select! {
                        () = tokio::time::sleep_until(self.clock.instant(at)) => {
                            self.decide(|hall, now| hall.rooms.expire(now));
                        }
                        () = rescheduled => {}
                    }
                }
            }
        }
    }

    /// Tells everybody that the broker goes, and takes nothing in any more.
    pub(crate) fn close(&self) {
        let mut hall = self.lock();
        hall.open = false;
        for outbox in hall.outboxes.values() {
            outbox.close(CloseCode::Restarting);
        }
    }

    /// What was decided can't be written down any more: nobody is told of it, and everybody that the broker goes.
    pub(crate) fn give_up(&self) {
        let mut hall = self.lock();
        hall.open = false;
        for outbox in hall.outboxes.values() {
            outbox.retract();
        }
    }

    /// Waits until everything that was decided is written down, and lets go of where it stands. Whether it is by then: on a disk that
    /// does not answer it may never be, and what is not was told to nobody.
    pub(crate) async fn close_books(&self, by: Instant) -> bool {
        let Some(keeper) = self.lock().books.close() else { return true };
        let (written, all) = oneshot::channel();
        // No thread of the runtime's, which would wait for it at its own end.
        let _ = thread::Builder::new().spawn(move || {
            drop(keeper);
            let _ = written.send(());
        });
        timeout_at(by, all).await.is_ok()
    }

    /// Where more waits in all queues than may, whoever holds most of it is closed, until it does not: that is the slowest, and the
    /// fewest have to go.
    pub(crate) fn relieve(&self) {
        while self.backlog.is_over() {
            let hall = self.lock();
            let holders = hall.outboxes.values().map(|outbox| (outbox.held(), outbox)).filter(|(held, _)| *held > 0);
            let Some((_, greatest)) = holders.max_by_key(|(held, _)| *held) else { return };
            greatest.condemn();
        }
    }

    /// The room in which a holder of relay credentials has a seat. The relay asks while everything that it relays waits: this looks,
    /// and decides nothing.
    pub(crate) fn room_of(&self, holder: &Holder) -> Option<RoomId> {
        let hall = self.lock();
        hall.rooms.room_of(holder, self.now())
    }

    fn lock(&self) -> MutexGuard<'_, Hall> {
        // Should one decision ever panic, the others must still be made.
        self.hall.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one decision under the lock, then wakes the timekeeper if it moved the earliest deadline, and has the relay see out those
    /// whose seats it removed.
    fn decide<T>(&self, decision: impl FnOnce(&mut Hall, u64) -> T) -> T {
        let mut hall = self.lock();
        // Read under the lock, so that time never runs backwards for rooms.
        let now = self.now();
        let before = hall.rooms.next_deadline();
        let decided = decision(&mut hall, now);
        hall.keep();
        let after = hall.rooms.next_deadline();
        let gone = hall.rooms.take_gone();
        drop(hall);
        if let Some(usher) = self.usher.get() {
            gone.into_iter().for_each(|holder| usher.dismiss(holder));
        }
        if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            self.rescheduled.notify_one();
        }
        decided
    }
}

impl Hall {
    /// Hands over what changed. Whoever is sent away because the broker goes is as good as there: it is not they who went.
    fn keep(&mut self) {
        let changes = self.rooms.take_changes();
        if self.open {
            self.books.enter(changes);
        }
    }

    /// Carries out, as far as anybody learns of it not before that is written down, what came of something that `from` did.
    fn perform(&self, from: ConnectionId, after: Ticket, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Tell { to, event } => self.tell(from, after, &[to], &event),
                Effect::TellAll { to, event } => self.tell(from, after, &to, &event),
                Effect::Close { connection, code } => {
                    if let Some(outbox) = self.outboxes.get(&connection) {
                        outbox.close_after(code, after);
                    }
                }
            }
        }
    }

    fn tell(&self, from: ConnectionId, after: Ticket, to: &[ConnectionId], event: &Event) {
        let frame = text_frame(event.to_frame());
        for outbox in to.iter().filter_map(|to| self.outboxes.get(to)) {
            match News::of(event) {
                Some(news) => outbox.push_news(news, after, frame.clone()),
                None => outbox.push_signal(from, frame.clone()),
            }
        }
    }

    /// Whether there is room for what is asked: with another member, where that is to send it something, and else with whoever keeps
    /// what changes.
    fn has_room(&self, who: Who, ask: &Ask) -> bool {
        let Some((to, body)) = ask.signal() else { return !self.books.are_behind() };
        let outbox = self.rooms.connection_of(who.room, to).and_then(|to| self.outboxes.get(&to));
        outbox.is_none_or(|outbox| outbox.takes(who.connection, body.as_str().len() + ENVELOPE_BYTES))
    }
}
