//! Sealing what the mesh sends and opening what comes for it.

use klatch_mesh::{Allowance, Carrier, Signal};
use klatch_shared::peer::{Description, IceCandidate, PassedSignal, PeerMessage};
use klatch_shared::seal::{Context, Kind as Sealing};
use klatch_shared::wire::{Answer, Candidate, Empty, Offer, Side};
use klatch_shared::{ExchangeId, Sealed};

use super::super::socket::AskError;
use super::*;

impl Session {
    /// Seals a signal for a member's page session and sends it; what the broker refuses goes back to the mesh.
    pub(super) fn send_signal(
        &self,
        (to, session): (MemberId, SessionNonce),
        carrier: Carrier,
        (exchange, side, sequence): (ExchangeId, Side, u32),
        signal: &Signal,
    ) {
        let body = {
            let peers = self.peers.borrow();
            let Some(peer) = peers.get(to) else { return };
            let (kind, text) = match signal {
                Signal::Ask => (Sealing::Offer, Description::default().to_text()),
                Signal::Offer(description) => (Sealing::Offer, description.to_text()),
                Signal::Answer(description) => (Sealing::Answer, description.to_text()),
                Signal::Candidate(candidate) => (Sealing::Candidate(side), candidate.to_text()),
            };
            let sender = (self.me, self.nonce);
            let context = Context::signal(kind, self.room.id(), sender, (to, session), exchange, sequence);
            peer.pair.seal(&context, &text)
        };
        let by = match carrier {
            Carrier::Broker => None,
            Carrier::Channel => Some(to),
            Carrier::Via(helper) => Some(helper),
        };
        if let Some(by) = by {
            let signal = PassedSignal { from: self.me, to, exchange, side, sequence, body };
            self.pass_on(by, &PeerMessage::Signal(signal).to_text());
            return;
        }
        let verb = match signal {
            Signal::Ask | Signal::Offer(_) => Verb::Offer(Offer { to, exchange, body }),
            Signal::Answer(_) => Verb::Answer(Answer { to, exchange, body }),
            Signal::Candidate(_) => Verb::Candidate(Candidate { to, exchange, side, sequence, body }),
        };
        let (Some(socket), weak) = (self.socket(), self.weak.clone()) else { return };
        spawn(async move {
            if let Err(AskError::Refused(_)) = socket.ask::<Empty>(verb).await
                && let Some(this) = weak.upgrade()
            {
                this.feed(Input::Refused { peer: to, exchange, side });
            }
        });
    }

    /// Says a signal over the channel with `by`.
    fn pass_on(&self, by: MemberId, signal: &str) {
        if let Some(connection) = self.connection_with(by) {
            connection.say(signal);
        }
    }

    /// A signal over the channel with `by`: for us, or to be passed on, if it is that member's own.
    pub(super) fn on_passed(&self, by: MemberId, signal: PassedSignal) {
        if signal.to != self.me {
            let to = signal.to;
            if signal.from == by {
                let text = PeerMessage::Signal(signal).to_text();
                if self.may_be_passed_on(by, to, text.len()) {
                    self.pass_on(to, &text);
                }
            }
            return;
        }
        let PassedSignal { from, exchange, side, sequence, body, .. } = signal;
        let carrier = if from == by { Carrier::Channel } else { Carrier::Via(by) };
        self.open_signal((from, carrier), (exchange, side, sequence), &body);
    }

    /// Whether neither has a member had too much passed on of late, nor has too much been passed on to another.
    fn may_be_passed_on(&self, from: MemberId, to: MemberId, bytes: usize) -> bool {
        let (now, mut peers) = (clock::now(), self.peers.borrow_mut());
        peers.get_mut(from).is_some_and(|peer| peer.passing.takes_from(bytes, now))
            && peers.get_mut(to).is_some_and(|peer| peer.passing.takes_to(bytes, now))
    }

    /// Opens a signal from a member and takes it in. What does not open is dropped, and what does not parse or fit. It is counted as that
    /// member's if it opened, or came over their own channel: anything else may be whoever's who carried it.
    pub(super) fn open_signal(
        &self,
        (from, carrier): (MemberId, Carrier),
        (exchange, side, sequence): (ExchangeId, Side, u32),
        body: &Sealed,
    ) {
        // Twenty offers at once, and two a second: a browser is busy with each, and with nothing else of that connection. What is said again,
        // by whomever, is nothing to a browser, and no offer of theirs.
        const OFFER_COST: usize = 14 * Allowance::BYTES;
        let kind = match (sequence, side) {
            (0, Side::Offerer) => Sealing::Offer,
            (0, Side::Answerer) => Sealing::Answer,
            (_, side) => Sealing::Candidate(side),
        };
        let mut peers = self.peers.borrow_mut();
        // Of who is gone nothing is new, however often it is said again.
        let Some(peer) = peers.get_mut(from).filter(|peer| peer.shown) else { return };
        let receiver = (self.me, self.nonce);
        let context = Context::signal(kind, self.room.id(), (from, peer.session), receiver, exchange, sequence);
        let text = peer.pair.open(&context, body);
        let is_theirs = text.is_ok() || carrier == Carrier::Channel;
        let is_news = self.mesh.borrow().is_news((from, peer.session), exchange);
        let offering = Some(peer.session).filter(|_| (sequence, side) == (0, Side::Offerer) && is_news);
        let signal = text.ok().and_then(|text| match (sequence, side) {
            _ if offering.is_some() && !peer.offers.takes(OFFER_COST, clock::now()) => None,
            (0, Side::Offerer) => Description::parse(&text).ok().map(|offer| match offer.sdp.is_empty() {
                true => Signal::Ask,
                false => Signal::Offer(offer),
            }),
            (0, Side::Answerer) => Description::parse(&text).ok().map(Signal::Answer),
            _ => IceCandidate::parse(&text).ok().map(Signal::Candidate),
        });
        drop(peers);
        match signal {
            Some(signal) => self.take_signal((from, carrier), (exchange, side, sequence), signal, offering),
            None if is_theirs => self.dropped(from),
            None => {}
        }
    }

    /// What a member says over the data channel, unless it can't be read or is too much.
    pub(super) fn read(&self, member: MemberId, text: &str) -> Option<PeerMessage> {
        self.peers.borrow_mut().get_mut(member)?.allowance.reads(text, clock::now())
    }
}
