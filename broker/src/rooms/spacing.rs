//! How often something happens that all others in a room are told of: some times at once, and one each second in the long run. Without
//! that, one who may do it costs each of them a connection, a verification or a redrawn page as often as frames may come.

use klatch_shared::limits::MAX_SEATS;

use crate::address::Address;

/// What a seat's owner did of late.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Doings {
    /// Came as another page: each time all others make a connection anew.
    pub(super) reloads: Spacing<10>,
    /// Came back as the same one, as over a bad network, changed their card, or, the creator, the lock.
    pub(super) notices: Spacing<100>,
}

/// `AT_ONCE` times in a row, and then one each second.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Spacing<const AT_ONCE: u64> {
    /// When the last of them will have been [`Spacing::APART`] from the one before, had they come so far apart.
    settled_at: u64,
}

impl<const AT_ONCE: u64> Spacing<AT_ONCE> {
    /// So far apart in the long run, in milliseconds.
    const APART: u64 = 1_000;

    /// Whether one more now would be too many.
    pub(super) fn are_too_many(self, now: u64) -> bool {
        self.settled_at > now.saturating_add((AT_ONCE - 1) * Self::APART)
    }

    /// One more.
    pub(super) fn note(&mut self, now: u64) {
        self.settled_at = self.settled_at.max(now).saturating_add(Self::APART);
    }

    /// One more, unless that is too many.
    pub(super) fn takes(&mut self, now: u64) -> bool {
        let takes = !self.are_too_many(now);
        if takes {
            self.note(now);
        }
        takes
    }
}

/// Those who took a seat in a room of late: who gives it up can take another. By address, so that whoever does so again and again from
/// one, or from a few, keeps nobody else out.
#[derive(Clone, Debug, Default)]
pub(super) struct Newcomers {
    unsettled: Vec<(Address, Spacing<ROOMFUL>)>,
    /// Of whom members told: no stranger at their address keeps them out.
    known: Spacing<ROOMFUL>,
}

/// All who have a seat may come at once.
const ROOMFUL: u64 = MAX_SEATS as u64;

impl Newcomers {
    /// Addresses that are known at a time; while they are so many, nobody comes in from another.
    const ADDRESSES: usize = 256;

    /// One more of whom members told, unless that is too many.
    pub(super) fn takes_known(&mut self, now: u64) -> bool {
        self.known.takes(now)
    }

    /// One more, unless that is too many.
    pub(super) fn takes(&mut self, address: Address, now: u64) -> bool {
        self.unsettled.retain(|(_, seatings)| seatings.settled_at > now);
        if let Some((_, seatings)) = self.unsettled.iter_mut().find(|(known, _)| *known == address) {
            return seatings.takes(now);
        }
        let has_place = self.unsettled.len() < Self::ADDRESSES;
        if has_place {
            let mut seatings = Spacing::default();
            seatings.note(now);
            self.unsettled.push((address, seatings));
        }
        has_place
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn come(reloads: &mut Spacing<10>, now: u64) -> usize {
        (0..100).take_while(|_| reloads.takes(now)).count()
    }

    #[test]
    fn some_come_at_once_and_then_one_each_second() {
        let mut reloads = Spacing::default();
        assert_eq!([5_000, 5_999, 6_000, 9_000].map(|now| come(&mut reloads, now)), [10, 0, 1, 3]);
        assert_eq!(come(&mut reloads, 3_600_000), 10, "a pause gives no more than at first");
    }

    #[test]
    fn no_time_overflows() {
        let mut reloads = Spacing::<10>::default();
        reloads.note(u64::MAX);
        assert!(reloads.are_too_many(0) && !reloads.are_too_many(u64::MAX));
    }

    #[test]
    fn newcomers_are_counted_by_address_and_no_more_of_those_are_kept_than_may_be() {
        let address = |n: u32| Address::from(std::net::IpAddr::from(Ipv4Addr::from(n)));
        let mut newcomers = Newcomers::default();
        assert_eq!((0..200).filter(|_| newcomers.takes(address(0), 0)).count(), MAX_SEATS);
        assert_eq!((1..1_000).filter(|n| newcomers.takes(address(*n), 0)).count(), Newcomers::ADDRESSES - 1);
        assert!(!newcomers.takes(address(0), 999) && newcomers.takes(address(0), 1_000));
        assert!((1_000..1_200).all(|n| newcomers.takes(address(n), 1_000)), "the others are forgotten");
    }
}
