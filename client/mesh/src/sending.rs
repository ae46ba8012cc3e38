//! What a link sends: descriptions, and behind them their candidates.

use klatch_shared::ExchangeId;
use klatch_shared::wire::Side;

use crate::link::Link;
use crate::phase::Phase;
use crate::turn::Turn;
use crate::{Command, Rule, Rules, Signal};

impl<R: Rules> Link<R> {
    /// Sends a description, and lets candidates follow.
    pub(crate) fn describe(&mut self, turn: &mut Turn<'_>, exchange: ExchangeId, side: Side, signal: Signal) {
        if self.rules.keeps(Rule::CandidatesFollowDescription) {
            self.trickle.described(exchange, side);
        }
        self.send(turn, exchange, side, 0, signal);
    }

    /// A description is being made.
    pub(crate) fn announce(&mut self, exchange: ExchangeId, side: Side) {
        if !self.rules.keeps(Rule::CandidatesFollowDescription) {
            self.trickle.described(exchange, side);
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
            && turn.reaches
            && let Some((exchange, side, sequence, candidate)) = self.trickle.next()
        {
            self.send(turn, exchange, side, sequence, Signal::Candidate(candidate));
        }
    }

    pub(crate) fn send(&self, turn: &mut Turn<'_>, exchange: ExchangeId, side: Side, sequence: u32, signal: Signal) {
        let (peer, session) = (self.id.peer, self.session());
        turn.order(Command::Send { peer, session, exchange, side, sequence, signal });
    }
}
