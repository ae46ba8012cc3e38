//! TCP and TLS connections: who is let in, what they say, what waits for them, and when they are given up.

use std::net::{IpAddr, SocketAddr, TcpStream};

use rustix::event::epoll;

use super::net::{Net, Token};
use super::stream::{Cover, MAX_MESSAGE, Over, Scratch, Stream};
use crate::core::{Client, Now};
use crate::doorstep::neighbourhood;
use crate::limits::{Limits, UNSERVED_MESSAGES};
use crate::wire::{Front, front};

impl Net {
    /// Takes in a connection, if there is room for it or can be made. Its number.
    pub(super) fn take_in(&mut self, now: Now, socket: TcpStream, cover: Cover) -> Option<u64> {
        let address = socket.peer_addr().ok().map(unmapped)?;
        let near = neighbourhood(address.ip());
        let mut is_hasty = || match cover {
            Cover::Awaited(_) | Cover::Tls(_) => !self.handshakes.admits(now.millis, address.ip()),
            Cover::Nothing => false,
        };
        if is_hasty() || socket.set_nonblocking(true).is_err() || !self.makes_room(near) {
            self.counts.connections_refused.add(1);
            return None;
        }
        let _ = socket.set_nodelay(true);
        let id = self.next_stream;
        self.watch(&socket, Token::Stream(id)).ok()?;
        self.next_stream += 1;
        *self.by_address.entry(near).or_default() += 1;
        self.unserved.enter(near, id);
        let client = Client { door: id, on_stream: true, address };
        self.streams.insert(id, Stream::new(socket, client, cover, now.millis));
        self.counts.connections.set(self.streams.len());
        Some(id)
    }

    /// Makes room for one more connection from there. Where there is none, one without an allocation goes, the oldest of whoever has
    /// most: whoever is there for something has an allocation by then, or can come again.
    fn makes_room(&mut self, near: IpAddr) -> bool {
        let limits = &self.limits;
        let goes = if self.by_address.get(&near).is_some_and(|count| *count >= limits.connections_per_address) {
            self.unserved.oldest_of(near)
        } else if self.streams.len() >= limits.connections as usize {
            self.unserved.first_to_go()
        } else {
            return true;
        };
        goes.inspect(|id| self.close(*id)).is_some()
    }

    /// Something came over a connection: it is taken now, or in its turn where it is of a handshake.
    pub(super) fn stream_says(&mut self, now: Now, id: u64, scratch: &mut Scratch) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        // Of one that waits nothing is told but its end.
        let stage = if stream.is_waiting { Err(Over) } else { stream.shakes_hands() };
        match stage {
            Ok(None) => self.take(now, id, scratch),
            Ok(Some(stage)) => {
                stream.is_waiting = true;
                let _ = epoll::modify(&self.epoll, &stream.socket, Token::Stream(id).data(), stream.interest());
                self.handshakes.wait(stream.near(), id, stage);
            }
            Err(Over) => self.close(id),
        }
    }

    /// Takes one step of one handshake, of whoever's turn it is.
    pub(super) fn shake_hands(&mut self, now: Now, scratch: &mut Scratch) {
        let Some(id) = self.handshakes.next(now.millis) else { return };
        let Some(stream) = self.streams.get_mut(&id) else { return };
        stream.is_waiting = false;
        let watched = epoll::modify(&self.epoll, &stream.socket, Token::Stream(id).data(), stream.interest());
        if watched.is_err() || stream.begin_tls().is_err() {
            return self.close(id);
        }
        self.take(now, id, scratch);
    }

    /// Takes what came over a connection.
    pub(super) fn take(&mut self, now: Now, id: u64, scratch: &mut Scratch) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        let received = stream.receive(scratch);
        // TLS may have something to say even if the client has not.
        due(stream, id, &mut self.due);
        let Ok(end) = received else { return self.close(id) };
        let client = stream.client;
        let (mut start, mut messages) = (0, 0);
        let goes_on = loop {
            match front(&scratch.plain[start..end], MAX_MESSAGE) {
                Front::Whole(length, all) => {
                    let Some(stream) = self.streams.get_mut(&id) else { break false };
                    stream.has_spoken = true;
                    stream.heard = now.millis;
                    messages += 1;
                    if messages > UNSERVED_MESSAGES && !stream.is_served {
                        self.counts.dropped_strangers.add(1);
                        break false;
                    }
                    self.client_says(now, client, &mut scratch.plain, start, Some(length), false);
                    start += all;
                }
                Front::Part(_) => break true,
                Front::Noise => {
                    self.counts.dropped_malformed.add(1);
                    break false;
                }
            }
        };
        self.send(&scratch.plain);
        match self.streams.get_mut(&id) {
            Some(stream) if goes_on => stream.keep(&scratch.plain[start..end]),
            Some(_) | None => self.close(id),
        }
    }

    /// Marks that a connection has something to send, or can send again.
    pub(super) fn is_due(&mut self, id: u64) {
        if let Some(stream) = self.streams.get_mut(&id) {
            due(stream, id, &mut self.due);
        }
    }

    /// Sends what waits for connections.
    pub(super) fn send_streams(&mut self) {
        let mut list = std::mem::take(&mut self.due);
        for id in list.drain(..) {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            stream.is_due = false;
            match stream.send() {
                Ok(all) if all == stream.is_stuck => {
                    stream.is_stuck = !all;
                    let _ = epoll::modify(&self.epoll, &stream.socket, Token::Stream(id).data(), stream.interest());
                }
                Ok(_) => {}
                Err(_) => self.close(id),
            }
        }
        self.due = list;
    }

    fn close(&mut self, id: u64) {
        let Some(stream) = self.streams.remove(&id) else { return };
        if !stream.has_spoken {
            self.counts.connections_refused.add(1);
        }
        let near = stream.near();
        self.unserved.leave(near, id);
        if let Some(count) = self.by_address.get_mut(&near) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&near);
            }
        }
        if stream.is_waiting {
            self.handshakes.gone(near, id);
        }
        self.core.gone(stream.client);
        self.close_relayed();
        stream.close();
        self.counts.connections.set(self.streams.len());
    }

    /// Says goodbye to everybody.
    pub(super) fn close_all(mut self) {
        let all: Vec<u64> = self.streams.keys().copied().collect();
        all.into_iter().for_each(|id| self.close(id));
        self.counts.allocations.set(0);
    }

    pub(super) fn tick(&mut self, now: Now) {
        self.core.tick(now);
        self.close_relayed();
        self.outbox.paths.tick(now.millis);
        for (id, stream) in &mut self.streams {
            if self.core.serves(&stream.client) {
                stream.since = now.millis;
            } else if std::mem::take(&mut stream.is_served) {
                self.unserved.enter(stream.near(), *id);
            }
        }
        let Limits { handshake_seconds, idle_seconds, allocate_seconds, .. } = self.limits;
        let is_past = |from: u64, seconds: u32| now.millis >= from + u64::from(seconds) * 1000;
        let is_over = |stream: &Stream| {
            if !stream.has_spoken {
                return is_past(stream.since, handshake_seconds);
            }
            is_past(stream.since.max(stream.heard), idle_seconds) || is_past(stream.since, allocate_seconds)
        };
        let over: Vec<u64> = self.streams.iter().filter(|(_, stream)| is_over(stream)).map(|(id, _)| *id).collect();
        for id in over {
            self.close(id);
        }
    }
}

/// Puts a connection on the list of those that have something to send.
pub(super) fn due(stream: &mut Stream, id: u64, list: &mut Vec<u64>) {
    if !stream.is_due {
        stream.is_due = true;
        list.push(id);
    }
}

/// An IPv4 address that came over an IPv6 socket of somebody else's, as itself.
fn unmapped(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
            Some(ip) => SocketAddr::new(ip.into(), v6.port()),
            None => address,
        },
        SocketAddr::V4(_) => address,
    }
}

#[cfg(test)]
#[path = "connections_tests.rs"]
mod tests;
