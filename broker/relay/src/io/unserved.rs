//! Connections without an allocation, by age: who goes where there is no room for a newcomer.

use std::collections::BTreeSet;
use std::net::IpAddr;

/// Connections by their numbers, which grow, and by whose they are ([`crate::doorstep::neighbourhood`]).
#[derive(Default)]
pub(super) struct Unserved {
    all: BTreeSet<u64>,
    by_address: BTreeSet<(IpAddr, u64)>,
}

impl Unserved {
    /// One has no allocation.
    pub(super) fn enter(&mut self, near: IpAddr, id: u64) {
        self.all.insert(id);
        self.by_address.insert((near, id));
    }

    /// One has an allocation, or is closed.
    pub(super) fn leave(&mut self, near: IpAddr, id: u64) {
        self.all.remove(&id);
        self.by_address.remove(&(near, id));
    }

    /// The oldest.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.all.first().copied()
    }

    /// The oldest of one address.
    pub(super) fn oldest_of(&self, near: IpAddr) -> Option<u64> {
        self.by_address.range((near, 0)..=(near, u64::MAX)).next().map(|(_, id)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_found_in_all_and_of_each_address() {
        let [one, other, third] = ["192.0.2.1", "2001:db8::", "192.0.2.2"].map(|ip| ip.parse().unwrap());
        let mut unserved = Unserved::default();
        [(one, 3), (other, 2), (one, 5), (other, 7)].into_iter().for_each(|(near, id)| unserved.enter(near, id));
        assert_eq!((unserved.oldest(), unserved.oldest_of(one)), (Some(2), Some(3)));
        unserved.leave(other, 2);
        assert_eq!((unserved.oldest(), unserved.oldest_of(other), unserved.oldest_of(third)), (Some(3), Some(7), None));
    }
}
