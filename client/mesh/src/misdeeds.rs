//! How often a member says what can't be read, or too much: who does it again and again is named, and no longer once they have stopped.
//! So is who offers without end, though each offer by itself is taken, and who without end loads their page, has connections replaced, takes
//! another name, or says goodbye and stays.

use crate::Allowance;

/// One member's.
#[derive(Clone, Copy, Debug)]
pub struct Misdeeds {
    /// Accidents that may still happen.
    accidents: Allowance,
    /// Offers that may still come, and what is dearer: pages, connections, names, goodbyes.
    offers: Allowance,
    /// The last one since its author was named.
    last: Option<u64>,
    /// When those that happened since will have been [`Misdeeds::APART`] from each other.
    settled_at: u64,
}

impl Misdeeds {
    /// What one costs: twenty at once are accidents, and two a second.
    const COST: usize = 14 * Allowance::BYTES;
    /// Of what offers and page loads cost, five seconds count as one.
    const SLOWER: u64 = 5;
    /// What an offer costs: fifty at once, and one a second. A page on the worst of networks makes fewer.
    const OFFER: usize = 5 * Allowance::BYTES;
    /// What a page costs that comes too soon after a few others, a connection that takes the place of another ([`crate::Command::Hurried`]),
    /// another name, or a goodbye of who stays: five at once, and one each ten seconds.
    const HURRY: usize = 59 * Allowance::BYTES;
    /// Of who is named they may come thirty a second in the long run, and three hundred at once. A flood at full speed is ten thousand a
    /// second, each of which has the page do something. In milliseconds.
    const APART: u64 = 33;
    /// See [`Misdeeds::APART`].
    const FLOOD: u64 = 300 * Self::APART;
    /// So long after the last one its author is named no longer: time enough to look under *People*.
    const REMEMBERED: u64 = 5 * 60 * 1000;

    /// None yet at the time `now`, in milliseconds.
    pub fn new(now: u64) -> Self {
        Self { accidents: Allowance::new(now), offers: Allowance::new(now / Self::SLOWER), last: None, settled_at: 0 }
    }

    /// One more; whether its author is to be named from now on or, where they are already, their channel to be closed: who floods a page takes
    /// it from whoever sits in front of it.
    pub fn happened(&mut self, now: u64) -> bool {
        if self.last.is_none() && self.accidents.takes(Self::COST, now) {
            return false;
        }
        self.last.replace(now).is_none() || {
            self.settled_at = self.settled_at.max(now) + Self::APART;
            self.settled_at > now + Self::FLOOD
        }
    }

    /// One more offer; whether its author is to be named from now on.
    pub fn offered(&mut self, now: u64) -> bool {
        self.cost(Self::OFFER, now)
    }

    /// One more page of theirs that came too soon, or the like; whether its author is to be named from now on.
    pub fn hurried(&mut self, now: u64) -> bool {
        self.cost(Self::HURRY, now)
    }

    fn cost(&mut self, cost: usize, now: u64) -> bool {
        !self.offers.takes(cost, now / Self::SLOWER) && self.last.replace(now).is_none()
    }

    /// Whether their author is named.
    pub fn are_named(&self) -> bool {
        self.last.is_some()
    }

    /// Whether it is time to name them no longer; said once.
    pub fn is_forgiven(&mut self, now: u64) -> bool {
        let is_over = self.last.is_some_and(|last| now > last + Self::REMEMBERED);
        if is_over {
            *self = Self::new(now);
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accidents_name_nobody_and_a_burst_does_once() {
        let mut misdeeds = Misdeeds::new(0);
        assert!((0..20).all(|_| !misdeeds.happened(0)), "all at once");
        assert!((1..1000).all(|n| !misdeeds.happened(n * 500)), "two a second");
        assert!(misdeeds.happened(499_501) && !misdeeds.happened(499_502));
        assert!((0..20).all(|_| !Misdeeds::new(0).is_forgiven(u64::MAX)), "of nothing");
    }

    #[test]
    fn of_who_is_named_and_floods_on_the_channel_is_closed_and_of_nobody_who_is_slower() {
        let floods = |mut misdeeds: Misdeeds, a_second: u64| {
            let mut accidents = (0..600 * a_second).map(|n| n * 1_000 / a_second);
            assert!(accidents.any(|at| misdeeds.happened(at)), "{a_second} a second");
            accidents.find(|at| misdeeds.happened(*at))
        };
        assert!(floods(Misdeeds::new(0), 10_000).is_some_and(|at| at < 50));
        assert!(floods(Misdeeds::new(0), 50).is_some_and(|at| at < 20_000));
        assert_eq!([3, 5, 29].map(|slow| floods(Misdeeds::new(0), slow)), [None; 3]);
        // Whoever was named for offers may still have an accident.
        let mut misdeeds = Misdeeds::new(0);
        assert!((0..51).any(|_| misdeeds.offered(0)) && (0..200).all(|_| !misdeeds.happened(0)));
    }

    #[test]
    fn who_offers_on_and_on_is_named_in_the_end_however_slowly() {
        let named = |every: u64| {
            let mut misdeeds = Misdeeds::new(0);
            (0..3_600_000 / every).map(|n| n * every).find(|at| misdeeds.offered(*at))
        };
        assert_eq!(named(10), Some(500));
        assert!(named(500).is_some_and(|at| at < 60_000) && named(900).is_some());
        assert_eq!([1_000, 3_000].map(named), [None; 2]);
    }

    #[test]
    fn who_hurries_on_is_named_though_the_broker_and_the_mesh_take_most_of_it() {
        let named = |every: u64| {
            let mut misdeeds = Misdeeds::new(0);
            (0..600_000 / every).map(|n| n * every).find(|at| misdeeds.hurried(*at))
        };
        assert_eq!(named(1), Some(5));
        assert_eq!(named(2_000), Some(12_000));
        assert_eq!(named(10_000), None);
    }

    #[test]
    fn who_has_stopped_is_named_no_longer_and_may_be_again() {
        let mut misdeeds = Misdeeds::new(0);
        for from in [0, 1_000_000] {
            assert_eq!((0..100).filter(|_| misdeeds.happened(from)).count(), 1);
            assert!(!misdeeds.happened(from + 60_000));
            let over = from + 60_000 + Misdeeds::REMEMBERED;
            assert!(!misdeeds.is_forgiven(over) && misdeeds.is_forgiven(over + 1) && !misdeeds.is_forgiven(over + 2));
        }
    }
}
