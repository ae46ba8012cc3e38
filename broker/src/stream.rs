//! A connection's bytes, with TLS around them or without: one type, so that all that is built upon it is there once.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use rustix::net::sockopt::{set_socket_send_buffer_size, set_tcp_user_timeout};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::socket::quarters::Portable;

/// What the system may hold of a connection's bytes until the other end has them: one frame of the largest kind, and room. Of itself it
/// would be megabytes, which count nowhere. The system takes it twice, for what it needs beside them.
///
/// It is as much as can be on its way at once, and a page has 200 KB: on a long and fast line all of it is there before TCP would send
/// more. Were it larger, a slow line would seem to take nothing for long, as there is news of that only once a third has gone.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// One connection.
#[derive(Debug)]
pub(crate) enum Stream {
    /// As it is on the wire.
    Plain(TcpStream),
    /// Sealed on the wire.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Hands a call on to whichever stream it is.
macro_rules! each {
    ($stream:expr, $inner:ident => $call:expr) => {
        match $stream.get_mut() {
            Stream::Plain(stream) => {
                let $inner = Pin::new(stream);
                $call
            }
            Stream::Tls(stream) => {
                let $inner = Pin::new(stream.as_mut());
                $call
            }
        }
    };
}

impl Stream {
    /// What TLS has agreed to speak.
    pub(crate) fn protocol(&self) -> Option<&[u8]> {
        match self {
            Self::Plain(_) => None,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol(),
        }
    }

    /// Bounds what the system holds for who does not read, and for how long: also once we have let go of them.
    pub(crate) fn bound(&self, patience: Duration) {
        let _ = set_socket_send_buffer_size(self.tcp(), SEND_BUFFER_BYTES);
        let _ = set_tcp_user_timeout(self.tcp(), u32::try_from(patience.as_millis()).unwrap_or(u32::MAX));
    }

    /// Leaves it to a WebSocket how long it waits: whoever is cut off for a while may come back to it.
    pub(crate) fn wait(&self) {
        let _ = set_tcp_user_timeout(self.tcp(), 0);
    }

    /// The connection under it all.
    pub(crate) fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        each!(self, stream => stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        each!(self, stream => stream.poll_write_vectored(cx, slices))
    }

    fn is_write_vectored(&self) -> bool {
        // Both of them are.
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => stream.poll_shutdown(cx))
    }
}

impl Portable for Stream {
    fn settle(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.settle(),
            // What TLS has taken in and not given out yet goes along.
            Self::Tls(stream) => stream.get_mut().0.settle(),
        }
    }
}
