//! Where attackers come from: many addresses, as the broker's limits for one are not what is measured.

use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};

use anyhow::Result;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with, sockopt};

use super::super::line::Line;
use super::super::ws;

/// Connections from one address; fewer than the broker lets in.
pub const FROM_ONE: usize = 400;
/// What the system may hold of what somebody does not read.
const SMALL_BUFFER: usize = 2048;

/// The broker, as attackers know it.
pub struct Ground {
    /// Where it listens on this machine.
    pub port: u16,
}

impl Ground {
    /// The attackers' `nth` connection, made.
    ///
    /// # Errors
    /// The broker, or the kernel, has no place for it.
    pub fn connect(&self, nth: usize) -> Result<TcpStream> {
        let stream = self.begin(nth, SocketFlags::CLOEXEC)?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// The attackers' `nth` connection, of whose bytes the system keeps few that nobody reads.
    ///
    /// # Errors
    /// The broker, or the kernel, has no place for it.
    pub fn connect_narrow(&self, nth: usize) -> Result<TcpStream> {
        let stream = self.connect(nth)?;
        sockopt::set_socket_recv_buffer_size(&stream, SMALL_BUFFER)?;
        Ok(stream)
    }

    /// The attackers' `nth` connection, on its way, and then a WebSocket at `path`.
    ///
    /// # Errors
    /// The kernel has no place for it.
    pub fn websocket(&self, nth: usize, path: &str) -> Result<Line> {
        let stream = self.begin(nth, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK)?;
        stream.set_nodelay(true)?;
        let mut line = Line::upgrading(stream)?;
        line.write(ws::request(self.port, path).as_bytes())?;
        Ok(line)
    }

    fn begin(&self, nth: usize, flags: SocketFlags) -> Result<TcpStream> {
        let socket = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        bind(&socket, &SocketAddrV4::new(home(nth), 0))?;
        match connect(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port)) {
            Ok(()) | Err(Errno::INPROGRESS) => Ok(TcpStream::from(socket)),
            Err(error) => Err(error.into()),
        }
    }
}

/// All of 127.0.0.0/8 is this machine.
fn home(nth: usize) -> Ipv4Addr {
    let [.., high, low] = u32::try_from(nth / FROM_ONE + 1).unwrap_or(u32::MAX).to_be_bytes();
    Ipv4Addr::new(127, 1, high, low)
}
