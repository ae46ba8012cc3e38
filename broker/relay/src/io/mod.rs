//! The thin IO around the core: one thread with an epoll loop of its own, apart from the broker's runtime.
//!
//! One thread means that nothing of the data path is locked, and that the relay takes one core at most, whatever comes in. A second one
//! only reads the host's addresses now and then.

mod batch;
mod bind;
mod config;
mod connections;
mod engine;
mod handshakes;
mod net;
mod own;
mod paths;
mod stream;
mod turns;
mod unserved;

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::OwnedFd;

use crate::admission::Admission;
use crate::credentials::Holder;
use crate::figures::{Counts, Figures};
use bind::Doors;
pub use bind::{is_without, outward, own_addresses, own_interfaces};
pub use config::{Config, StartError};
use engine::{Engine, Order};
use own::Watch;

/// A relay that runs. Dropping it ends it at once.
pub struct Relay {
    addresses: Addresses,
    counts: Arc<Counts>,
    line: Line,
    _own: Watch,
    thread: Option<JoinHandle<()>>,
}

/// A way to the relay's thread.
#[derive(Clone)]
struct Line {
    orders: Sender<Order>,
    bell: Arc<OwnedFd>,
}

impl Line {
    fn order(&self, order: Order) {
        if self.orders.send(order).is_ok() {
            let _ = rustix::io::write(&self.bell, &1_u64.to_ne_bytes());
        }
    }
}

/// Sees holders out who are not admitted any more ([`Admission`]): their allocations end at once, not when they run out.
///
/// To be called once [`Admission::group`] refuses the holder: an Allocate that asked before has its allocation by the time at which
/// this is carried out.
#[derive(Clone)]
pub struct Usher(Line);

impl Usher {
    /// Ends all allocations of this holder. Never waits; where the relay has ended, nothing is left to do.
    pub fn dismiss(&self, holder: Holder) {
        self.0.order(Order::Dismiss(holder));
    }
}

/// Where connections that somebody else has accepted come in, from any thread. Once the relay has ended they are closed.
#[derive(Clone)]
pub struct Entrance(Line);

impl Entrance {
    /// Takes over a connection whose TLS somebody else has established, with what was read of it already.
    pub fn adopt(&self, connection: TcpStream, tls: rustls::ServerConnection) {
        self.0.order(Order::Adopt(connection, Box::new(tls)));
    }
}

/// Where a relay is reached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// STUN and TURN over UDP.
    pub udp: Vec<SocketAddr>,
    /// STUN and TURN over TCP.
    pub tcp: Vec<SocketAddr>,
    /// STUN and TURN over TLS.
    pub tls: Vec<SocketAddr>,
    /// What relayed candidates carry, at most one of each family.
    pub relayed: Vec<IpAddr>,
}

/// Reads what a relay counts.
#[derive(Clone, Debug)]
pub struct Meter(Arc<Counts>);

impl Meter {
    /// What it has counted so far.
    pub fn figures(&self) -> Figures {
        self.0.figures()
    }
}

impl Relay {
    /// Opens the sockets and starts the thread.
    ///
    /// # Errors
    /// A socket can't be opened, or the configuration leaves nothing to relay on.
    pub fn start(config: Config, admission: Arc<dyn Admission>) -> Result<Self, StartError> {
        let doors = Doors::open(&config)?;
        let addresses = doors.addresses();
        let counts = Arc::<Counts>::default();
        let (orders, inbox) = channel();
        let bell = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK | EventfdFlags::SEMAPHORE;
        let bell = Arc::new(eventfd(0, bell).map_err(StartError::system)?);
        let line = Line { orders, bell: bell.clone() };
        let own = Watch::start({
            let line = line.clone();
            move |own| line.order(Order::Own(own))
        })?;
        let (started, waiting) = channel();
        let begin = {
            let counts = counts.clone();
            move || match Engine::new(config, doors, admission, counts, inbox, bell) {
                Ok(engine) => {
                    let _ = started.send(Ok(()));
                    engine.run();
                }
                Err(error) => drop(started.send(Err(error))),
            }
        };
        let thread =
            std::thread::Builder::new().name("klatch-relay".into()).spawn(begin).map_err(StartError::System)?;
        waiting.recv().unwrap_or_else(|_| Err(StartError::system(rustix::io::Errno::CANCELED)))?;
        Ok(Self { addresses, counts, line, _own: own, thread: Some(thread) })
    }

    /// Where it is reached, with the ports that were bound.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Who sees holders out.
    pub fn usher(&self) -> Usher {
        Usher(self.line.clone())
    }

    /// Whether it has ended without being told to, which is an error in it.
    pub fn has_failed(&self) -> bool {
        self.thread.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// What it has counted so far.
    pub fn figures(&self) -> Figures {
        self.counts.figures()
    }

    /// Who can read what it counts, for as long as they like.
    pub fn meter(&self) -> Meter {
        Meter(self.counts.clone())
    }

    /// Whether a connection that begins with this byte is for the relay. A client's first message is a STUN request, whose
    /// first byte is zero; HTTP begins with a letter, and TLS with 0x16.
    pub fn is_for_relay(first: u8) -> bool {
        first == 0
    }

    /// Where connections that somebody else has accepted come in.
    pub fn entrance(&self) -> Entrance {
        Entrance(self.line.clone())
    }

    /// Takes no new allocations any more, and ends when the last has ended, or after `grace`. Returns when it has ended.
    pub fn shutdown(mut self, grace: Duration) {
        self.end(grace);
    }

    fn end(&mut self, grace: Duration) {
        self.line.order(Order::End(grace));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}
