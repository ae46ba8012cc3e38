//! Who failed how often. Guessing proofs and tokens is hopeless; this keeps it cheap and quiet, and nobody out who may come in.

use std::collections::{HashMap, VecDeque};

use crate::address::Address;
use crate::limits::Limits;
use crate::tables;

/// Failures by address, each address counted for a fixed time from its first one.
#[derive(Debug)]
pub(super) struct Failures {
    most: u32,
    window: u64,
    addresses: usize,
    counts: HashMap<Address, u32>,
    /// The addresses above in the order in which their windows end.
    windows: VecDeque<(u64, Address)>,
}

impl Failures {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            most: limits.failures_per_address,
            window: u64::from(limits.failure_seconds) * 1000,
            addresses: limits.failing_addresses as usize,
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

    /// Forgets those whose time is over.
    pub(super) fn expire(&mut self, now: u64) {
        while self.deadline().is_some_and(|end| end <= now) {
            self.forget_first();
        }
    }

    /// When the next count is forgotten.
    pub(super) fn deadline(&self) -> Option<u64> {
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

    fn failures() -> Failures {
        Failures::new(&Limits {
            failures_per_address: 2,
            failure_seconds: 10,
            failing_addresses: 2,
            ..Limits::default()
        })
    }

    #[test]
    fn an_address_that_failed_too_often_has_until_its_time_is_over() {
        let mut failures = failures();
        assert!(!failures.note(address(1), 0));
        assert!(!failures.note(address(1), 9_000));
        failures.expire(9_999);
        assert!(failures.note(address(1), 9_999) && !failures.note(address(2), 9_999));
        failures.expire(10_000);
        assert!(!failures.note(address(1), 10_000));
        failures.expire(20_000);
        assert_eq!(failures.deadline(), None);
    }

    #[test]
    fn no_more_addresses_are_remembered_than_allowed() {
        let mut failures = failures();
        for last in 1..=9 {
            failures.note(address(last), u64::from(last));
        }
        assert_eq!((failures.counts.len(), failures.windows.len()), (2, 2));
    }
}
