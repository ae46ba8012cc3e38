//! What a link sends: descriptions, and behind them their candidates.

use klatch_shared::ExchangeId;
use klatch_shared::wire::Side;

use crate::link::Link;
use crate::phase::{Phase, Wish};
use crate::turn::Turn;
use crate::{Carrier, Command, Rule, Rules, Signal};

impl<R: Rules> Link<R> {
    /// Sends a description, and lets candidates follow.
    pub(crate) fn describe(
        &mut self,
        turn: &mut Turn<'_>,
        carrier: Carrier,
        exchange: ExchangeId,
        side: Side,
        signal: Signal,
    ) {
        if self.rules.keeps(Rule::CandidatesFollowDescription) {
            self.trickle.described(exchange, side, carrier);
        }
        self.send(turn, carrier, exchange, side, 0, signal);
    }

    /// A description is being made.
    pub(crate) fn announce(&mut self, carrier: Carrier, exchange: ExchangeId, side: Side) {
        if !self.rules.keeps(Rule::CandidatesFollowDescription) {
            self.trickle.described(exchange, side, carrier);
        }
    }

    /// What carries an exchange that begins now. The path that it is to mend does not: the other end may hear nothing over it.
    pub(crate) fn carrier(&self, turn: &Turn<'_>) -> Option<Carrier> {
        let mends = self.wish.max(self.phase.carried()) == Wish::Restart;
        if self.has_channel() && !mends {
            return Some(Carrier::Channel);
        }
        let via = turn.carriers.helper(self.id.peer, self.passed_over).map(Carrier::Via);
        let own = Some(Carrier::Broker).filter(|broker| self.carries(turn, *broker));
        if self.doubts_broker { via.or(own) } else { own.or(via) }
    }

    /// Whoever carried our last description did not help: the next exchange is to go by way of somebody else. After the broker that is a
    /// helper, and after each of them the broker: so neither it nor any number of helpers has all the turns.
    pub(crate) fn pass_over(&mut self, carrier: Option<Carrier>) {
        match carrier {
            Some(Carrier::Broker) => self.doubts_broker = true,
            Some(Carrier::Via(helper)) => (self.doubts_broker, self.passed_over) = (false, Some(helper)),
            Some(Carrier::Channel) | None => {}
        }
    }

    /// Whether this still carries.
    pub(crate) fn carries(&self, turn: &Turn<'_>, carrier: Carrier) -> bool {
        match carrier {
            Carrier::Channel => self.has_channel(),
            Carrier::Broker => turn.carriers.broker && !self.is_away,
            Carrier::Via(helper) => turn.carriers.reaches(helper),
        }
    }

    /// The exchange of ours whose carrier is lost is over. When something carries again, what could not be mended is; and candidates that
    /// found no way go with a fresh offer, which names them.
    pub(crate) fn check_carrier(&mut self, turn: &Turn<'_>) {
        let reached = self.carrier(turn).is_some();
        let was_reached = std::mem::replace(&mut self.is_reached, reached);
        if reached && !was_reached {
            self.hasten(turn.now);
            if self.trickle.is_stranded() && self.is_down() {
                self.want(Wish::Offer);
            }
        }
        if self.trickle.carrier().is_some_and(|carrier| !self.carries(turn, carrier)) {
            self.trickle.carrier_lost();
            if self.is_offered() {
                self.give_up(turn.now);
            }
        }
    }

    /// Sends the candidates that may go: none while a description that they may belong to is being made.
    pub(crate) fn flush(&mut self, turn: &mut Turn<'_>) {
        let may = match self.phase {
            Phase::Waiting { .. } | Phase::Idle { .. } | Phase::Offered { .. } | Phase::Completing { .. } => true,
            Phase::Offering { .. } | Phase::Accepting { .. } | Phase::Answering { .. } | Phase::Owing { .. } => {
                !self.rules.keeps(Rule::CandidatesFollowDescription)
            }
        };
        while may
            && let Some(carrier) = self.trickle.carrier().filter(|carrier| self.carries(turn, *carrier))
            && let Some((exchange, side, sequence, candidate)) = self.trickle.next()
        {
            self.send(turn, carrier, exchange, side, sequence, Signal::Candidate(candidate));
        }
    }

    pub(crate) fn send(
        &self,
        turn: &mut Turn<'_>,
        carrier: Carrier,
        exchange: ExchangeId,
        side: Side,
        sequence: u32,
        signal: Signal,
    ) {
        let (peer, session) = (self.id.peer, self.session());
        turn.order(Command::Send { peer, session, carrier, exchange, side, sequence, signal });
    }
}
