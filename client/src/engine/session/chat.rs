//! What members say to each other over their data channels.

use klatch_shared::peer::{Authentic, ChatMessage, ChatText, Moment, PeerMessage, Sends};

use super::*;
use crate::state::{Line, Receipt, Said};

/// Messages of ours that are kept to be said again: however long they are, no more than a member may say at once.
const KEPT: usize = 64;
/// How soon after one screen a member's next is shown.
const SCREEN_PAUSE_MS: u64 = 3_000;

impl Session {
    /// Says something to everybody who is here.
    pub(in crate::engine) fn say(&self, text: ChatText) {
        let keys = self.seat.borrow().keys.clone();
        let (said, sent) = (text.as_str().to_owned(), clock::wall());
        let moment = Moment { sent, at: sent, last_seat: self.ordinal.get() };
        let message = ChatMessage::say(self.room.id(), self.me, &keys, moment, text).into_inner();
        let (id, at, text) = (message.id, sent, said);
        self.say_to_all(&PeerMessage::Chat { message: message.clone() });
        self.keep(message);
        let (label, receipts) = {
            let state = self.around.store.state();
            let Some(room) = state.room() else { return };
            let to = |member: &Rc<crate::state::Member>| Receipt {
                member: member.id,
                label: member.label.clone(),
                received: false,
            };
            (room.me.label.clone(), room.members.iter().map(to).collect())
        };
        self.dispatch(RoomAction::Line(Line::Said(Rc::new(Said {
            id,
            author: self.me,
            label,
            own: true,
            at,
            text,
            receipts,
        }))));
    }

    /// Keeps what we said, for a while.
    fn keep(&self, message: ChatMessage) {
        let mut said = self.said.borrow_mut();
        if said.len() == KEPT {
            said.pop_front();
        }
        said.push_back(message);
    }

    /// Says again what has not reached a member who was here when we said it: the channel was not open then, or broke.
    pub(super) fn say_again(&self, member: MemberId) {
        let state = self.around.store.state();
        let Some(room) = state.room() else { return };
        let messages: Vec<_> =
            self.said.borrow().iter().filter(|message| room.chat.waits_for(message.id, member)).cloned().collect();
        let Some(connection) = self.links.borrow().get(&member).map(|entry| entry.connection.clone()) else { return };
        for message in messages {
            connection.say(&PeerMessage::Chat { message }.to_text());
        }
    }

    /// Something that a member said.
    pub(super) fn on_message(&self, from: MemberId, message: PeerMessage) {
        match message {
            PeerMessage::Chat { message } => self.on_chat(from, message),
            PeerMessage::Received { id } => self.dispatch(RoomAction::Receipt(id, from)),
            PeerMessage::Sends(sends) => self.on_sends(from, sends),
            PeerMessage::Wants(wants) => {
                if let Some(entry) = self.links.borrow_mut().get_mut(&from) {
                    entry.wants = wants;
                }
                self.tune();
            }
            PeerMessage::Bye => self.member_going(from),
            PeerMessage::Pulse { reaches } => self.feed(Input::Reaches { peer: from, members: reaches }),
            PeerMessage::Signal(signal) => self.on_passed(from, signal),
            PeerMessage::Digest { .. } | PeerMessage::Have { .. } | PeerMessage::Lacked { .. } => {}
        }
    }

    /// What a member sends now. A screen takes the stage when it comes, so one member's come with a pause between them.
    fn on_sends(&self, from: MemberId, sends: Sends) {
        let state = self.around.store.state();
        let is_shown = state.room().and_then(|room| room.member(from)).is_some_and(|member| member.sends.screen);
        let mut peers = self.peers.borrow_mut();
        let Some(peer) = peers.get_mut(from) else { return };
        peer.screen_waits = None;
        let (now, begins) = (clock::now(), sends.screen && !is_shown);
        let again = peer.screen_shown.map_or(0, |shown| shown + SCREEN_PAUSE_MS);
        let shown = if begins && now < again {
            let weak = self.weak.clone();
            peer.screen_waits = Some(Timeout::new((again - now) as u32, move || {
                if let Some(this) = weak.upgrade() {
                    this.on_sends(from, sends);
                }
            }));
            Sends { screen: false, screen_sound: false, ..sends }
        } else {
            peer.screen_shown = if begins { Some(now) } else { peer.screen_shown };
            sends
        };
        drop(peers);
        self.dispatch(RoomAction::Sends(from, shown));
    }

    fn on_chat(&self, from: MemberId, message: ChatMessage) {
        let key = self.peers.borrow().get(from).map(|peer| peer.card.verifying).filter(|_| message.author == from);
        let authentic = key.and_then(|key| message.by(self.room.id(), &key)).map(Authentic::into_inner);
        let Some(ChatMessage { id, text: Some(text), revision: 0, .. }) = authentic else {
            self.dropped(from);
            return;
        };
        let state = self.around.store.state();
        let Some(room) = state.room() else { return };
        if !room.chat.has(from, id) {
            let said = Said {
                id,
                author: from,
                label: self.label(from),
                own: false,
                // By our own clock: theirs may be wrong, and lines stand in the order in which they came.
                at: clock::wall(),
                text: text.as_str().to_owned(),
                receipts: Vec::new(),
            };
            self.dispatch(RoomAction::Line(Line::Said(Rc::new(said))));
        }
        let connection = self.links.borrow().get(&from).map(|entry| entry.connection.clone());
        if let Some(connection) = connection {
            connection.say(&PeerMessage::Received { id }.to_text());
        }
    }
}
