//! What it costs whoever measures to hear an answer, with no server in between: a byte to a thread beside it and back.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use mio::event::Source;
use mio::net::TcpStream;

use super::machine::First;

/// A connection to somebody who says the same again.
pub struct Echo {
    stream: TcpStream,
    /// When the byte that is under way was sent.
    called: Option<Instant>,
}

impl Echo {
    /// Starts the thread, which ends with the connection.
    ///
    /// # Errors
    /// No port is free.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let stream = std::net::TcpStream::connect(listener.local_addr()?)?;
        let (mut other, _) = listener.accept()?;
        stream.set_nodelay(true)?;
        other.set_nodelay(true)?;
        std::thread::spawn(move || {
            let _first = First::of_all();
            let mut byte = [0];
            while other.read_exact(&mut byte).and_then(|()| other.write_all(&byte)).is_ok() {}
        });
        stream.set_nonblocking(true)?;
        Ok(Self { stream: TcpStream::from_std(stream), called: None })
    }

    /// What to wait for.
    pub fn source(&mut self) -> &mut impl Source {
        &mut self.stream
    }

    /// Sends a byte, unless one is under way.
    ///
    /// # Errors
    /// The thread is gone.
    pub fn call(&mut self) -> Result<()> {
        if self.called.is_none() {
            self.called = Some(Instant::now());
            self.stream.write_all(&[0])?;
        }
        Ok(())
    }

    /// What the byte took, if it is back.
    ///
    /// # Errors
    /// The thread is gone.
    pub fn heard(&mut self) -> Result<Option<Duration>> {
        let mut took = None;
        loop {
            match self.stream.read(&mut [0]) {
                Ok(0) => bail!("the echo is gone"),
                Ok(_) => took = self.called.take().map(|called| called.elapsed()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(took),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
