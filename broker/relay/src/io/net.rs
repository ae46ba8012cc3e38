//! The core with its sockets: what one message leads to, and what is sent of it.

use std::collections::HashMap;
use std::io::IoSlice;
use std::net::{IpAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::os::fd::AsFd;
use std::sync::Arc;

use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::fd::OwnedFd;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg_addr};

use super::StartError;
use super::batch::{Arrived, Origin, Outbox};
use super::bind::relayed_socket;
use super::connections::due;
use super::handshakes::Handshakes;
use super::stream::Stream;
use super::unserved::Unserved;
use crate::core::{Client, Core, Delivery, Family, Now, Slot, Step, Ticket};
use crate::figures::Counts;
use crate::limits::Limits;
use crate::wire::HEADROOM;

/// What an event is about.
#[derive(Clone, Copy)]
pub(super) enum Token {
    Door(u32),
    Relayed(u32),
    Stream(u64),
    Listener(u32),
    Bell,
}

impl Token {
    pub(super) fn data(self) -> EventData {
        let (kind, place) = match self {
            Self::Door(place) => (0, place.into()),
            Self::Relayed(place) => (1, place.into()),
            Self::Stream(id) => (2, id),
            Self::Listener(place) => (3, place.into()),
            Self::Bell => (4, 0),
        };
        EventData::new_u64(place << 3 | kind)
    }

    pub(super) fn from(data: u64) -> Self {
        let place = data >> 3;
        match data & 7 {
            0 => Self::Door(place as u32),
            1 => Self::Relayed(place as u32),
            2 => Self::Stream(place),
            3 => Self::Listener(place as u32),
            _ => Self::Bell,
        }
    }
}

/// The first connection's number; doors have those below.
const FIRST_STREAM: u64 = 1 << 32;

pub(super) struct Net {
    pub(super) core: Core,
    pub(super) epoll: OwnedFd,
    pub(super) counts: Arc<Counts>,
    pub(super) limits: Limits,
    doors: Vec<(UdpSocket, bool)>,
    relayed: Vec<Option<(UdpSocket, bool)>>,
    /// What relayed candidates carry, and where their sockets are bound.
    homes: Vec<(IpAddr, IpAddr)>,
    ports: RangeInclusive<u16>,
    pub(super) outbox: Outbox,
    pub(super) streams: HashMap<u64, Stream>,
    pub(super) by_address: HashMap<IpAddr, u32>,
    pub(super) unserved: Unserved,
    pub(super) next_stream: u64,
    pub(super) handshakes: Handshakes,
    pub(super) due: Vec<u64>,
}

impl Net {
    pub(super) fn new(
        core: Core,
        counts: Arc<Counts>,
        limits: Limits,
        doors: Vec<UdpSocket>,
        homes: Vec<(IpAddr, IpAddr)>,
        ports: RangeInclusive<u16>,
    ) -> Result<Self, StartError> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).map_err(StartError::system)?;
        let doors = doors.into_iter().map(|door| Ok((door.local_addr()?.is_ipv4(), door)));
        let doors: std::io::Result<Vec<_>> = doors.map(|door| door.map(|(is_ipv4, door)| (door, is_ipv4))).collect();
        let handshakes = Handshakes::new(&limits);
        let net = Self {
            core,
            epoll,
            counts,
            limits,
            doors: doors.map_err(StartError::System)?,
            relayed: Vec::new(),
            homes,
            ports,
            outbox: Outbox::new(),
            streams: HashMap::new(),
            by_address: HashMap::new(),
            unserved: Unserved::default(),
            next_stream: FIRST_STREAM,
            handshakes,
            due: Vec::new(),
        };
        for (place, (door, _)) in net.doors.iter().enumerate() {
            net.watch(door, Token::Door(place as u32))?;
        }
        Ok(net)
    }

    pub(super) fn watch(&self, source: &impl AsFd, token: Token) -> Result<(), StartError> {
        epoll::add(&self.epoll, source, token.data(), EventFlags::IN).map_err(StartError::system)
    }

    pub(super) fn door(&self, place: u32) -> Option<(&UdpSocket, bool)> {
        self.doors.get(place as usize).map(|(socket, is_ipv4)| (socket, *is_ipv4))
    }

    pub(super) fn relayed(&self, place: u32) -> Option<(&UdpSocket, bool)> {
        self.relayed.get(place as usize)?.as_ref().map(|(socket, is_ipv4)| (socket, *is_ipv4))
    }

    /// Whether nothing can run out.
    pub(super) fn is_idle(&self) -> bool {
        self.core.allocations() == 0 && self.streams.is_empty()
    }

    /// Takes one message of a client, which is in `bytes` from `start` on; `None` is one that was too large. Where
    /// `has_room`, there is room around it for a head and padding.
    pub(super) fn client_says(
        &mut self,
        now: Now,
        client: Client,
        bytes: &mut [u8],
        start: usize,
        length: Option<usize>,
        has_room: bool,
    ) {
        let Some(length) = length else { return self.counts.dropped_malformed.add(1) };
        let ticket = match self.core.from_client(now, client, &bytes[start..start + length]) {
            Step::Rest => return,
            Step::Reply(reply) => {
                let place = self.streams.get_mut(&client.door);
                return reply_to(client, reply, &self.doors, place, &self.limits, &mut self.due);
            }
            Step::ToPeer { slot, peer, payload } => {
                self.outbox.push(Origin::Relayed(slot.0), peer, start + payload.start, payload.len());
                return self.send_if_full(bytes);
            }
            Step::ToClient { delivery, payload } => {
                let place = start + payload.start;
                self.deliver(&delivery, bytes, place, payload.len(), has_room);
                return self.send_if_full(bytes);
            }
            Step::Open(ticket) => ticket,
        };
        // What waits may be from a socket whose place the new one takes.
        self.send(bytes);
        self.open(now, client, *ticket);
    }

    /// Takes what a peer sent to a relayed address.
    pub(super) fn peer_says(&mut self, now: Now, slot: Slot, bytes: &mut [u8], arrived: &Arrived) {
        let Some(length) = arrived.length else { return self.counts.dropped_malformed.add(1) };
        if let Some(delivery) = self.core.from_peer(now, slot, arrived.from, length) {
            self.deliver(&delivery, bytes, arrived.start, length, true);
        }
    }

    /// Sends what waits in the outbox.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let (doors, relayed) = (&self.doors, &self.relayed);
        let lost = self.outbox.send(bytes, |from| match from {
            Origin::Door(place) => doors.get(place as usize).map(|(socket, _)| socket),
            Origin::Relayed(place) => relayed.get(place as usize)?.as_ref().map(|(socket, _)| socket),
        });
        if lost > 0 {
            self.counts.dropped_unsent.add(lost);
        }
        self.close_relayed();
    }

    fn send_if_full(&mut self, bytes: &[u8]) {
        if self.outbox.is_full() {
            self.send(bytes);
        }
    }

    fn deliver(&mut self, delivery: &Delivery, bytes: &mut [u8], start: usize, length: usize, has_room: bool) {
        let Delivery { client, framing } = delivery;
        let (head, tail) = (framing.head_bytes(), framing.tail_bytes(length, client.on_stream));
        let mut apart = [0; HEADROOM];
        if client.on_stream {
            framing.write_head(length, &mut apart[..head]);
            let parts = [&apart[..head], &bytes[start..start + length], &[0; 3][..tail]];
            let most = self.limits.queue_bytes as usize;
            let stream = self.streams.get_mut(&client.door);
            match stream.and_then(|stream| stream.queue(&parts, most).then_some(stream)) {
                Some(stream) => due(stream, client.door, &mut self.due),
                None => self.counts.dropped_unsent.add(1),
            }
        } else if has_room {
            framing.write_head(length, &mut bytes[start - head..start]);
            bytes[start + length..start + length + tail].fill(0);
            self.outbox.push(Origin::Door(client.door as u32), client.address, start - head, head + length + tail);
        } else {
            // From one client's stream to another's datagrams, where there is no room between two messages.
            framing.write_head(length, &mut apart[..head]);
            let parts = [&apart[..head], &bytes[start..start + length], &[0; 3][..tail]].map(IoSlice::new);
            let sent = self.doors.get(client.door as usize).map(|(door, _)| {
                let nothing = &mut SendAncillaryBuffer::default();
                sendmsg_addr(door, &client.address, &parts, nothing, SendFlags::DONTWAIT)
            });
            if sent.is_none_or(|sent| sent.is_err()) {
                self.counts.dropped_unsent.add(1);
            }
        }
    }

    fn open(&mut self, now: Now, client: Client, ticket: Ticket) {
        let (slot, family) = (ticket.slot, ticket.family);
        let home = self.homes.iter().find(|(public, _)| Family::of(*public) == family);
        let opened = home.and_then(|(_, local)| relayed_socket(*local, &self.ports, ticket.even).ok());
        let opened = opened.filter(|(socket, _)| self.watch(socket, Token::Relayed(slot.0)).is_ok());
        let port = opened.as_ref().map(|(_, port)| *port);
        if let Some((socket, _)) = opened {
            let place = slot.0 as usize;
            if self.relayed.len() <= place {
                self.relayed.resize_with(place + 1, || None);
            }
            self.relayed[place] = Some((socket, family == Family::V4));
        }
        let reply = self.core.opened(now, ticket, port);
        let place = self.streams.get_mut(&client.door);
        reply_to(client, reply, &self.doors, place, &self.limits, &mut self.due);
        if !self.core.serves(&client) {
            if let Some(place) = self.relayed.get_mut(slot.0 as usize) {
                *place = None;
            }
        } else if let Some(stream) = self.streams.get_mut(&client.door) {
            stream.is_served = true;
            self.unserved.leave(stream.near(), client.door);
        }
    }

    pub(super) fn close_relayed(&mut self) {
        while let Some(slot) = self.core.closed() {
            if let Some(place) = self.relayed.get_mut(slot.0 as usize) {
                *place = None;
            }
        }
    }
}

/// Sends a reply to whoever asked. What can't be sent is lost: the client will ask again.
fn reply_to(
    client: Client,
    reply: &[u8],
    doors: &[(UdpSocket, bool)],
    stream: Option<&mut Stream>,
    limits: &Limits,
    list: &mut Vec<u64>,
) {
    match stream {
        Some(stream) => {
            if stream.queue(&[reply], limits.queue_bytes as usize) {
                due(stream, client.door, list);
            }
        }
        None => {
            if let Some((door, _)) = doors.get(client.door as usize) {
                let _ = door.send_to(reply, client.address);
            }
        }
    }
}
