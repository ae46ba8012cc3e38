//! Their exchanges: an offer that is taken, over whatever there is but a first offer of our own, and answered.

use klatch_shared::ExchangeId;
use klatch_shared::peer::Description;
use klatch_shared::wire::Side;

use crate::identity::Identity;
use crate::link::Link;
use crate::phase::{Phase, Wish};
use crate::turn::Turn;
use crate::{Command, Kind, Rule, Rules, Signal};

impl<R: Rules> Link<R> {
    /// Takes their offer, if there is one, over whatever the browser holds; over a first offer with a fresh connection.
    pub(crate) fn accept(&mut self, turn: &mut Turn<'_>) -> bool {
        let Some(exchange) = self.arrivals.waiting(Side::Offerer) else {
            return false;
        };
        if self.is_foreign(Side::Offerer) {
            let due = turn.now >= self.replaceable();
            if due {
                self.replace_for_them(turn);
            }
            return due;
        }
        if self.has_only_offered() {
            return self.yield_afresh(turn);
        }
        let Some(description) = self.arrivals.take(Side::Offerer) else {
            return false;
        };
        self.hearing = Some(Identity::of(&description));
        let wish = std::mem::take(&mut self.wish).max(self.phase.carried());
        if let Phase::Offered { exchange, .. } = self.phase {
            self.arrivals.roll_back(exchange);
            self.trickle.given_up(exchange, Side::Offerer);
        }
        self.phase = Phase::Accepting { exchange, wish };
        turn.order(Command::SetRemote { link: self.id, kind: Kind::Offer, description });
        true
    }

    /// Takes what this connection does not with a fresh one, which costs us something each time.
    pub(crate) fn replace_for_them(&mut self, turn: &mut Turn<'_>) {
        turn.order(Command::Hurried { peer: self.id.peer });
        self.replace(turn, false);
    }

    /// Whether this connection would have to take back an offer of which nothing is settled yet.
    fn has_only_offered(&self) -> bool {
        self.has_offered && self.heard.is_none() && self.rules.keeps(Rule::FreshOneYields)
    }

    /// Takes their offer with a fresh connection. Ours may be answered all the same.
    fn yield_afresh(&mut self, turn: &mut Turn<'_>) -> bool {
        let phase = std::mem::replace(&mut self.phase, Phase::Idle { not_before: turn.now });
        self.replace(turn, false);
        if let Phase::Offered { exchange, .. } = phase {
            self.arrivals.roll_back(exchange);
        }
        true
    }

    pub(crate) fn answer(&mut self, turn: &mut Turn<'_>, exchange: ExchangeId, wish: Wish) -> bool {
        self.phase = Phase::Answering { exchange, wish };
        if let Some(carrier) = self.arrivals.carrier() {
            self.announce(carrier, exchange, Side::Answerer);
        }
        turn.order(Command::SetLocal { link: self.id, restart: false });
        true
    }

    pub(crate) fn answer_made(
        &mut self,
        turn: &mut Turn<'_>,
        exchange: ExchangeId,
        wish: Wish,
        description: Description,
    ) {
        self.end_exchange(turn, wish);
        if self.arrivals.is_latest(exchange)
            && let Some(carrier) = self.arrivals.carrier().filter(|carrier| self.carries(turn, *carrier))
        {
            self.describe(turn, carrier, exchange, Side::Answerer, Signal::Answer(description));
        }
    }

    /// Whether a description is of another connection than those before. A closed one takes none any more.
    pub(crate) fn is_foreign(&self, side: Side) -> bool {
        let is_other = |it| self.vitals.is_closed() || self.heard.as_ref().is_some_and(|heard| *heard != it);
        let other = self.arrivals.identity(side).is_some_and(is_other);
        other && self.rules.keeps(Rule::FreshMeetsFresh)
    }
}
