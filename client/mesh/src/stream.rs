//! One side of one exchange as it arrives: its description, then its candidates.

use klatch_shared::ExchangeId;
use klatch_shared::exchange::{Arrival, Inbox};
use klatch_shared::peer::{Description, IceCandidate};

use crate::{Rule, Rules, Signal};

/// One side of one exchange.
#[derive(Clone, Debug)]
pub(crate) struct Stream {
    pub(crate) exchange: ExchangeId,
    pub(crate) inbox: Inbox<Signal>,
    pub(crate) progress: Progress,
}

/// How far one side of an exchange has come.
#[derive(Clone, Debug)]
pub(crate) enum Progress {
    /// The description has not come.
    Awaited,
    /// It came.
    Here(Description),
    /// It is being set.
    Taken(Description),
    /// It was set: candidates flow.
    Set,
    /// Whatever comes is dropped.
    Over,
    /// Ours, rolled back: whatever comes is dropped, but an answer is noticed.
    RolledBack,
    /// Ours, rolled back, and answered all the same.
    Stray,
}

impl Default for Stream {
    fn default() -> Self {
        Self { exchange: ExchangeId(0), inbox: Inbox::default(), progress: Progress::Over }
    }
}

impl Stream {
    pub(crate) fn awaited(exchange: ExchangeId) -> Self {
        Self { exchange, inbox: Inbox::default(), progress: Progress::Awaited }
    }

    pub(crate) fn end(&mut self, progress: Progress) {
        self.inbox = Inbox::default();
        self.progress = progress;
    }

    pub(crate) fn arrive(&mut self, now: u64, sequence: u32, signal: Signal) {
        match (&self.progress, &signal) {
            (Progress::Over | Progress::Stray, _) => {}
            (Progress::RolledBack, Signal::Answer(_)) => self.progress = Progress::Stray,
            (Progress::RolledBack, Signal::Ask | Signal::Offer(_) | Signal::Candidate(_)) => {}
            (Progress::Awaited | Progress::Here(_) | Progress::Taken(_) | Progress::Set, _) => {
                // What comes twice or too far ahead is dropped, and counted by nobody: the sequence tells.
                let _: Arrival = self.inbox.arrive(now, sequence, signal);
            }
        }
        if matches!(self.progress, Progress::Awaited)
            && let Some(Signal::Offer(description) | Signal::Answer(description)) = self.inbox.next(now)
        {
            self.progress = Progress::Here(description);
        }
    }

    pub(crate) fn candidate<R: Rules>(&mut self, now: u64, rules: R) -> Option<IceCandidate> {
        let flows = match self.progress {
            Progress::Set => true,
            Progress::Here(_) | Progress::Taken(_) => !rules.keeps(Rule::EarlyCandidatesWait),
            Progress::Awaited | Progress::Over | Progress::RolledBack | Progress::Stray => false,
        };
        match flows.then(|| self.inbox.next(now))?? {
            Signal::Candidate(candidate) => Some(candidate),
            Signal::Ask | Signal::Offer(_) | Signal::Answer(_) => None,
        }
    }
}
