//! How many may be connected: in total, and from one address.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::address::Address;
use crate::limits::Limits;

/// Counts who is inside.
#[derive(Debug)]
pub(crate) struct Doors {
    most: u32,
    most_from_one: u32,
    inside: Mutex<Inside>,
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
    address: Address,
}

impl Doors {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            most: limits.connections,
            most_from_one: limits.connections_per_address,
            inside: Mutex::default(),
        })
    }

    /// Lets one more in, if there is room.
    pub(crate) fn enter(self: &Arc<Self>, address: Address) -> Option<Slot> {
        let mut inside = self.lock();
        let from_one = inside.from.get(&address).copied().unwrap_or(0);
        if inside.all >= self.most || from_one >= self.most_from_one {
            return None;
        }
        inside.all += 1;
        inside.from.insert(address, from_one + 1);
        Some(Slot { doors: Arc::clone(self), address })
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        // Nothing that holds it can panic halfway.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    /// Where the connection comes from.
    pub(crate) fn address(&self) -> Address {
        self.address
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut inside = self.doors.lock();
        inside.all -= 1;
        if let Some(from_one) = inside.from.get_mut(&self.address) {
            *from_one -= 1;
            if *from_one == 0 {
                inside.from.remove(&self.address);
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

    #[test]
    fn an_address_and_all_together_have_so_many_places_and_give_them_back() {
        let doors = Doors::new(&Limits { connections: 3, connections_per_address: 2, ..Limits::default() });
        let first = doors.enter(address(1)).expect("a place");
        let _second = doors.enter(address(1)).expect("a place");
        assert!(doors.enter(address(1)).is_none());
        let _third = doors.enter(address(2)).expect("a place");
        assert!(doors.enter(address(3)).is_none());
        drop(first);
        assert!(doors.enter(address(3)).is_some());
    }

    #[test]
    fn nothing_is_remembered_of_who_has_gone() {
        let doors = Doors::new(&Limits::default());
        drop(doors.enter(address(1)));
        assert!(doors.lock().from.is_empty() && doors.lock().all == 0);
    }
}
