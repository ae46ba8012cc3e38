//! The loop: what has come is handed to the core, and what the core wants sent is sent.
//!
//! Each socket gets two batches at most before the others get their turn, so that a flood at one leaves the others alone; and all
//! TLS handshakes together get one step.

use std::net::{IpAddr, TcpListener};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustls::ServerConnection;

use super::batch::Inbox;
use super::bind::{Doors, own_addresses};
use super::net::{Net, Token};
use super::stream::{Cover, Scratch};
use super::{Config, StartError};
use crate::admission::Admission;
use crate::core::{Client, Core, Now, Seeds, Settings, Slot};
use crate::credentials::Holder;
use crate::figures::Counts;
use crate::limits::{ACCEPTS, BATCH, ORDERS, TURNS};
use crate::policy::Policy;

/// Events that are fetched with one call.
const EVENTS: usize = 64;
const TICK: Duration = Duration::from_secs(1);

/// What a relay's owner wants.
pub(super) enum Order {
    Adopt(std::net::TcpStream, Box<ServerConnection>),
    /// The host's interfaces have these addresses.
    Own(Vec<IpAddr>),
    /// This holder is not admitted any more.
    Dismiss(Holder),
    End(Duration),
}

struct Listener {
    socket: TcpListener,
    tls: bool,
    /// Whether it is not listened to until the next tick.
    rests: bool,
}

pub(super) struct Engine {
    net: Net,
    inbox: Inbox,
    scratch: Scratch,
    listeners: Vec<Listener>,
    tls: Option<Arc<rustls::ServerConfig>>,
    orders: Receiver<Order>,
    bell: Arc<OwnedFd>,
    /// Addresses that are the host's whatever its interfaces have.
    named: Vec<IpAddr>,
    begun: Instant,
    unix: u64,
    ticked: u64,
    /// When it is over at the latest, once it is to end.
    end: Option<u64>,
}

impl Engine {
    pub(super) fn new(
        config: Config,
        doors: Doors,
        admission: Arc<dyn Admission>,
        counts: Arc<Counts>,
        orders: Receiver<Order>,
        bell: Arc<OwnedFd>,
    ) -> Result<Self, StartError> {
        let addresses = doors.addresses();
        let listened = || addresses.udp.iter().chain(&addresses.tcp).chain(&addresses.tls);
        let named: Vec<IpAddr> = listened().map(|address| address.ip()).chain(config.public_ips).collect();
        let own = [&named[..], &own_addresses()].concat();
        let mut listening: Vec<u16> = listened().map(|address| address.port()).collect();
        listening.sort_unstable();
        listening.dedup();
        let policy = Policy { allow_peer: config.allow_peer.clone(), own, listening };
        let mut seeds = Seeds { nonces: [0; 32], indications: [0; 12] };
        let random = getrandom::fill(&mut seeds.nonces).and_then(|()| getrandom::fill(&mut seeds.indications));
        random.map_err(|error| StartError::System(error.into()))?;
        let tls = config.certificates.clone().map(tls_config).transpose()?;
        let limits = config.limits.clone();
        let settings = Settings {
            secret: config.secret,
            realm: config.realm,
            policy,
            relayed: addresses.relayed,
            limits: config.limits,
            admission,
        };
        let core = Core::counting(settings, &seeds, counts.clone());
        let udp = doors.udp.into_iter().chain(doors.own_udp).collect();
        let net = Net::new(core, counts, limits, udp, doors.relayed, config.ports)?;
        let mut listeners = Vec::new();
        for (socket, tls) in doors.tcp.into_iter().map(|s| (s, false)).chain(doors.tls.into_iter().map(|s| (s, true))) {
            net.watch(&socket, Token::Listener(listeners.len() as u32))?;
            listeners.push(Listener { socket, tls, rests: false });
        }
        net.watch(&*bell, Token::Bell)?;
        let mut engine = Self {
            net,
            inbox: Inbox::new(),
            scratch: Scratch::new(),
            listeners,
            tls,
            orders,
            bell,
            named,
            begun: Instant::now(),
            unix: 0,
            ticked: 0,
            end: None,
        };
        engine.unix = unix();
        Ok(engine)
    }

    /// Runs until it is told to end.
    pub(super) fn run(mut self) {
        let mut events = Vec::with_capacity(EVENTS);
        loop {
            let now = self.now();
            if now.millis >= self.ticked + TICK.as_millis() as u64 {
                self.tick(now);
            }
            if self.end.is_some_and(|end| end <= now.millis || self.net.core.allocations() == 0) {
                return self.net.close_all();
            }
            let waits = self.net.is_idle() && self.end.is_none() && self.listeners.iter().all(|l| !l.rests);
            let turn = self.net.handshakes.millis_until_next(now.millis).map(Duration::from_millis);
            let timeout = Timespec::try_from(turn.map_or(TICK, |turn| turn.min(TICK))).ok().filter(|_| !waits);
            events.clear();
            let spare = rustix::buffer::spare_capacity(&mut events);
            if epoll::wait(&self.net.epoll, spare, timeout.as_ref()).is_err() {
                continue;
            }
            if waits {
                // Nothing ticked meanwhile.
                self.unix = unix();
            }
            let now = self.now();
            for event in &events {
                let epoll::Event { flags, data } = *event;
                match Token::from(data.u64()) {
                    Token::Door(door) => self.door(now, door),
                    Token::Relayed(slot) => self.relayed(now, slot),
                    Token::Stream(id) => self.stream(now, id, flags),
                    Token::Listener(place) => self.accept(now, place),
                    Token::Bell => self.obey(now),
                }
            }
            self.send_on();
            self.net.shake_hands(now, &mut self.scratch);
            self.net.send_streams();
        }
    }

    fn now(&self) -> Now {
        Now { millis: self.begun.elapsed().as_millis() as u64, unix: self.unix }
    }

    fn tick(&mut self, now: Now) {
        self.ticked = now.millis;
        self.unix = unix();
        self.net.tick(now);
        for (place, listener) in self.listeners.iter_mut().enumerate() {
            if listener.rests && self.net.watch(&listener.socket, Token::Listener(place as u32)).is_ok() {
                listener.rests = false;
            }
        }
    }

    fn door(&mut self, now: Now, door: u32) {
        for _ in 0..TURNS {
            self.make_room();
            let Some((socket, is_ipv4)) = self.net.door(door) else { return };
            let count = self.inbox.receive(socket, is_ipv4);
            for place in 0..count {
                let arrived = self.inbox.arrived(place);
                let client = Client { door: door.into(), on_stream: false, address: arrived.from };
                self.net.client_says(now, client, self.inbox.bytes_mut(), arrived.start, arrived.length, true);
            }
            if count < BATCH {
                return;
            }
        }
    }

    fn relayed(&mut self, now: Now, slot: u32) {
        for _ in 0..TURNS {
            self.make_room();
            let Some((socket, is_ipv4)) = self.net.relayed(slot) else { return };
            let count = self.inbox.receive(socket, is_ipv4);
            for place in 0..count {
                let arrived = self.inbox.arrived(place);
                self.net.peer_says(now, Slot(slot), self.inbox.bytes_mut(), &arrived);
            }
            if count < BATCH {
                return;
            }
        }
    }

    /// Sends on what has arrived, if there is no place for more.
    fn make_room(&mut self) {
        if self.inbox.is_full() {
            self.send_on();
        }
    }

    /// Sends on what has arrived, from all sockets together: who receives it is woken once.
    fn send_on(&mut self) {
        self.net.send(self.inbox.bytes());
        self.inbox.clear();
    }

    fn stream(&mut self, now: Now, id: u64, flags: epoll::EventFlags) {
        // What streams say is elsewhere, and sent from there.
        self.send_on();
        if flags.intersects(epoll::EventFlags::OUT) {
            self.net.is_due(id);
        }
        if flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::HUP | epoll::EventFlags::ERR) {
            self.net.stream_says(now, id, &mut self.scratch);
        }
    }

    fn accept(&mut self, now: Now, place: u32) {
        let Some(listener) = self.listeners.get_mut(place as usize) else { return };
        for _ in 0..ACCEPTS {
            match listener.socket.accept() {
                Ok((socket, _)) => {
                    let tls = self.tls.clone().filter(|_| listener.tls);
                    let _ = self.net.take_in(now, socket, tls.map_or(Cover::Nothing, Cover::Awaited));
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) if is_of_one(&error) => {}
                // No file is left: it would be told again and again that somebody waits.
                Err(_) => {
                    let _ = epoll::delete(&self.net.epoll, listener.socket.as_fd());
                    listener.rests = true;
                    return;
                }
            }
        }
    }

    /// Carries some orders out. The bell was rung once for each, so it rings on where there are more.
    fn obey(&mut self, now: Now) {
        self.send_on();
        let mut rung = [0; 8];
        for _ in 0..ORDERS {
            if rustix::io::read(&*self.bell, &mut rung).is_err() {
                return;
            }
            if let Ok(order) = self.orders.try_recv() {
                self.carry_out(now, order);
            }
        }
    }

    fn carry_out(&mut self, now: Now, order: Order) {
        match order {
            Order::Adopt(socket, tls) => {
                if let Some(id) = self.net.take_in(now, socket, Cover::tls(tls)) {
                    self.net.take(now, id, &mut self.scratch);
                }
            }
            Order::Own(own) => self.net.core.own_are([&self.named[..], &own].concat()),
            Order::Dismiss(holder) => {
                self.net.core.dismiss(&holder);
                self.net.close_relayed();
            }
            Order::End(grace) => {
                self.net.core.drain();
                self.listeners.clear();
                self.end = Some(now.millis.saturating_add(grace.as_millis() as u64));
            }
        }
    }
}

/// Whether an error of `accept` is only about the connection that it would have been.
fn is_of_one(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

fn unix() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn tls_config(
    certificates: Arc<dyn rustls::server::ResolvesServerCert>,
) -> Result<Arc<rustls::ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_no_client_auth().with_cert_resolver(certificates)))
}
