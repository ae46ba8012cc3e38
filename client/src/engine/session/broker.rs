//! The broker as a room's session sees it: one socket after the other, and what came over it.

use klatch_shared::wire::{CloseCode, Hello};

use super::*;

impl Session {
    /// Opens a socket to the broker; `hello` comes first on it.
    pub(super) fn connect(&self) {
        self.reconnect.borrow_mut().take();
        self.rival.take();
        let socket = Socket::open(&self.path(), self.listener());
        if socket.is_none() {
            self.reconnect_later();
        }
        *self.socket.borrow_mut() = socket;
    }

    fn path(&self) -> String {
        format!("/ws/{}", self.room.id())
    }

    pub(super) fn listener(&self) -> Callback<SocketEvent> {
        let weak = self.weak.clone();
        Callback::from(move |event| {
            if let Some(this) = weak.upgrade() {
                this.on_socket(event);
            }
        })
    }

    pub(super) fn socket(&self) -> Option<Rc<Socket>> {
        self.socket.borrow().clone()
    }

    fn on_socket(&self, event: SocketEvent) {
        match event {
            SocketEvent::Event(Event::Hello(hello)) => self.on_hello(hello),
            SocketEvent::Event(event) => {
                let mut waiting = self.waiting.borrow_mut();
                match waiting.as_mut() {
                    Some(events) => events.push(event),
                    None => {
                        drop(waiting);
                        self.on_event(event);
                    }
                }
            }
            SocketEvent::Unanswered => self.dial_beside(),
            SocketEvent::Closed(code) => self.on_closed(code),
        }
    }

    /// Opens another socket beside the one that is silent: the one that speaks first is the session's. Browsers tell nothing of a network
    /// that gave way to another, which takes its sockets along.
    fn dial_beside(&self) {
        const PAUSE_MS: u64 = 10_000;
        let now = clock::now();
        // A slow network is not dialled into again and again; and who asks for a seat on two sockets may lose it to the first.
        if now < self.may_dial.get() || self.waiting.borrow().is_some() {
            return;
        }
        self.may_dial.set(now + PAUSE_MS);
        let weak = self.weak.clone();
        let listener = Callback::from(move |event| {
            if let Some(this) = weak.upgrade() {
                this.on_rival(event);
            }
        });
        // Browsers open one after the other.
        self.rival.take();
        *self.rival.borrow_mut() = Socket::open(&self.path(), listener);
    }

    /// The other socket speaks, or is over.
    fn on_rival(&self, event: SocketEvent) {
        match event {
            SocketEvent::Event(Event::Hello(hello)) => {
                let Some(rival) = self.rival.take() else { return };
                if self.socket().is_some_and(|socket| !socket.is_doubted()) {
                    return;
                }
                self.close_socket();
                self.reconnect.borrow_mut().take();
                rival.pass_to(self.listener());
                *self.socket.borrow_mut() = Some(rival);
                self.on_hello(hello);
            }
            SocketEvent::Event(_) | SocketEvent::Unanswered => {}
            SocketEvent::Closed(_) => {
                self.rival.take();
            }
        }
    }

    fn on_hello(&self, hello: Hello) {
        self.around.store.greeted(&hello);
        let Some(this) = self.weak.upgrade() else { return };
        spawn(async move { this.come_back(&hello).await });
    }

    fn on_closed(&self, code: Option<CloseCode>) {
        self.socket.borrow_mut().take();
        match code {
            Some(CloseCode::TakenOver) => self.end(Over::Elsewhere),
            Some(CloseCode::Ended) if !self.usurped.get() => self.end(Over::Ended),
            Some(CloseCode::Forgotten) => {
                self.say_goodbye(true);
                self.end(Over::Forgotten);
            }
            Some(
                CloseCode::Silent
                | CloseCode::TooSlow
                | CloseCode::Misbehaved
                | CloseCode::Restarting
                | CloseCode::Ended,
            )
            | None => {
                self.broker_is(BrokerLink::Lost);
                self.feed(Input::BrokerLost);
                self.reconnect_later();
            }
        }
    }

    /// Shows how the server is, and tells of it where that is new.
    pub(super) fn broker_is(&self, link: BrokerLink) {
        let was_up = self.around.store.state().room().is_none_or(|room| room.broker == BrokerLink::Up);
        self.dispatch(RoomAction::Broker(link));
        match (was_up, link) {
            (true, BrokerLink::Lost | BrokerLink::Forgetful) => {
                self.warn("The connection to the server is lost. Your call goes on.");
            }
            (false, BrokerLink::Up) => self.around.notices.say(Tone::News, "The server is back."),
            (true, BrokerLink::Up) | (false, BrokerLink::Lost | BrokerLink::Forgetful) => {}
        }
    }

    /// Gives the socket up without a word from it.
    pub(super) fn close_socket(&self) {
        self.rival.take();
        if let Some(socket) = self.socket.take() {
            socket.close();
            self.feed(Input::BrokerLost);
        }
    }

    /// The broker does not have us back for now.
    pub(super) fn turned_back(&self) {
        if self.around.store.state().room().is_some_and(|room| room.broker == BrokerLink::Up) {
            self.broker_is(BrokerLink::Lost);
        }
        self.close_socket();
        self.reconnect_later();
    }

    /// Tries again after a growing, jittered pause.
    pub(super) fn reconnect_later(&self) {
        if self.over.get() {
            return;
        }
        let pause = self.returns.borrow_mut().wait(clock::now(), js_sys::Math::random());
        let weak = self.weak.clone();
        *self.reconnect.borrow_mut() = Some(Timeout::new(pause, move || {
            if let Some(this) = weak.upgrade() {
                this.connect();
            }
        }));
    }

    /// The network or the tab came back: no reason to wait any longer, nor to trust a socket that may have died meanwhile.
    pub(super) fn reconnect_now(&self) {
        match self.socket() {
            Some(socket) if socket.hangs() => {
                self.close_socket();
                self.connect();
            }
            Some(socket) => socket.doubt(),
            None if !self.over.get() => self.connect(),
            None => {}
        }
    }
}
