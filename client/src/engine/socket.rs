//! The broker's socket: requests with one reply each, events, and heartbeats.
//!
//! A WebSocket can die without the browser noticing, so silence counts: nothing heard for a while is asked after with
//! `ping`, and nothing heard for longer is a lost socket, whatever `readyState` says.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use futures_channel::oneshot;
use gloo_events::EventListener;
use gloo_timers::callback::{Interval, Timeout};
use klatch_mesh::Few;
use klatch_shared::json::{FromJson, Raw};
use klatch_shared::limits::{PAGE_PING, PAGE_SILENCE};
use klatch_shared::wire::{CloseCode, Event, Refusal, Request, SUBPROTOCOL, ServerFrame, Verb};
use wasm_bindgen::JsCast;
use web_sys::{CloseEvent, MessageEvent, WebSocket};
use yew::Callback;

use super::clock;

type Outcome = Result<Raw, Refusal>;

/// What a socket tells.
#[derive(Debug)]
pub(super) enum SocketEvent {
    /// From the broker.
    Event(Event),
    /// It was asked whether it still works, and has not answered for a moment.
    Unanswered,
    /// Over, with the broker's reason if it gave one.
    Closed(Option<CloseCode>),
}

/// Why a request has no good answer.
#[derive(Debug)]
pub(super) enum AskError {
    /// The broker refused.
    Refused(Refusal),
    /// The socket was lost first.
    Lost,
}

/// One socket. Dropping it closes it.
pub(super) struct Socket {
    socket: WebSocket,
    pending: RefCell<Few<i64, oneshot::Sender<Outcome>>>,
    next: Cell<i64>,
    heard: Cell<u64>,
    /// When a ping was sent last.
    asked: Cell<u64>,
    tell: RefCell<Option<Callback<SocketEvent>>>,
    guards: RefCell<Option<([EventListener; 2], Interval)>>,
    /// Runs while the broker is asked after.
    doubt: RefCell<Option<Timeout>>,
}

impl Socket {
    /// Opens `/ws` or `/ws/<room>` on the page's own host. `None` where the browser refuses at once.
    pub(super) fn open(path: &str, tell: Callback<SocketEvent>) -> Option<Rc<Self>> {
        let location = web_sys::window()?.location();
        let scheme = if location.protocol().ok()? == "https:" { "wss" } else { "ws" };
        let url = format!("{scheme}://{}{path}", location.host().ok()?);
        let socket = WebSocket::new_with_str(&url, SUBPROTOCOL).ok()?;
        let this = Rc::new(Self {
            socket,
            pending: RefCell::default(),
            next: Cell::new(1),
            heard: Cell::new(clock::now()),
            asked: Cell::new(0),
            tell: RefCell::new(Some(tell)),
            guards: RefCell::default(),
            doubt: RefCell::default(),
        });
        this.listen();
        Some(this)
    }

    fn listen(self: &Rc<Self>) {
        let weak = Rc::downgrade(self);
        let message = EventListener::new(&self.socket, "message", move |event| {
            let (Some(this), Some(event)) = (weak.upgrade(), event.dyn_ref::<MessageEvent>()) else { return };
            this.heard.set(clock::now());
            this.doubt.borrow_mut().take();
            if let Some(text) = event.data().as_string() {
                this.receive(&text);
            }
        });
        let weak = Rc::downgrade(self);
        let close = EventListener::new(&self.socket, "close", move |event| {
            let (Some(this), Some(event)) = (weak.upgrade(), event.dyn_ref::<CloseEvent>()) else { return };
            this.over(CloseCode::from_code(event.code()));
        });
        let weak = Rc::downgrade(self);
        let beat = Interval::new(PAGE_PING.as_millis() as u32, move || {
            if let Some(this) = weak.upgrade() {
                this.beat();
            }
        });
        *self.guards.borrow_mut() = Some(([message, close], beat));
    }

    fn receive(&self, text: &str) {
        match ServerFrame::parse(text) {
            ServerFrame::Reply { id: Some(id), outcome } => {
                let pending = self.pending.borrow_mut().remove(&id);
                if let Some(pending) = pending {
                    // Whoever asked may have gone meanwhile.
                    let _ = pending.send(outcome);
                }
            }
            ServerFrame::Event(event) => self.emit(SocketEvent::Event(event)),
            ServerFrame::Reply { id: None, .. } | ServerFrame::Unknown => {}
        }
    }

    fn beat(&self) {
        const PING: u64 = PAGE_PING.as_millis() as u64;
        const PATIENCE: u64 = PAGE_SILENCE.as_millis() as u64 - PING;
        let (now, heard, asked) = (clock::now(), self.heard.get(), self.asked.get());
        // The timer of a hidden tab may come a minute late: silence says nothing until a ping goes unanswered.
        let waits = asked > heard;
        // One that is still being opened was asked into a network that may be there again.
        let patience = if self.socket.ready_state() == WebSocket::CONNECTING { PING } else { PATIENCE };
        if waits && now.saturating_sub(asked) >= patience {
            let _ = self.socket.close();
            self.over(None);
        } else if !waits && now.saturating_sub(heard) >= PING && self.socket.ready_state() != WebSocket::CLOSED {
            self.asked.set(now);
            if self.socket.ready_state() == WebSocket::OPEN {
                self.send(Verb::Ping);
            }
        }
    }

    /// Asks at once whether the broker is still there, and does not wait for long: the network changed, the machine slept, or somebody is
    /// silent or missed. Whatever it says ends the doubt.
    pub(super) fn doubt(self: &Rc<Self>) {
        // Longer than most answers take, also where TCP asks twice.
        const MOMENT_MS: u32 = 400;
        // It has asked three times by then.
        const PATIENCE_MS: u32 = 1_500;
        if self.socket.ready_state() != WebSocket::OPEN || self.is_doubted() {
            return;
        }
        self.send(Verb::Ping);
        self.doubt_for(MOMENT_MS, |this| {
            this.doubt_for(PATIENCE_MS - MOMENT_MS, |this| {
                let _ = this.socket.close();
                this.over(None);
            });
            this.emit(SocketEvent::Unanswered);
        });
    }

    fn doubt_for(self: &Rc<Self>, ms: u32, then: fn(&Rc<Self>)) {
        let weak = Rc::downgrade(self);
        let doubt = Timeout::new(ms, move || {
            if let Some(this) = weak.upgrade() {
                then(&this);
            }
        });
        *self.doubt.borrow_mut() = Some(doubt);
    }

    /// Whether it is asked after, and has not answered.
    pub(super) fn is_doubted(&self) -> bool {
        self.doubt.borrow().is_some()
    }

    /// Whether it has been opened for so long that it was asked into a network that is not there any more.
    pub(super) fn hangs(&self) -> bool {
        const PATIENCE_MS: u64 = 1_000;
        self.socket.ready_state() == WebSocket::CONNECTING && clock::now() >= self.heard.get() + PATIENCE_MS
    }

    /// The end, once, however it was noticed: open requests are lost, and the owner is told.
    fn over(&self, code: Option<CloseCode>) {
        self.pending.borrow_mut().clear();
        if let Some(tell) = self.tell.borrow_mut().take() {
            tell.emit(SocketEvent::Closed(code));
        }
    }

    fn emit(&self, event: SocketEvent) {
        let tell = self.tell.borrow().clone();
        if let Some(tell) = tell {
            tell.emit(event);
        }
    }

    /// Sends a request whose answer does not matter.
    pub(super) fn send(&self, verb: Verb) -> Option<i64> {
        let id = self.next.replace(self.next.get() + 1);
        self.socket.send_with_str(&Request { id, verb }.to_frame()).ok().map(|()| id)
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn ask<T: FromJson>(&self, verb: Verb) -> Result<T, AskError> {
        let answer = self.answer_to(verb).await?;
        T::from_json(&answer.0).ok_or(AskError::Lost)
    }

    async fn answer_to(&self, verb: Verb) -> Result<Raw, AskError> {
        let (sender, receiver) = oneshot::channel();
        if self.tell.borrow().is_none() {
            return Err(AskError::Lost);
        }
        let id = self.send(verb).ok_or(AskError::Lost)?;
        self.pending.borrow_mut().insert(id, sender);
        let outcome = receiver.await.map_err(|_| AskError::Lost)?;
        outcome.map_err(AskError::Refused)
    }

    /// Whether it has lived until a moment ago: a machine that slept does not know that its sockets are dead.
    pub(super) fn is_fresh(&self) -> bool {
        let silence = clock::now().saturating_sub(self.heard.get());
        self.socket.ready_state() == WebSocket::OPEN && silence < 2 * PAGE_PING.as_millis() as u64
    }

    /// Changes the owner.
    pub(super) fn pass_to(&self, tell: Callback<SocketEvent>) {
        *self.tell.borrow_mut() = Some(tell);
    }

    /// Closes it without a word to its owner.
    pub(super) fn close(&self) {
        self.tell.borrow_mut().take();
        self.guards.borrow_mut().take();
        self.doubt.borrow_mut().take();
        self.pending.borrow_mut().clear();
        let _ = self.socket.close();
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = self.socket.close();
    }
}
