//! What members say to each other over their data channels.

use klatch_mesh::chat::{Order, Seat};
use klatch_shared::MessageId;
use klatch_shared::peer::{Authentic, ChatMessage, ChatText, PeerMessage, Sends};

use super::super::storage;
use super::*;
use crate::state::{Line, Receipt, Revision, Said};

/// How soon after one screen a member's next is shown.
const SCREEN_PAUSE_MS: u64 = 3_000;

impl Session {
    /// The chat begins, as we enter for the first time; whether it does.
    pub(super) fn begin_chat(&self, creator: MemberId) -> bool {
        let mut chat = self.chat.borrow_mut();
        let is_new = chat.is_none();
        if is_new {
            let me = Seat { member: self.me, ordinal: self.ordinal.get(), key: self.seat.borrow().keys.verifying() };
            *chat = Some(Chat::new(self.room.id(), me, creator, clock::wall()));
        }
        is_new
    }

    /// What was kept with the seat, now that the creator is known.
    pub(super) fn remember_history(&self) {
        let switch = self.seat.borrow().history.clone();
        if let Some(switch) = switch {
            self.chat(None, |chat| chat.remembers(switch));
        }
    }

    /// Tells the chat a fact, which perhaps a member told us, and carries out what it orders.
    pub(super) fn chat(&self, from: Option<MemberId>, fact: impl FnOnce(&mut Chat) -> Vec<Order>) {
        let orders = self.chat.borrow_mut().as_mut().map(fact);
        orders.into_iter().flatten().for_each(|order| self.obey(from, order));
    }

    fn obey(&self, from: Option<MemberId>, order: Order) {
        match order {
            Order::Say { to, message } => {
                if let Some(connection) = self.connection_with(to) {
                    connection.say(&message.to_text());
                }
            }
            Order::Show { author, id, is_news } => self.show_message(from, author, id, is_news),
            Order::LetGo { author, id } => self.let_go(author, id),
            Order::Reached { member, id } => self.dispatch(RoomAction::Receipt(id, self.receipt(member, true))),
            Order::Switched => self.show_history(),
            Order::Dropped { from } => self.dropped(from),
        }
    }

    /// The channel to a member is closed.
    pub(super) fn chat_closed(&self, member: MemberId) {
        self.chat(None, |chat| {
            chat.closed(member);
            Vec::new()
        });
    }

    /// The broker told of a seat, or of its owner's new card.
    pub(super) fn chat_met(&self, member: MemberId) {
        let known = self.peers.borrow().get(member).map(|peer| (peer.ordinal, peer.card.clone()));
        if let Some((ordinal, card)) = known {
            self.chat(None, |chat| chat.met(Seat { member, ordinal, key: card.verifying }, &card));
        }
    }

    /// All are met whom the broker told of at once.
    pub(super) fn chat_met_all(&self) {
        self.chat(None, |chat| {
            chat.met_all();
            Vec::new()
        });
    }

    /// A message is kept no longer. Ours can't be revised any more: what it was to say stays in the field.
    fn let_go(&self, author: MemberId, id: MessageId) {
        let is_own = author == self.me;
        let is_edited = is_own && self.around.store.state().room().is_some_and(|room| room.chat.editing == Some(id));
        self.dispatch(RoomAction::LetGo(author, id));
        if is_edited {
            self.warn("The message that you were editing is too old to be changed by now. What you wrote is still in the field.");
        }
    }

    fn receipt(&self, member: MemberId, received: bool) -> Receipt {
        Receipt { member, label: self.label(member), received }
    }

    /// A message is new, or was revised: here, or by who told us.
    fn show_message(&self, from: Option<MemberId>, author: MemberId, id: MessageId, is_news: bool) {
        let kept = self.chat.borrow();
        let Some((chat, message)) = kept.as_ref().and_then(|chat| Some((chat, chat.message(author, id)?.clone())))
        else {
            return;
        };
        let state = self.around.store.state();
        let Some(room) = state.room() else { return };
        let own = author == self.me;
        let receipts = match from {
            _ if !own => Vec::new(),
            Some(from) => vec![self.receipt(from, true)],
            None => {
                let theirs = room.members.iter().filter(|member| chat.is_for(member.id, &message));
                theirs.map(|member| self.receipt(member.id, false)).collect()
            }
        };
        let said = Said {
            place: message.place(),
            label: match self.label(author) {
                _ if own => room.me.label.clone(),
                // Passed on to us by others, who say whose it is.
                unknown if unknown.is_empty() => match (chat.unmet_label(author), from) {
                    (Some(name), Some(from)) => name + " (told by " + &self.called(from) + ", left)",
                    (Some(_) | None, _) => "Somebody who left".to_owned(),
                },
                label => label,
            },
            own,
            at: message.moment.sent,
            revision: match (&message.text, message.revision) {
                (None, _) => Revision::Deleted,
                (Some(_), 0) => Revision::None,
                (Some(_), _) => Revision::Edited,
            },
            text: message.text.map_or(String::new(), |text| text.as_str().to_owned()),
            receipts,
            left: 0,
            is_news,
            is_kept: true,
        };
        drop(kept);
        self.dispatch(RoomAction::Line(Line::Said(Rc::new(said))));
    }

    /// Says something to everybody, or lets the message that is being edited say it.
    pub(in crate::engine) fn say_or_edit(&self, text: ChatText) {
        let editing = self.around.store.state().room().and_then(|room| room.chat.editing);
        match editing {
            Some(id) => {
                self.dispatch(RoomAction::Editing(None));
                self.revise(id, Some(text));
            }
            None => self.write(|chat, keys| {
                Some(ChatMessage::say(self.room.id(), self.me, keys, chat.moment(clock::wall()), text))
            }),
        }
    }

    /// Lets a message of ours say something else; nothing, if it is to be deleted.
    pub(in crate::engine) fn revise(&self, id: MessageId, text: Option<ChatText>) {
        self.write(|chat, keys| {
            let before = chat.message(self.me, id).filter(|before| before.text != text)?;
            before.revised(self.room.id(), keys, text)
        });
    }

    /// Switches the room's history, if it is ours to switch.
    pub(in crate::engine) fn keep_history(&self, kept: bool) {
        self.write(|chat, keys| {
            let moment = chat.moment(clock::wall());
            Some(ChatMessage::switch(self.room.id(), self.me, keys, chat.switch(), moment, kept))
        });
    }

    fn write(&self, write: impl FnOnce(&Chat, &klatch_shared::MemberKeys) -> Option<Authentic>) {
        let keys = self.seat.borrow().keys.clone();
        self.chat(None, |chat| write(chat, &keys).map(|message| chat.say(message)).unwrap_or_default());
    }

    fn show_history(&self) {
        let Some((kept, switch)) =
            self.chat.borrow().as_ref().map(|chat| (chat.keeps_history(), chat.switch().cloned()))
        else {
            return;
        };
        let mut seat = self.seat.borrow_mut();
        seat.history = switch;
        storage::save_seat(&seat);
        drop(seat);
        let before = self.around.store.state().room().map(|room| room.keeps_history);
        self.dispatch(RoomAction::KeepsHistory(kept));
        if before != Some(kept) {
            self.line(if kept {
                "Whoever joins sees what was said before"
            } else {
                "Whoever joins does not see what was said before"
            });
        }
    }

    /// Something that a member said.
    pub(super) fn on_message(&self, from: MemberId, message: PeerMessage) {
        match message {
            PeerMessage::Chat { message } => self.chat(Some(from), |chat| chat.heard_message(from, message)),
            PeerMessage::Received { prints } => self.chat(Some(from), |chat| chat.heard_received(from, &prints)),
            PeerMessage::Digest { digest, at } => {
                self.chat(Some(from), |chat| chat.heard_digest(clock::now(), from, digest, at));
            }
            PeerMessage::Have { prints, aside } => {
                self.chat(Some(from), |chat| chat.heard_list(clock::now(), from, &prints, aside));
            }
            PeerMessage::Lacked { cards, messages } => {
                self.chat(Some(from), |chat| chat.heard_lacked(clock::now(), from, cards, messages));
            }
            PeerMessage::Sends(sends) => self.on_sends(from, sends),
            PeerMessage::Wants(wants) => {
                if let Some(entry) = self.links.borrow_mut().get_mut(&from) {
                    entry.attention.says(clock::now(), wants);
                }
                self.tune();
            }
            PeerMessage::Bye { left } => self.member_going(from, left),
            PeerMessage::Pulse { reaches, open } => {
                self.feed(Input::Reaches { peer: from, members: reaches });
                if open && self.creator.get() == Some(from) {
                    self.unbar();
                }
            }
            PeerMessage::Signal(signal) => self.on_passed(from, signal),
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
}
