//! One TCP or TLS connection: bytes in, whole messages out, and what waits to be sent, all within bounds.

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::sync::Arc;

use rustix::event::epoll::EventFlags;
use rustls::{ServerConfig, ServerConnection};

use super::handshakes::Stage;
use crate::core::Client;
use crate::doorstep::neighbourhood;
use crate::limits::MAX_DATAGRAM;
use crate::wire::{HEADROOM, TAILROOM};

/// The largest message that is taken from a stream.
pub(super) const MAX_MESSAGE: usize = HEADROOM + MAX_DATAGRAM + TAILROOM;
/// What is read with one call.
const READ: usize = 64 << 10;
/// What TLS may hold of a record that is not complete yet.
const RECORD: usize = 20 << 10;
/// What a connection keeps to write into once nothing waits any more: the next burst may never come.
const KEPT: usize = 16 << 10;
/// The first byte of a ClientHello: the record's type.
const HANDSHAKE: u8 = 0x16;

/// Where what streams say is looked at. One for all streams: what is not complete, each keeps for itself.
pub(super) struct Scratch {
    sealed: Box<[u8]>,
    /// What has been read, from its beginning.
    pub(super) plain: Box<[u8]>,
}

impl Scratch {
    pub(super) fn new() -> Self {
        Self { sealed: vec![0; READ].into(), plain: vec![0; MAX_MESSAGE + READ + RECORD].into() }
    }
}

/// The connection is over: closed, broken, or not what it should be.
#[derive(Debug)]
pub(super) struct Over;

impl From<io::Error> for Over {
    fn from(_: io::Error) -> Self {
        Self
    }
}

/// What a connection's messages are wrapped in.
pub(super) enum Cover {
    Nothing,
    /// TLS, once a ClientHello comes.
    Awaited(Arc<ServerConfig>),
    Tls(Box<ServerConnection>),
}

impl Cover {
    /// TLS that begins, or was begun by somebody else.
    pub(super) fn tls(mut tls: Box<ServerConnection>) -> Self {
        // What waits is bounded by whoever queues it.
        tls.set_buffer_limit(None);
        Self::Tls(tls)
    }
}

/// One connection.
pub(super) struct Stream {
    pub(super) socket: TcpStream,
    pub(super) client: Client,
    cover: Cover,
    /// The beginning of a message that is not complete yet.
    rest: Vec<u8>,
    /// A message while it is sealed.
    plain: Vec<u8>,
    /// What waits to be sent, from `sent` on.
    out: Vec<u8>,
    sent: usize,
    /// Since when it has no allocation: when it was accepted, or last seen with one.
    pub(super) since: u64,
    /// Whether it has an allocation, or had one at the last tick.
    pub(super) is_served: bool,
    /// When a whole message last came.
    pub(super) heard: u64,
    /// Whether a whole message has come.
    pub(super) has_spoken: bool,
    /// Whether the kernel is to tell when more can be sent.
    pub(super) is_stuck: bool,
    /// Whether it is on the list of those that have something to send.
    pub(super) is_due: bool,
    /// Whether it waits for a step of its handshake, and is not listened to meanwhile.
    pub(super) is_waiting: bool,
}

impl Stream {
    pub(super) fn new(socket: TcpStream, client: Client, cover: Cover, millis: u64) -> Self {
        Self {
            socket,
            client,
            cover,
            rest: Vec::new(),
            plain: Vec::new(),
            out: Vec::new(),
            sent: 0,
            since: millis,
            is_served: false,
            heard: millis,
            has_spoken: false,
            is_stuck: false,
            is_due: false,
            is_waiting: false,
        }
    }

    /// With whose it is counted.
    pub(super) fn near(&self) -> IpAddr {
        neighbourhood(self.client.address.ip())
    }

    /// Whether what it says is of a handshake.
    pub(super) fn shakes_hands(&self) -> Result<Option<Stage>, Over> {
        match &self.cover {
            Cover::Nothing => return Ok(None),
            Cover::Tls(tls) => return Ok(tls.is_handshaking().then_some(Stage::GoesOn)),
            Cover::Awaited(_) => {}
        }
        let mut first = [0];
        match self.socket.peek(&mut first) {
            Ok(1) if first == [HANDSHAKE] => Ok(Some(Stage::Begins)),
            Err(error) if is_for_later(&error) => Ok(None),
            Ok(_) | Err(_) => Err(Over),
        }
    }

    /// What the kernel is to tell of it besides its end.
    pub(super) fn interest(&self) -> EventFlags {
        match (self.is_waiting, self.is_stuck) {
            (true, _) => EventFlags::empty(),
            (false, true) => EventFlags::IN | EventFlags::OUT,
            (false, false) => EventFlags::IN,
        }
    }

    /// Begins TLS, if it is to.
    pub(super) fn begin_tls(&mut self) -> Result<(), Over> {
        if let Cover::Awaited(config) = &self.cover {
            self.cover = Cover::tls(Box::new(ServerConnection::new(config.clone()).map_err(|_| Over)?));
        }
        Ok(())
    }

    /// Reads once. How much there is to look at in the scratch, including what was there before.
    pub(super) fn receive(&mut self, scratch: &mut Scratch) -> Result<usize, Over> {
        let kept = self.rest.len();
        scratch.plain[..kept].copy_from_slice(&self.rest);
        self.rest.clear();
        let into = match self.cover {
            Cover::Nothing => &mut scratch.plain[kept..kept + READ],
            Cover::Tls(_) => &mut scratch.sealed[..],
            Cover::Awaited(_) => return Ok(kept),
        };
        let read = match self.socket.read(into) {
            Ok(0) => return Err(Over),
            Ok(read) => read,
            Err(error) if is_for_later(&error) => 0,
            Err(_) => return Err(Over),
        };
        let Cover::Tls(tls) = &mut self.cover else { return Ok(kept + read) };
        let mut sealed = &scratch.sealed[..read];
        // Whoever established it may have read more than that.
        let mut end = opened(tls, &mut scratch.plain, kept)?;
        while !sealed.is_empty() {
            tls.read_tls(&mut sealed)?;
            if tls.process_new_packets().is_err() {
                // Its alert is still to be sent.
                let _ = self.send();
                return Err(Over);
            }
            end = opened(tls, &mut scratch.plain, end)?;
        }
        Ok(end)
    }

    /// Keeps the beginning of a message until the rest comes.
    pub(super) fn keep(&mut self, rest: &[u8]) {
        self.rest.extend_from_slice(rest);
    }

    /// Takes a message to be sent with the next [`Self::send`], if together with what waits it is no more than `most`. Over TLS each
    /// has a record of its own, as from other servers: some clients take one for the other.
    pub(super) fn queue(&mut self, parts: &[&[u8]], most: usize) -> bool {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        if self.out.len() - self.sent + length > most {
            return false;
        }
        let Cover::Tls(tls) = &mut self.cover else {
            parts.iter().for_each(|part| self.out.extend_from_slice(part));
            return true;
        };
        self.plain.clear();
        parts.iter().for_each(|part| self.plain.extend_from_slice(part));
        tls.writer().write_all(&self.plain).is_ok() && drain(tls, &mut self.out).is_ok()
    }

    /// Sends what waits. Whether nothing is left.
    pub(super) fn send(&mut self) -> Result<bool, Over> {
        if let Cover::Tls(tls) = &mut self.cover {
            drain(tls, &mut self.out)?;
        }
        while self.sent < self.out.len() {
            match self.socket.write(&self.out[self.sent..]) {
                Ok(0) => return Err(Over),
                Ok(sent) => self.sent += sent,
                Err(error) if is_for_later(&error) => {
                    self.out.drain(..self.sent);
                    self.sent = 0;
                    return Ok(false);
                }
                Err(_) => return Err(Over),
            }
        }
        self.sent = 0;
        if self.out.capacity() > KEPT {
            self.out = Vec::new();
        }
        self.out.clear();
        Ok(true)
    }

    /// Says goodbye, if the connection still takes it.
    pub(super) fn close(mut self) {
        if let Cover::Tls(tls) = &mut self.cover {
            tls.send_close_notify();
        }
        let _ = self.send();
    }
}

/// Takes out of TLS what it has sealed.
fn drain(tls: &mut ServerConnection, out: &mut Vec<u8>) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(out)?;
    }
    Ok(())
}

/// Takes out of TLS what it has opened, to `plain[end..]`. The new end.
fn opened(tls: &mut ServerConnection, plain: &mut [u8], mut end: usize) -> Result<usize, Over> {
    loop {
        match tls.reader().read(&mut plain[end..]) {
            Ok(0) => return if end == plain.len() { Err(Over) } else { Ok(end) },
            Ok(read) => end += read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(end),
            Err(_) => return Err(Over),
        }
    }
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
