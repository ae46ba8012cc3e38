//! What present members of a room send each other through the broker: passed on to whom it is for, if it belongs to a known exchange.

use klatch_shared::MemberId;
use klatch_shared::wire::{Answer, Candidate, Event, Offer, RefusalCode, Side};

use super::exchange::Exchange;
use super::room::Room;
use super::seat::Seat;
use super::{ConnectionId, Effect};

impl Room {
    /// Passes an offer on and remembers its exchange.
    pub(super) fn offer(&mut self, from: MemberId, offer: Offer, now: u64) -> Result<Effect, RefusalCode> {
        let to = self.other_present(from, offer.to)?;
        let seat = self.seat_mut(from).ok_or(RefusalCode::NotJoined)?;
        seat.offers.retain(|exchange| !exchange.is_over(now));
        let begun = Exchange::begin(offer.to, offer.exchange, now);
        match seat.offers.iter_mut().find(|exchange| exchange.to == offer.to) {
            Some(latest) if latest.precedes(offer.exchange) => *latest = begun,
            Some(_) => return Err(RefusalCode::UnknownExchange),
            None => seat.offers.push(begun),
        }
        Ok(Effect::Tell { to, event: Event::offer(from, offer) })
    }

    /// Passes an answer on, if there was such an offer.
    pub(super) fn answer(&mut self, from: MemberId, answer: Answer, now: u64) -> Result<Effect, RefusalCode> {
        let to = self.other_present(from, answer.to)?;
        self.exchange_mut(answer.to, from)?.answer(answer.exchange, now)?;
        Ok(Effect::Tell { to, event: Event::answer(from, answer) })
    }

    /// Passes a candidate of a known exchange on.
    pub(super) fn candidate(&mut self, from: MemberId, candidate: Candidate, now: u64) -> Result<Effect, RefusalCode> {
        let to = self.other_present(from, candidate.to)?;
        let (offerer, answerer) = match candidate.side {
            Side::Offerer => (from, candidate.to),
            Side::Answerer => (candidate.to, from),
        };
        self.exchange_mut(offerer, answerer)?.candidate(candidate.exchange, candidate.side, now)?;
        Ok(Effect::Tell { to, event: Event::candidate(from, candidate) })
    }

    /// An exchange's path has died when either end's connection has.
    pub(super) fn forget_exchanges(&mut self, member: MemberId) {
        for seat in &mut self.seats {
            if seat.member == member {
                seat.offers = Vec::new();
            } else {
                seat.offers.retain(|exchange| exchange.to != member);
            }
        }
    }

    fn exchange_mut(&mut self, offerer: MemberId, answerer: MemberId) -> Result<&mut Exchange, RefusalCode> {
        let offers = self.seat_mut(offerer).map(|seat| &mut seat.offers);
        let exchange = offers.and_then(|offers| offers.iter_mut().find(|exchange| exchange.to == answerer));
        exchange.ok_or(RefusalCode::UnknownExchange)
    }

    pub(super) fn other_present(&self, from: MemberId, to: MemberId) -> Result<ConnectionId, RefusalCode> {
        let other = self.seat(to).filter(|_| to != from);
        other.and_then(Seat::connection).ok_or(RefusalCode::NotPresent)
    }
}
