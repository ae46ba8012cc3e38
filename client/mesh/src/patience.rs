//! How long a link waits before it tries again: growing, bounded, and short again after each success.

use crate::{Rule, Rules};

/// How long the end that was there first waits for the newcomer's offer.
pub(crate) const FIRST_WORD: u64 = 5_000;
/// How long a connection lives at least, before the other end's wish to begin afresh replaces it.
pub(crate) const CONNECTION: u64 = 1_000;
/// How long the first answer is waited for.
const ANSWER: u64 = 8_000;
/// How often the wait for an answer doubles.
const ANSWER_DOUBLINGS: u32 = 2;
/// The waits after what was refused, in milliseconds; the last one stays.
const RETRIES: [u64; 6] = [1_000, 2_000, 4_000, 8_000, 16_000, 30_000];

/// Counts what went wrong since something last went right.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Patience {
    failures: u32,
}

impl Patience {
    /// An exchange completed.
    pub(crate) fn rest(&mut self) {
        self.failures = 0;
    }

    /// Something went wrong: when to try again.
    pub(crate) fn retry(&mut self, now: u64, rules: impl Rules) -> u64 {
        let wait =
            usize::try_from(self.failures).ok().and_then(|i| RETRIES.get(i)).unwrap_or(&RETRIES[RETRIES.len() - 1]);
        self.failures = self.failures.saturating_add(1);
        if rules.keeps(Rule::RefusedWaits) { now + wait } else { now }
    }

    /// No answer came: another offer is due at once, and waits longer for its own.
    pub(crate) fn unanswered(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    /// Until when an answer to what is sent now is waited for.
    pub(crate) fn answer(self, now: u64) -> u64 {
        now + (ANSWER << self.failures.min(ANSWER_DOUBLINGS))
    }

    /// Whether half of the wait for an answer is over that lasts until then.
    pub(crate) fn is_half_gone(self, now: u64, until: u64) -> bool {
        2 * until <= now + self.answer(now)
    }

    /// Whether so much went wrong that the connection itself is to blame.
    pub(crate) fn is_out(self) -> bool {
        self.failures >= 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Protocol;

    #[test]
    fn patience_grows_to_its_bound_and_is_short_again_after_a_success() {
        let mut patience = Patience::default();
        let waits: Vec<u64> = (0..8).map(|_| patience.retry(100, Protocol) - 100).collect();
        assert_eq!(waits, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
        assert_eq!(patience.answer(0), 32_000);
        assert_eq!([15_999, 16_000].map(|now| patience.is_half_gone(now, 32_000)), [false, true]);
        patience.rest();
        assert_eq!((patience.answer(0), patience.retry(0, Protocol)), (8_000, 1_000));
    }
}
