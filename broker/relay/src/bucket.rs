//! A token bucket in whole numbers: so much a second, so much at once.

/// How full a bucket is, and since when it has been filling. What it holds and how fast it fills, its user knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// Thousandths of a unit, so that a millisecond's refill is exact.
    level: u64,
    at: u64,
}

/// How fast a bucket fills, and how much it holds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    per_second: u64,
    most: u64,
}

impl Flow {
    /// So many units a second, and `seconds` worth of them at once.
    pub(crate) fn new(per_second: u32, seconds: u32) -> Self {
        Self {
            per_second: per_second.into(),
            most: u64::from(per_second).saturating_mul(u64::from(seconds)).saturating_mul(1000),
        }
    }
}

impl Bucket {
    /// A full one.
    pub(crate) fn full(flow: &Flow, millis: u64) -> Self {
        Self { level: flow.most, at: millis }
    }

    /// Whether `amount` units were there.
    pub(crate) fn holds(&mut self, flow: &Flow, millis: u64, amount: usize) -> bool {
        self.refill(flow, millis);
        self.level >= amount as u64 * 1000
    }

    /// After how many milliseconds it will hold `amount` units, if nothing is taken meanwhile.
    pub(crate) fn millis_until(&mut self, flow: &Flow, millis: u64, amount: usize) -> u64 {
        self.refill(flow, millis);
        (amount as u64 * 1000).saturating_sub(self.level).div_ceil(flow.per_second.max(1))
    }

    /// Takes `amount` units out.
    pub(crate) fn take(&mut self, amount: usize) {
        self.level = self.level.saturating_sub(amount as u64 * 1000);
    }

    /// Whether nothing is missing, so that a fresh one would be the same.
    pub(crate) fn is_full(&mut self, flow: &Flow, millis: u64) -> bool {
        self.refill(flow, millis);
        self.level == flow.most
    }

    fn refill(&mut self, flow: &Flow, millis: u64) {
        if millis > self.at {
            self.level = self.level.saturating_add((millis - self.at).saturating_mul(flow.per_second)).min(flow.most);
            self.at = millis;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_and_then_its_rate() {
        let flow = Flow::new(100, 2);
        let mut bucket = Bucket::full(&flow, 5000);
        assert!(bucket.holds(&flow, 5000, 200) && !bucket.holds(&flow, 5000, 201));
        bucket.take(200);
        assert_eq!((bucket.millis_until(&flow, 5000, 1), bucket.millis_until(&flow, 5003, 1)), (10, 7));
        assert!(!bucket.holds(&flow, 5009, 1) && bucket.holds(&flow, 5010, 1));
        assert_eq!(bucket.millis_until(&flow, 5010, 1), 0);
        assert!(!bucket.is_full(&flow, 6999) && bucket.is_full(&flow, 7000));
        assert!(bucket.holds(&flow, u64::MAX, 200) && !bucket.holds(&flow, u64::MAX, 201));
    }

    #[test]
    fn time_that_runs_backwards_fills_nothing() {
        let flow = Flow::new(1, 1);
        let mut bucket = Bucket::full(&flow, 1000);
        bucket.take(1);
        assert!(!bucket.holds(&flow, 0, 1) && !bucket.holds(&flow, 1000, 1));
    }

    #[test]
    fn the_largest_that_can_be_set_is_no_less() {
        let flow = Flow::new(u32::MAX, u32::MAX);
        assert!(Bucket::full(&flow, 0).holds(&flow, 0, u32::MAX as usize));
    }
}
