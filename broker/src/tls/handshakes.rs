//! Which handshakes are under way. They cost more than anything else that a stranger can ask for, and one that never ends holds its
//! memory meanwhile.
//!
//! There are so many at once, and from one address fewer, whose excess is dropped. Where all are taken the newest goes before the
//! oldest, which is given up: who means it is done after two round trips, and who only fills the place is the oldest soon.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::address::Address;
use crate::limits::Limits;
use crate::metrics::{Tally, TurnedAway};

/// All that are under way.
#[derive(Debug)]
pub(crate) struct Handshakes {
    most: usize,
    most_from_one: u32,
    under_way: Mutex<UnderWay>,
    tally: Arc<Tally>,
}

#[derive(Debug, Default)]
struct UnderWay {
    next: u64,
    by_age: BTreeMap<u64, (Option<Address>, oneshot::Sender<()>)>,
    from: HashMap<Address, u32>,
}

/// One handshake's place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Handshake {
    all: Arc<Handshakes>,
    number: u64,
    given_up: oneshot::Receiver<()>,
}

impl Handshakes {
    /// Whoever has no place, or loses it, is told to the tally.
    pub(crate) fn new(limits: &Limits, tally: Arc<Tally>) -> Arc<Self> {
        Arc::new(Self {
            most: limits.tls_handshakes as usize,
            most_from_one: limits.tls_handshakes_per_address,
            under_way: Mutex::default(),
            tally,
        })
    }

    /// Begins one more, unless there are enough from this address. A trusted proxy's is of none.
    pub(crate) fn begin(self: &Arc<Self>, address: Option<Address>) -> Option<Handshake> {
        let mut under_way = self.lock();
        let from_one = address.and_then(|address| under_way.from.get(&address));
        if from_one.is_some_and(|from_one| *from_one >= self.most_from_one) {
            drop(under_way);
            self.tally.turned_away(TurnedAway::HandshakesPerAddress, address);
            return None;
        }
        let mut oldest = Vec::new();
        while under_way.by_age.len() >= self.most {
            let number = under_way.by_age.first_key_value().map(|(number, _)| *number)?;
            oldest.extend(under_way.remove(number));
        }
        let (give_up, given_up) = oneshot::channel();
        let number = under_way.next;
        under_way.next += 1;
        under_way.by_age.insert(number, (address, give_up));
        if let Some(address) = address {
            *under_way.from.entry(address).or_default() += 1;
        }
        // Nobody else waits for what is logged, and whoever is given up hears of it once that is done.
        drop(under_way);
        oldest.iter().for_each(|(address, _)| self.tally.turned_away(TurnedAway::Handshakes, *address));
        Some(Handshake { all: Arc::clone(self), number, given_up })
    }

    fn lock(&self) -> MutexGuard<'_, UnderWay> {
        // Nothing that holds it can panic halfway.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UnderWay {
    /// Takes one out. Whoever waits for it to be given up hears of that by losing the sender.
    fn remove(&mut self, number: u64) -> Option<(Option<Address>, oneshot::Sender<()>)> {
        let removed = self.by_age.remove(&number)?;
        if let Some(address) = removed.0
            && let Some(from_one) = self.from.get_mut(&address)
        {
            *from_one -= 1;
            if *from_one == 0 {
                self.from.remove(&address);
            }
        }
        Some(removed)
    }
}

impl Handshake {
    /// Waits until its place is needed for a newer one.
    pub(crate) async fn given_up(&mut self) {
        let _ = (&mut self.given_up).await;
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.all.lock().remove(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::net::{IpAddr, Ipv4Addr};

    fn handshakes(most: u32, most_from_one: u32) -> Arc<Handshakes> {
        let limits = Limits { tls_handshakes: most, tls_handshakes_per_address: most_from_one, ..Limits::default() };
        Handshakes::new(&limits, Arc::default())
    }

    fn address(last: u8) -> Option<Address> {
        Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)).into())
    }

    #[test]
    fn one_address_has_so_many_and_leaves_the_others_theirs() {
        let handshakes = handshakes(10, 2);
        let first = handshakes.begin(address(1)).expect("a place");
        let _second = handshakes.begin(address(1)).expect("a place");
        assert!(handshakes.begin(address(1)).is_none() && handshakes.begin(address(2)).is_some());
        drop(first);
        assert!(handshakes.begin(address(1)).is_some());
    }

    #[test]
    fn who_comes_for_others_has_as_many_as_there_are() {
        let handshakes = handshakes(3, 1);
        let all: Vec<_> = (0..4).map(|_| handshakes.begin(None).expect("a place")).collect();
        assert_eq!(handshakes.lock().by_age.len(), 3);
        drop(all);
        assert!(handshakes.lock().by_age.is_empty());
    }

    #[test]
    fn where_all_are_taken_the_oldest_is_given_up_for_the_newest() {
        let handshakes = handshakes(2, 2);
        let mut all: Vec<_> = (1..=3).map(|last| handshakes.begin(address(last)).expect("a place")).collect();
        let given_up: Vec<_> = all.iter_mut().map(|one| one.given_up().now_or_never().is_some()).collect();
        assert_eq!(given_up, [true, false, false]);
        drop(all.remove(0));
        assert_eq!(handshakes.lock().by_age.len(), 2, "its place is another's by now");
    }

    #[test]
    fn nothing_is_remembered_of_who_is_done() {
        let handshakes = handshakes(2, 2);
        drop((handshakes.begin(address(1)), handshakes.begin(address(2)), handshakes.begin(address(3))));
        let under_way = handshakes.lock();
        assert!(under_way.by_age.is_empty() && under_way.from.is_empty());
    }
}
