//! What the other end sends, put in order and kept until it can be used.
//!
//! Two streams count: their latest exchange (an offer and its candidates) and ours (an answer and its candidates). Each gives
//! its description first, and its candidates once that was set.

use klatch_shared::ExchangeId;
use klatch_shared::exchange::Inbox;
use klatch_shared::limits::MAX_CANDIDATES;
use klatch_shared::peer::{Description, IceCandidate};
use klatch_shared::wire::Side;

use crate::identity::Identity;
use crate::stream::{Progress, Stream};
use crate::{Carrier, Rule, Rules, Signal};

/// Both streams.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrivals {
    offers: Stream,
    answers: Stream,
    /// What carries their latest exchange.
    carrier: Option<Carrier>,
}

/// What a hole that stays has cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Broken {
    /// Their offer.
    Offer,
    /// Their answer to ours.
    Answer,
    /// Candidates only.
    Candidates,
}

impl Arrivals {
    /// Of a member of whom no exchange but those after this one counts.
    pub(crate) fn after(exchange: ExchangeId) -> Self {
        Self { offers: Stream { exchange, ..Stream::default() }, ..Self::default() }
    }

    /// Their latest exchange.
    pub(crate) fn latest(&self) -> ExchangeId {
        self.offers.exchange
    }

    /// Takes in what came; what is in the wrong place, too old or too much is dropped.
    pub(crate) fn arrive<R: Rules>(
        &mut self,
        now: u64,
        carrier: Carrier,
        at: (ExchangeId, Side, u32),
        signal: Signal,
        rules: R,
    ) {
        let (exchange, side, sequence) = at;
        let placed = match (&signal, side) {
            (Signal::Offer(_), Side::Offerer) | (Signal::Answer(_), Side::Answerer) => sequence == 0,
            (Signal::Offer(_), Side::Answerer) | (Signal::Answer(_), Side::Offerer) | (Signal::Ask, _) => false,
            (Signal::Candidate(_), Side::Offerer | Side::Answerer) => (1..=MAX_CANDIDATES).contains(&sequence),
        };
        let newer = exchange > self.offers.exchange || !rules.keeps(Rule::OlderExchangeIsOver);
        if side == Side::Offerer && newer && exchange != self.offers.exchange && placed {
            self.offers = Stream::awaited(exchange);
            self.carrier = Some(carrier);
        }
        let stream = self.stream(side);
        let fits = exchange == stream.exchange || side == Side::Answerer && !rules.keeps(Rule::AnswerFitsItsOffer);
        if placed && fits {
            stream.arrive(now, sequence, signal);
        }
    }

    /// Another exchange of theirs, in which nothing is described; false if it is not newer than all.
    pub(crate) fn supersede(&mut self, exchange: ExchangeId) -> bool {
        let newer = exchange > self.offers.exchange;
        if newer {
            self.offers = Stream { exchange, ..Stream::default() };
        }
        newer
    }

    /// What carries their latest exchange, and our part of it.
    pub(crate) fn carrier(&self) -> Option<Carrier> {
        self.carrier
    }

    /// We sent an offer: its answer is awaited.
    pub(crate) fn expect(&mut self, exchange: ExchangeId) {
        self.answers = Stream::awaited(exchange);
    }

    /// The exchange whose description of this side waits to be set.
    pub(crate) fn waiting(&self, side: Side) -> Option<ExchangeId> {
        let stream = match side {
            Side::Offerer => &self.offers,
            Side::Answerer => &self.answers,
        };
        matches!(stream.progress, Progress::Here(_)).then_some(stream.exchange)
    }

    /// Whose description of this side waits to be set.
    pub(crate) fn identity(&self, side: Side) -> Option<Identity> {
        let stream = match side {
            Side::Offerer => &self.offers,
            Side::Answerer => &self.answers,
        };
        match &stream.progress {
            Progress::Here(description) => Some(Identity::of(description)),
            Progress::Awaited
            | Progress::Taken(_)
            | Progress::Set
            | Progress::Over
            | Progress::RolledBack
            | Progress::Stray => None,
        }
    }

    /// Whether this is their latest exchange.
    pub(crate) fn is_latest(&self, exchange: ExchangeId) -> bool {
        self.offers.exchange == exchange
    }

    /// Takes the description of this side, to be set.
    pub(crate) fn take(&mut self, side: Side) -> Option<Description> {
        let stream = self.stream(side);
        let Progress::Here(description) = &stream.progress else {
            return None;
        };
        let description = description.clone();
        stream.progress = Progress::Taken(description.clone());
        Some(description)
    }

    /// Their description of that exchange could not be set, and is to be set again.
    pub(crate) fn put_back(&mut self, exchange: ExchangeId) {
        if self.offers.exchange == exchange
            && let Progress::Taken(description) = &self.offers.progress
        {
            self.offers.progress = Progress::Here(description.clone());
        }
    }

    /// The description was set, if it still counts.
    pub(crate) fn set(&mut self, exchange: ExchangeId, side: Side) {
        let stream = self.stream(side);
        if stream.exchange == exchange && matches!(stream.progress, Progress::Taken(_)) {
            stream.progress = Progress::Set;
        }
    }

    /// This side of that exchange counts no more.
    pub(crate) fn give_up(&mut self, exchange: ExchangeId, side: Side) {
        let stream = self.stream(side);
        if stream.exchange == exchange {
            stream.end(Progress::Over);
        }
    }

    /// Their offer, that waits to be set, is ignored.
    pub(crate) fn ignore<R: Rules>(&mut self, rules: R) {
        if rules.keeps(Rule::IgnoredCandidatesToo) {
            self.offers.end(Progress::Over);
        } else {
            self.offers.progress = Progress::Set;
        }
    }

    /// Our exchange was rolled back.
    pub(crate) fn roll_back(&mut self, exchange: ExchangeId) {
        if self.answers.exchange == exchange {
            self.answers.end(Progress::RolledBack);
        }
    }

    /// Whether what we rolled back was answered. Told once.
    pub(crate) fn take_stray(&mut self) -> bool {
        let stray = matches!(self.answers.progress, Progress::Stray);
        if stray {
            self.answers.progress = Progress::Over;
        }
        stray
    }

    /// The next candidate that can be used.
    pub(crate) fn candidate<R: Rules>(&mut self, now: u64, rules: R) -> Option<IceCandidate> {
        self.answers.candidate(now, rules).or_else(|| self.offers.candidate(now, rules))
    }

    /// When a hole becomes too old.
    pub(crate) fn deadline(&self) -> Option<u64> {
        [&self.offers, &self.answers].into_iter().filter_map(|stream| stream.inbox.deadline()).min()
    }

    /// Gives up a stream with a hole that is too old.
    pub(crate) fn take_broken(&mut self, now: u64) -> Option<Broken> {
        let streams = [(Side::Offerer, &mut self.offers), (Side::Answerer, &mut self.answers)];
        let (side, stream) = streams.into_iter().find(|(_, stream)| stream.inbox.is_broken(now))?;
        match (&stream.progress, side) {
            (Progress::Awaited, side) => {
                stream.end(Progress::Over);
                Some(if side == Side::Answerer { Broken::Answer } else { Broken::Offer })
            }
            // What was taken stays so; what stands behind the hole is lost.
            (Progress::Here(_) | Progress::Taken(_) | Progress::Set, Side::Offerer | Side::Answerer)
            | (Progress::Over | Progress::RolledBack | Progress::Stray, Side::Offerer | Side::Answerer) => {
                stream.inbox = Inbox::default();
                Some(Broken::Candidates)
            }
        }
    }

    /// A fresh connection knows nothing of what the one before was given; an offer that waits is for it.
    pub(crate) fn begin_afresh(&mut self) {
        self.answers.end(Progress::Over);
        match self.offers.progress {
            Progress::Awaited | Progress::Here(_) => {}
            Progress::Taken(_) | Progress::Set | Progress::Over | Progress::RolledBack | Progress::Stray => {
                self.offers.end(Progress::Over);
            }
        }
    }

    fn stream(&mut self, side: Side) -> &mut Stream {
        match side {
            Side::Offerer => &mut self.offers,
            Side::Answerer => &mut self.answers,
        }
    }
}
