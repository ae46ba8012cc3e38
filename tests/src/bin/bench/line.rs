//! One end of a WebSocket that never waits.

use std::io::{ErrorKind, Read, Write};

use anyhow::Result;
use mio::event::Source;
use mio::net::TcpStream;

use super::stream::Stream;
use super::ws;

/// A connection.
pub struct Line {
    stream: Stream<TcpStream>,
    /// The answer to the upgrade is still to come, in front of the first frame.
    upgrading: bool,
    /// Read, and not a whole frame yet.
    held: Vec<u8>,
    /// What the socket did not take yet.
    unsent: Vec<u8>,
    alive: bool,
}

impl Line {
    /// One that is a WebSocket already, and of which this was read.
    ///
    /// # Errors
    /// The socket can't be told not to wait.
    pub fn open(stream: impl Into<Stream<std::net::TcpStream>>, held: Vec<u8>) -> Result<Self> {
        let mut stream = stream.into();
        stream.socket().set_nonblocking(true)?;
        let stream = stream.map(TcpStream::from_std);
        Ok(Self { stream, upgrading: false, held, unsent: Vec::new(), alive: true })
    }

    /// One that becomes a WebSocket with the first answer that comes.
    ///
    /// # Errors
    /// The socket can't be told not to wait.
    pub fn upgrading(stream: std::net::TcpStream) -> Result<Self> {
        Ok(Self { upgrading: true, ..Self::open(stream, Vec::new())? })
    }

    /// What to wait for.
    pub fn source(&mut self) -> &mut impl Source {
        self.stream.socket()
    }

    /// How many bytes the socket did not take yet.
    pub fn unsent(&self) -> usize {
        self.unsent.len()
    }

    /// Sends what the socket did not take before.
    ///
    /// # Errors
    /// The socket is dead.
    pub fn flush(&mut self) -> Result<()> {
        match self.stream.flush() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            flushed => flushed?,
        }
        let unsent = std::mem::take(&mut self.unsent);
        self.write(&unsent)
    }

    /// Sends bytes, now or as soon as the socket takes them.
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

    /// Reads all there is into `chunk`, and gives whole frames away: opcode and payload. Pings are answered. Its end is a
    /// frame too, of [`ws::CLOSE`].
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
            if self.upgrading {
                if let Some(end) = ws::end_of_head(bytes) {
                    self.upgrading = false;
                    bytes = &bytes[end..];
                } else {
                    self.held = bytes.to_vec();
                    continue;
                }
            }
            while let Some((opcode, payload, size)) = ws::first_frame(bytes) {
                take(opcode, payload);
                pings += u32::from(opcode == ws::PING);
                bytes = &bytes[size..];
            }
            // Most lines wait for nothing most of the time, and then hold no memory here either.
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
