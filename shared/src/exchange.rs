//! One exchange's arrivals, put back in order.
//!
//! Within an exchange each side counts what it sends from 0. The next is taken, up to [`MAX_AHEAD`] are held, duplicates
//! are dropped. A gap that outlasts [`MAX_GAP`] is reported: whoever keeps the exchange abandons it and starts a new one.

use crate::limits::{MAX_AHEAD, MAX_GAP};

/// What came of an arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Taken, or held until its turn.
    Kept,
    /// Seen before.
    Duplicate,
    /// Further ahead than is held.
    TooFar,
}

/// One side's numbered arrivals. Times are milliseconds of any one clock.
#[derive(Clone, Debug)]
pub struct Inbox<T> {
    next: u32,
    /// In order; a few.
    held: Vec<(u32, T)>,
    gap_since: Option<u64>,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self { next: 0, held: Vec::new(), gap_since: None }
    }
}

impl<T> Inbox<T> {
    /// Takes in what carries `sequence`; [`Inbox::next`] then gives what is due.
    pub fn arrive(&mut self, now: u64, sequence: u32, item: T) -> Arrival {
        if sequence < self.next || self.holds(sequence) {
            return Arrival::Duplicate;
        }
        if sequence - self.next > MAX_AHEAD {
            return Arrival::TooFar;
        }
        let at = self.held.partition_point(|(held, _)| *held < sequence);
        self.held.insert(at, (sequence, item));
        self.watch_gap(now);
        Arrival::Kept
    }

    /// The next in order, if it is there.
    pub fn next(&mut self, now: u64) -> Option<T> {
        let at = self.held.iter().position(|(sequence, _)| *sequence == self.next)?;
        let (_, item) = self.held.remove(at);
        self.next += 1;
        self.gap_since = None;
        self.watch_gap(now);
        Some(item)
    }

    /// Whether something has been missing for longer than [`MAX_GAP`].
    pub fn is_broken(&self, now: u64) -> bool {
        self.deadline().is_some_and(|deadline| now >= deadline)
    }

    /// When a gap that is open now becomes too old.
    pub fn deadline(&self) -> Option<u64> {
        let bound = u64::try_from(MAX_GAP.as_millis()).expect("a few seconds");
        self.gap_since.map(|since| since.saturating_add(bound))
    }

    fn holds(&self, sequence: u32) -> bool {
        self.held.iter().any(|(held, _)| *held == sequence)
    }

    fn watch_gap(&mut self, now: u64) {
        let gap = !self.held.is_empty() && !self.holds(self.next);
        self.gap_since = if gap { self.gap_since.or(Some(now)) } else { None };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn drain(inbox: &mut Inbox<u32>) -> Vec<u32> {
        std::iter::from_fn(|| inbox.next(0)).collect()
    }

    #[test]
    fn what_comes_early_waits_for_its_turn() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.arrive(0, 1, 1), Arrival::Kept);
        assert!(drain(&mut inbox).is_empty());
        assert_eq!(inbox.arrive(0, 0, 0), Arrival::Kept);
        assert_eq!(drain(&mut inbox), [0, 1]);
        assert_eq!(inbox.arrive(0, 1, 1), Arrival::Duplicate);
    }

    #[test]
    fn no_more_than_the_bound_is_held() {
        let mut inbox = Inbox::default();
        assert_eq!(inbox.arrive(0, MAX_AHEAD, 0), Arrival::Kept);
        assert_eq!(inbox.arrive(0, MAX_AHEAD + 1, 0), Arrival::TooFar);
        assert_eq!(inbox.arrive(0, u32::MAX, 0), Arrival::TooFar);
    }

    #[test]
    fn a_gap_that_stays_breaks_the_exchange_and_one_that_closes_does_not() {
        let mut inbox = Inbox::default();
        inbox.arrive(100, 1, 1);
        inbox.arrive(5_000, 2, 2);
        let deadline = inbox.deadline().expect("a gap is open");
        assert!(!inbox.is_broken(deadline - 1) && inbox.is_broken(deadline));
        inbox.arrive(6_000, 0, 0);
        assert_eq!(drain(&mut inbox), [0, 1, 2]);
        assert!(!inbox.is_broken(u64::MAX));
    }

    proptest! {
        #[test]
        fn any_order_comes_out_in_order(order in Just((0..40u32).collect::<Vec<_>>()).prop_shuffle()) {
            let mut inbox = Inbox::default();
            let mut out = Vec::new();
            for sequence in order {
                inbox.arrive(0, sequence, sequence);
                out.extend(drain(&mut inbox));
            }
            prop_assert_eq!(out, (0..40).collect::<Vec<_>>());
        }
    }
}
