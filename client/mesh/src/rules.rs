//! The rules that make two ends agree, each with a name, so that tests can break one at a time and see it caught.
//!
//! In the page the rules are [`Protocol`]: a type of no size whose answer is a constant, so that nothing of this is left.

/// One rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// In glare the polite end gives up its own offer. Without it both would wait for ever.
    PoliteYields,
    /// In glare the impolite end ignores the other's offer. Without it both would give up theirs, and each answer what
    /// the other has forgotten.
    ImpoliteStands,
    /// A candidate waits until the description that it belongs to was set: browsers refuse it before.
    EarlyCandidatesWait,
    /// The candidates of an ignored offer are ignored too: no description of theirs will ever be set.
    IgnoredCandidatesToo,
    /// What the browser wants to negotiate while it can't be is remembered: it says so once.
    NeedIsRemembered,
    /// An exchange that ends stable settles what was wanted when it began: the browser says so again if it didn't.
    ExchangeSettlesNeed,
    /// An answer completes the exchange that it was given for, and no other.
    AnswerFitsItsOffer,
    /// A remote exchange older than the latest seen is over, whatever still arrives of it.
    OlderExchangeIsOver,
    /// An exchange that was given up is offered afresh: the browser holds an offer that nobody will answer.
    GivenUpIsOfferedAgain,
    /// An answer to an offer that we rolled back means that the other end took what we gave up: offer afresh.
    StrayAnswerIsMended,
    /// An offer is not waited on for ever: offer or answer may be lost without anybody's being told.
    AnswerIsAwaitedForSoLong,
    /// Facts about an older generation are about another connection.
    OldGenerationIsOver,
    /// A member in a new page session has a new connection, and so must we.
    NewSessionNewConnection,
    /// When the other end's connection is a fresh one, so must ours be.
    FreshMeetsFresh,
    /// Their offer is taken by a connection that has made none yet, or was given a description before: Chromium may look for no address
    /// once it took its first offer back.
    FreshOneYields,
    /// One description is set at a time; what comes meanwhile waits.
    OneStepAtATime,
    /// Candidates are sent behind the description that they belong to.
    CandidatesFollowDescription,
    /// Nothing is sent while signalling reaches nobody, and nothing of then afterwards.
    NothingStaleIsSent,
    /// The end that was there first leaves the first word to the newcomer.
    NewcomerOffers,
    /// What the browser refused is tried again later, not at once.
    RefusedWaits,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::PoliteYields,
        Self::ImpoliteStands,
        Self::EarlyCandidatesWait,
        Self::IgnoredCandidatesToo,
        Self::NeedIsRemembered,
        Self::ExchangeSettlesNeed,
        Self::AnswerFitsItsOffer,
        Self::OlderExchangeIsOver,
        Self::GivenUpIsOfferedAgain,
        Self::StrayAnswerIsMended,
        Self::AnswerIsAwaitedForSoLong,
        Self::OldGenerationIsOver,
        Self::NewSessionNewConnection,
        Self::FreshMeetsFresh,
        Self::FreshOneYields,
        Self::OneStepAtATime,
        Self::CandidatesFollowDescription,
        Self::NothingStaleIsSent,
        Self::NewcomerOffers,
        Self::RefusedWaits,
    ];
}

/// Which rules hold.
pub trait Rules: Copy {
    /// Whether this one does.
    fn keeps(self, rule: Rule) -> bool;
}

/// All of them hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Protocol;

impl Rules for Protocol {
    #[inline(always)]
    fn keeps(self, _: Rule) -> bool {
        true
    }
}
