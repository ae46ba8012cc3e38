//! TLS handshakes cost more than anything else that a stranger can ask for: how many there are, and who waits for one.
//!
//! One address has a rate of its own, so that the others get theirs whatever it does. What all have together is only used by
//! a connection whose ClientHello comes: one that says nothing costs nothing. Where none is left, connections wait in the
//! order in which they spoke, with what they said still in the kernel.

use std::collections::VecDeque;
use std::net::IpAddr;

use crate::bucket::{Bucket, Flow};
use crate::doorstep::Doorstep;
use crate::limits::Limits;

pub(super) struct Handshakes {
    by_address: Doorstep,
    flow: Flow,
    bucket: Bucket,
    /// Connections, each once: no more than there are.
    waiting: VecDeque<u64>,
}

impl Handshakes {
    pub(super) fn new(limits: &Limits) -> Self {
        let flow = Flow::new(limits.handshakes_per_second, 1);
        let by_address = Doorstep::new(limits.handshakes_per_address);
        Self { by_address, flow, bucket: Bucket::full(&flow, 0), waiting: VecDeque::new() }
    }

    /// Whether one more connection that will want a handshake may come from there; if so it is counted.
    pub(super) fn admits(&mut self, millis: u64, ip: IpAddr) -> bool {
        self.by_address.answers(millis, ip)
    }

    /// Whether a connection has its handshake now. If not it waits for [`Self::next`].
    pub(super) fn begins(&mut self, millis: u64, id: u64) -> bool {
        let begins = self.waiting.is_empty() && self.takes(millis);
        if !begins {
            self.waiting.push_back(id);
        }
        begins
    }

    /// The next of those that wait, if there is a handshake for it.
    pub(super) fn next(&mut self, millis: u64) -> Option<u64> {
        let is_due = !self.waiting.is_empty() && self.takes(millis);
        if is_due { self.waiting.pop_front() } else { None }
    }

    /// A connection is closed.
    pub(super) fn gone(&mut self, id: u64) {
        self.waiting.retain(|waiting| *waiting != id);
    }

    fn takes(&mut self, millis: u64) -> bool {
        let takes = self.bucket.holds(&self.flow, millis, 1);
        if takes {
            self.bucket.take(1);
        }
        takes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handshakes(per_second: u32, per_address: u32) -> Handshakes {
        let limits =
            Limits { handshakes_per_second: per_second, handshakes_per_address: per_address, ..Limits::default() };
        Handshakes::new(&limits)
    }

    #[test]
    fn one_address_has_its_rate_and_leaves_the_others_theirs() {
        let mut handshakes = handshakes(10, 5);
        let (hasty, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        assert_eq!((0..1000).filter(|_| handshakes.admits(0, hasty)).count(), 20);
        assert!(handshakes.admits(0, other) && !handshakes.admits(0, hasty));
        assert_eq!((0..1000).filter(|_| handshakes.admits(1000, hasty)).count(), 5);
    }

    #[test]
    fn who_came_for_nothing_has_used_no_handshake() {
        let mut handshakes = handshakes(2, 1000);
        let anybody = "192.0.2.1".parse().unwrap();
        assert_eq!((0..100).filter(|_| handshakes.admits(0, anybody)).count(), 100);
        assert!(handshakes.begins(0, 1) && handshakes.begins(0, 2) && !handshakes.begins(0, 3));
    }

    #[test]
    fn where_none_is_left_each_gets_its_turn() {
        let mut handshakes = handshakes(2, 1000);
        let now: Vec<u64> = (1..=6).filter(|id| handshakes.begins(0, *id)).collect();
        assert_eq!(now, [1, 2]);
        assert_eq!(handshakes.next(0), None);
        handshakes.gone(4);
        assert!(!handshakes.begins(1000, 7), "others came first");
        let turns =
            |handshakes: &mut Handshakes, millis| std::iter::from_fn(|| handshakes.next(millis)).collect::<Vec<_>>();
        assert_eq!(turns(&mut handshakes, 1000), [3, 5]);
        assert_eq!(turns(&mut handshakes, 2000), [6, 7]);
        assert_eq!(turns(&mut handshakes, 3000), []);
        assert!(handshakes.begins(3000, 8) && handshakes.begins(3000, 9), "nobody's turn was used up");
    }
}
