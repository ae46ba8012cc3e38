//! One TCP or TLS connection: bytes in, whole messages out, and what waits to be sent, all within bounds.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use rustls::ServerConnection;

use super::batch::MAX_DATAGRAM;
use crate::core::Client;
use crate::wire::{HEADROOM, TAILROOM};

/// The largest message that is taken from a stream.
pub(super) const MAX_MESSAGE: usize = HEADROOM + MAX_DATAGRAM + TAILROOM;
/// What is read with one call.
const READ: usize = 64 << 10;
/// What TLS may hold of a record that is not complete yet.
const RECORD: usize = 20 << 10;

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

/// One connection.
pub(super) struct Stream {
    pub(super) socket: TcpStream,
    pub(super) client: Client,
    tls: Option<Box<ServerConnection>>,
    /// The beginning of a message that is not complete yet.
    rest: Vec<u8>,
    /// A message while it is sealed.
    plain: Vec<u8>,
    /// What waits to be sent, from `sent` on.
    out: Vec<u8>,
    sent: usize,
    /// When it was accepted.
    pub(super) since: u64,
    /// When something last came.
    pub(super) heard: u64,
    /// Whether a whole message has come.
    pub(super) has_spoken: bool,
    /// Whether the kernel is to tell when more can be sent.
    pub(super) is_stuck: bool,
    /// Whether it is on the list of those that have something to send.
    pub(super) is_due: bool,
}

impl Stream {
    pub(super) fn new(socket: TcpStream, client: Client, mut tls: Option<Box<ServerConnection>>, millis: u64) -> Self {
        if let Some(tls) = &mut tls {
            // What waits is bounded here.
            tls.set_buffer_limit(None);
        }
        Self {
            socket,
            client,
            tls,
            rest: Vec::new(),
            plain: Vec::new(),
            out: Vec::new(),
            sent: 0,
            since: millis,
            heard: millis,
            has_spoken: false,
            is_stuck: false,
            is_due: false,
        }
    }

    /// Puts what was read before into the scratch, as if it had come now. How much that is.
    pub(super) fn receive_early(&mut self, early: &[u8], scratch: &mut Scratch) -> Result<usize, Over> {
        let place = scratch.plain.get_mut(..early.len()).ok_or(Over)?;
        place.copy_from_slice(early);
        match &mut self.tls {
            Some(tls) => opened(tls, &mut scratch.plain, early.len()),
            None => Ok(early.len()),
        }
    }

    /// Reads once. How much there is to look at in the scratch, including what was there before.
    pub(super) fn receive(&mut self, scratch: &mut Scratch) -> Result<usize, Over> {
        let kept = self.rest.len();
        scratch.plain[..kept].copy_from_slice(&self.rest);
        self.rest.clear();
        let into = if self.tls.is_some() { &mut scratch.sealed[..] } else { &mut scratch.plain[kept..kept + READ] };
        let read = match self.socket.read(into) {
            Ok(0) => return Err(Over),
            Ok(read) => read,
            Err(error) if is_for_later(&error) => 0,
            Err(_) => return Err(Over),
        };
        let Some(tls) = &mut self.tls else { return Ok(kept + read) };
        let (mut sealed, mut end) = (&scratch.sealed[..read], kept);
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
        let Some(tls) = &mut self.tls else {
            parts.iter().for_each(|part| self.out.extend_from_slice(part));
            return true;
        };
        self.plain.clear();
        parts.iter().for_each(|part| self.plain.extend_from_slice(part));
        tls.writer().write_all(&self.plain).is_ok() && drain(tls, &mut self.out).is_ok()
    }

    /// Sends what waits. Whether nothing is left.
    pub(super) fn send(&mut self) -> Result<bool, Over> {
        if let Some(tls) = &mut self.tls {
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
        self.out.clear();
        self.sent = 0;
        Ok(true)
    }

    /// Says goodbye, if the connection still takes it.
    pub(super) fn close(mut self) {
        if let Some(tls) = &mut self.tls {
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
