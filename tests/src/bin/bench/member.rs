//! One member's end of a socket that never waits.

use std::io::{ErrorKind, Read, Write};

use anyhow::Result;
use mio::event::Source;
use mio::net::TcpStream;

use super::seats::Seat;
use super::ws;

/// Somebody in a room.
pub struct Member {
    /// Their id.
    pub id: String,
    stream: TcpStream,
    /// Where in the crowd the others of the room are.
    others: Vec<usize>,
    next: usize,
    /// Read, and not a whole frame yet.
    held: Vec<u8>,
    /// What the socket did not take yet.
    unsent: Vec<u8>,
    alive: bool,
}

impl Member {
    /// Who took this seat, with these others.
    ///
    /// # Errors
    /// The socket can't be told not to wait.
    pub fn new(seat: Seat, others: Vec<usize>) -> Result<Self> {
        let Seat { member, stream, held } = seat;
        stream.set_nonblocking(true)?;
        let stream = TcpStream::from_std(stream);
        Ok(Self { id: member.to_string(), stream, others, next: 0, held, unsent: Vec::new(), alive: true })
    }

    /// What to wait for.
    pub fn source(&mut self) -> &mut impl Source {
        &mut self.stream
    }

    /// Whose turn it is to get something; the others get it in turn.
    pub fn next_receiver(&mut self) -> usize {
        self.next = (self.next + 1) % self.others.len();
        self.others[self.next]
    }

    /// Sends what the socket did not take before.
    ///
    /// # Errors
    /// The socket is dead.
    pub fn flush(&mut self) -> Result<()> {
        let unsent = std::mem::take(&mut self.unsent);
        self.write(&unsent)
    }

    /// Sends a frame, now or as soon as the socket takes it.
    ///
    /// # Errors
    /// The socket is dead.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(bytes);
            return Ok(());
        }
        while !bytes.is_empty() {
            match self.stream.write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.unsent.extend_from_slice(bytes);
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Reads all there is into `chunk`, and gives whole frames away: opcode and payload. Pings are answered.
    ///
    /// # Errors
    /// The socket is dead.
    pub fn read(&mut self, chunk: &mut [u8], mut take: impl FnMut(u8, &[u8])) -> Result<()> {
        let mut pings = 0;
        while self.alive {
            let kept = self.held.len();
            chunk[..kept].copy_from_slice(&self.held);
            let count = match self.stream.read(&mut chunk[kept..]) {
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            };
            if count == 0 {
                self.alive = false;
                take(ws::CLOSE, b"..hung up");
                break;
            }
            let mut bytes = &chunk[..kept + count];
            while let Some((opcode, payload, size)) = ws::first_frame(bytes) {
                take(opcode, payload);
                pings += u32::from(opcode == ws::PING);
                bytes = &bytes[size..];
            }
            // Most members wait for nothing most of the time, and then hold no memory here either.
            self.held = bytes.to_vec();
        }
        for _ in 0..pings {
            let mut pong = Vec::new();
            ws::put_frame(&mut pong, ws::PONG, &[]);
            self.write(&pong)?;
        }
        Ok(())
    }
}
