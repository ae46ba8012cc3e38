//! Perfect negotiation (W3C WebRTC §10.7) as one state: the exchange in progress, and whose turn it is.
//!
//! The browser is stable, or holds an offer, or sets a description; what comes meanwhile waits in [`crate::arrivals`], and
//! what is wanted waits in a [`Wish`]. A step that ends lets the link look again at what there is to do.

use klatch_shared::peer::Description;
use klatch_shared::wire::Side;

use crate::link::Link;
use crate::phase::{Phase, Wish};
use crate::turn::Turn;
use crate::{Kind, Rule, Rules};

impl<R: Rules> Link<R> {
    /// Does what there is to do now.
    pub(crate) fn advance(&mut self, turn: &mut Turn<'_>) {
        while self.step(turn) {}
    }

    /// When time alone lets it do something.
    pub(crate) fn phase_deadline(&self, turn: &Turn<'_>) -> Option<u64> {
        let own = match self.phase {
            Phase::Offered { until, .. } => self.rules.keeps(Rule::AnswerIsAwaitedForSoLong).then_some(until),
            Phase::Owing { until, .. } => Some(until),
            Phase::Waiting { until } => self.carrier(turn).map(|_| until.max(self.vitals.not_before())),
            Phase::Idle { not_before } => self.carrier(turn).filter(|_| self.wish > Wish::Nothing).map(|_| not_before),
            Phase::Offering { .. } | Phase::Completing { .. } | Phase::Accepting { .. } | Phase::Answering { .. } => {
                return None;
            }
        };
        let renewal = self.is_foreign(Side::Offerer).then(|| self.replaceable());
        own.into_iter().chain(renewal).min()
    }

    /// One thing, if there is one.
    fn step(&mut self, turn: &mut Turn<'_>) -> bool {
        match self.phase {
            Phase::Waiting { until } => self.has_begun() && self.accept(turn) || self.begin_afresh(turn, until),
            Phase::Idle { not_before } => self.accept(turn) || self.offer(turn, not_before),
            Phase::Offered { exchange, wish, until } => {
                self.complete(turn, exchange, wish) || self.meet_glare(turn, until) || self.lose_patience(turn, until)
            }
            Phase::Owing { exchange, wish, until } => {
                self.accept(turn) || turn.now >= until && self.answer(turn, exchange, wish)
            }
            Phase::Offering { .. } | Phase::Completing { .. } | Phase::Accepting { .. } | Phase::Answering { .. } => {
                !self.rules.keeps(Rule::OneStepAtATime) && self.accept(turn)
            }
        }
    }

    fn begin_afresh(&mut self, turn: &mut Turn<'_>, until: u64) -> bool {
        let due = turn.now >= until.max(self.vitals.not_before()) && self.carrier(turn).is_some();
        if due {
            self.replace(turn, true);
        }
        due
    }

    /// The browser set a local description.
    pub(crate) fn local_set(&mut self, turn: &mut Turn<'_>, kind: Kind, description: Description) {
        match (self.phase, kind) {
            (Phase::Offering { exchange, wish }, Kind::Offer) => self.offer_made(turn, exchange, wish, description),
            (Phase::Answering { exchange, wish }, Kind::Answer) => self.answer_made(turn, exchange, wish, description),
            // The browser was not where we took it to be: we offer, as soon as we may.
            (Phase::Offering { wish, .. } | Phase::Answering { wish, .. }, Kind::Offer | Kind::Answer) => {
                self.want(wish.max(Wish::Offer));
                self.phase = Phase::Idle { not_before: self.patience.retry(turn.now, self.rules) };
            }
            (
                Phase::Waiting { .. }
                | Phase::Idle { .. }
                | Phase::Offered { .. }
                | Phase::Completing { .. }
                | Phase::Accepting { .. }
                | Phase::Owing { .. },
                Kind::Offer | Kind::Answer,
            ) => {}
        }
    }

    /// The browser set a remote description.
    pub(crate) fn remote_set(&mut self, turn: &mut Turn<'_>) {
        self.heard = self.hearing.take().or(self.heard.take());
        match self.phase {
            Phase::Completing { exchange, wish } => {
                self.arrivals.set(exchange, Side::Answerer);
                self.end_exchange(turn, wish);
            }
            Phase::Accepting { exchange, wish } => {
                self.arrivals.set(exchange, Side::Offerer);
                // A newer offer supersedes this one; the browser takes it as it is.
                if !self.accept(turn) {
                    self.answer(turn, exchange, wish);
                }
            }
            Phase::Waiting { .. }
            | Phase::Idle { .. }
            | Phase::Offering { .. }
            | Phase::Offered { .. }
            | Phase::Answering { .. }
            | Phase::Owing { .. } => {}
        }
    }

    /// The browser is stable, and will say what it still wants.
    pub(crate) fn end_exchange(&mut self, turn: &Turn<'_>, wish: Wish) {
        if !self.rules.keeps(Rule::ExchangeSettlesNeed) {
            self.want(wish);
        }
        self.patience.rest();
        self.exchanged();
        self.phase = Phase::Idle { not_before: turn.now };
    }

    /// The browser refused a step.
    pub(crate) fn step_failed(&mut self, turn: &mut Turn<'_>) {
        match self.phase {
            Phase::Offering { .. } => {
                let exhausted = self.patience.is_out();
                let retry = self.patience.retry(turn.now, self.rules);
                self.give_up(retry);
                if exhausted {
                    self.phase = Phase::Waiting { until: retry };
                }
            }
            Phase::Answering { exchange, wish } => {
                self.phase = Phase::Owing { exchange, wish, until: self.patience.retry(turn.now, self.rules) };
            }
            Phase::Completing { exchange, .. } => self.wait_for_afresh(turn, exchange),
            // What this connection does not take, though it has taken others, a fresh one can.
            Phase::Accepting { exchange, .. } if self.heard.is_some() && turn.now >= self.replaceable() => {
                self.arrivals.put_back(exchange);
                self.replace_for_them(turn);
            }
            Phase::Accepting { exchange, .. } => {
                self.arrivals.give_up(exchange, Side::Offerer);
                self.phase = Phase::Waiting { until: self.patience.retry(turn.now, self.rules) };
            }
            Phase::Waiting { .. } | Phase::Idle { .. } | Phase::Offered { .. } | Phase::Owing { .. } => {}
        }
    }

    /// The browser wants to negotiate, or we do.
    pub(crate) fn want(&mut self, wish: Wish) {
        self.wish = self.wish.max(wish);
    }
}
