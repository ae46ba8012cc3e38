//! Who uses how much of the relay: holders of credentials, rooms and addresses by allocations, rooms and addresses by bytes.
//!
//! A holder is the same in all credentials of a seat. The user name is not: its expiry changes with each renewal.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::admission::Group;
use crate::bucket::{Bucket, Flow};
use crate::credentials::Holder;
use crate::limits::{Limits, SHARE};

/// Whose traffic or allocations are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Payer {
    Holder(Holder),
    Address(IpAddr),
    Room(Group),
}

#[derive(Clone)]
struct Account {
    payer: Payer,
    allocations: u32,
    bytes: Bucket,
}

/// The accounts that one allocation is counted in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Membership {
    holder: usize,
    address: usize,
    room: usize,
}

impl Membership {
    /// Whether the allocation is of the holder whose account this is.
    pub(super) fn is_paid_by(self, account: usize) -> bool {
        self.holder == account
    }
}

/// All accounts. One outlives its last allocation until its bytes have come back, so that nobody gets new ones by ending
/// an allocation and making another.
pub(super) struct Accounts {
    index: HashMap<Payer, usize>,
    accounts: Vec<Option<Account>>,
    free: Vec<usize>,
    /// Accounts that may be kept for nobody's allocation.
    most: usize,
    per_credential: u32,
    per_address: u32,
    per_room: u32,
    room: Flow,
    address: Flow,
}

/// Why somebody can't have one more allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// Too many of this holder, in this room, or from this address.
    Quota,
    /// Too many accounts.
    Table,
}

impl Accounts {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            index: HashMap::new(),
            accounts: Vec::new(),
            free: Vec::new(),
            // Three to an allocation, and as many again that wait for their bytes.
            most: (limits.allocations as usize).saturating_mul(6),
            per_credential: limits.allocations_per_credential,
            per_address: limits.allocations_per_address,
            per_room: limits.allocations_per_room,
            room: Flow::new(limits.room_bytes_per_second, limits.account_seconds),
            address: Flow::new(limits.address_bytes_per_second, limits.account_seconds),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.accounts.capacity() + self.free.capacity() + self.index.capacity()
    }

    /// Whether one more allocation may be had while so many are `left`. The fewer that are, the fewer anybody may have.
    pub(super) fn has_room_for(&self, holder: &Holder, address: IpAddr, room: Group, left: usize) -> Result<(), Full> {
        let share = left.div_ceil(SHARE);
        let has_quota = |payer: &Payer, most: u32| (self.allocations(payer) as usize) < share.min(most as usize);
        if !has_quota(&Payer::Holder(holder.clone()), self.per_credential)
            || !has_quota(&Payer::Address(address), self.per_address)
            || !has_quota(&Payer::Room(room), self.per_room)
        {
            return Err(Full::Quota);
        }
        if self.index.len() + 3 > self.most { Err(Full::Table) } else { Ok(()) }
    }

    /// Whether there are allocations from this address.
    pub(super) fn has_allocation_from(&self, address: IpAddr) -> bool {
        self.allocations(&Payer::Address(address)) > 0
    }

    /// The account of a holder who has allocations.
    pub(super) fn of_holder(&self, holder: &Holder) -> Option<usize> {
        let payer = Payer::Holder(holder.clone());
        self.index.get(&payer).copied().filter(|_| self.allocations(&payer) > 0)
    }

    /// How many allocations are counted together with these.
    fn allocations(&self, payer: &Payer) -> u32 {
        let account = self.index.get(payer).and_then(|place| self.accounts[*place].as_ref());
        account.map_or(0, |account| account.allocations)
    }

    /// Counts one more allocation.
    pub(super) fn enter(&mut self, millis: u64, holder: &Holder, address: IpAddr, room: Group) -> Membership {
        Membership {
            holder: self.open(millis, Payer::Holder(holder.clone())),
            address: self.open(millis, Payer::Address(address)),
            room: self.open(millis, Payer::Room(room)),
        }
    }

    /// Counts one allocation less. Its accounts go with the next sweep.
    pub(super) fn leave(&mut self, membership: Membership) {
        for place in [membership.holder, membership.address, membership.room] {
            if let Some(account) = &mut self.accounts[place] {
                account.allocations -= 1;
            }
        }
    }

    /// Whether room and address have so many bytes left.
    pub(super) fn hold(&mut self, membership: Membership, millis: u64, length: usize) -> bool {
        let (room, address) = (self.room, self.address);
        let mut holds = |place: usize, flow: &Flow| {
            self.accounts[place].as_mut().is_some_and(|account| account.bytes.holds(flow, millis, length))
        };
        holds(membership.room, &room) && holds(membership.address, &address)
    }

    /// Takes bytes from room and address.
    pub(super) fn take(&mut self, membership: Membership, length: usize) {
        for place in [membership.room, membership.address] {
            if let Some(account) = &mut self.accounts[place] {
                account.bytes.take(length);
            }
        }
    }

    /// Forgets accounts that have no allocation and all their bytes.
    pub(super) fn sweep(&mut self, millis: u64) {
        for (place, entry) in self.accounts.iter_mut().enumerate() {
            let Some(account) = entry else { continue };
            let is_full = match account.payer {
                Payer::Holder(_) => true,
                Payer::Address(_) => account.bytes.is_full(&self.address, millis),
                Payer::Room(_) => account.bytes.is_full(&self.room, millis),
            };
            if account.allocations == 0 && is_full {
                self.index.remove(&account.payer);
                *entry = None;
                self.free.push(place);
            }
        }
    }

    fn open(&mut self, millis: u64, payer: Payer) -> usize {
        if let Some(place) = self.index.get(&payer) {
            if let Some(account) = &mut self.accounts[*place] {
                account.allocations += 1;
            }
            return *place;
        }
        let flow = if matches!(payer, Payer::Room(_)) { &self.room } else { &self.address };
        let account = Account { payer: payer.clone(), allocations: 1, bytes: Bucket::full(flow, millis) };
        let place = match self.free.pop() {
            Some(place) => {
                self.accounts[place] = Some(account);
                place
            }
            None => {
                self.accounts.push(Some(account));
                self.accounts.len() - 1
            }
        };
        self.index.insert(payer, place);
        place
    }
}
