//! The links of a room: each fact finds its link, each link is tended, and what comes of it is ordered.

use klatch_shared::limits::MAX_SEATS;
use klatch_shared::{ExchangeId, MemberId, SessionNonce};

use crate::carrier::Carriers;
use crate::link::Link;
use crate::turn::{Counters, Turn};
use crate::{Allowance, Command, Few, Health, Input, LinkId, Protocol, Rule, Rules};

/// All links of this page session with a room's other members. One mesh for one page session: exchanges count up through it,
/// so who leaves and comes back without a reload keeps it.
#[derive(Clone, Debug)]
pub struct Mesh<R = Protocol> {
    rules: R,
    me: MemberId,
    session: SessionNonce,
    carriers: Carriers,
    counters: Counters,
    links: Few<MemberId, Link<R>>,
    /// The links that are over; the last one comes first.
    over: Vec<Over>,
    deadline: Option<u64>,
    /// When the last beat was.
    beat: Option<u64>,
}

/// What is remembered of a link that is over.
#[derive(Clone, Copy, Debug)]
struct Over {
    peer: MemberId,
    session: SessionNonce,
    /// The member's latest exchange.
    latest: ExchangeId,
    /// The links that this member may still have, in the last one.
    more: Allowance,
}

/// What another link costs: five at once, and one each two seconds. A browser has only so many connections, and is slow to give them up.
const LINK_COST: usize = 59 * Allowance::BYTES;
/// The most that a beat counts for, in milliseconds.
const BEAT_COUNTS: u64 = 1_000;
/// Links that are remembered: of each seat's page, and of those that it had before.
const MAX_OVER: usize = 8 * MAX_SEATS;

impl Mesh {
    /// A mesh without links, for this page session; the broker reaches others.
    pub fn new(me: MemberId, session: SessionNonce) -> Self {
        Self::with_rules(me, session, Protocol)
    }
}

impl<R: Rules> Mesh<R> {
    /// The same under other rules: for tests.
    pub fn with_rules(me: MemberId, session: SessionNonce, rules: R) -> Self {
        let counters = Counters { exchange: ExchangeId(0), generation: 0 };
        Self {
            rules,
            me,
            session,
            carriers: Carriers { broker: true, helpers: Vec::new() },
            counters,
            links: Few::default(),
            over: Vec::new(),
            deadline: None,
            beat: None,
        }
    }

    /// Takes in a fact, and says what to do. `now` does not run backwards.
    pub fn handle(&mut self, now: u64, input: Input) -> Vec<Command> {
        let mut commands = Vec::new();
        let mut counters = self.counters;
        let mut carriers = std::mem::take(&mut self.carriers);
        match input {
            Input::BrokerBack => carriers.broker = true,
            Input::BrokerLost => {
                if carriers.broker {
                    self.links.values_mut().for_each(|link| link.broker_lost(now));
                }
                carriers.broker = !self.rules.keeps(Rule::NothingStaleIsSent);
            }
            _ => {}
        }
        let mut turn = Turn { now, carriers: &carriers, counters: &mut counters, commands: &mut commands };
        self.take_in(&mut turn, input);
        carriers.helpers = self.links.values().filter_map(Link::as_helper).collect();
        let mut turn = Turn { now, carriers: &carriers, counters: &mut counters, commands: &mut commands };
        self.links.values_mut().for_each(|link| link.tend(&mut turn));
        self.deadline = self.links.values().filter_map(|link| link.deadline(&turn)).min();
        (self.counters, self.carriers) = (counters, carriers);
        commands
    }

    /// When an [`Input::Tick`] is due, if nothing else happens before.
    pub fn deadline(&self) -> Option<u64> {
        self.deadline
    }

    /// How the link with a member is, if there is one.
    pub fn health(&self, peer: MemberId) -> Option<Health> {
        self.links.get(&peer).map(Link::health)
    }

    /// The connection with a member, if there is one.
    pub fn link(&self, peer: MemberId) -> Option<LinkId> {
        self.links.get(&peer).map(|link| link.id)
    }

    /// Whether an exchange that a member's page session begins is newer than all that came from it: what is not may be said again by
    /// whoever carried it.
    pub fn is_news(&self, (peer, session): (MemberId, SessionNonce), exchange: ExchangeId) -> bool {
        let link = self.links.get(&peer).filter(|link| link.session() == session).map(Link::latest);
        exchange > link.unwrap_or_else(|| self.latest_before(peer, session))
    }

    /// The members with whom our data channel works: whom others may reach by way of us.
    pub fn reached(&self) -> Vec<MemberId> {
        self.links.iter().filter(|(_, link)| link.has_channel()).map(|(peer, _)| *peer).collect()
    }

    /// This page session.
    pub fn session(&self) -> SessionNonce {
        self.session
    }

    fn take_in(&mut self, turn: &mut Turn<'_>, input: Input) {
        match input {
            Input::Present { peer, session, we_offer } => self.present(turn, peer, session, we_offer),
            Input::Gone { peer } => self.end(turn, peer),
            Input::Away { peer } => {
                if let Some(link) = self.links.get_mut(&peer) {
                    link.away();
                }
            }
            Input::Signal { peer, carrier, exchange, side, sequence, signal } => {
                if let Some(link) = self.links.get_mut(&peer) {
                    link.signal(turn, carrier, (exchange, side, sequence), signal);
                }
            }
            Input::Refused { peer, exchange, side } => {
                if let Some(link) = self.links.get_mut(&peer) {
                    link.refused(turn.now, exchange, side);
                }
            }
            Input::NegotiationNeeded { link } => self.on(link, |link| link.negotiation_needed(turn)),
            Input::LocalSet { link, kind, description } => {
                self.on(link, |link| link.local_set(turn, kind, description));
            }
            Input::RemoteSet { link } => self.on(link, |link| link.remote_set(turn)),
            Input::StepFailed { link } => self.on(link, |link| link.step_failed(turn)),
            Input::LocalCandidate { link, candidate } => self.on(link, |link| link.local_candidate(candidate)),
            Input::Connection { link, state } => self.on(link, |link| link.connection(turn, state)),
            Input::ChannelOpen { link } => self.on(link, |link| link.channel_opened()),
            Input::ChannelClosed { link } => self.on(link, |link| link.channel_closed(turn.now)),
            Input::Reaches { peer, members } => {
                if let Some(link) = self.links.get_mut(&peer) {
                    link.tells_whom(members);
                }
            }
            Input::Heard { link, sound } => self.on(link, |link| link.heard_of(sound)),
            Input::Beat => {
                let last = self.beat.replace(turn.now).unwrap_or(turn.now);
                let passed = (turn.now - last).min(BEAT_COUNTS);
                if self.links.values_mut().fold(false, |silent, link| link.beat(turn.now, passed) | silent) {
                    turn.order(Command::ProbeBroker);
                }
            }
            Input::NetworkChanged => self.links.values_mut().for_each(|link| link.network_changed(turn.now)),
            Input::BrokerBack | Input::BrokerLost | Input::Tick => {}
        }
    }

    fn present(&mut self, turn: &mut Turn<'_>, peer: MemberId, session: SessionNonce, we_offer: bool) {
        if peer == self.me {
            return;
        }
        if let Some(link) = self.links.get_mut(&peer)
            && (link.session() == session || !self.rules.keeps(Rule::NewSessionNewConnection))
        {
            link.present(turn.now);
            return;
        }
        self.end(turn, peer);
        // What was sealed for this page session before is not new because there was no link meanwhile.
        let latest = self.latest_before(peer, session);
        let before = self.over.iter_mut().find(|over| over.peer == peer);
        let at_once = before.is_none_or(|over| over.more.takes(LINK_COST, turn.now));
        if !at_once {
            turn.order(Command::Hurried { peer });
        }
        self.links.insert(peer, Link::open(turn, self.rules, self.me, (peer, session), latest, we_offer, at_once));
    }

    fn end(&mut self, turn: &mut Turn<'_>, peer: MemberId) {
        let Some(link) = self.links.remove(&peer) else { return };
        link.close(turn);
        let (session, latest) = (link.session(), link.latest());
        let before = self.over.iter().find(|over| over.peer == peer);
        let more = before.map_or(Allowance::new(turn.now), |over| over.more);
        // A session in which nothing came of the member is one that the broker may have made up.
        self.over.retain(|it| it.peer != peer || it.session != session && it.latest > ExchangeId(0));
        self.over.truncate(MAX_OVER - 1);
        self.over.insert(0, Over { peer, session, latest, more });
    }

    fn latest_before(&self, peer: MemberId, session: SessionNonce) -> ExchangeId {
        let before = self.over.iter().find(|over| (over.peer, over.session) == (peer, session));
        before.map_or(ExchangeId(0), |over| over.latest)
    }

    /// The link, if this is its present generation.
    fn on(&mut self, id: LinkId, act: impl FnOnce(&mut Link<R>)) {
        if let Some(link) = self.links.get_mut(&id.peer)
            && (link.id == id || !self.rules.keeps(Rule::OldGenerationIsOver))
        {
            act(link);
        }
    }
}
