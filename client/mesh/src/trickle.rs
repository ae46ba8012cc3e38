//! Our candidates on their way out: numbered behind the description that they belong to.

use std::collections::VecDeque;

use klatch_shared::ExchangeId;
use klatch_shared::limits::MAX_CANDIDATES;
use klatch_shared::peer::IceCandidate;
use klatch_shared::wire::Side;

use crate::Carrier;

/// A candidate with its place.
pub(crate) type Placed = (ExchangeId, Side, u32, IceCandidate);

/// What was gathered and where it goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trickle {
    place: Option<Place>,
    unsent: VecDeque<IceCandidate>,
}

/// The latest exchange that we sent a description in.
#[derive(Clone, Copy, Debug)]
struct Place {
    exchange: ExchangeId,
    side: Side,
    carrier: Carrier,
    sent: u32,
}

impl Trickle {
    /// Keeps what was gathered. When there is too much the oldest goes: the next description carries it.
    pub(crate) fn gathered(&mut self, candidate: IceCandidate) {
        if self.unsent.len() >= usize::try_from(MAX_CANDIDATES).expect("a small number") {
            self.unsent.pop_front();
        }
        self.unsent.push_back(candidate);
    }

    /// A description was sent: what follows belongs to its exchange.
    pub(crate) fn described(&mut self, exchange: ExchangeId, side: Side, carrier: Carrier) {
        self.place = Some(Place { exchange, side, carrier, sent: 0 });
    }

    /// That exchange is over: what is left waits for the next. What carried it, if it did.
    pub(crate) fn given_up(&mut self, exchange: ExchangeId, side: Side) -> Option<Carrier> {
        let place = self.place.take_if(|place| (place.exchange, place.side) == (exchange, side));
        place.map(|place| place.carrier)
    }

    /// What carries the exchange.
    pub(crate) fn carrier(&self) -> Option<Carrier> {
        self.place.map(|place| place.carrier)
    }

    /// What carried the exchange is gone, and the exchange with it.
    pub(crate) fn carrier_lost(&mut self) {
        self.place = None;
    }

    /// Whether something waits that no exchange can take.
    pub(crate) fn is_stranded(&self) -> bool {
        self.place.is_none() && !self.unsent.is_empty()
    }

    /// The next to send.
    pub(crate) fn next(&mut self) -> Option<Placed> {
        let place = self.place.as_mut()?;
        if place.sent >= MAX_CANDIDATES {
            self.unsent.clear();
        }
        let candidate = self.unsent.pop_front()?;
        place.sent += 1;
        Some((place.exchange, place.side, place.sent, candidate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(n: u32) -> IceCandidate {
        IceCandidate { candidate: n.to_string(), mid: None, line: None, ufrag: None }
    }

    fn sequences(trickle: &mut Trickle) -> Vec<u32> {
        std::iter::from_fn(|| trickle.next()).map(|(_, _, sequence, _)| sequence).collect()
    }

    #[test]
    fn what_is_gathered_before_the_description_is_sent_comes_behind_it() {
        let mut trickle = Trickle::default();
        trickle.gathered(candidate(0));
        trickle.gathered(candidate(1));
        assert!(trickle.next().is_none() && trickle.is_stranded());
        trickle.described(ExchangeId(4), Side::Offerer, Carrier::Broker);
        assert_eq!(sequences(&mut trickle), [1, 2]);
        trickle.given_up(ExchangeId(4), Side::Answerer);
        trickle.gathered(candidate(2));
        assert_eq!(sequences(&mut trickle), [3]);
        trickle.given_up(ExchangeId(4), Side::Offerer);
        trickle.gathered(candidate(3));
        assert!(trickle.next().is_none());
    }

    #[test]
    fn an_exchange_takes_only_so_many_and_no_more_are_kept() {
        let mut trickle = Trickle::default();
        (0..MAX_CANDIDATES * 2).for_each(|n| trickle.gathered(candidate(n)));
        trickle.described(ExchangeId(1), Side::Answerer, Carrier::Broker);
        assert_eq!(sequences(&mut trickle), (1..=MAX_CANDIDATES).collect::<Vec<_>>());
        trickle.gathered(candidate(0));
        assert!(trickle.next().is_none() && trickle.unsent.is_empty());
    }
}
