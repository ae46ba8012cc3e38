//! The data path: from a client to its peers and back, each packet with a few look-ups and no allocation.
//!
//! Permissions are checked in both directions, and so is who may be sent to: what a permission allowed five minutes ago may
//! be forbidden by then, and a permission is for an address while sockets of our own are at a port. A peer that is a relayed
//! address of this relay gets its packet in process, if it has a permission for the sender's.

use std::net::SocketAddr;
use std::ops::Range;

use crate::core::{Client, Core, Delivery, Now, Slot, Step};
use crate::wire;

impl Core {
    pub(super) fn channel_data(&mut self, now: Now, client: Client, bytes: &[u8]) -> Step<'_> {
        let Some((number, payload)) = wire::channel_data(bytes) else {
            self.counts.dropped_malformed.add(1);
            return Step::Rest;
        };
        let slot = self.live(now, &client);
        let allocation = slot.and_then(|slot| Some((slot, self.table.get(slot)?)));
        let bound = allocation.and_then(|(slot, a)| Some((slot, a.peer_of(now.millis, number)?)));
        self.outward(now, bound, payload)
    }

    pub(super) fn send_indication(&mut self, now: Now, client: Client, bytes: &[u8]) -> Step<'_> {
        let Some((peer, payload)) = wire::send_indication(bytes) else {
            self.counts.dropped_malformed.add(1);
            return Step::Rest;
        };
        let permitted = self.live(now, &client).map(|slot| (slot, peer));
        self.outward(now, permitted, payload)
    }

    /// From a client to a peer of its.
    fn outward(&mut self, now: Now, to: Option<(Slot, SocketAddr)>, payload: Range<usize>) -> Step<'_> {
        let allocation = to.and_then(|(slot, peer)| Some((slot, peer, self.table.get(slot)?)));
        let Some((slot, peer, allocation)) =
            allocation.filter(|(_, peer, allocation)| allocation.permits(now.millis, peer.ip()))
        else {
            self.counts.dropped_unpermitted.add(1);
            return Step::Rest;
        };
        let relayed = allocation.relayed;
        let joined = self.joined(&peer);
        if joined.is_none() && !self.settings.policy.lets_send(&peer) {
            self.counts.dropped_forbidden.add(1);
            return Step::Rest;
        }
        if !self.takes(now, slot, payload.len()) {
            return Step::Rest;
        }
        self.counts.packets_to_peers.add(1);
        self.counts.bytes_to_peers.add(payload.len());
        match joined {
            None => Step::ToPeer { slot, peer, payload },
            Some(other) => match self.from_peer(now, other, relayed, payload.len()) {
                Some(delivery) => Step::ToClient { delivery, payload },
                None => Step::Rest,
            },
        }
    }

    /// The allocation here that has this relayed address.
    pub(super) fn joined(&self, peer: &SocketAddr) -> Option<Slot> {
        if self.settings.relayed.contains(&peer.ip()) { self.table.of_relayed(peer) } else { None }
    }

    /// Takes `length` bytes that a peer sent to an allocation's relayed address. To whom they go on, if to anybody.
    pub fn from_peer(&mut self, now: Now, slot: Slot, peer: SocketAddr, length: usize) -> Option<Delivery> {
        let allocation = self.table.get(slot).filter(|allocation| allocation.expires > now.millis);
        let Some(allocation) = allocation.filter(|allocation| allocation.permits(now.millis, peer.ip())) else {
            self.counts.dropped_unpermitted.add(1);
            return None;
        };
        let client = allocation.client;
        let channel = allocation.channel_to(now.millis, &peer);
        if !self.takes(now, slot, length) {
            return None;
        }
        self.counts.packets_to_clients.add(1);
        self.counts.bytes_to_clients.add(length);
        let framing = match channel {
            Some(number) => wire::Framing::Channel(number),
            None => self.indication(peer),
        };
        Some(Delivery { client, framing })
    }

    /// Whether an allocation, its room and its address have one packet of `length` bytes left; if so it is taken.
    fn takes(&mut self, now: Now, slot: Slot, length: usize) -> bool {
        let holds = self.table.holds(slot, now.millis, length);
        let allocation = self.table.get_mut(slot).filter(|_| holds);
        let Some(allocation) = allocation.filter(|a| self.accounts.hold(a.accounts, now.millis, length)) else {
            self.counts.dropped_excess.add(1);
            return false;
        };
        allocation.packets.take(1);
        allocation.bytes.take(length);
        self.accounts.take(allocation.accounts, length);
        true
    }
}
