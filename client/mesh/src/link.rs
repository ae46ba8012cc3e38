//! A link: one member's connection through its generations, from `Present` to `Gone`.

use klatch_shared::peer::IceCandidate;
use klatch_shared::wire::Side;
use klatch_shared::{ExchangeId, MemberId, SessionNonce};

use crate::arrivals::{Arrivals, Broken};
use crate::health::{Manners, Vitals};
use crate::identity::Identity;
use crate::patience::{FIRST_WORD, Patience};
use crate::phase::{Phase, Wish};
use crate::trickle::Trickle;
use crate::turn::Turn;
use crate::{Command, ConnectionState, Health, LinkId, Rule, Rules, Signal};

/// One link. What it negotiates is in [`crate::negotiation`].
#[derive(Clone, Debug)]
pub(crate) struct Link<R> {
    pub(crate) rules: R,
    pub(crate) id: LinkId,
    pub(crate) manners: Manners,
    pub(crate) phase: Phase,
    pub(crate) wish: Wish,
    /// Whose descriptions this connection was given.
    pub(crate) heard: Option<Identity>,
    /// Whose it is being given.
    pub(crate) hearing: Option<Identity>,
    pub(crate) patience: Patience,
    pub(crate) arrivals: Arrivals,
    pub(crate) trickle: Trickle,
    session: SessionNonce,
    pub(crate) born: u64,
    vitals: Vitals,
    shown: Health,
}

impl<R: Rules> Link<R> {
    /// Opens the first connection with a member.
    pub(crate) fn open(
        turn: &mut Turn<'_>,
        rules: R,
        me: MemberId,
        member: (MemberId, SessionNonce),
        offers: bool,
    ) -> Self {
        let (peer, session) = member;
        let mut link = Self {
            rules,
            id: LinkId { peer, generation: 0 },
            manners: if me < peer { Manners::Polite } else { Manners::Impolite },
            phase: Phase::Idle { not_before: turn.now },
            wish: Wish::Nothing,
            heard: None,
            hearing: None,
            born: turn.now,
            patience: Patience::default(),
            arrivals: Arrivals::default(),
            trickle: Trickle::default(),
            session,
            vitals: Vitals::new(turn.now),
            shown: Health::Connecting,
        };
        link.begin(turn, offers);
        turn.order(Command::Show { peer, health: link.shown });
        link
    }

    /// Closes the connection and opens a fresh one with the same page session.
    pub(crate) fn replace(&mut self, turn: &mut Turn<'_>, offers: bool) {
        self.close(turn);
        self.give_up(turn.now);
        self.vitals.replaced(turn.now);
        self.arrivals.begin_afresh();
        (self.wish, self.trickle) = (Wish::Nothing, Trickle::default());
        (self.heard, self.hearing) = (None, None);
        self.begin(turn, offers);
    }

    fn begin(&mut self, turn: &mut Turn<'_>, offers: bool) {
        let waits = !offers && self.rules.keeps(Rule::NewcomerOffers);
        self.id = turn.next_link(self.id.peer);
        self.born = turn.now;
        self.phase =
            if waits { Phase::Waiting { until: turn.now + FIRST_WORD } } else { Phase::Idle { not_before: turn.now } };
        turn.order(Command::Open { link: self.id, offers });
    }

    pub(crate) fn close(&self, turn: &mut Turn<'_>) {
        turn.order(Command::Close { link: self.id });
    }

    /// The page session that this link is with.
    pub(crate) fn session(&self) -> SessionNonce {
        self.session
    }

    /// The member's socket is back, or ours: what waited is tried now.
    pub(crate) fn nudge(&mut self, now: u64) {
        if let Phase::Idle { not_before } = &mut self.phase {
            *not_before = now.min(*not_before);
        }
    }

    /// Signalling reaches nobody: what is in the middle is over.
    pub(crate) fn broker_lost(&mut self, now: u64) {
        self.trickle.path_lost();
        if self.is_offered() {
            self.give_up(now);
        }
    }

    /// Signalling reaches others again. Candidates that found no way meanwhile go with a fresh offer, which names them.
    pub(crate) fn broker_back(&mut self, now: u64) {
        if self.trickle.is_stranded() && !self.vitals.is_well() && self.heard.is_some() {
            self.want(Wish::Offer);
        }
        self.nudge(now);
    }

    pub(crate) fn signal(&mut self, now: u64, at: (ExchangeId, Side, u32), signal: Signal) {
        self.arrivals.arrive(now, at, signal, self.rules);
    }

    /// The broker refused something of this exchange. If it was our offer, it waits for better times.
    pub(crate) fn refused(&mut self, now: u64, exchange: ExchangeId, side: Side) {
        self.trickle.given_up(exchange, side);
        match self.phase {
            Phase::Offered { exchange: ours, .. } if (ours, Side::Offerer) == (exchange, side) => {
                let retry = self.patience.retry(now, self.rules);
                self.give_up(retry);
            }
            Phase::Waiting { .. }
            | Phase::Idle { .. }
            | Phase::Offering { .. }
            | Phase::Offered { .. }
            | Phase::Completing { .. }
            | Phase::Accepting { .. }
            | Phase::Answering { .. }
            | Phase::Owing { .. } => {}
        }
    }

    pub(crate) fn negotiation_needed(&mut self, turn: &Turn<'_>) {
        let now = matches!(self.phase, Phase::Idle { not_before } if turn.now >= not_before) && turn.reaches;
        if now || self.rules.keeps(Rule::NeedIsRemembered) {
            self.want(Wish::Offer);
        }
    }

    pub(crate) fn local_candidate(&mut self, candidate: IceCandidate) {
        self.trickle.gathered(candidate);
    }

    pub(crate) fn connection(&mut self, turn: &mut Turn<'_>, state: ConnectionState) {
        self.vitals.observe(turn.now, state, self.manners);
        if state == ConnectionState::Connected {
            // It mended itself; what else was wanted may hide behind the restart.
            self.wish = self.wish.min(Wish::Offer);
        }
        // Nothing but a fresh one helps. A step in flight will fail on it, and find that out.
        if state == ConnectionState::Closed && !self.phase.is_step() {
            self.give_up(turn.now);
            self.phase = Phase::Waiting { until: self.patience.retry(turn.now, self.rules) };
        }
    }

    pub(crate) fn network_changed(&mut self, now: u64) {
        self.vitals.network_changed(now);
    }

    /// Does all there is to do at this time.
    pub(crate) fn tend(&mut self, turn: &mut Turn<'_>) {
        let restart = self.vitals.take_restart(turn.now, self.manners) && self.heard.is_some();
        if restart && self.phase.carried() < Wish::Restart {
            self.want(Wish::Restart);
        }
        if self.arrivals.take_stray() && self.rules.keeps(Rule::StrayAnswerIsMended) {
            self.want(Wish::Offer);
        }
        self.mend_gaps(turn);
        self.advance(turn);
        while let Some(candidate) = self.arrivals.candidate(turn.now, self.rules) {
            turn.order(Command::AddCandidate { link: self.id, candidate });
        }
        self.flush(turn);
        self.show(turn);
    }

    /// When it wants to be tended.
    pub(crate) fn deadline(&self, turn: &Turn<'_>) -> Option<u64> {
        let times = [self.phase_deadline(turn), self.vitals.deadline(turn.now), self.arrivals.deadline()];
        times.into_iter().flatten().min()
    }

    /// How it does.
    pub(crate) fn health(&self) -> Health {
        self.shown
    }

    /// What is lost in a hole is asked for with a fresh exchange, unless the link does without.
    fn mend_gaps(&mut self, turn: &mut Turn<'_>) {
        while let Some(broken) = self.arrivals.take_broken(turn.now) {
            match broken {
                Broken::Candidates if self.vitals.is_well() => {}
                Broken::Answer if self.is_offered() => self.give_up(turn.now),
                Broken::Candidates | Broken::Answer | Broken::Offer => self.want(Wish::Offer),
            }
        }
    }

    fn is_offered(&self) -> bool {
        matches!(self.phase, Phase::Offered { .. })
    }

    fn show(&mut self, turn: &mut Turn<'_>) {
        let health = self.vitals.health(turn.now);
        if health != self.shown {
            self.shown = health;
            turn.order(Command::Show { peer: self.id.peer, health });
        }
    }
}
