//! Our exchanges: an offer that is made, sent, answered, given up.

use klatch_shared::ExchangeId;
use klatch_shared::peer::Description;
use klatch_shared::wire::Side;

use crate::health::Manners;
use crate::identity::Identity;
use crate::link::Link;
use crate::phase::{Phase, Wish};
use crate::turn::Turn;
use crate::{Carrier, Command, Kind, Rule, Rules, Signal};

impl<R: Rules> Link<R> {
    pub(crate) fn offer(&mut self, turn: &mut Turn<'_>, not_before: u64) -> bool {
        if self.wish == Wish::Nothing || turn.now < not_before {
            return false;
        }
        let Some(carrier) = self.carrier(turn) else {
            return false;
        };
        let wish = std::mem::take(&mut self.wish);
        let exchange = turn.next_exchange();
        self.phase = Phase::Offering { exchange, wish };
        self.announce(carrier, exchange, Side::Offerer);
        turn.order(Command::SetLocal { link: self.id, restart: wish == Wish::Restart });
        true
    }

    pub(crate) fn complete(&mut self, turn: &mut Turn<'_>, exchange: ExchangeId, wish: Wish) -> bool {
        if self.is_foreign(Side::Answerer) {
            turn.order(Command::Hurried { peer: self.id.peer });
            self.wait_for_afresh(turn, exchange);
            return true;
        }
        let Some(description) = self.arrivals.take(Side::Answerer) else {
            return false;
        };
        self.hearing = Some(Identity::of(&description));
        self.phase = Phase::Completing { exchange, wish };
        turn.order(Command::SetRemote { link: self.id, kind: Kind::Answer, description });
        true
    }

    /// Their offer and ours cross.
    pub(crate) fn meet_glare(&mut self, turn: &mut Turn<'_>, until: u64) -> bool {
        let glare = self.arrivals.waiting(Side::Offerer).is_some();
        if glare && (self.yields() || self.seems_unheard(turn.now, until)) {
            return self.accept(turn);
        }
        if glare {
            self.arrivals.ignore(self.rules);
        }
        glare
    }

    pub(crate) fn yields(&self) -> bool {
        match self.manners {
            Manners::Polite => self.rules.keeps(Rule::PoliteYields),
            Manners::Impolite => !self.rules.keeps(Rule::ImpoliteStands),
        }
    }

    /// Whether it is likely that our offer never came to them, as theirs came by another way than ours went, after half the time in which
    /// ours was to be answered. Over our own channel it would have come. Where that is wrong both ends have given way, and what strays is
    /// offered again. It is done once a connection: after an exchange that did not help we stand, so that glare is settled as ever.
    fn seems_unheard(&self, now: u64, until: u64) -> bool {
        let ours = self.trickle.carrier();
        matches!(ours, Some(Carrier::Broker | Carrier::Via(_)))
            && ours != self.arrivals.carrier()
            && self.patience.is_half_gone(now, until)
            && !self.is_in_vain()
    }

    pub(crate) fn lose_patience(&mut self, turn: &mut Turn<'_>, until: u64) -> bool {
        let due = turn.now >= until && self.rules.keeps(Rule::AnswerIsAwaitedForSoLong);
        if due {
            self.patience.unanswered();
            self.give_up(turn.now);
        }
        due
    }

    /// An answer that this connection does not take: a fresh one is to offer, in a while.
    pub(crate) fn wait_for_afresh(&mut self, turn: &Turn<'_>, exchange: ExchangeId) {
        self.arrivals.give_up(exchange, Side::Answerer);
        self.trickle.given_up(exchange, Side::Offerer);
        self.phase = Phase::Waiting { until: self.patience.retry(turn.now, self.rules) };
    }

    /// Our offer's exchange is over; the browser may still hold it, so that another must follow, no sooner than that.
    pub(crate) fn give_up(&mut self, not_before: u64) {
        if let Phase::Offering { exchange, wish } | Phase::Offered { exchange, wish, .. } = self.phase {
            self.arrivals.give_up(exchange, Side::Answerer);
            let carrier = self.trickle.given_up(exchange, Side::Offerer);
            self.pass_over(carrier);
            if self.rules.keeps(Rule::GivenUpIsOfferedAgain) {
                self.want(wish);
            }
            self.phase = Phase::Idle { not_before };
        }
    }

    pub(crate) fn offer_made(
        &mut self,
        turn: &mut Turn<'_>,
        exchange: ExchangeId,
        wish: Wish,
        description: Description,
    ) {
        self.has_offered = true;
        // Theirs may have come while ours was made: then ours is never sent.
        let is_void = self.yields() && self.accept(turn);
        if is_void {
            return;
        }
        match self.carrier(turn) {
            Some(carrier) => {
                self.arrivals.expect(exchange);
                self.phase = Phase::Offered { exchange, wish, until: self.patience.answer(turn.now) };
                self.describe(turn, carrier, exchange, Side::Offerer, Signal::Offer(description));
            }
            None => self.give_up(turn.now),
        }
    }
}
