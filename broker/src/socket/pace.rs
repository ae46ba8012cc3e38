//! How fast one connection may send: a token bucket that can go into debt.
//!
//! Refused frames count too. Who pauses recovers; who goes on regardless ends up hopeless. Long before that a connection is loud, which
//! costs it nothing but its place ([`super::quarters`]).

use crate::limits::Limits;

/// One more token for each so many bytes of a frame.
const BYTES_A_TOKEN: usize = 1024;
/// What checking a signature costs more than anything else. A page proves itself once a connection.
const PROOF_TOKENS: usize = 50;
/// Whoever owes more than this is loud: a page negotiates with one other for less.
const LOUD_TOKENS: i64 = 32;
/// Tokens are counted in thousandths, because time is in milliseconds.
const UNIT: i64 = 1000;

/// One connection's bucket.
#[derive(Debug)]
pub(crate) struct Pace {
    per_second: i64,
    most: i64,
    least: i64,
    level: i64,
    at: u64,
    /// When it was loud last, or came.
    loud_at: u64,
}

/// What becomes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is dealt with.
    Fine,
    /// It is refused.
    TooFast,
    /// The connection is to be closed.
    Hopeless,
}

impl Pace {
    /// A full bucket.
    pub(crate) fn new(limits: &Limits, now: u64) -> Self {
        let most = i64::from(limits.frame_burst) * UNIT;
        Self {
            per_second: i64::from(limits.frames_per_second),
            most,
            least: -i64::from(limits.excess_frames) * UNIT,
            level: most,
            at: now,
            loud_at: now,
        }
    }

    /// Counts a frame of so many bytes, with or without a proof in it.
    pub(crate) fn frame(&mut self, bytes: usize, proof: bool, now: u64) -> Verdict {
        self.recover(now);
        self.level = self.level.saturating_sub(tokens(bytes, proof).saturating_mul(UNIT));
        if self.is_loud_with(0) {
            self.loud_at = self.at;
        }
        if self.level >= 0 {
            Verdict::Fine
        } else if self.level > self.least {
            Verdict::TooFast
        } else {
            Verdict::Hopeless
        }
    }

    /// Whether a frame of so many bytes would be loud.
    pub(crate) fn would_be_loud(&mut self, bytes: usize, now: u64) -> bool {
        self.recover(now);
        self.is_loud_with(tokens(bytes, false).saturating_mul(UNIT))
    }

    /// For how long nothing has been loud, in milliseconds.
    pub(crate) fn calm_for(&self, now: u64) -> u64 {
        now.saturating_sub(self.loud_at)
    }

    fn recover(&mut self, now: u64) {
        // A token a second is a thousandth a millisecond.
        let passed = i64::try_from(now.saturating_sub(self.at)).unwrap_or(i64::MAX);
        self.at = self.at.max(now);
        self.level = self.level.saturating_add(passed.saturating_mul(self.per_second)).min(self.most);
    }

    fn is_loud_with(&self, more: i64) -> bool {
        self.most.saturating_sub(self.level).saturating_add(more) > LOUD_TOKENS * UNIT
    }
}

/// What a frame costs.
pub(crate) fn tokens(bytes: usize, proof: bool) -> i64 {
    let tokens = 1 + bytes / BYTES_A_TOKEN + if proof { PROOF_TOKENS } else { 0 };
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pace() -> Pace {
        Pace::new(&Limits { frames_per_second: 2, frame_burst: 3, excess_frames: 4, ..Limits::default() }, 0)
    }

    #[test]
    fn a_burst_is_fine_and_then_the_rate_holds() {
        let mut pace = pace();
        assert_eq!(
            [0; 4].map(|_| pace.frame(9, false, 0)),
            [Verdict::Fine, Verdict::Fine, Verdict::Fine, Verdict::TooFast]
        );
        assert_eq!(pace.frame(9, false, 400), Verdict::TooFast);
        assert_eq!(pace.frame(9, false, 2_000), Verdict::Fine);
    }

    #[test]
    fn who_goes_on_regardless_is_hopeless_and_who_pauses_recovers() {
        let mut pace = pace();
        let verdicts: Vec<_> = (0..7).map(|_| pace.frame(9, false, 0)).collect();
        assert_eq!(verdicts[3..], [Verdict::TooFast, Verdict::TooFast, Verdict::TooFast, Verdict::Hopeless]);
        assert_eq!(pace.frame(9, false, 60_000), Verdict::Fine);
    }

    #[test]
    fn a_big_frame_counts_as_several() {
        let mut pace = pace();
        assert_eq!(pace.frame(2 * BYTES_A_TOKEN, false, 0), Verdict::Fine);
        assert_eq!(pace.frame(1, false, 0), Verdict::TooFast);
    }

    #[test]
    fn a_proof_counts_as_several() {
        let mut pace = pace();
        assert_eq!(pace.frame(9, true, 0), Verdict::Hopeless);
        assert_eq!(pace.frame(9, true, 60_000), Verdict::Hopeless);
        assert_eq!(pace.frame(9, false, 120_000), Verdict::Fine);
    }

    #[test]
    fn no_time_and_no_size_overflows() {
        let mut pace = pace();
        assert_eq!(pace.frame(usize::MAX / 2, true, u64::MAX), Verdict::Hopeless);
        assert_eq!(pace.frame(1, false, 0), Verdict::Hopeless);
    }

    #[test]
    fn who_sends_much_at_once_is_loud_before_it_is_read_and_calm_a_while_later() {
        let mut pace = Pace::new(&Limits::default(), 0);
        assert!(!pace.would_be_loud(31 * BYTES_A_TOKEN, 5) && pace.would_be_loud(32 * BYTES_A_TOKEN, 5));
        assert_eq!(pace.calm_for(5), 5);
        for _ in 0..32 {
            pace.frame(9, false, 10);
        }
        assert_eq!(pace.calm_for(15), 15, "whoever came is not calm yet, and has not been loud");
        pace.frame(9, false, 15);
        pace.frame(9, false, 15);
        assert_eq!(pace.calm_for(20), 5);
        pace.frame(9, false, 2_000);
        assert_eq!(pace.calm_for(2_015), 2_000);
    }
}
