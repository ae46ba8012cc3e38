//! The allocations: by place, by client and by relayed address, none of it searched through. What one allocation has, of which the
//! limits leave it a few dozen, is.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use crate::bucket::{Bucket, Flow};
use crate::core::accounts::Membership;
use crate::core::{Client, Slot};
use crate::limits::Limits;

/// RFC 8656 §9: how long a permission lasts.
const PERMISSION_MILLIS: u64 = 5 * 60 * 1000;
/// RFC 8656 §12: how long a channel lasts.
const CHANNEL_MILLIS: u64 = 10 * 60 * 1000;

/// What one client has of the relay.
pub(super) struct Allocation {
    pub(super) client: Client,
    pub(super) username: Box<str>,
    pub(super) relayed: SocketAddr,
    /// Of the Allocate that made it, so that its retransmissions are known.
    pub(super) transaction: u128,
    pub(super) made: u64,
    pub(super) expires: u64,
    pub(super) accounts: Membership,
    pub(super) permissions: Vec<Permission>,
    pub(super) channels: Vec<Channel>,
    pub(super) packets: Bucket,
    pub(super) bytes: Bucket,
}

/// That a peer's address may send to an allocation, and be sent to.
#[derive(Clone, Copy)]
pub(super) struct Permission {
    ip: IpAddr,
    expires: u64,
}

/// A peer's short name.
#[derive(Clone, Copy)]
pub(super) struct Channel {
    pub(super) number: u16,
    pub(super) peer: SocketAddr,
    expires: u64,
}

impl Allocation {
    pub(super) fn permits(&self, millis: u64, ip: IpAddr) -> bool {
        self.permissions.iter().any(|permission| permission.ip == ip && permission.expires > millis)
    }

    /// The peer that a channel leads to.
    pub(super) fn peer_of(&self, millis: u64, number: u16) -> Option<SocketAddr> {
        self.channels(millis).find(|channel| channel.number == number).map(|channel| channel.peer)
    }

    /// The channel that leads to a peer.
    pub(super) fn channel_to(&self, millis: u64, peer: &SocketAddr) -> Option<u16> {
        self.channels(millis).find(|channel| channel.peer == *peer).map(|channel| channel.number)
    }

    pub(super) fn channels(&self, millis: u64) -> impl Iterator<Item = &Channel> {
        self.channels.iter().filter(move |channel| channel.expires > millis)
    }

    /// Whether so many more peers fit. Forgets permissions that have run out.
    pub(super) fn has_room_for(&mut self, millis: u64, peers: &[IpAddr], most: u32) -> bool {
        self.permissions.retain(|permission| permission.expires > millis);
        let known = |ip: &IpAddr| self.permissions.iter().any(|permission| permission.ip == *ip);
        let new = peers.iter().enumerate().filter(|(i, ip)| !known(ip) && !peers[..*i].contains(ip)).count();
        self.permissions.len() + new <= most as usize
    }

    pub(super) fn permit(&mut self, millis: u64, ip: IpAddr) {
        let expires = millis + PERMISSION_MILLIS;
        match self.permissions.iter_mut().find(|permission| permission.ip == ip) {
            Some(permission) => permission.expires = expires,
            None => self.permissions.push(Permission { ip, expires }),
        }
    }

    /// Whether one more channel fits. Forgets those that have run out.
    pub(super) fn has_room_for_channel(&mut self, millis: u64, most: u32) -> bool {
        self.channels.retain(|channel| channel.expires > millis);
        self.channels.len() < most as usize
    }

    pub(super) fn bind(&mut self, millis: u64, number: u16, peer: SocketAddr) {
        let expires = millis + CHANNEL_MILLIS;
        match self.channels.iter_mut().find(|channel| channel.number == number) {
            Some(channel) => channel.expires = expires,
            None => self.channels.push(Channel { number, peer, expires }),
        }
    }
}

/// All allocations.
pub(super) struct Table {
    slots: Vec<Option<Allocation>>,
    free: Vec<Slot>,
    clients: HashMap<Client, Slot>,
    relayed: HashMap<SocketAddr, Slot>,
    most: usize,
    packets: Flow,
    bytes: Flow,
}

impl Table {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            clients: HashMap::new(),
            relayed: HashMap::new(),
            most: limits.allocations as usize,
            packets: Flow::new(limits.packets_per_second, limits.burst_seconds),
            bytes: Flow::new(limits.bytes_per_second, limits.burst_seconds),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.clients.len()
    }

    pub(super) fn capacity(&self) -> usize {
        self.slots.capacity() + self.free.capacity() + self.clients.capacity() + self.relayed.capacity()
    }

    /// How many more there may be.
    pub(super) fn left(&self) -> usize {
        self.most.saturating_sub(self.clients.len())
    }

    pub(super) fn get(&self, slot: Slot) -> Option<&Allocation> {
        self.slots.get(slot.0 as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Allocation> {
        self.slots.get_mut(slot.0 as usize)?.as_mut()
    }

    pub(super) fn of_client(&self, client: &Client) -> Option<Slot> {
        self.clients.get(client).copied()
    }

    pub(super) fn of_relayed(&self, address: &SocketAddr) -> Option<Slot> {
        self.relayed.get(address).copied()
    }

    /// The place that the next allocation will have.
    pub(super) fn next(&self) -> Slot {
        self.free.last().copied().unwrap_or(Slot(self.slots.len() as u32))
    }

    /// Full buckets for a new allocation.
    pub(super) fn buckets(&self, millis: u64) -> (Bucket, Bucket) {
        (Bucket::full(&self.packets, millis), Bucket::full(&self.bytes, millis))
    }

    pub(super) fn insert(&mut self, allocation: Allocation) -> Slot {
        let slot = self.next();
        self.clients.insert(allocation.client, slot);
        self.relayed.insert(allocation.relayed, slot);
        match self.free.pop() {
            Some(_) => self.slots[slot.0 as usize] = Some(allocation),
            None => self.slots.push(Some(allocation)),
        }
        slot
    }

    pub(super) fn remove(&mut self, slot: Slot) -> Option<Allocation> {
        let allocation = self.slots.get_mut(slot.0 as usize)?.take()?;
        self.clients.remove(&allocation.client);
        self.relayed.remove(&allocation.relayed);
        self.free.push(slot);
        Some(allocation)
    }

    /// How many places there are, taken or free.
    pub(super) fn places(&self) -> u32 {
        self.slots.len() as u32
    }

    /// Whether an allocation may relay one more packet.
    pub(super) fn holds(&mut self, slot: Slot, millis: u64, length: usize) -> bool {
        let (packets, bytes) = (self.packets, self.bytes);
        self.get_mut(slot).is_some_and(|allocation| {
            allocation.packets.holds(&packets, millis, 1) && allocation.bytes.holds(&bytes, millis, length)
        })
    }
}
