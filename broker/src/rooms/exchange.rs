//! What the broker knows of an exchange: enough to let through what belongs to it, and nothing else.

use klatch_shared::limits::{EXCHANGE_LIFE, MAX_CANDIDATES};
use klatch_shared::wire::{RefusalCode, Side};
use klatch_shared::{ExchangeId, MemberId};

/// The latest offer of one member to another. Kept with the offerer's seat.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) to: MemberId,
    id: ExchangeId,
    over_at: u64,
    answered: bool,
    from_offerer: u32,
    from_answerer: u32,
}

impl Exchange {
    /// The one that an offer begins.
    pub(super) fn begin(to: MemberId, id: ExchangeId, now: u64) -> Self {
        let life = u64::try_from(EXCHANGE_LIFE.as_millis()).expect("a minute");
        Self { to, id, over_at: now.saturating_add(life), answered: false, from_offerer: 0, from_answerer: 0 }
    }

    /// Whether it is forgotten by now.
    pub(super) fn is_over(&self, now: u64) -> bool {
        now >= self.over_at
    }

    /// Whether a new offer in the same direction with `id` may replace it.
    pub(super) fn precedes(&self, id: ExchangeId) -> bool {
        self.id < id
    }

    /// Lets the one answer through.
    pub(super) fn answer(&mut self, id: ExchangeId, now: u64) -> Result<(), RefusalCode> {
        if self.id != id || self.is_over(now) || self.answered {
            return Err(RefusalCode::UnknownExchange);
        }
        self.answered = true;
        Ok(())
    }

    /// Counts a candidate from one side.
    pub(super) fn candidate(&mut self, id: ExchangeId, side: Side, now: u64) -> Result<(), RefusalCode> {
        if self.id != id || self.is_over(now) {
            return Err(RefusalCode::UnknownExchange);
        }
        let count = match side {
            Side::Offerer => &mut self.from_offerer,
            Side::Answerer => &mut self.from_answerer,
        };
        if *count >= MAX_CANDIDATES {
            return Err(RefusalCode::TooManyCandidates);
        }
        *count += 1;
        Ok(())
    }
}
