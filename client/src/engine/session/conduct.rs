//! How members behave, and with whom there is to be no link: because the person dropped it, or because they did.
//!
//! Whom we dropped learns it from the answer to what they offer: one without a description, sealed as all answers are. It is said of their
//! link with us alone, so there is nothing in it to be abused: whoever says it without cause has merely no connection. They are connected
//! again as soon as they offer, or load their page anew.

use klatch_mesh::{Carrier, Health, Signal};
use klatch_shared::ExchangeId;
use klatch_shared::limits::MAX_SEATS;
use klatch_shared::peer::{Description, PeerMessage};
use klatch_shared::wire::Side;

use super::*;
use crate::state::Conduct;

impl Session {
    /// How a member behaves, and what came of it.
    pub(super) fn conduct(&self, member: MemberId) -> Conduct {
        let peers = self.peers.borrow();
        let refuses = |peer: &Peer| peer.refuses == Some(peer.session);
        match peers.get(member) {
            _ if self.seat.borrow().cut.contains(&member) => Conduct::Cut,
            Some(peer) if refuses(peer) => Conduct::Refuses,
            Some(peer) if peer.misdeeds.are_named() => Conduct::Bad,
            Some(_) | None => Conduct::Good,
        }
    }

    pub(super) fn show_conduct(&self, member: MemberId) {
        self.dispatch(RoomAction::Conduct(member, self.conduct(member)));
    }

    /// Drops the link to a member, or makes it again.
    pub(in crate::engine) fn cut(&self, member: MemberId, cut: bool) {
        if let Some(peer) = self.peers.borrow_mut().get_mut(member) {
            peer.misdeeds = Misdeeds::new(clock::now());
        }
        let mut seat = self.seat.borrow_mut();
        seat.cut.retain(|known| *known != member);
        if cut {
            seat.cut.truncate(MAX_SEATS - 1);
            seat.cut.insert(0, member);
        }
        storage::save_seat(&seat);
        drop(seat);
        if cut {
            // They need not take it for a link that broke.
            if let Some(connection) = self.connection_with(member) {
                connection.say(&PeerMessage::Bye { left: false }.to_text());
            }
            self.feed(Input::Gone { peer: member });
            self.show_conduct(member);
        } else {
            self.dispatch(RoomAction::Health(member, Health::Connecting));
            self.link_to(member, true);
        }
    }

    /// Takes in a signal that opened, from whoever sealed it. `offering`: the page of theirs that offers anew, where it is that.
    pub(super) fn take_signal(
        &self,
        (from, carrier): (MemberId, Carrier),
        (exchange, side, sequence): (ExchangeId, Side, u32),
        signal: Signal,
        offering: Option<SessionNonce>,
    ) {
        if offering.is_some() {
            self.did(from, Misdeeds::offered);
        }
        match self.conduct(from) {
            Conduct::Cut => {
                if let Some(session) = offering {
                    let refusal = Signal::Answer(Description::default());
                    self.send_signal((from, session), carrier, (exchange, Side::Answerer, 0), &refusal);
                }
                return;
            }
            Conduct::Refuses if offering.is_some() => {
                if let Some(peer) = self.peers.borrow_mut().get_mut(from) {
                    peer.refuses = None;
                }
                self.dispatch(RoomAction::Health(from, Health::Connecting));
                self.link_to(from, false);
            }
            Conduct::Good | Conduct::Bad | Conduct::Refuses => {}
        }
        self.feed(Input::Signal { peer: from, carrier, exchange, side, sequence, signal });
    }

    /// A member dropped the link to us: trying to make it comes to nothing.
    pub(super) fn refused(&self, member: MemberId) {
        let Some(is_told) = self.peers.borrow_mut().get_mut(member).map(|peer| {
            (peer.refuses, peer.going, peer.grace) = (Some(peer.session), false, None);
            std::mem::replace(&mut peer.told_refusal, true)
        }) else {
            return;
        };
        self.show_conduct(member);
        if !is_told {
            self.warn(format!(
                "{} has dropped the connection to you. You neither see nor hear each other until they connect again.",
                self.called(member)
            ));
        }
    }

    /// Counts something that could not be read, or was too much.
    pub(super) fn dropped(&self, member: MemberId) {
        self.did(member, Misdeeds::happened);
    }

    /// Counts what a member did; says so where they are to be named for it. Who floods on has to connect anew each time.
    pub(super) fn did(&self, member: MemberId, what: fn(&mut Misdeeds, u64) -> bool) {
        if self.conduct(member) == Conduct::Cut {
            return;
        }
        let now = clock::now();
        let mut named = false;
        let is_too_much = |peer: &mut Peer| {
            named = peer.misdeeds.are_named();
            what(&mut peer.misdeeds, now)
        };
        if self.peers.borrow_mut().get_mut(member).is_some_and(is_too_much) {
            if named {
                self.connection_with(member).iter().for_each(|connection| connection.hush());
                return;
            }
            self.show_conduct(member);
            self.warn(format!(
                "{} sends too much, or what this page cannot read. That is left out. Under “People” you can drop the connection.",
                self.called(member)
            ));
        }
    }

    /// Names no longer who has stopped.
    pub(super) fn forgive(&self) {
        let forgiven = self.peers.borrow_mut().forgiven();
        forgiven.into_iter().for_each(|member| self.show_conduct(member));
    }
}
