//! The mesh's orders carried out on connections, and the connections' events told to the mesh.

use klatch_mesh::{Attention, ConnectionState, Health, Kind, LinkId};
use klatch_shared::peer::{Description, IceCandidate, PeerMessage, Source, Wants};

use super::super::page_is_hidden;
use super::super::rtc::{Connection, RtcEvent};
use super::*;

/// A member's connection.
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) connection: Rc<Connection>,
    /// What the member wants of our pictures.
    pub(super) attention: Attention,
    /// What we told the member that we want of theirs.
    pub(super) told: Option<Wants>,
    /// Whether something came over the channel since the last beat.
    heard: bool,
    /// When the last packet of the member's voice had come by then, by the browser's clock; zero before the first.
    voice: f64,
}

impl Session {
    /// What it brings along has to be negotiated, if it is for us to offer: the browser would say so too, but only later.
    pub(super) fn open_link(&self, link: LinkId, offers: bool) -> Option<Input> {
        let weak = self.weak.clone();
        let tell = Callback::from(move |event| {
            if let Some(this) = weak.upgrade() {
                this.on_rtc(link, event);
            }
        });
        let outgoing =
            Source::ALL.into_iter().filter_map(|source| Some((source, self.around.media.track(source)?))).collect();
        let spare = self.spare.borrow_mut().take();
        let opened = Connection::open(spare, &self.ways(), outgoing, offers, tell);
        match opened {
            Ok(connection) => {
                let entry =
                    Link { id: link, connection, attention: Attention::NEW, told: None, heard: false, voice: 0.0 };
                self.links.borrow_mut().insert(link.peer, entry);
                offers.then_some(Input::NegotiationNeeded { link })
            }
            Err(_) => {
                self.warn("This browser could not open another connection. Close other calls, then reload the page.");
                None
            }
        }
    }

    pub(super) fn close_link(&self, link: LinkId) {
        let removed = {
            let mut links = self.links.borrow_mut();
            let current = links.get(&link.peer).is_some_and(|entry| entry.id == link);
            if current { links.remove(&link.peer) } else { None }
        };
        if let Some(entry) = removed {
            entry.connection.close();
            self.chat_closed(link.peer);
            for source in Source::ALL {
                self.dispatch(RoomAction::Received(link.peer, source, None));
            }
            self.dispatch(RoomAction::MemberSpeaking(link.peer, false));
            self.dispatch(RoomAction::Sends(link.peer, Default::default()));
        }
    }

    /// The connection with a member.
    pub(super) fn connection_with(&self, member: MemberId) -> Option<Rc<Connection>> {
        self.links.borrow().get(&member).map(|entry| entry.connection.clone())
    }

    fn connection(&self, link: LinkId) -> Option<Rc<Connection>> {
        self.links.borrow().get(&link.peer).filter(|entry| entry.id == link).map(|entry| entry.connection.clone())
    }

    /// Fails at once where the browser refused to make the connection.
    pub(super) fn set_local(&self, link: LinkId, restart: bool) -> Option<Input> {
        let weak = self.weak.clone();
        let Some(connection) = self.connection(link) else { return Some(Input::StepFailed { link }) };
        if restart {
            connection.gather_by(&self.ways());
        }
        let setting = connection.set_local(restart);
        spawn(async move {
            let outcome = setting.await;
            let Some(this) = weak.upgrade() else { return };
            this.feed(match outcome {
                Ok((kind, description)) => Input::LocalSet { link, kind, description },
                Err(_) => Input::StepFailed { link },
            });
            this.tune();
        });
        None
    }

    /// Fails at once where the browser refused to make the connection.
    pub(super) fn set_remote(&self, link: LinkId, kind: Kind, description: Description) -> Option<Input> {
        let weak = self.weak.clone();
        let Some(connection) = self.connection(link) else { return Some(Input::StepFailed { link }) };
        if kind == Kind::Offer && connection.is_restarted_by(&description) {
            connection.gather_by(&self.ways());
        }
        spawn(async move {
            let outcome = connection.set_remote(kind, &description).await;
            let Some(this) = weak.upgrade() else { return };
            this.feed(match outcome {
                Ok(()) => Input::RemoteSet { link },
                Err(_) => Input::StepFailed { link },
            });
            this.unanswered.set(this.unanswered.get().saturating_sub(1));
            if this.unanswered.get() == 0 && this.drawing.borrow_mut().take().is_some() {
                this.around.store.tell_now();
            }
            this.tune();
        });
        None
    }

    pub(super) fn add_candidate(&self, link: LinkId, candidate: IceCandidate) {
        let Some(connection) = self.connection(link) else { return };
        spawn(async move { connection.add_candidate(&candidate).await });
    }

    fn on_rtc(&self, link: LinkId, event: RtcEvent) {
        // A callback of a connection that was replaced, or that is being made and tells of its first slots.
        if self.links.borrow().get(&link.peer).is_some_and(|entry| entry.id != link) {
            return;
        }
        match event {
            RtcEvent::NegotiationNeeded => self.feed(Input::NegotiationNeeded { link }),
            RtcEvent::Candidate(candidate) => self.feed(Input::LocalCandidate { link, candidate }),
            RtcEvent::State(state) => {
                self.feed(Input::Connection { link, state });
                if state == ConnectionState::Connected {
                    self.tune();
                }
            }
            RtcEvent::ChannelOpen => self.channel_opened(link),
            RtcEvent::ChannelClosed => {
                self.chat_closed(link.peer);
                self.feed(Input::ChannelClosed { link });
            }
            RtcEvent::Text(text) => {
                self.heard(link);
                match self.read(link.peer, &text) {
                    Some(message) => self.on_message(link.peer, message),
                    None => self.dropped(link.peer),
                }
            }
            RtcEvent::Receives(source, stream) => {
                self.dispatch(RoomAction::Received(link.peer, source, Some(stream)));
            }
        }
    }

    /// Something came from a member. Told to the mesh with the next beat, or at once where it changes something.
    fn heard(&self, link: LinkId) {
        if let Some(entry) = self.links.borrow_mut().get_mut(&link.peer) {
            entry.heard = true;
        }
        if self.mesh.borrow().health(link.peer) != Some(Health::Connected) {
            self.feed(Input::Heard { link, sound: false });
        }
    }

    /// Says that we are here.
    pub(super) fn pulse(&self) {
        let reaches = self.mesh.borrow().reached();
        let open = self.around.store.state().room().is_some_and(|room| !room.locked);
        let pulse = PeerMessage::Pulse { reaches, open }.to_text();
        for (_, connection) in self.connections() {
            connection.pulse(&pulse);
        }
        if self.links.borrow().iter().any(|(_, entry)| entry.attention.lags()) {
            self.tune();
        }
        self.chat(None, |chat| chat.pulse(clock::now(), clock::wall()));
        self.forgive();
        self.renew_servers();
    }

    /// Looks who else is, and who of them speaks.
    pub(super) fn beat(&self) {
        const SPEECH: f64 = 0.02;
        let mut looks = Vec::new();
        for entry in self.links.borrow_mut().values_mut() {
            let (packet, level) = entry.connection.voice().unwrap_or_default();
            let sound = packet > std::mem::replace(&mut entry.voice, packet);
            looks.push((entry.id, std::mem::take(&mut entry.heard) || sound, sound, level > SPEECH));
        }
        let shown = !page_is_hidden();
        for (link, heard, sound, speaking) in looks {
            if heard {
                self.feed(Input::Heard { link, sound });
            }
            if shown {
                self.dispatch(RoomAction::MemberSpeaking(link.peer, speaking));
            }
        }
        self.feed(Input::Beat);
    }

    fn channel_opened(&self, link: LinkId) {
        self.feed(Input::ChannelOpen { link });
        if let Some(connection) = self.connection(link) {
            connection.say(&PeerMessage::Sends(self.around.media.sends()).to_text());
        }
        self.tell_wants();
        self.chat(None, |chat| chat.opened(link.peer));
    }

    /// All connections, by member.
    pub(super) fn connections(&self) -> Vec<(MemberId, Rc<Connection>)> {
        self.links.borrow().iter().map(|(peer, entry)| (*peer, entry.connection.clone())).collect()
    }

    /// Says something to every member whose channel is open.
    pub(super) fn say_to_all(&self, message: &PeerMessage) {
        let text = message.to_text();
        for (_, connection) in self.connections() {
            connection.say(&text);
        }
    }

    /// The page is going, because the person `left` or not: others need not wait for the silence.
    pub(super) fn say_goodbye(&self, left: bool) {
        self.say_to_all(&PeerMessage::Bye { left });
    }

    /// What we capture changed: connections send it, members are told.
    pub(super) fn media_changed(&self) {
        for (_, connection) in self.connections() {
            let tracks: Vec<_> =
                Source::ALL.into_iter().map(|source| (source, self.around.media.track(source))).collect();
            let weak = self.weak.clone();
            spawn(async move {
                for (source, track) in tracks {
                    connection.send(source, track).await;
                }
                if let Some(this) = weak.upgrade() {
                    this.tune();
                }
            });
        }
        self.say_to_all(&PeerMessage::Sends(self.around.media.sends()));
    }

    /// Whether media travels directly or over a relay.
    pub(super) fn look_at_paths(&self) {
        for (peer, connection) in self.connections() {
            let weak = self.weak.clone();
            spawn(async move {
                let path = connection.path().await;
                if let Some(this) = weak.upgrade()
                    && path.is_some()
                {
                    this.dispatch(RoomAction::Path(peer, path));
                }
            });
        }
    }
}
