//! How often an address opens rooms, takes seats and fails: what one address may do to all others' share of the broker.
//!
//! Guessing proofs and tokens is hopeless; counting failures keeps it cheap and quiet, and nobody out who may come in. Whoever comes back
//! to a seat is not counted here: what that costs is borne by their own room, and each seat has a bound of its own, as
//! newcomers to a room have ([`super::spacing`]).

use std::collections::{HashMap, VecDeque};

use crate::address::Address;
use crate::limits::Limits;
use crate::tables;

/// All that is counted.
#[derive(Debug)]
pub(super) struct Rates {
    pub(super) openings: Rate,
    pub(super) joins: Rate,
    pub(super) failures: Rate,
}

impl Rates {
    pub(super) fn new(limits: &Limits) -> Self {
        let rate = |most, seconds| Rate::new(most, seconds, limits.counted_addresses);
        Self {
            openings: rate(limits.openings_per_address, limits.rate_seconds),
            joins: rate(limits.joins_per_address, limits.rate_seconds),
            failures: rate(limits.failures_per_address, limits.failure_seconds),
        }
    }

    /// Forgets those whose time is over.
    pub(super) fn expire(&mut self, now: u64) {
        for rate in [&mut self.openings, &mut self.joins, &mut self.failures] {
            rate.expire(now);
        }
    }

    /// When the next count is forgotten.
    pub(super) fn deadline(&self) -> Option<u64> {
        [&self.openings, &self.joins, &self.failures].into_iter().filter_map(Rate::deadline).min()
    }
}

/// Something that is counted by address, each address for a fixed time from the first time.
#[derive(Debug)]
pub(super) struct Rate {
    most: u32,
    window: u64,
    addresses: usize,
    counts: HashMap<Address, u32>,
    /// The addresses above in the order in which their windows end.
    windows: VecDeque<(u64, Address)>,
}

impl Rate {
    fn new(most: u32, seconds: u32, addresses: u32) -> Self {
        Self {
            most,
            window: u64::from(seconds) * 1000,
            addresses: addresses as usize,
            counts: HashMap::new(),
            windows: VecDeque::new(),
        }
    }

    /// Counts one more, and says whether there were too many before it.
    pub(super) fn note(&mut self, address: Address, now: u64) -> bool {
        if let Some(count) = self.counts.get_mut(&address) {
            let too_many = *count >= self.most;
            *count = count.saturating_add(1);
            return too_many;
        }
        if self.counts.len() >= self.addresses {
            self.forget_first();
        }
        self.counts.insert(address, 1);
        self.windows.push_back((now.saturating_add(self.window), address));
        false
    }

    /// Whether one more would be too many.
    pub(super) fn are_too_many(&self, address: Address) -> bool {
        self.counts.get(&address).is_some_and(|count| *count >= self.most)
    }

    fn expire(&mut self, now: u64) {
        while self.deadline().is_some_and(|end| end <= now) {
            self.forget_first();
        }
    }

    fn deadline(&self) -> Option<u64> {
        self.windows.front().map(|(end, _)| *end)
    }

    fn forget_first(&mut self) {
        if let Some((_, address)) = self.windows.pop_front() {
            tables::remove(&mut self.counts, &address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn address(last: u8) -> Address {
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)).into()
    }

    fn rate() -> Rate {
        Rate::new(2, 10, 2)
    }

    #[test]
    fn an_address_that_did_it_too_often_has_until_its_time_is_over() {
        let mut rate = rate();
        assert!(!rate.note(address(1), 0));
        assert!(!rate.note(address(1), 9_000));
        rate.expire(9_999);
        assert!(rate.note(address(1), 9_999) && !rate.note(address(2), 9_999));
        rate.expire(10_000);
        assert!(!rate.note(address(1), 10_000));
        rate.expire(20_000);
        assert_eq!(rate.deadline(), None);
    }

    #[test]
    fn no_more_addresses_are_remembered_than_allowed() {
        let mut rate = rate();
        for last in 1..=9 {
            rate.note(address(last), u64::from(last));
        }
        assert_eq!((rate.counts.len(), rate.windows.len()), (2, 2));
    }

    #[test]
    fn the_first_of_all_counts_to_be_forgotten_is_told() {
        let mut rates = Rates::new(&Limits { rate_seconds: 20, failure_seconds: 10, ..Limits::default() });
        assert_eq!(rates.deadline(), None);
        rates.joins.note(address(1), 0);
        rates.failures.note(address(1), 1);
        rates.openings.note(address(1), 2);
        assert_eq!(rates.deadline(), Some(10_001));
        rates.expire(10_001);
        assert_eq!(rates.deadline(), Some(20_000));
        rates.expire(20_000);
        assert_eq!(rates.deadline(), Some(20_002));
    }
}
