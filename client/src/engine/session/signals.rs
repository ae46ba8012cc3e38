//! Sealing what the mesh sends and opening what comes for it.

use klatch_mesh::Signal;
use klatch_shared::peer::{Description, IceCandidate};
use klatch_shared::seal::{Context, Kind as Sealing};
use klatch_shared::wire::{Answer, Candidate, Empty, Offer, Side};
use klatch_shared::{ExchangeId, Sealed};

use super::super::socket::AskError;
use super::*;

/// Unreadable things from one member after which the page says so.
const TELL_AFTER: u32 = 20;

impl Session {
    /// Seals a signal for a member's page session and sends it; a refusal goes back to the mesh.
    pub(super) fn send_signal(
        &self,
        to: MemberId,
        session: SessionNonce,
        exchange: ExchangeId,
        side: Side,
        sequence: u32,
        signal: &Signal,
    ) {
        let Some(socket) = self.socket() else { return };
        let sealed = {
            let peers = self.peers.borrow();
            let Some(peer) = peers.get(to) else { return };
            let (kind, text) = match signal {
                Signal::Offer(description) => (Sealing::Offer, description.to_text()),
                Signal::Answer(description) => (Sealing::Answer, description.to_text()),
                Signal::Candidate(candidate) => (Sealing::Candidate(side), candidate.to_text()),
            };
            let sender = (self.me, self.nonce);
            let context = Context::signal(kind, self.room.id(), sender, (to, session), exchange, sequence);
            peer.pair.seal(&context, &text)
        };
        let verb = match signal {
            Signal::Offer(_) => Verb::Offer(Offer { to, exchange, body: sealed }),
            Signal::Answer(_) => Verb::Answer(Answer { to, exchange, body: sealed }),
            Signal::Candidate(_) => Verb::Candidate(Candidate { to, exchange, side, sequence, body: sealed }),
        };
        let weak = self.weak.clone();
        spawn(async move {
            if let Err(AskError::Refused(_)) = socket.ask::<Empty>(verb).await
                && let Some(this) = weak.upgrade()
            {
                this.feed(Input::Refused { peer: to, exchange, side });
            }
        });
    }

    /// Opens a signal from a member. What does not open, parse or fit is dropped and counted.
    pub(super) fn on_signal(&self, event: Event) {
        let (from, exchange, side, sequence, kind, body) = match event {
            Event::Offer { from, exchange, body } => (from, exchange, Side::Offerer, 0, Sealing::Offer, body),
            Event::Answer { from, exchange, body } => (from, exchange, Side::Answerer, 0, Sealing::Answer, body),
            Event::Candidate { from, exchange, side, sequence, body } => {
                (from, exchange, side, sequence, Sealing::Candidate(side), body)
            }
            Event::Hello(_)
            | Event::Joined(_)
            | Event::Back(_)
            | Event::Away { .. }
            | Event::Left { .. }
            | Event::Forgotten { .. }
            | Event::Card { .. }
            | Event::Locked { .. }
            | Event::Ended => return,
        };
        match self.open_signal(from, exchange, sequence, kind, &body) {
            Some(signal) => self.feed(Input::Signal { peer: from, exchange, side, sequence, signal }),
            None => self.dropped(from),
        }
    }

    fn open_signal(
        &self,
        from: MemberId,
        exchange: ExchangeId,
        sequence: u32,
        kind: Sealing,
        body: &Sealed,
    ) -> Option<Signal> {
        let peers = self.peers.borrow();
        let peer = peers.get(from)?;
        let receiver = (self.me, self.nonce);
        let context = Context::signal(kind, self.room.id(), (from, peer.session), receiver, exchange, sequence);
        let text = peer.pair.open(&context, body).ok()?;
        match kind {
            Sealing::Offer => Description::parse(&text).ok().map(Signal::Offer),
            Sealing::Answer => Description::parse(&text).ok().map(Signal::Answer),
            Sealing::Candidate(_) => IceCandidate::parse(&text).ok().map(Signal::Candidate),
            Sealing::RoomName | Sealing::Card => None,
        }
    }

    /// Whether a member has not said too much of late for this to be taken in.
    pub(super) fn may_say(&self, member: MemberId, bytes: usize) -> bool {
        self.peers.borrow_mut().get_mut(member).is_some_and(|peer| peer.allowance.takes(bytes, clock::now()))
    }

    /// Counts something that could not be read; says so once it is no accident.
    pub(super) fn dropped(&self, member: MemberId) {
        let count = match self.peers.borrow_mut().get_mut(member) {
            Some(peer) => {
                peer.dropped = peer.dropped.saturating_add(1);
                peer.dropped
            }
            None => return,
        };
        if count == TELL_AFTER {
            self.warn(format!(
                "{} sends too much, or what this page cannot read. That is left out.",
                self.called(member)
            ));
        }
    }
}
