//! Where connections meet rooms: the one lock, the clock, and the delivery of what rooms decide.
//!
//! Events are queued under the same lock under which they were decided, so that everybody learns of them in the order in which they
//! happened. Queueing never waits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use klatch_relay::Holder;
use klatch_shared::limits::MAX_FRAME_BYTES;
use klatch_shared::wire::{
    CloseCode, Create, Empty, Event, Hello, IceServers, Join, Peek, Peeked, Refusal, RefusalCode, ok_frame,
};
use klatch_shared::{Nonce, RoomId};
use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::address::Address;
use crate::ice::Servers;
use crate::limits::Limits;
use crate::page;
use crate::rooms::{Ask, ConnectionId, Effect, Granted, Outcome, Policy, Proven, Rooms, Who};
use crate::socket::backlog::Backlog;
use crate::socket::news::News;
use crate::socket::outbox::{Outbox, text_frame};

/// What a signal's frame may have beside its body, in bytes.
const ENVELOPE_BYTES: usize = 256;

/// All rooms, and a line to everybody who is connected.
pub(crate) struct Switchboard {
    hall: Mutex<Hall>,
    /// The earliest deadline changed.
    rescheduled: Notify,
    backlog: Arc<Backlog>,
    started: Instant,
    next_connection: AtomicU64,
    pub(crate) limits: Limits,
    max_members: u32,
    public_url: Option<String>,
    servers: Servers,
}

struct Hall {
    rooms: Rooms,
    outboxes: HashMap<ConnectionId, Outbox>,
    open: bool,
}

impl Switchboard {
    pub(crate) fn new(policy: Policy, limits: Limits, public_url: Option<String>, servers: Servers) -> Self {
        let max_members = u32::try_from(policy.max_members).unwrap_or(u32::MAX);
        let rooms = Rooms::new(policy, &limits);
        Self {
            hall: Mutex::new(Hall { rooms, outboxes: HashMap::new(), open: true }),
            rescheduled: Notify::new(),
            backlog: Backlog::new(&limits),
            started: Instant::now(),
            next_connection: AtomicU64::new(0),
            limits,
            max_members,
            public_url,
            servers,
        }
    }

    /// Milliseconds since the start.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Opens a line; the first thing on it is `hello`.
    pub(crate) fn connect(self: &Arc<Self>, place: Option<RoomId>, address: Address) -> Line {
        let connection = ConnectionId(self.next_connection.fetch_add(1, Ordering::Relaxed));
        let (nonce, outbox) = (Nonce::random(), Outbox::new(&self.limits, &self.backlog));
        let hello = Event::Hello(Hello {
            nonce,
            version: env!("CARGO_PKG_VERSION").into(),
            max_members: self.max_members,
            max_frame_bytes: u32::try_from(MAX_FRAME_BYTES).expect("64 KiB"),
            public_url: self.public_url.clone(),
            client: page::client_hash(),
        });
        outbox.push(text_frame(hello.to_frame()));
        let mut hall = self.lock();
        if !hall.open {
            outbox.close(CloseCode::Restarting);
        }
        hall.outboxes.insert(connection, outbox.clone());
        drop(hall);
        Line { switchboard: Arc::clone(self), connection, place, address, nonce, outbox }
    }

    /// Discards rooms on time, for as long as it is polled.
    pub(crate) async fn keep_time(&self) {
        loop {
            let deadline = self.lock().rooms.next_deadline();
            let rescheduled = self.rescheduled.notified();
            match deadline {
                None => rescheduled.await,
                Some(at) => {
                    let at = self.started + Duration::from_millis(at);
                    tokio::select! {
                        () = tokio::time::sleep_until(at) => self.lock().rooms.expire(self.now()),
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

    /// The room in which a holder of relay credentials has a seat.
    pub(crate) fn room_of(&self, holder: &Holder) -> Option<RoomId> {
        self.decide(|hall, now| hall.rooms.room_of(holder, now))
    }

    fn lock(&self) -> MutexGuard<'_, Hall> {
        // Should one decision ever panic, the others must still be made.
        self.hall.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes one decision under the lock, and wakes the timekeeper if it moved the earliest deadline.
    fn decide<T>(&self, decision: impl FnOnce(&mut Hall, u64) -> T) -> T {
        let mut hall = self.lock();
        // Read under the lock, so that time never runs backwards for rooms.
        let now = self.now();
        let before = hall.rooms.next_deadline();
        let decided = decision(&mut hall, now);
        let after = hall.rooms.next_deadline();
        drop(hall);
        if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            self.rescheduled.notify_one();
        }
        decided
    }
}

impl Hall {
    /// Carries out what came of something that `from` did.
    fn perform(&self, from: ConnectionId, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Tell { to, event } => self.tell(from, &[to], &event),
                Effect::TellAll { to, event } => self.tell(from, &to, &event),
                Effect::Close { connection, code } => {
                    if let Some(outbox) = self.outboxes.get(&connection) {
                        outbox.close(code);
                    }
                }
            }
        }
    }

    fn tell(&self, from: ConnectionId, to: &[ConnectionId], event: &Event) {
        let frame = text_frame(event.to_frame());
        for outbox in to.iter().filter_map(|to| self.outboxes.get(to)) {
            match News::of(event) {
                Some(news) => outbox.push_news(news, frame.clone()),
                None => outbox.push_signal(from, frame.clone()),
            }
        }
    }

    /// Whether there is room for what is asked, where that is to send something to another member.
    fn has_room(&self, who: Who, ask: &Ask) -> bool {
        let Some((to, body)) = ask.signal() else { return true };
        let outbox = self.rooms.connection_of(who.room, to).and_then(|to| self.outboxes.get(&to));
        outbox.is_none_or(|outbox| outbox.takes(who.connection, body.as_str().len() + ENVELOPE_BYTES))
    }
}

/// One connection's line to the switchboard. Dropped, its member is away.
pub(crate) struct Line {
    switchboard: Arc<Switchboard>,
    connection: ConnectionId,
    place: Option<RoomId>,
    address: Address,
    nonce: Nonce,
    pub(crate) outbox: Outbox,
}

impl Line {
    /// The room in the socket's path.
    pub(crate) fn place(&self) -> Option<RoomId> {
        self.place
    }

    pub(crate) fn switchboard(&self) -> &Switchboard {
        &self.switchboard
    }

    /// Checks a `create`'s proof.
    pub(crate) fn prove_create(&self, room: RoomId, create: Create) -> Result<Ask, RefusalCode> {
        self.prove(|nonce| Proven::<Create>::check(create, room, nonce).map(Ask::Create))
    }

    /// Checks a `join`'s proof.
    pub(crate) fn prove_join(&self, room: RoomId, join: Join) -> Result<Ask, RefusalCode> {
        self.prove(|nonce| Proven::<Join>::check(join, room, nonce).map(Ask::Join))
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
            match reply {
                Ok(Granted::Seat(admitted)) => self.outbox.push_room(text_frame(ok_frame(id, &admitted))),
                Ok(Granted::Done) => self.grant(id, &Empty {}),
                Err(code) => {
                    tracing::debug!(connection = self.connection.0, ?code, "refused");
                    self.refuse(Some(id), code);
                }
            }
            hall.perform(self.connection, effects);
        });
    }

    /// Looks at some rooms.
    pub(crate) fn peek(&self, peek: &Peek) -> Result<Peeked, RefusalCode> {
        self.switchboard.decide(|hall, now| hall.rooms.peek(peek, now))
    }

    /// The servers for whoever has a seat, with fresh credentials.
    pub(crate) fn ice_servers(&self, room: RoomId) -> Result<IceServers, RefusalCode> {
        let fresh = Holder::random();
        let holder = self.switchboard.decide(|hall, _| hall.rooms.holder(self.who(room), fresh))?;
        let unix = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        Ok(self.switchboard.servers.handed_to(&holder, unix))
    }

    /// Queues the reply that grants.
    pub(crate) fn grant<T: Serialize>(&self, id: i64, what: &T) {
        self.outbox.push(text_frame(ok_frame(id, what)));
    }

    /// Queues the reply that refuses. Where an address has failed too often, each further failure costs it a connection.
    pub(crate) fn refuse(&self, id: Option<i64>, code: RefusalCode) {
        self.outbox.push(text_frame(Refusal::of(code).to_frame(id)));
        if code == RefusalCode::TooManyFailures {
            self.outbox.close(CloseCode::Misbehaved);
        }
    }

    /// Signatures are checked outside the lock, and always: only so a proof that holds is let in wherever it comes from. What that
    /// costs is bounded all the same. A proof counts as many frames in its connection's pace ([`crate::socket`]), an address has so
    /// many connections, and beyond so many failures one more ends the connection that it came on.
    fn prove(&self, check: impl FnOnce(&Nonce) -> Result<Ask, RefusalCode>) -> Result<Ask, RefusalCode> {
        check(&self.nonce).map_err(|code| self.switchboard.decide(|hall, now| hall.rooms.fail(self.address, code, now)))
    }

    fn who(&self, room: RoomId) -> Who {
        Who { connection: self.connection, room, address: self.address }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.switchboard.decide(|hall, now| {
            hall.outboxes.remove(&self.connection);
            if let Some(room) = self.place {
                let effects = hall.rooms.lost(self.who(room), now);
                hall.perform(self.connection, effects);
            }
        });
        self.switchboard.relieve();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use klatch_shared::wire::{Request, Verb};
    use klatch_shared::{InviteToken, MemberId, ProofLabel, RoomKey, RoomKeys, SeatToken, SessionNonce};

    fn switchboard() -> Arc<Switchboard> {
        let policy = Policy { max_members: 3, max_rooms: 3, room_ttl: 60_000 };
        Arc::new(Switchboard::new(policy, Limits::default(), None, Servers::default()))
    }

    /// Somebody who creates a room of its own.
    fn creator(switchboard: &Arc<Switchboard>) -> Line {
        let (keys, member) = (RoomKeys::derive(&RoomKey::random()), MemberId::random());
        let line = switchboard.connect(Some(keys.id()), std::net::IpAddr::from([192, 0, 2, 1]).into());
        let create = Create {
            member,
            key: keys.public(),
            proof: keys.prove(ProofLabel::Create, &line.nonce, &member),
            seat: SeatToken::random().hash(),
            invite: InviteToken::random().hash(),
            name: "name".parse().expect("base64url"),
            card: "card".parse().expect("base64url"),
            session: SessionNonce::random(),
        };
        // As it comes over the wire, so that the test breaks where the words change.
        let request = Request { id: 1, verb: Verb::Create(create) };
        let Ok(Request { verb: Verb::Create(create), .. }) = Request::parse(&request.to_frame()) else { panic!() };
        let ask = line.prove_create(keys.id(), create).expect("the proof holds");
        line.ask(keys.id(), 1, ask);
        line
    }

    fn rooms(switchboard: &Switchboard) -> usize {
        switchboard.lock().rooms.count()
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_room_is_discarded_on_time_though_nobody_asks() {
        let switchboard = switchboard();
        let timekeeper = tokio::spawn({
            let switchboard = Arc::clone(&switchboard);
            async move { switchboard.keep_time().await }
        });
        // The timekeeper is asleep with nothing to wait for when the first room is emptied.
        tokio::time::sleep(Duration::from_secs(5)).await;
        let (first, second) = (creator(&switchboard), creator(&switchboard));
        drop(first);
        tokio::time::sleep(Duration::from_secs(20)).await;
        drop(second);
        tokio::time::sleep(Duration::from_millis(39_990)).await;
        assert_eq!(rooms(&switchboard), 2);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(rooms(&switchboard), 1);
        tokio::time::sleep(Duration::from_millis(19_960)).await;
        assert_eq!(rooms(&switchboard), 1);
        tokio::time::sleep(Duration::from_millis(40)).await;
        assert_eq!(rooms(&switchboard), 0);
        timekeeper.abort();
    }

    #[tokio::test]
    async fn where_too_much_waits_whoever_holds_most_is_closed_and_nobody_else() {
        let policy = Policy { max_members: 3, max_rooms: 3, room_ttl: 60_000 };
        let limits = Limits { backlog_bytes: 10_000, ..Limits::default() };
        let switchboard = Arc::new(Switchboard::new(policy, limits, None, Servers::default()));
        let [one, most, other] = [(); 3].map(|()| creator(&switchboard));
        for (line, bytes) in [(&one, 2000), (&most, 3000), (&other, 1000)] {
            line.outbox.push(text_frame("x".repeat(bytes)));
        }
        switchboard.relieve();
        assert!([&one, &most, &other].iter().all(|line| line.outbox.held() > 1000), "there is no need");
        one.outbox.push(text_frame("x".repeat(3000)));
        most.outbox.push(text_frame("x".repeat(3000)));
        switchboard.relieve();
        assert_eq!(most.outbox.held(), 0);
        assert!(one.outbox.held() > 5000 && other.outbox.held() > 1000);
    }

    #[tokio::test]
    async fn who_goes_leaves_no_line_behind() {
        let switchboard = switchboard();
        let line = creator(&switchboard);
        assert_eq!(switchboard.lock().outboxes.len(), 1);
        drop(line);
        assert!(switchboard.lock().outboxes.is_empty());
    }
}
