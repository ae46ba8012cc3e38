//! How many may be connected: in total, and from one address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::address::Address;
use crate::limits::Limits;
use crate::metrics::{Tally, TurnedAway};
use crate::tables;

/// Counts who is inside.
#[derive(Debug)]
pub(crate) struct Doors {
    most: u32,
    most_from_one: u32,
    inside: Mutex<Inside>,
    tally: Arc<Tally>,
}

#[derive(Debug, Default)]
struct Inside {
    all: u32,
    from: HashMap<Address, u32>,
}

/// One connection's place inside, given back when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    doors: Arc<Doors>,
    /// A proxy's connection is of no one address.
    _share: Option<Share>,
}

/// One of the places that an address has, given back when dropped.
#[derive(Debug)]
pub(crate) struct Share {
    doors: Arc<Doors>,
    address: Address,
}

impl Doors {
    /// Whoever finds no place is told to the tally.
    pub(crate) fn new(limits: &Limits, tally: Arc<Tally>) -> Arc<Self> {
        Arc::new(Self {
            most: limits.connections,
            most_from_one: limits.connections_per_address,
            inside: Mutex::default(),
            tally,
        })
    }

    /// How many are inside.
    pub(crate) fn inside(&self) -> u32 {
        self.lock().all
    }

    /// Lets one more in, if there is room.
    pub(crate) fn enter(self: &Arc<Self>, address: Address) -> Option<Slot> {
        let share = self.share(address)?;
        self.enter_with(Some(share))
    }

    /// Lets a trusted proxy in, who comes for others.
    pub(crate) fn enter_for_others(self: &Arc<Self>) -> Option<Slot> {
        self.enter_with(None)
    }

    fn enter_with(self: &Arc<Self>, share: Option<Share>) -> Option<Slot> {
        let mut inside = self.lock();
        let has_room = inside.all < self.most;
        inside.all += u32::from(has_room);
        drop(inside);
        if !has_room {
            let from = share.as_ref().map(|share| share.address);
            self.tally.turned_away(TurnedAway::Connections, from);
        }
        has_room.then(|| Slot { doors: Arc::clone(self), _share: share })
    }

    fn share(self: &Arc<Self>, address: Address) -> Option<Share> {
        let mut inside = self.lock();
        let from_one = inside.from.entry(address).or_default();
        if *from_one >= self.most_from_one {
            drop(inside);
            self.tally.turned_away(TurnedAway::ConnectionsPerAddress, Some(address));
            return None;
        }
        *from_one += 1;
        drop(inside);
        Some(Share { doors: Arc::clone(self), address })
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // Nothing that holds it can panic halfway.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Counts whom a trusted proxy's connection is for.
    pub(crate) fn share(&self, address: Address) -> Option<Share> {
        self.doors.share(address)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.doors.lock().all -= 1;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut inside = self.doors.lock();
        if let Some(from_one) = inside.from.get_mut(&self.address) {
            *from_one -= 1;
            if *from_one == 0 {
                tables::remove(&mut inside.from, &self.address);
            }
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

    fn doors(limits: Limits) -> Arc<Doors> {
        Doors::new(&limits, Arc::default())
    }

    #[test]
    fn an_address_and_all_together_have_so_many_places_and_give_them_back() {
        let doors = doors(Limits { connections: 3, connections_per_address: 2, ..Limits::default() });
        let first = doors.enter(address(1)).expect("a place");
        let _second = doors.enter(address(1)).expect("a place");
        assert!(doors.enter(address(1)).is_none());
        let _third = doors.enter(address(2)).expect("a place");
        assert!(doors.enter(address(3)).is_none());
        drop(first);
        assert!(doors.enter(address(3)).is_some());
    }

    #[test]
    fn a_proxy_has_as_many_places_as_there_are_and_whom_it_brings_as_many_as_anybody() {
        let doors = doors(Limits { connections: 3, connections_per_address: 1, ..Limits::default() });
        let brought = [(); 3].map(|()| doors.enter_for_others().expect("a place"));
        assert!(doors.enter_for_others().is_none());
        let first = brought[0].share(address(1)).expect("a place");
        assert!(brought[1].share(address(1)).is_none() && brought[1].share(address(2)).is_some());
        drop((first, brought));
        assert!(doors.enter(address(1)).is_some());
    }

    #[test]
    fn nothing_is_remembered_of_who_has_gone() {
        let doors = doors(Limits::default());
        drop(doors.enter(address(1)));
        assert!(doors.lock().from.is_empty() && doors.lock().all == 0);
    }
}
