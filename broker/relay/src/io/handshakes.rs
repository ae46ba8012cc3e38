//! TLS handshakes cost more than anything else that a stranger can ask for: how many there are, and who waits for one.
//!
//! One address has a rate of its own, so that the others get theirs whatever it does. What all have together is only used by
//! a connection whose ClientHello comes: one that says nothing costs nothing. Where none is left, connections wait, with what
//! they said still in the kernel, and addresses take turns.
//!
//! Those that have a handshake wait as well, for each step of it: a turn of the loop takes one step, so that packets are held
//! up by one signature and no more, however many connections come at once. Beginnings and steps of those begun take turns.

use std::net::IpAddr;

use crate::bucket::{Bucket, Flow};
use crate::doorstep::{Doorstep, neighbourhood};
use crate::limits::Limits;

use super::turns::Turns;

pub(super) struct Handshakes {
    by_address: Doorstep<IpAddr>,
    flow: Flow,
    bucket: Bucket,
    /// Connections that wait to begin, each once: no more than there are.
    beginning: Turns,
    /// Those that have begun and wait for a step.
    going_on: Turns,
    /// Whether the last step was a beginning.
    began: bool,
}

/// What a connection waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Begins,
    GoesOn,
}

impl Handshakes {
    pub(super) fn new(limits: &Limits) -> Self {
        let flow = Flow::new(limits.handshakes_per_second, 1);
        let by_address = Doorstep::new(limits.handshakes_per_address);
        Self {
            by_address,
            flow,
            bucket: Bucket::full(&flow, 0),
            beginning: Turns::default(),
            going_on: Turns::default(),
            began: false,
        }
    }

    /// Whether one more connection that will want a handshake may come from there; if so it is counted.
    pub(super) fn admits(&mut self, millis: u64, ip: IpAddr) -> bool {
        self.by_address.answers(millis, neighbourhood(ip))
    }

    /// A connection has something to say that is of its handshake, and waits for [`Self::next`].
    pub(super) fn wait(&mut self, near: IpAddr, id: u64, stage: Stage) {
        match stage {
            Stage::Begins => self.beginning.enter(near, id),
            Stage::GoesOn => self.going_on.enter(near, id),
        }
    }

    /// Whose turn it is now, if anybody's.
    pub(super) fn next(&mut self, millis: u64) -> Option<u64> {
        let gives_way = self.began && !self.going_on.is_empty();
        let begins = !gives_way && !self.beginning.is_empty() && self.takes(millis);
        self.began = begins;
        if begins { self.beginning.next() } else { self.going_on.next() }
    }

    /// After how many milliseconds it is somebody's turn, if anybody waits.
    pub(super) fn millis_until_next(&mut self, millis: u64) -> Option<u64> {
        match (self.going_on.is_empty(), self.beginning.is_empty()) {
            (false, _) => Some(0),
            (true, false) => Some(self.bucket.millis_until(&self.flow, millis, 1)),
            (true, true) => None,
        }
    }

    /// A connection is closed.
    pub(super) fn gone(&mut self, near: IpAddr, id: u64) {
        self.beginning.leave(near, id);
        self.going_on.leave(near, id);
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

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// All whose turn it is at this moment.
    fn turns(handshakes: &mut Handshakes, millis: u64) -> Vec<u64> {
        std::iter::from_fn(|| handshakes.next(millis)).collect()
    }

    #[test]
    fn who_came_for_nothing_has_used_no_handshake() {
        let mut handshakes = handshakes(2, 1000);
        let anybody = "192.0.2.1".parse().unwrap();
        assert_eq!((0..100).filter(|_| handshakes.admits(0, anybody)).count(), 100);
        assert_eq!(handshakes.next(0), None);
        (1..=3).for_each(|id| handshakes.wait(HERE, id, Stage::Begins));
        assert_eq!(turns(&mut handshakes, 0), [1, 2]);
    }

    #[test]
    fn where_none_is_left_each_gets_its_turn() {
        let mut handshakes = handshakes(2, 1000);
        (1..=6).for_each(|id| handshakes.wait(HERE, id, Stage::Begins));
        assert_eq!(handshakes.millis_until_next(0), Some(0));
        assert_eq!(turns(&mut handshakes, 0), [1, 2]);
        assert_eq!(handshakes.millis_until_next(0), Some(500));
        handshakes.gone(HERE, 4);
        handshakes.wait(HERE, 7, Stage::Begins);
        assert_eq!(turns(&mut handshakes, 1000), [3, 5]);
        assert_eq!(turns(&mut handshakes, 2000), [6, 7]);
        assert_eq!(handshakes.millis_until_next(2000), None);
        assert_eq!(turns(&mut handshakes, 3000), []);
        [8, 9].into_iter().for_each(|id| handshakes.wait(HERE, id, Stage::Begins));
        assert_eq!(turns(&mut handshakes, 3000), [8, 9], "nobody's turn was used up");
    }

    #[test]
    fn many_from_some_addresses_keep_nobody_else_waiting() {
        let mut handshakes = handshakes(200, 1000);
        let from = |address: u8| IpAddr::from([192, 0, 2, address]);
        for id in 0..3200 {
            handshakes.wait(from((id % 16) as u8), id, Stage::Begins);
        }
        assert_eq!(turns(&mut handshakes, 0).len(), 200);
        handshakes.wait(from(99), 9999, Stage::Begins);
        assert!(turns(&mut handshakes, 100).contains(&9999), "after one of each");
    }

    #[test]
    fn those_that_begin_and_those_that_go_on_take_turns() {
        let mut handshakes = handshakes(3, 1000);
        (1..=4).for_each(|id| handshakes.wait(HERE, id, Stage::Begins));
        (11..=15).for_each(|id| handshakes.wait(HERE, id, Stage::GoesOn));
        handshakes.gone(HERE, 13);
        assert_eq!(
            turns(&mut handshakes, 0),
            [1, 11, 2, 12, 3, 14, 15],
            "those that go on need no handshake of their own"
        );
        assert_eq!(handshakes.millis_until_next(0), Some(334));
        handshakes.wait(HERE, 16, Stage::GoesOn);
        assert_eq!(handshakes.millis_until_next(0), Some(0));
    }
}
