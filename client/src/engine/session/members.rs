//! Who is in the room: from the broker's events to tiles, notices and lines in the chat.

use klatch_mesh::{Health, Roster, in_sentence};
use klatch_shared::Sealed;
use klatch_shared::limits::MAX_SEATS;
use klatch_shared::wire::{Empty, MemberView, NewCard, Presence};

use super::super::socket::AskError;
use super::super::storage;
use super::*;
use crate::state::{Conduct, Line, Member};

/// A member whose socket and link are lost may be back within this without anybody being told of a leave and a join: long enough for a
/// tunnel, a lid that is closed and opened, a phone that is put into the pocket.
const GRACE_MS: u32 = 30_000;
/// The same for a member whose page said goodbye, or shut its channel without a word, as it was closed or is loaded again: long enough
/// for the latter over a slow network.
const GOODBYE_MS: u32 = 12_000;
/// The same for a member who left: the server tells of it at once, where it can be reached.
const LEAVE_MS: u32 = 1_500;
/// How long after a change of name it is told of.
const RENAMED_MS: u32 = 1_000;

impl Session {
    /// The room as it was when we entered (again): we are the newcomer, so we offer.
    pub(super) fn members_found(&self, views: &[MemberView]) {
        let known: Vec<_> = views.iter().filter(|view| self.meet(view)).collect();
        self.chat_met_all();
        for view in known.iter().filter(|view| view.presence == Presence::Present) {
            self.set_shown(view.member, true);
        }
        // Tiles first: what a link receives has a place to be shown then.
        self.show_members();
        for view in known {
            match view.presence {
                Presence::Present => {
                    self.link_to(view.member, true);
                }
                // Back any moment, perhaps; a link that still works is kept.
                Presence::Away => self.member_away(view.member),
                Presence::Left => self.hide(view.member),
            }
        }
    }

    /// A member took a seat, or is back: they offer.
    pub(super) fn member_came(&self, view: &MemberView) {
        let was_shown = self.peers.borrow().get(view.member).is_some_and(|peer| peer.shown);
        if !self.meet(view) {
            return;
        }
        self.chat_met_all();
        self.set_shown(view.member, true);
        self.show_members();
        self.link_to(view.member, false);
        if !was_shown {
            self.happened(format!("{} joined", self.called(view.member)));
        }
    }

    /// A member is here: there is to be a link, unless the person wants none.
    pub(super) fn link_to(&self, member: MemberId, we_offer: bool) {
        let session = self.peers.borrow().get(member).map(|peer| peer.session);
        let is_apart = self.conduct(member).is_apart();
        self.show_conduct(member);
        if let Some(session) = session.filter(|_| !is_apart) {
            self.feed(Input::Present { peer: member, session, we_offer });
        }
    }

    /// Whether the member can be shown.
    fn meet(&self, view: &MemberView) -> bool {
        let is_known = self.peers.borrow().get(view.member).is_some();
        let admitted = self.bar.borrow().admits(view.member, view.latch, is_known);
        let keys = self.seat.borrow().keys.clone();
        let ordinal = self.chat.borrow().as_ref().map_or(view.ordinal, |chat| chat.place(view.member, view.ordinal));
        let met = admitted && self.peers.borrow_mut().meet(&self.room, &keys, view, ordinal).is_ok();
        if !met {
            if self.creator.get() == Some(view.member) {
                self.usurped.set(true);
            }
            self.turn_away(view);
            return false;
        }
        self.chat_met(view.member);
        true
    }

    /// A member's socket was lost: the link stays. If it is lost too, the member goes, unless they are back soon.
    pub(super) fn member_away(&self, member: MemberId) {
        if let Some(peer) = self.peers.borrow_mut().get_mut(member) {
            peer.presence = Presence::Away;
        }
        self.feed(Input::Away { peer: member });
        self.wait_if_away(member);
    }

    /// The member's page said goodbye.
    pub(super) fn member_going(&self, member: MemberId, left: bool) {
        let (shown, again) = match self.peers.borrow_mut().get_mut(member) {
            Some(peer) => (peer.shown, std::mem::replace(&mut peer.going, true)),
            None => (false, false),
        };
        if again {
            self.did(member, Misdeeds::hurried);
        }
        if shown {
            self.dispatch(RoomAction::Health(member, Health::Interrupted));
            self.wait_for(member, if left { LEAVE_MS } else { GOODBYE_MS });
        }
    }

    /// Waits for a member whose socket was lost, unless we wait already, as after a goodbye, and no longer than that.
    fn wait_if_away(&self, member: MemberId) {
        let shut = self.connection_with(member).is_some_and(|connection| connection.is_shut());
        let grace_ms = if shut { GOODBYE_MS } else { GRACE_MS };
        let lost = self.peers.borrow().get(member).is_some_and(|peer| {
            let waits_less = peer.grace.as_ref().is_some_and(|(waits_ms, _)| *waits_ms <= grace_ms);
            peer.shown && peer.presence != Presence::Present && !waits_less
        });
        if lost {
            self.wait_for(member, grace_ms);
        }
    }

    fn wait_for(&self, member: MemberId, grace_ms: u32) {
        let weak = self.weak.clone();
        let grace = Timeout::new(grace_ms, move || {
            if let Some(this) = weak.upgrade() {
                this.grace_is_over(member);
            }
        });
        if let Some(peer) = self.peers.borrow_mut().get_mut(member) {
            peer.grace = Some((grace_ms, grace));
        }
    }

    fn grace_is_over(&self, member: MemberId) {
        let knows = self.around.store.state().room().is_some_and(|room| room.broker == BrokerLink::Up);
        let linked = self.mesh.borrow().health(member) == Some(Health::Connected);
        let (away, going, shown, has_seat) = match self.peers.borrow_mut().get_mut(member) {
            Some(peer) => {
                peer.grace = None;
                // Without the broker nobody tells of a leave but who leaves.
                (peer.presence != Presence::Present || peer.going && !knows, peer.going, peer.shown, peer.has_seat)
            }
            None => return,
        };
        if away && shown && (going || !linked) {
            if has_seat {
                self.hide(member);
            } else {
                self.member_forgotten(member);
            }
        } else if going && linked {
            // Said goodbye, and is still here: not without end.
            self.did(member, Misdeeds::hurried);
            self.set_shown(member, shown);
            self.show_health(member, Health::Connected);
        }
    }

    /// A member left, or released the seat.
    pub(super) fn member_left(&self, member: MemberId) {
        if let Some(peer) = self.peers.borrow_mut().get_mut(member) {
            peer.presence = Presence::Left;
        }
        self.hide(member);
    }

    /// A member's seat was released, or went to somebody else: what they said stays. Whoever is still connected to us is only lost to the
    /// broker, and our call goes on. Of those there are no more than seats.
    pub(super) fn member_forgotten(&self, member: MemberId) {
        let is_linked = self.mesh.borrow().health(member) == Some(Health::Connected);
        let mut peers = self.peers.borrow_mut();
        let is_one_of_few = peers.iter().count() <= MAX_SEATS;
        if let Some(peer) = peers.get_mut(member).filter(|peer| is_linked && is_one_of_few && !peer.going) {
            peer.has_seat = false;
            drop(peers);
            return self.member_away(member);
        }
        drop(peers);
        self.member_left(member);
        self.peers.borrow_mut().remove(member);
        self.dispatch(RoomAction::Released(member));
        self.chat(None, |chat| {
            chat.gone(member);
            Vec::new()
        });
    }

    /// No tile and no link any more.
    fn hide(&self, member: MemberId) {
        let was_shown = self.peers.borrow().get(member).is_some_and(|peer| peer.shown);
        let label = self.called(member);
        self.set_shown(member, false);
        self.feed(Input::Gone { peer: member });
        if was_shown {
            self.show_members();
            self.happened(format!("{label} left"));
        }
    }

    /// Whether somebody is connected to us, whatever the broker knows.
    pub(super) fn mesh_is_alive(&self) -> bool {
        let mesh = self.mesh.borrow();
        self.peers.borrow().iter().any(|(id, _)| mesh.health(id) == Some(Health::Connected))
    }

    fn set_shown(&self, member: MemberId, shown: bool) {
        if let Some(peer) = self.peers.borrow_mut().get_mut(member) {
            peer.shown = shown;
            peer.going = false;
            peer.grace = None;
        }
    }

    /// A member's new name. It is shown at once, and told of a moment later, however often it changes meanwhile.
    pub(super) fn member_renamed(&self, member: MemberId, card: &Sealed) {
        let before = self.called(member);
        let mut peers = self.peers.borrow_mut();
        if !peers.new_card(&self.room, member, card) {
            return;
        }
        if let Some(peer) = peers.get_mut(member)
            && peer.renamed.is_none()
        {
            let weak = self.weak.clone();
            let telling = Timeout::new(RENAMED_MS, move || {
                if let Some(this) = weak.upgrade() {
                    this.tell_of_the_name(member);
                }
            });
            peer.renamed = Some((before.clone(), telling));
        }
        drop(peers);
        self.chat_met(member);
        self.show_members();
        if self.called(member) != before {
            self.did(member, Misdeeds::hurried);
        }
    }

    fn tell_of_the_name(&self, member: MemberId) {
        let told = self.peers.borrow_mut().get_mut(member).and_then(|peer| peer.renamed.take().filter(|_| peer.shown));
        let after = self.called(member);
        if let Some((before, _)) = told
            && before != after
        {
            self.happened(format!("{before} is now {after}"));
        }
    }

    /// Our own new name.
    pub(in crate::engine) fn rename(&self, name: klatch_shared::Username) {
        let card = {
            let mut seat = self.seat.borrow_mut();
            if seat.my_name.as_ref() == Some(&name) {
                return;
            }
            seat.my_name = Some(name);
            seat.revision += 1;
            storage::save_seat(&seat);
            self.card(&seat).seal(&self.room)
        };
        self.request(Verb::Card(NewCard { card }), |_| ());
        self.show_members();
    }

    /// Ends the room for everybody, if we may.
    pub(in crate::engine) fn end_room(&self) {
        self.request(Verb::End, |this| this.end(Over::Ended));
    }

    /// Asks the broker for something that the person wanted: done, `then` says so; refused or out of reach, a notice does.
    pub(super) fn request(&self, verb: Verb, then: impl FnOnce(&Session) + 'static) {
        const OUT_OF_REACH: &str = "The server cannot be reached right now. Try again in a moment.";
        let Some(socket) = self.socket() else { return self.warn(OUT_OF_REACH) };
        let weak = self.weak.clone();
        spawn(async move {
            let answer = socket.ask::<Empty>(verb).await;
            let Some(this) = weak.upgrade() else { return };
            match answer {
                Ok(Empty {}) => then(&this),
                Err(AskError::Refused(refusal)) => this.warn(refusal.reason),
                // On an end the socket may be closed before the answer is read.
                Err(AskError::Lost) if this.over.get() => {}
                Err(AskError::Lost) => this.warn(OUT_OF_REACH),
            }
        });
    }

    /// The tiles, and our own label: equal names get a number in the order of seats.
    pub(super) fn show_members(&self) {
        let roster = self.roster();
        let peers = self.peers.borrow();
        let mut shown: Vec<_> = peers.iter().filter(|(_, peer)| peer.shown).collect();
        shown.sort_by_key(|(id, peer)| (peer.ordinal, *id));
        let members = shown
            .into_iter()
            .map(|(id, peer)| {
                let label = roster.label(id).unwrap_or_default();
                Member { conduct: self.conduct(id), ..Member::new(id, label, &peer.card.name) }
            })
            .collect();
        drop(peers);
        if let Some(name) = self.seat.borrow().my_name.clone() {
            let label = roster.label(self.me).unwrap_or_default();
            self.dispatch(RoomAction::Myself(name, label));
        }
        self.dispatch(RoomAction::Members(members));
        self.tune();
    }

    fn roster(&self) -> Roster {
        let mut roster = Roster::default();
        for (id, peer) in self.peers.borrow().iter().filter(|(_, peer)| peer.shown) {
            roster.insert(id, peer.ordinal, peer.card.name.clone());
        }
        if let Some(name) = self.seat.borrow().my_name.clone() {
            roster.insert(self.me, self.ordinal.get(), name);
        }
        roster
    }

    /// What to call a member.
    pub(super) fn label(&self, member: MemberId) -> String {
        let shown =
            self.around.store.state().room().and_then(|room| room.member(member).map(|member| member.label.clone()));
        shown
            .or_else(|| self.peers.borrow().get(member).map(|peer| peer.card.name.as_str().to_owned()))
            .unwrap_or_default()
    }

    /// The same in a sentence.
    pub(super) fn called(&self, member: MemberId) -> String {
        in_sentence(&self.label(member))
    }

    /// How a link is; a member who said goodbye stays `interrupted` until they are back or gone.
    pub(super) fn show_health(&self, member: MemberId, health: Health) {
        let (going, present) = self
            .peers
            .borrow()
            .get(member)
            .map_or((false, false), |peer| (peer.going, peer.presence == Presence::Present));
        let before = self.around.store.state().room().and_then(|room| room.member(member).map(|member| member.health));
        let health = if going { Health::Interrupted } else { health };
        self.dispatch(RoomAction::Health(member, health));
        if health != Health::Connected {
            self.dispatch(RoomAction::Path(member, None));
            self.wait_if_away(member);
        }
        // Of who is named there would be no end of it.
        if let Some((tone, text)) = news(before, health, going, present, &self.called(member))
            && self.conduct(member) != Conduct::Bad
        {
            self.around.notices.say(tone, text);
        }
        if health == Health::Connected {
            self.look_at_paths();
        }
    }

    /// A line in the chat and a notice.
    pub(super) fn happened(&self, text: String) {
        self.around.notices.say(Tone::News, format!("{text}."));
        self.line(&text);
    }

    /// A line in the chat.
    pub(super) fn line(&self, text: &str) {
        let serial = self.lines.replace(self.lines.get() + 1);
        let place = self.chat.borrow().as_ref().map_or(0, Chat::clock);
        self.dispatch(RoomAction::Line(Line::Happened { serial, place, at: clock::wall(), text: text.to_owned() }));
    }
}

/// What is said of a link that was so `before`, with somebody who is `going`, or whose socket is `present`: of who is neither there nor
/// reached nothing but that they left.
fn news(before: Option<Health>, health: Health, going: bool, present: bool, name: &str) -> Option<(Tone, String)> {
    match (before?, health) {
        (Health::Connected, Health::Interrupted) if !going => {
            Some((Tone::Warning, format!("The connection to {name} is interrupted. Trying to mend it.")))
        }
        (Health::Interrupted | Health::Failed, Health::Connected) => {
            Some((Tone::News, format!("{name} is connected again.")))
        }
        (Health::Connecting | Health::Interrupted, Health::Failed) if present => Some((
            Tone::Warning,
            format!("No connection to {name} could be made. Your networks may not let it through; it is tried again."),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_link_is_told_of_while_its_other_end_is_there_alone() {
        let says = |before, health, present| news(Some(before), health, false, present, "Bo").is_some();
        for before in [Health::Connecting, Health::Interrupted] {
            assert!(says(before, Health::Failed, true));
            assert!(!says(before, Health::Failed, false));
        }
        assert!(says(Health::Connected, Health::Interrupted, false));
        assert!(says(Health::Failed, Health::Connected, true));
    }
}
