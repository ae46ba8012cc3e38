//! The relay as a pure state machine: datagrams and the time in, what is to be sent out. No clock, no sockets.
//!
//! What a client sends goes to [`Core::from_client`], what a peer sends to a relayed address to [`Core::from_peer`]. The
//! answer is a [`Step`]: payloads are never copied, only located within what came in. The one thing that the core can't do
//! by itself is to open a relayed socket: it hands out a [`Ticket`] for one, and [`Core::opened`] turns that into the reply.
//!
//! An allocation's life: Allocate makes it, signed by credentials that have not ended and whose holder is admitted. It
//! lasts for `lifetime_seconds`, Refresh prolongs it as long as the holder is admitted, up to `longest_seconds` in all. It
//! ends when it is refreshed with a lifetime of zero, when it runs out, when its client's connection closes, or when its holder is
//! dismissed.
//! A permission lasts for 5 minutes, a channel for 10 (RFC 8656 §9, §12); both are looked at when something is to pass.
//!
//! Nothing is remembered of whom has not signed: nonces are computed (`nonce`), and how often strangers are answered, and signatures
//! checked, is counted in tables of fixed size (`doorstep`).

mod accounts;
mod allocate;
mod auth;
mod control;
mod data;
mod permissions;
mod table;

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;

use crate::admission::Admission;
use crate::credentials::{Holder, Realm, Secret};
use crate::doorstep::{Checks, Doorsteps};
use crate::figures::{Counts, Figures};
use crate::limits::Limits;
use crate::message::MAX_REPLY;
use crate::nonce::{NONCE_BYTES, Nonces};
use crate::policy::Policy;
use crate::wire::{self, Framing, Kind};
use accounts::Accounts;
pub use allocate::Ticket;
use table::Table;

/// The moment at which something happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Milliseconds since some moment before the first one, never running backwards.
    pub millis: u64,
    /// Seconds since 1970, as credentials end by them.
    pub unix: u64,
}

/// Who speaks: the five-tuple, as what it came in by and who sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Client {
    /// The socket that we listen on, or the connection, by a number that no other ever has.
    pub door: u64,
    /// Whether it is a connection, on which ChannelData is padded.
    pub on_stream: bool,
    /// The other end.
    pub address: SocketAddr,
}

/// An allocation's place, and its relayed socket's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slot(pub u32);

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// An address's.
    pub fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// What is to be done with what came in.
#[derive(Debug)]
pub enum Step<'a> {
    /// Nothing.
    Rest,
    /// Answer who sent it.
    Reply(&'a [u8]),
    /// Send this part of it from an allocation's relayed socket.
    ToPeer {
        /// Whose socket.
        slot: Slot,
        /// Where to.
        peer: SocketAddr,
        /// What part.
        payload: Range<usize>,
    },
    /// Send this part of it to another client here, whose relayed address it went to.
    ToClient {
        /// To whom.
        delivery: Delivery,
        /// What part.
        payload: Range<usize>,
    },
    /// Open a relayed socket, then call [`Core::opened`].
    Open(Box<Ticket>),
}

/// To whom a payload goes, and what is written in front of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// To whom.
    pub client: Client,
    /// How it is framed.
    pub framing: Framing,
}

/// What a core is made with.
pub struct Settings {
    /// Behind the credentials.
    pub secret: Secret,
    /// Where they are valid.
    pub realm: Realm,
    /// Whom nothing is relayed to.
    pub policy: Policy,
    /// The addresses that relayed candidates carry, at most one of each family. Without one of a family, none of that
    /// family can be had.
    pub relayed: Vec<IpAddr>,
    /// How much of everything.
    pub limits: Limits,
    /// Whom to ask.
    pub admission: Arc<dyn Admission>,
}

/// Random bytes that a core is made with.
#[derive(Clone, Copy)]
pub struct Seeds {
    /// Behind the nonces.
    pub nonces: [u8; 32],
    /// Where the transaction ids of indications begin.
    pub indications: [u8; 12],
}

/// The state machine.
pub struct Core {
    settings: Settings,
    nonces: Nonces,
    challenges: Doorsteps,
    bindings: Doorsteps,
    checks: Checks,
    table: Table,
    accounts: Accounts,
    next_indication: u128,
    counts: Arc<Counts>,
    draining: bool,
    swept: u64,
    closed: Vec<Slot>,
    reply: Box<[u8; MAX_REPLY]>,
}

impl Core {
    /// One without allocations.
    pub fn new(settings: Settings, seeds: &Seeds) -> Self {
        Self::counting(settings, seeds, Arc::default())
    }

    pub(crate) fn counting(settings: Settings, seeds: &Seeds, counts: Arc<Counts>) -> Self {
        let limits = &settings.limits;
        let mut indication = [0; 16];
        indication[4..].copy_from_slice(&seeds.indications);
        Self {
            nonces: Nonces::new(&seeds.nonces),
            challenges: Doorsteps::new(limits.challenges_per_second),
            bindings: Doorsteps::new(limits.bindings_per_second),
            checks: Checks::new(limits.requests_per_second),
            table: Table::new(limits),
            accounts: Accounts::new(limits),
            next_indication: u128::from_be_bytes(indication),
            counts,
            draining: false,
            swept: 0,
            closed: Vec::new(),
            reply: Box::new([0; MAX_REPLY]),
            settings,
        }
    }

    /// Takes what a client sent: one datagram, or one message of a stream without its padding.
    pub fn from_client(&mut self, now: Now, client: Client, bytes: &[u8]) -> Step<'_> {
        match wire::kind(bytes) {
            Some(Kind::Channel) => self.channel_data(now, client, bytes),
            Some(Kind::Send) => self.send_indication(now, client, bytes),
            Some(Kind::Stun) => self.control(now, client, bytes),
            None => {
                self.counts.dropped_malformed.add(1);
                Step::Rest
            }
        }
    }

    /// The client's connection is closed, and its allocation with it.
    pub fn gone(&mut self, client: Client) {
        if let Some(slot) = self.table.of_client(&client) {
            self.release(slot);
        }
    }

    /// A holder is not admitted any more, and its allocations end.
    pub fn dismiss(&mut self, holder: &Holder) {
        let Some(account) = self.accounts.of_holder(holder) else { return };
        for slot in (0..self.table.places()).map(Slot) {
            if self.table.get(slot).is_some_and(|allocation| allocation.accounts.is_paid_by(account)) {
                self.release(slot);
            }
        }
    }

    /// Lets run out what has run out. To be called about once a second.
    pub fn tick(&mut self, now: Now) {
        if now.millis < self.swept.saturating_add(1000) {
            return;
        }
        self.swept = now.millis;
        for slot in (0..self.table.places()).map(Slot) {
            if self.table.get(slot).is_some_and(|allocation| allocation.expires <= now.millis) {
                self.release(slot);
            }
        }
        self.accounts.sweep(now.millis);
    }

    /// The host's own addresses from now on ([`Policy::own`]): permissions for them are worth nothing any more.
    pub fn own_are(&mut self, own: Vec<IpAddr>) {
        self.settings.policy.own = own;
    }

    /// No new allocations from now on.
    pub fn drain(&mut self) {
        self.draining = true;
    }

    /// How many allocations there are.
    pub fn allocations(&self) -> usize {
        self.table.len()
    }

    /// Whether this client has an allocation.
    pub fn serves(&self, client: &Client) -> bool {
        self.table.of_client(client).is_some()
    }

    /// An allocation that has ended: its socket is to be closed. To be asked after each call until there is none.
    pub fn closed(&mut self) -> Option<Slot> {
        self.closed.pop()
    }

    fn release(&mut self, slot: Slot) {
        if let Some(allocation) = self.table.remove(slot) {
            self.accounts.leave(allocation.accounts);
            self.counts.allocations.set(self.table.len());
            self.closed.push(slot);
        }
    }

    /// The slot of a client's allocation, if it has not run out; if it has, it ends here.
    fn live(&mut self, now: Now, client: &Client) -> Option<Slot> {
        let slot = self.table.of_client(client)?;
        if self.table.get(slot).is_some_and(|allocation| allocation.expires > now.millis) {
            return Some(slot);
        }
        self.release(slot);
        None
    }

    fn indication(&mut self, peer: SocketAddr) -> Framing {
        self.next_indication = self.next_indication.wrapping_add(1);
        let [_, _, _, _, id @ ..] = self.next_indication.to_be_bytes();
        Framing::Indication(peer, id)
    }

    /// What has been counted so far.
    pub fn figures(&self) -> Figures {
        self.counts.figures()
    }

    /// What a client would be told to sign with.
    pub(crate) fn nonce(&self, now: Now, client: &Client) -> [u8; NONCE_BYTES] {
        self.nonces.make(now.millis, &client.address)
    }

    /// Everything that can grow, in elements: what strangers must not change.
    #[doc(hidden)]
    pub fn extent(&self) -> [usize; 3] {
        [self.table.capacity(), self.accounts.len(), self.closed.capacity()]
    }
}
