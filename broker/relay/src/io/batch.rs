//! Datagrams by the batch: many received with one call, many sent with one call, and those of one size to one peer as one
//! (GSO). Where the kernel has no GSO for something, they go one by one; nobody notices.
//!
//! In front of each datagram there is room for the largest head, and behind it for padding, so that what is relayed is sent
//! from where it was received.

use std::io::{IoSlice, IoSliceMut};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;

use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrLike, recvmmsg, sendmmsg,
};

use super::paths::Paths;
use crate::limits::{BATCH, MAX_DATAGRAM};
use crate::wire::{HEADROOM, TAILROOM};

/// Datagrams that have arrived at several sockets before they are sent on together.
const PLACES: usize = 2 * BATCH;
const STRIDE: usize = (HEADROOM + MAX_DATAGRAM + TAILROOM).next_multiple_of(64);
/// What the kernel takes as one at most: segments and bytes.
const MAX_SEGMENTS: usize = 64;
const MAX_MERGED: usize = 65_000;

/// A datagram that has arrived.
#[derive(Clone, Copy)]
pub(super) struct Arrived {
    pub(super) from: SocketAddr,
    /// Where it begins in [`Inbox::bytes`].
    pub(super) start: usize,
    /// `None` if it was too large.
    pub(super) length: Option<usize>,
}

/// Where datagrams arrive, and stay until they have been sent on.
pub(super) struct Inbox {
    bytes: Box<[u8]>,
    /// Places that are taken.
    taken: usize,
    /// What came with the last call.
    arrived: Vec<Arrived>,
    v4: MultiHeaders<SockaddrIn>,
    v6: MultiHeaders<SockaddrIn6>,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Self {
            bytes: vec![0; PLACES * STRIDE].into(),
            taken: 0,
            arrived: Vec::with_capacity(BATCH),
            v4: MultiHeaders::preallocate(BATCH, None),
            v6: MultiHeaders::preallocate(BATCH, None),
        }
    }

    /// Whether there is no place for a whole batch any more.
    pub(super) fn is_full(&self) -> bool {
        self.taken + BATCH > PLACES
    }

    /// All that has arrived has been sent on.
    pub(super) fn clear(&mut self) {
        self.taken = 0;
    }

    /// Receives what is there, up to a batch. How many.
    pub(super) fn receive(&mut self, socket: &UdpSocket, is_ipv4: bool) -> usize {
        let Self { bytes, taken, arrived, v4, v6 } = self;
        arrived.clear();
        let first = *taken * STRIDE;
        let Some(bytes) = bytes.get_mut(first..first + BATCH * STRIDE) else { return 0 };
        // Whatever the error, there is nothing now; a socket is never given up for one.
        let _ = if is_ipv4 {
            fill(socket, v4, bytes, arrived, |from: SockaddrIn| SocketAddr::V4(from.into()))
        } else {
            fill(socket, v6, bytes, arrived, |from: SockaddrIn6| {
                SocketAddrV6::new(from.ip(), from.port(), 0, from.scope_id()).into()
            })
        };
        arrived.iter_mut().for_each(|arrived| arrived.start += first);
        *taken += arrived.len();
        arrived.len()
    }

    pub(super) fn arrived(&self, place: usize) -> Arrived {
        self.arrived[place]
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

fn fill<S: SockaddrLike + Copy>(
    socket: &UdpSocket,
    headers: &mut MultiHeaders<S>,
    bytes: &mut [u8],
    arrived: &mut Vec<Arrived>,
    address: impl Fn(S) -> SocketAddr,
) -> nix::Result<()> {
    let mut places = bytes.chunks_exact_mut(STRIDE);
    let mut slices: [[IoSliceMut<'_>; 1]; BATCH] = std::array::from_fn(|_| {
        let place = places.next().expect("there are as many places as datagrams in a batch");
        [IoSliceMut::new(&mut place[HEADROOM..HEADROOM + MAX_DATAGRAM])]
    });
    let results = recvmmsg(socket.as_raw_fd(), headers, slices.iter_mut(), MsgFlags::MSG_DONTWAIT, None)?;
    for (place, message) in results.enumerate() {
        // Over UDP each has one.
        let Some(from) = message.address else { continue };
        let is_whole = !message.flags.contains(MsgFlags::MSG_TRUNC);
        let start = place * STRIDE + HEADROOM;
        arrived.push(Arrived { from: address(from), start, length: is_whole.then_some(message.bytes) });
    }
    Ok(())
}

/// Which socket something is sent from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    Door(u32),
    Relayed(u32),
}

/// A datagram that waits to be sent.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    from: Origin,
    to: SocketAddr,
    order: usize,
    start: usize,
    length: usize,
}

/// Datagrams that wait to be sent.
pub(super) struct Outbox {
    waiting: Vec<Waiting>,
    v4: Sheaf<SockaddrIn>,
    v6: Sheaf<SockaddrIn6>,
    pub(super) paths: Paths,
}

/// What one call takes.
struct Sheaf<S> {
    many: MultiHeaders<S>,
    merged: MultiHeaders<S>,
}

impl<S: SockaddrLike + Copy> Sheaf<S> {
    fn new() -> Self {
        Self {
            many: MultiHeaders::preallocate(BATCH, None),
            merged: MultiHeaders::preallocate(1, Some(nix::cmsg_space!(u16))),
        }
    }
}

impl Outbox {
    pub(super) fn new() -> Self {
        let waiting = Vec::with_capacity(PLACES);
        Self { waiting, v4: Sheaf::new(), v6: Sheaf::new(), paths: Paths::new() }
    }

    pub(super) fn push(&mut self, from: Origin, to: SocketAddr, start: usize, length: usize) {
        let order = self.waiting.len();
        self.waiting.push(Waiting { from, to, order, start, length });
    }

    /// Whether another one has to wait for the next call.
    pub(super) fn is_full(&self) -> bool {
        self.waiting.len() >= PLACES
    }

    /// Sends all that wait, located in `bytes`. How many could not be sent.
    pub(super) fn send<'s>(&mut self, bytes: &[u8], socket: impl Fn(Origin) -> Option<&'s UdpSocket>) -> usize {
        if self.waiting.is_empty() {
            return 0;
        }
        // By socket and receiver, each receiver's in the order that they came in.
        self.waiting.sort_unstable();
        let mut waiting = std::mem::take(&mut self.waiting);
        let mut lost = 0;
        for of_one_socket in waiting.chunk_by(|a, b| a.from == b.from && a.to.is_ipv4() == b.to.is_ipv4()) {
            let Some(first) = of_one_socket.first() else { continue };
            lost += match (socket(first.from), first.to) {
                (None, _) => of_one_socket.len(),
                (Some(socket), SocketAddr::V4(_)) => {
                    let address = |to: SocketAddr| match to {
                        SocketAddr::V4(to) => SockaddrIn::from(to),
                        SocketAddr::V6(_) => SockaddrIn::from(SocketAddrV4::new([0, 0, 0, 0].into(), 0)),
                    };
                    send_from(socket, of_one_socket, bytes, &mut self.v4, &mut self.paths, address)
                }
                (Some(socket), SocketAddr::V6(_)) => {
                    let address = |to: SocketAddr| match to {
                        SocketAddr::V6(to) => SockaddrIn6::from(to),
                        SocketAddr::V4(to) => SockaddrIn6::from(SocketAddrV6::new(to.ip().to_ipv6_mapped(), 0, 0, 0)),
                    };
                    send_from(socket, of_one_socket, bytes, &mut self.v6, &mut self.paths, address)
                }
            };
        }
        waiting.clear();
        self.waiting = waiting;
        lost
    }
}

fn send_from<S: SockaddrLike + Copy>(
    socket: &UdpSocket,
    all: &[Waiting],
    bytes: &[u8],
    sheaf: &mut Sheaf<S>,
    paths: &mut Paths,
    address: impl Fn(SocketAddr) -> S,
) -> usize {
    let (mut lost, mut rest, mut singles) = (0, all, 0);
    // `all[at..at + singles]` is what does not merge and has not been sent yet.
    let mut at = 0;
    while let Some(first) = rest.first() {
        let run = if first.length <= paths.largest(first.to.ip()) { run(rest) } else { 1 };
        if run == 1 {
            singles += 1;
        } else {
            lost += send_many(socket, &all[at..at + singles], bytes, sheaf, &address);
            let merged = &rest[..run];
            if let Err(error) = send_merged(socket, merged, bytes, sheaf, &address) {
                paths.refuse(error, first.to.ip(), first.length);
                lost += send_many(socket, merged, bytes, sheaf, &address);
            }
            at += singles + run;
            singles = 0;
        }
        rest = &rest[run..];
    }
    lost + send_many(socket, &all[at..at + singles], bytes, sheaf, &address)
}

/// How many at the front can go as one: to the same receiver, of the same size but for the last, which may be smaller.
fn run(waiting: &[Waiting]) -> usize {
    let first = waiting[0];
    let (mut run, mut total) = (0, 0);
    for next in waiting.iter().take(MAX_SEGMENTS) {
        total += next.length;
        if next.to != first.to || next.length > first.length || next.length == 0 || total > MAX_MERGED {
            break;
        }
        run += 1;
        if next.length < first.length {
            break;
        }
    }
    run.max(1)
}

/// As many slices as there are segments.
struct Segments<'a>([IoSlice<'a>; MAX_SEGMENTS], usize);

impl<'a> AsRef<[IoSlice<'a>]> for Segments<'a> {
    fn as_ref(&self) -> &[IoSlice<'a>] {
        &self.0[..self.1]
    }
}

fn send_merged<S: SockaddrLike + Copy>(
    socket: &UdpSocket,
    waiting: &[Waiting],
    bytes: &[u8],
    sheaf: &mut Sheaf<S>,
    address: impl Fn(SocketAddr) -> S,
) -> nix::Result<()> {
    let slice = |place: usize| waiting.get(place).map_or(&[][..], |one| &bytes[one.start..][..one.length]);
    let segments = [Segments(std::array::from_fn(|place| IoSlice::new(slice(place))), waiting.len())];
    let size = waiting[0].length as u16;
    let to = [Some(address(waiting[0].to))];
    let control = [ControlMessage::UdpGsoSegments(&size)];
    sendmmsg(socket.as_raw_fd(), &mut sheaf.merged, segments.iter(), to, control, MsgFlags::MSG_DONTWAIT).map(drop)
}

fn send_many<S: SockaddrLike + Copy>(
    socket: &UdpSocket,
    waiting: &[Waiting],
    bytes: &[u8],
    sheaf: &mut Sheaf<S>,
    address: impl Fn(SocketAddr) -> S,
) -> usize {
    if let [only] = waiting {
        return usize::from(socket.send_to(&bytes[only.start..][..only.length], only.to).is_err());
    }
    let mut lost = 0;
    let mut rest = waiting;
    while !rest.is_empty() {
        let now = &rest[..rest.len().min(BATCH)];
        let slice = |place: usize| now.get(place).map_or(&[][..], |one| &bytes[one.start..][..one.length]);
        let slices: [[IoSlice<'_>; 1]; BATCH] = std::array::from_fn(|place| [IoSlice::new(slice(place))]);
        let to: [Option<S>; BATCH] = std::array::from_fn(|place| now.get(place).map(|one| address(one.to)));
        let flags = MsgFlags::MSG_DONTWAIT;
        let sent = sendmmsg(socket.as_raw_fd(), &mut sheaf.many, slices[..now.len()].iter(), to, [], flags);
        // An error is the first one's that was not sent: it is lost, and the others get their turn.
        match sent.map(Iterator::count) {
            Ok(sent) if sent > 0 => rest = &rest[sent..],
            Ok(_) | Err(_) => {
                lost += 1;
                rest = &rest[1..];
            }
        }
    }
    lost
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
