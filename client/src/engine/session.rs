//! A room that we are in: the broker's socket, the mesh, the connections, and what members say.
//!
//! The session is the driver of invariant 7: the broker's frames and the browser's events become the mesh's inputs, its
//! commands are carried out here, and what a person should see of it goes into the state. It outlives the broker's socket:
//! when that is lost, links stay, and the same seat is taken again on a new one.

mod bar;
mod broker;
mod chat;
mod conduct;
mod enter;
mod links;
mod members;
mod signals;
mod uplink;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use gloo_events::EventListener;
use gloo_timers::callback::{Interval, Timeout};
use klatch_mesh::chat::Chat;
use klatch_mesh::{Bar, Carrier, Command, Few, Input, Mesh, Misdeeds, Returns};
use klatch_shared::wire::{Event, IceServer, IceServers, Side, Verb};
use klatch_shared::{MemberId, RoomKeys, SessionNonce};
use yew::Callback;

use super::clock;
use super::media::Media;
use super::notices::Notices;
use super::peers::{Peer, Peers};
use super::socket::{Socket, SocketEvent};
use super::storage::{self, SeatRecord};
use super::store::Store;
use super::task::spawn;
use super::ways::{Spare, Ways};
use crate::state::{Action, BrokerLink, RoomAction, Tone};
use links::Link;

pub(super) use enter::{EnterError, seat_for};

/// How often members say that they are here.
const PULSE_MS: u32 = 1_000;
/// How often we look whether we hear of them.
const BEAT_MS: u32 = 250;
/// After how long credentials for relays are renewed, which last for 10 minutes.
const RENEWAL_MS: u64 = 4 * 60_000;

/// Why a session ended without our asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// The seat was opened elsewhere.
    Elsewhere,
    /// The creator ended the room.
    Ended,
    /// Our seat was released.
    Forgotten,
    /// The broker knows of no such room or seat.
    Gone,
}

/// What a session needs of the page.
#[derive(Clone)]
pub(super) struct Surroundings {
    /// The state.
    pub(super) store: Rc<Store>,
    /// Sentences in passing.
    pub(super) notices: Rc<Notices>,
    /// What we capture.
    pub(super) media: Rc<Media>,
    /// Told when the session ended without our asking.
    pub(super) on_over: Callback<Over>,
}

/// The room that we are in.
pub(super) struct Session {
    /// Ourselves, for callbacks that must not keep us alive.
    weak: Weak<Self>,
    around: Surroundings,
    room: RoomKeys,
    me: MemberId,
    nonce: SessionNonce,
    seat: RefCell<SeatRecord>,
    ordinal: Cell<u32>,
    /// Who created the room, as it was when we entered first: a broker that forgot it believes whoever tells of it first.
    creator: Cell<Option<MemberId>>,
    /// Whom the broker has for the creator is somebody else.
    usurped: Cell<bool>,
    bar: RefCell<Bar>,
    socket: RefCell<Option<Rc<Socket>>>,
    /// Events that came between the broker's admitting us and our having taken in its answer.
    waiting: RefCell<Option<Vec<Event>>>,
    servers: RefCell<Vec<IceServer>>,
    /// When they were last asked for, by the clock on the wall.
    asked_servers: Cell<u64>,
    peers: RefCell<Peers>,
    mesh: RefCell<Mesh>,
    links: RefCell<Few<MemberId, Link>>,
    alarm: RefCell<Option<Timeout>>,
    reconnect: RefCell<Option<Timeout>>,
    /// Another, beside one that does not answer, until either speaks.
    rival: RefCell<Option<Rc<Socket>>>,
    /// From when on one may be opened.
    may_dial: Cell<u64>,
    returns: RefCell<Returns>,
    lines: Cell<u32>,
    guards: RefCell<(Vec<EventListener>, Vec<Interval>)>,
    /// Made ready for the next member.
    spare: RefCell<Option<Spare>>,
    /// Members that we have offered to and who have not answered, while `drawing` waits for them.
    unanswered: Cell<usize>,
    /// Until the page is drawn for the first time.
    drawing: RefCell<Option<Timeout>>,
    /// Until encodings are fitted.
    tuning: RefCell<Option<Timeout>>,
    /// What was said; once we are in.
    chat: RefCell<Option<Chat>>,
    /// Said that the room is full, since we were last inside.
    told_full: Cell<bool>,
    over: Cell<bool>,
}

impl Session {
    /// Our seat as it is now.
    pub(super) fn seat(&self) -> SeatRecord {
        self.seat.borrow().clone()
    }

    /// By what the others are reached as it is now.
    fn ways(&self) -> Ways {
        let relay_only = self.around.store.state().preferences.relay_only;
        Ways { servers: self.servers.borrow().clone(), relay_only }
    }

    /// Asks for servers with fresh credentials before those at hand end. By the clock on the wall, which goes on while the machine
    /// sleeps: whoever wakes up has fresh ones before a path is found dead.
    fn renew_servers(&self) {
        if clock::wall().abs_diff(self.asked_servers.get()) < RENEWAL_MS {
            return;
        }
        self.asked_servers.set(clock::wall());
        let (Some(socket), weak) = (self.socket(), self.weak.clone()) else { return };
        spawn(async move {
            // Where the broker can't be reached, the next socket asks again.
            let Ok(servers) = socket.ask::<IceServers>(Verb::IceServers).await else { return };
            if let Some(this) = weak.upgrade() {
                *this.servers.borrow_mut() = servers.ice_servers;
            }
        });
    }

    /// Says so where nobody can be reached, because only relays may be used and there is none.
    pub(super) fn check_relay(&self) {
        let ways = self.ways();
        if ways.relay_only && !ways.has_relay() {
            self.warn("There is no relay here, so with “Relay only” nobody can be reached. Switch it off in the settings, then reload the page.");
        }
    }

    fn dispatch(&self, action: RoomAction) {
        self.around.store.dispatch(action);
    }

    /// Hands the mesh a fact and carries out what it orders.
    fn feed(&self, input: Input) {
        if self.over.get() {
            return;
        }
        let mut facts = VecDeque::from([input]);
        while let Some(fact) = facts.pop_front() {
            let commands = self.mesh.borrow_mut().handle(clock::now(), fact);
            facts.extend(commands.into_iter().filter_map(|command| self.carry_out(command)));
        }
        self.set_alarm();
    }

    /// Carries an order out; what is known at once to come of it comes back.
    fn carry_out(&self, command: Command) -> Option<Input> {
        match command {
            Command::Open { link, offers } => return self.open_link(link, offers),
            Command::SetLocal { link, restart } => return self.set_local(link, restart),
            Command::SetRemote { link, kind, description } => return self.set_remote(link, kind, description),
            Command::AddCandidate { link, candidate } => self.add_candidate(link, candidate),
            Command::Send { peer, session, carrier, exchange, side, sequence, signal } => {
                self.send_signal((peer, session), carrier, (exchange, side, sequence), &signal);
            }
            Command::Close { link } => self.close_link(link),
            Command::Refused { peer } => {
                self.refused(peer);
                return Some(Input::Gone { peer });
            }
            Command::Hurried { peer } => self.did(peer, Misdeeds::hurried),
            Command::ProbeBroker => self.socket().iter().for_each(Socket::doubt),
            Command::Show { peer, health } => self.show_health(peer, health),
        }
        None
    }

    /// Wakes the mesh when it wants to be.
    fn set_alarm(&self) {
        let deadline = self.mesh.borrow().deadline();
        let weak = self.weak.clone();
        *self.alarm.borrow_mut() = deadline.map(|deadline| {
            let wait = deadline.saturating_sub(clock::now()).clamp(1, 60_000);
            Timeout::new(wait as u32, move || {
                if let Some(this) = weak.upgrade() {
                    this.feed(Input::Tick);
                }
            })
        });
    }

    /// Whether `room` is this one's id.
    pub(super) fn is_of(&self, room: &str) -> bool {
        room.parse() == Ok(self.room.id())
    }

    /// Takes the key out of the address bar, if it is kept elsewhere.
    pub(super) fn hide_fragment(&self) {
        if storage::seat(self.room.id()).is_some() {
            super::route::hide_fragment(self.room.id());
        }
    }

    fn on_event(&self, event: Event) {
        match event {
            Event::Hello(_) => {}
            Event::Joined(view) | Event::Back(view) => self.member_came(&view),
            Event::Away { member } => self.member_away(member),
            Event::Left { member } => self.member_left(member),
            Event::Forgotten { member } => {
                self.member_forgotten(member);
            }
            Event::Card { member, card } => self.member_renamed(member, &card),
            Event::Locked { locked } => self.locked(locked),
            // Told by whom the broker has for the creator; the socket is closed next.
            Event::Ended if self.usurped.get() => {}
            Event::Ended => self.end(Over::Ended),
            Event::Offer { from, exchange, body } => {
                self.open_signal((from, Carrier::Broker), (exchange, Side::Offerer, 0), &body);
            }
            Event::Answer { from, exchange, body } => {
                self.open_signal((from, Carrier::Broker), (exchange, Side::Answerer, 0), &body);
            }
            Event::Candidate { from, exchange, side, sequence, body } => {
                self.open_signal((from, Carrier::Broker), (exchange, side, sequence), &body);
            }
        }
    }

    fn network_changed(&self) {
        self.reconnect_now();
        self.feed(Input::NetworkChanged);
    }

    /// Watches what the session must know of the page.
    fn watch_page(&self) {
        let Some(window) = web_sys::window() else { return };
        let Some(document) = window.document() else { return };
        let on = |target: &web_sys::EventTarget, name: &'static str, act: fn(&Session)| {
            let weak = self.weak.clone();
            EventListener::new(target, name, move |_| {
                if let Some(this) = weak.upgrade() {
                    act(&this);
                }
            })
        };
        let each = |ms: u32, only_shown: bool, act: fn(&Session)| {
            let weak = self.weak.clone();
            Interval::new(ms, move || {
                if let Some(this) = weak.upgrade().filter(|_| !(only_shown && super::page_is_hidden())) {
                    act(&this);
                }
            })
        };
        let listeners = vec![
            on(&window, "online", Self::network_changed),
            on(&window, "resize", Self::tell_wants),
            on(&document, "visibilitychange", |this| {
                if !super::page_is_hidden() {
                    this.reconnect_now();
                }
                this.tell_wants();
            }),
            on(&window, "pagehide", |this| this.say_goodbye(false)),
        ];
        let beats = vec![
            each(PULSE_MS, false, Self::pulse),
            each(BEAT_MS, false, Self::beat),
            each(1_000, true, Self::tell_wants),
            each(4_000, true, Self::look_at_paths),
        ];
        *self.guards.borrow_mut() = (listeners, beats);
    }

    /// Ends without our asking.
    fn end(&self, why: Over) {
        if self.over.get() {
            return;
        }
        self.shut();
        self.around.on_over.emit(why);
    }

    /// Leaves, keeping the seat.
    pub(super) fn leave(&self) {
        self.say_goodbye(true);
        if let Some(socket) = self.socket() {
            socket.send(Verb::Leave);
        }
        self.shut();
    }

    /// Gives up everything that runs.
    fn shut(&self) {
        self.over.set(true);
        self.alarm.borrow_mut().take();
        self.reconnect.borrow_mut().take();
        self.drawing.borrow_mut().take();
        self.tuning.borrow_mut().take();
        self.spare.borrow_mut().take();
        self.around.store.tell_now();
        *self.guards.borrow_mut() = (Vec::new(), Vec::new());
        self.around.media.on_change(Callback::noop());
        self.links.borrow_mut().clear();
        self.close_socket();
    }

    fn warn(&self, text: impl Into<String>) {
        self.around.notices.say(Tone::Warning, text);
    }
}
