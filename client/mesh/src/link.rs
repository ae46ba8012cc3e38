//! A link: one member's connection through its generations, from `Present` to `Gone`.

use klatch_shared::peer::IceCandidate;
use klatch_shared::wire::Side;
use klatch_shared::{ExchangeId, MemberId, SessionNonce};

use crate::arrivals::{Arrivals, Broken};
use crate::health::{Manners, Said, Vitals};
use crate::identity::Identity;
use crate::patience::{CONNECTION, FIRST_WORD, Patience};
use crate::phase::{Phase, Wish};
use crate::trickle::Trickle;
use crate::turn::Turn;
use crate::{Carrier, Command, ConnectionState, Health, LinkId, Rule, Rules, Signal};

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
    /// Whether it made an offer.
    pub(crate) has_offered: bool,
    pub(crate) patience: Patience,
    pub(crate) arrivals: Arrivals,
    pub(crate) trickle: Trickle,
    session: SessionNonce,
    born: u64,
    pub(crate) vitals: Vitals,
    channel: Channel,
    /// Whom the member reaches, as they said.
    reaches: Vec<MemberId>,
    /// The broker does not reach the member.
    pub(crate) is_away: bool,
    /// Whether something carried signals when it was tended last.
    pub(crate) is_reached: bool,
    /// By way of whom something went last that did not help.
    pub(crate) passed_over: Option<MemberId>,
    /// What went last did so by the broker, and did not help.
    pub(crate) doubts_broker: bool,
    /// Exchanges that completed since it worked last.
    exchanges_in_vain: u32,
    shown: Health,
}

/// How long a link waits that came too soon. Each that comes meanwhile waits as long, so only the last of them has a connection made.
const TOO_SOON: u64 = 2_000;
/// Exchanges in vain after which a fresh connection is made.
const RESTARTS: u32 = 2;

/// The data channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Channel {
    Shut,
    Open,
}

impl<R: Rules> Link<R> {
    /// Opens the first connection with a member, of whom no exchange but those after `latest` counts: at once, or later.
    pub(crate) fn open(
        turn: &mut Turn<'_>,
        rules: R,
        me: MemberId,
        member: (MemberId, SessionNonce),
        latest: ExchangeId,
        offers: bool,
        at_once: bool,
    ) -> Self {
        let (peer, session) = member;
        let mut link = Self {
            rules,
            id: LinkId { peer, generation: 0 },
            manners: if me < peer { Manners::Polite } else { Manners::Impolite },
            phase: Phase::Waiting { until: turn.now + TOO_SOON },
            wish: Wish::Nothing,
            heard: None,
            hearing: None,
            has_offered: false,
            born: turn.now,
            patience: Patience::default(),
            arrivals: Arrivals::after(latest),
            trickle: Trickle::default(),
            session,
            vitals: Vitals::new(turn.now),
            channel: Channel::Shut,
            reaches: Vec::new(),
            is_away: false,
            is_reached: true,
            passed_over: None,
            doubts_broker: false,
            exchanges_in_vain: 0,
            shown: Health::Connecting,
        };
        if at_once {
            link.begin(turn, offers);
        }
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
        (self.heard, self.hearing, self.has_offered) = (None, None, false);
        (self.channel, self.reaches) = (Channel::Shut, Vec::new());
        self.exchanges_in_vain = 0;
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

    /// Closes the connection, if there is one.
    pub(crate) fn close(&self, turn: &mut Turn<'_>) {
        if self.has_begun() {
            turn.order(Command::Close { link: self.id });
        }
    }

    /// Whether a connection was made: what came too soon waits for it.
    pub(crate) fn has_begun(&self) -> bool {
        self.id.generation > 0
    }

    /// The page session that this link is with.
    pub(crate) fn session(&self) -> SessionNonce {
        self.session
    }

    /// The data channel opened.
    pub(crate) fn channel_opened(&mut self) {
        self.channel = Channel::Open;
    }

    /// It closed, and with it all that this connection is good for but sound and pictures.
    pub(crate) fn channel_closed(&mut self, now: u64) {
        self.lose(now, Said::Maimed);
    }

    fn lose(&mut self, now: u64, what: Said) {
        self.channel = Channel::Shut;
        self.vitals.lose(now, what, self.born + CONNECTION, self.manners, self.rules);
    }

    /// When this connection may be replaced at the other end's instance.
    pub(crate) fn replaceable(&self) -> u64 {
        self.vitals.not_before().max(self.born + CONNECTION)
    }

    /// The member said whom they reach.
    pub(crate) fn tells_whom(&mut self, members: Vec<MemberId>) {
        self.reaches = members;
    }

    /// Whether what we say over the data channel arrives, as far as is known.
    pub(crate) fn has_channel(&self) -> bool {
        self.channel == Channel::Open && self.vitals.is_well()
    }

    /// Whom this member reaches for us.
    pub(crate) fn as_helper(&self) -> Option<(MemberId, Vec<MemberId>)> {
        self.has_channel().then(|| (self.id.peer, self.reaches.clone()))
    }

    /// The member's socket was lost.
    pub(crate) fn away(&mut self) {
        self.is_away = true;
    }

    /// The member's socket is here. If it was not, they may have learned of us only now: an offer that others took to them was from
    /// nobody they knew.
    pub(crate) fn present(&mut self, now: u64) {
        let was_away = std::mem::take(&mut self.is_away);
        if was_away && self.heard.is_none() && self.is_offered() {
            self.give_up(now);
        }
        self.nudge(now);
    }

    /// What waited is tried now.
    fn nudge(&mut self, now: u64) {
        if let Phase::Idle { not_before } = &mut self.phase {
            *not_before = now.min(*not_before);
        }
    }

    /// Something carries signals again: what could not be mended is due, and what waited is tried now.
    pub(crate) fn hasten(&mut self, now: u64) {
        self.vitals.hasten(now);
        self.nudge(now);
    }

    /// Whether it was described, and does not work.
    pub(crate) fn is_down(&self) -> bool {
        self.heard.is_some() && !self.vitals.is_well()
    }

    pub(crate) fn signal(
        &mut self,
        turn: &mut Turn<'_>,
        carrier: Carrier,
        at: (ExchangeId, Side, u32),
        signal: Signal,
    ) {
        match (signal, at) {
            (Signal::Ask, (exchange, Side::Offerer, 0)) => self.asked(turn.now, exchange),
            (Signal::Ask, _) => {}
            (Signal::Answer(answer), (exchange, ..)) if answer.sdp.is_empty() => self.turned_down(turn, exchange),
            (signal @ (Signal::Offer(_) | Signal::Answer(_) | Signal::Candidate(_)), at) => {
                self.arrivals.arrive(turn.now, carrier, at, signal, self.rules);
            }
        }
    }

    /// The broker refused something of this exchange. If it was our offer, it waits for better times.
    pub(crate) fn refused(&mut self, now: u64, exchange: ExchangeId, side: Side) {
        let carrier = self.trickle.given_up(exchange, side);
        match self.phase {
            Phase::Offered { exchange: ours, .. } if (ours, Side::Offerer) == (exchange, side) => {
                self.pass_over(carrier);
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
        let now =
            matches!(self.phase, Phase::Idle { not_before } if turn.now >= not_before) && self.carrier(turn).is_some();
        if now || self.rules.keeps(Rule::NeedIsRemembered) {
            self.want(Wish::Offer);
        }
    }

    pub(crate) fn local_candidate(&mut self, candidate: IceCandidate) {
        self.trickle.gathered(candidate);
    }

    pub(crate) fn connection(&mut self, turn: &mut Turn<'_>, state: ConnectionState) {
        if state != ConnectionState::Closed {
            self.vitals.observe(turn.now, state, self.manners);
            self.may_be_well();
            if state == ConnectionState::Disconnected {
                turn.order(Command::ProbeBroker);
            }
            return;
        }
        self.lose(turn.now, Said::Closed);
        // No honest page brings this about. As they come seldom, they count so that their author is named at the second, for as long as they go on.
        for _ in 0..4 {
            turn.order(Command::Hurried { peer: self.id.peer });
        }
        // Nothing but a fresh one helps. A step in flight may never come to an end (W3C WebRTC §4.4.1).
        self.give_up(turn.now);
        self.phase = Phase::Waiting { until: turn.now };
    }

    pub(crate) fn network_changed(&mut self, now: u64) {
        self.vitals.network_changed(now, self.manners);
    }

    /// Browsers don't tell of a network that gave way to another: it takes both along, the broker and the members. Where it took the
    /// browser's sockets, as Firefox's, a restart finds a path, and nothing comes over it.
    pub(crate) fn broker_lost(&mut self, now: u64) {
        if self.vitals.broker_lost(now, self.manners) {
            self.exchanges_in_vain = RESTARTS;
        }
    }

    pub(crate) fn heard_of(&mut self, sound: bool) {
        self.vitals.heard(sound);
        self.may_be_well();
    }

    /// It mended itself; what else was wanted may hide behind the restart. The next time the broker comes first again.
    fn may_be_well(&mut self) {
        if self.vitals.is_well() {
            (self.wish, self.exchanges_in_vain, self.doubts_broker) = (self.wish.min(Wish::Offer), 0, false);
        }
    }

    /// Whether the member says too little as of now.
    pub(crate) fn beat(&mut self, now: u64, passed: u64) -> bool {
        self.vitals.beat(now, passed, self.manners, self.heard.is_some())
    }

    /// Does all there is to do at this time.
    pub(crate) fn tend(&mut self, turn: &mut Turn<'_>) {
        self.check_carrier(turn);
        self.mend(turn);
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

    /// What is due to mend a path that does not carry. While it may come back by itself, the other end is asked for an ICE restart, unless
    /// it asked first; what the browser has given up is restarted; what exchanges have not helped is replaced by a fresh connection. What
    /// has never been described has nothing to mend.
    fn mend(&mut self, turn: &mut Turn<'_>) {
        let due = self.vitals.take_due(turn.now, self.manners) && self.heard.is_some();
        if due && self.is_in_vain() {
            self.pass_over(self.trickle.carrier());
        }
        let Some(carrier) = self.carrier(turn).filter(|_| due) else {
            return;
        };
        if self.exchanges_in_vain >= RESTARTS || self.vitals.is_maimed() {
            self.replace(turn, true);
        } else if self.vitals.has_failed() {
            self.restart(turn.now);
        } else if matches!(self.phase, Phase::Idle { .. }) && self.wish < Wish::Restart {
            if self.vitals.catches_up(turn.now) {
                self.restart(turn.now);
            } else {
                let exchange = turn.next_exchange();
                self.send(turn, carrier, exchange, Side::Offerer, 0, Signal::Ask);
                self.vitals.asks(turn.now);
                self.pass_over(Some(carrier));
            }
        }
    }

    /// The other end asks for an ICE restart.
    fn asked(&mut self, now: u64, exchange: ExchangeId) {
        if self.arrivals.supersede(exchange) && self.vitals.heeds(now, self.manners) {
            self.restart(now);
        }
    }

    /// An ICE restart is to be offered now, whatever was refused before, unless one is under way. What was offered over the path that is to be
    /// mended may never arrive.
    fn restart(&mut self, now: u64) {
        if self.phase.carried() < Wish::Restart {
            self.want(Wish::Restart);
            if self.is_offered() && self.trickle.carrier() == Some(Carrier::Channel) {
                self.give_up(now);
            }
            self.nudge(now);
        }
    }

    /// The other end wants no link. Only the answer to an offer that waits for it counts: what was said before may be said again by whoever
    /// carried it.
    fn turned_down(&self, turn: &mut Turn<'_>, answered: ExchangeId) {
        if matches!(self.phase, Phase::Offered { exchange, .. } if exchange == answered) {
            turn.order(Command::Refused { peer: self.id.peer });
        }
    }

    /// An exchange completed.
    pub(crate) fn exchanged(&mut self) {
        self.exchanges_in_vain = if self.vitals.is_well() { 0 } else { self.exchanges_in_vain.saturating_add(1) };
    }

    /// Whether an exchange completed, and it does not work.
    pub(crate) fn is_in_vain(&self) -> bool {
        self.exchanges_in_vain > 0
    }

    /// When it wants to be tended.
    pub(crate) fn deadline(&self, turn: &Turn<'_>) -> Option<u64> {
        let times = [self.phase_deadline(turn), self.vitals.deadline(turn.now), self.arrivals.deadline()];
        times.into_iter().flatten().min()
    }

    /// The latest exchange of the member's.
    pub(crate) fn latest(&self) -> ExchangeId {
        self.arrivals.latest()
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

    pub(crate) fn is_offered(&self) -> bool {
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
