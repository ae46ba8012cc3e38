//! How much one member may say over the data channel: a token bucket, so that a flood costs the others next to nothing.

/// One member's bucket.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Thousandths of a token, because time is in milliseconds.
    level: u64,
    at: u64,
}

impl Allowance {
    /// Messages that may come at once: more than a page sends when a link is back after a while.
    pub const BURST: u32 = 300;
    /// Messages a second in the long run: more than people type, pages answer and pass on.
    pub const A_SECOND: u32 = 30;
    /// A long message counts once more for each so many bytes.
    pub const BYTES: usize = 2048;

    /// A full bucket at the time `now`, in milliseconds.
    pub fn new(now: u64) -> Self {
        Self { level: u64::from(Self::BURST) * 1000, at: now }
    }

    /// Whether a message of so many bytes still fits; if so, it is counted.
    pub fn takes(&mut self, bytes: usize, now: u64) -> bool {
        // A token a second is a thousandth a millisecond.
        let gained = now.saturating_sub(self.at).saturating_mul(u64::from(Self::A_SECOND));
        self.level = self.level.saturating_add(gained).min(u64::from(Self::BURST) * 1000);
        self.at = self.at.max(now);
        let cost = u64::try_from(1 + bytes / Self::BYTES).unwrap_or(u64::MAX).saturating_mul(1000);
        let fits = cost <= self.level;
        if fits {
            self.level -= cost;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(allowance: &mut Allowance, bytes: usize, now: u64) -> usize {
        (0..10_000).take_while(|_| allowance.takes(bytes, now)).count()
    }

    #[test]
    fn a_burst_fits_and_then_the_rate_holds() {
        let mut allowance = Allowance::new(5_000);
        assert_eq!(taken(&mut allowance, 10, 5_000), Allowance::BURST as usize);
        assert_eq!(taken(&mut allowance, 10, 6_000), Allowance::A_SECOND as usize);
        assert_eq!(
            taken(&mut allowance, 10, 3_600_000),
            Allowance::BURST as usize,
            "a pause gives no more than a burst"
        );
    }

    #[test]
    fn a_long_message_counts_as_several() {
        let mut allowance = Allowance::new(0);
        assert_eq!(taken(&mut allowance, 3 * Allowance::BYTES, 0), Allowance::BURST as usize / 4);
    }

    #[test]
    fn no_time_and_no_size_overflows() {
        let mut allowance = Allowance::new(u64::MAX);
        assert!(!allowance.takes(usize::MAX, 0));
        assert!(allowance.takes(0, u64::MAX));
    }
}
