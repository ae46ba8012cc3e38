//! Who waits, and whose turn it is: addresses by turns, and each one's connections in the order in which they came.
//!
//! So whoever comes with a few waits for one of each address at most, however many come from any of these.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// Connections that wait, by their numbers and by whose they are ([`crate::doorstep::neighbourhood`]).
#[derive(Default)]
pub(super) struct Turns {
    /// Never an empty queue.
    waiting: HashMap<IpAddr, VecDeque<u64>>,
    /// Each address that somebody waits of, once.
    order: VecDeque<IpAddr>,
}

impl Turns {
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// One waits. It must not wait already.
    pub(super) fn enter(&mut self, near: IpAddr, id: u64) {
        let queue = self.waiting.entry(near).or_default();
        if queue.is_empty() {
            self.order.push_back(near);
        }
        queue.push_back(id);
    }

    /// Whose turn it is, and who does not wait any more then.
    pub(super) fn next(&mut self) -> Option<u64> {
        let near = self.order.pop_front()?;
        let queue = self.waiting.get_mut(&near)?;
        let next = queue.pop_front();
        if queue.is_empty() {
            self.waiting.remove(&near);
        } else {
            self.order.push_back(near);
        }
        next
    }

    /// One is gone, if it waited.
    pub(super) fn leave(&mut self, near: IpAddr, id: u64) {
        let Some(queue) = self.waiting.get_mut(&near) else { return };
        queue.retain(|waiting| *waiting != id);
        if queue.is_empty() {
            self.waiting.remove(&near);
            self.order.retain(|other| *other != near);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_with_one_waits_for_one_of_each() {
        let [hasty, greedy, modest] = ["192.0.2.1", "2001:db8::", "192.0.2.2"].map(|ip| ip.parse().unwrap());
        let mut turns = Turns::default();
        (1..=100).for_each(|id| turns.enter(hasty, id));
        (101..=200).for_each(|id| turns.enter(greedy, id));
        turns.enter(modest, 201);
        turns.leave(hasty, 2);
        turns.leave(modest, 2);
        let order: Vec<u64> = std::iter::from_fn(|| turns.next()).collect();
        assert_eq!(order[..6], [1, 101, 201, 3, 102, 4]);
        assert_eq!(order.len(), 200);
        turns.enter(modest, 202);
        turns.leave(modest, 202);
        assert!(turns.is_empty() && turns.waiting.is_empty());
    }
}
