//! Connections without an allocation, by age: who goes where there is no room for a newcomer.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

/// Connections by their numbers, which grow, and by whose they are ([`crate::doorstep::neighbourhood`]).
#[derive(Default)]
pub(super) struct Unserved {
    all: BTreeSet<u64>,
    /// Never an empty set.
    by_address: HashMap<IpAddr, BTreeSet<u64>>,
    /// Who has how many.
    by_count: BTreeSet<(usize, IpAddr)>,
}

impl Unserved {
    /// One has no allocation.
    pub(super) fn enter(&mut self, near: IpAddr, id: u64) {
        self.all.insert(id);
        self.change(near, |ids| ids.insert(id));
    }

    /// One has an allocation, or is closed.
    pub(super) fn leave(&mut self, near: IpAddr, id: u64) {
        self.all.remove(&id);
        self.change(near, |ids| ids.remove(&id));
    }

    /// Who is to go first: the oldest of whoever has most, so that many from a few addresses push out nobody else.
    pub(super) fn first_to_go(&self) -> Option<u64> {
        match self.by_count.last() {
            Some((count, near)) if *count > 1 => self.oldest_of(*near),
            Some(_) | None => self.all.first().copied(),
        }
    }

    /// The oldest of one address.
    pub(super) fn oldest_of(&self, near: IpAddr) -> Option<u64> {
        self.by_address.get(&near)?.first().copied()
    }

    fn change(&mut self, near: IpAddr, change: impl FnOnce(&mut BTreeSet<u64>) -> bool) {
        let ids = self.by_address.entry(near).or_default();
        self.by_count.remove(&(ids.len(), near));
        change(ids);
        if ids.is_empty() {
            self.by_address.remove(&near);
        } else {
            self.by_count.insert((ids.len(), near));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_each_address_is_found() {
        let [one, other, third] = ["192.0.2.1", "2001:db8::", "192.0.2.2"].map(|ip| ip.parse().unwrap());
        let mut unserved = Unserved::default();
        [(one, 3), (other, 2), (one, 5), (other, 7)].into_iter().for_each(|(near, id)| unserved.enter(near, id));
        assert_eq!(unserved.oldest_of(one), Some(3));
        unserved.leave(other, 2);
        unserved.leave(third, 2);
        assert_eq!((unserved.oldest_of(other), unserved.oldest_of(third)), (Some(7), None));
    }

    #[test]
    fn who_has_most_goes_first_and_else_the_oldest() {
        let [one, other, third] = ["192.0.2.1", "2001:db8::", "192.0.2.2"].map(|ip| ip.parse().unwrap());
        let mut unserved = Unserved::default();
        assert_eq!(unserved.first_to_go(), None);
        [(one, 1), (other, 2), (other, 3), (third, 4)].into_iter().for_each(|(near, id)| unserved.enter(near, id));
        assert_eq!(unserved.first_to_go(), Some(2));
        unserved.leave(other, 2);
        assert_eq!(unserved.first_to_go(), Some(1), "each has one");
        [1, 3, 4].into_iter().zip([one, other, third]).for_each(|(id, near)| unserved.leave(near, id));
        assert!(unserved.first_to_go().is_none() && unserved.by_address.is_empty() && unserved.by_count.is_empty());
    }
}
