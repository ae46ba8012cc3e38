//! A WebSocket over any stream: it reads one message at a time, and meanwhile writes what is queued.
//!
//! The frames themselves are tungstenite's. Its buffer for writing would stay as large as the largest frame that ever went out, on
//! thousands of idle connections: what is queued is gathered here instead, in memory that is given back.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures_util::{Sink as _, SinkExt as _, Stream as _};
use klatch_shared::limits::MAX_FRAME_BYTES;
use klatch_shared::wire::CloseCode;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, coding};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::outbox::{Outbox, Taken};
use super::quarters::Portable;

/// What is read in one go. Kept for each connection for as long as it lives.
const READ_BYTES: usize = 4 * 1024;
/// What is written in one go, give or take a frame.
const WRITE_BYTES: usize = 16 * 1024;
/// Messages read before what is queued is written.
const READ_BATCH: u32 = 16;
/// How much may be read before it makes a message, as a multiple of the longest: one that is cut into many small frames costs too.
const READ_FOR_A_MESSAGE: usize = 2;
/// How long the other end may take to close, once it was asked to.
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);
/// How much is read, and thrown away, of somebody whose frames can't be told apart any more: who is closed with data unread
/// may never see why.
const DRAIN_BYTES: u64 = 4 * MAX_FRAME_BYTES as u64;

/// One connection.
pub(super) struct Wire<S> {
    socket: WebSocketStream<Gathering<S>>,
    outbox: Outbox,
    /// The longest message that is taken, in bytes.
    longest: usize,
    /// Messages read since something was written.
    unanswered: u32,
    /// The other end did not take what was written.
    blocked: bool,
}

/// What happens on a wire.
#[derive(Debug)]
pub(super) enum Incident {
    /// A message of text.
    Text(Utf8Bytes),
    /// A message that is no text.
    Binary(Bytes),
    /// A ping (which is answered) or a pong of so many bytes.
    Other(usize),
    /// The other end took what it had not taken before.
    Taken,
    /// Much was written, and there is more to write.
    Written,
    /// It is over, in this way.
    End(End),
}

/// How far writing went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Written {
    /// Nothing is queued any more.
    All,
    /// What the other end had not taken; there may be more.
    Blocked,
    /// As much as is written in one go, and there is more.
    Part,
    /// Everything, and nothing more comes.
    Closing(CloseCode),
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It is time to close, and everything that precedes is sent.
    Due(CloseCode),
    /// What came was no WebSocket frame, or too large a one.
    Unusable(Unusable),
    /// The other end closed, and waits for an answer to that.
    Closed,
    /// The other end is gone.
    Gone,
}

impl End {
    /// The close code; 1006 where there was no goodbye (RFC 6455 §7.4.1).
    pub(super) fn code(self) -> u16 {
        match self {
            Self::Due(code) => code.code(),
            Self::Unusable(unusable) => unusable.code(),
            Self::Closed => 1000,
            Self::Gone => 1006,
        }
    }
}

/// Why nothing more can be read, as RFC 6455 §7.4.1 codes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// 1009.
    TooLarge,
    /// 1007.
    NotUtf8,
    /// 1002.
    NotWebSocket,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// A wire over an upgraded connection, of which something may have been read already.
    pub(super) async fn new(stream: S, already_read: Vec<u8>, outbox: Outbox) -> Self {
        Self::taking(MAX_FRAME_BYTES, stream, already_read, outbox).await
    }

    /// The same for messages of so many bytes.
    pub(super) async fn taking(longest: usize, stream: S, already_read: Vec<u8>, outbox: Outbox) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(longest))
            .max_frame_size(Some(longest));
        let stream = Gathering { stream, readable: READ_FOR_A_MESSAGE * longest, gathered: BytesMut::new() };
        let socket = WebSocketStream::from_partially_read(stream, already_read, Role::Server, Some(config)).await;
        Self { socket, outbox, longest, unanswered: 0, blocked: false }
    }

    /// Has the connection looked after by the runtime that this is called on.
    ///
    /// # Errors
    /// It can't be, and everything stays as it was.
    pub(super) fn settle(&mut self) -> io::Result<()>
    where
        S: Portable,
    {
        self.socket.get_mut().stream.settle()
    }

    /// Waits for the next incident, writing meanwhile.
    pub(super) async fn next(&mut self) -> Incident {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// Says why it is over if there is something to say, and waits a little for the other end to have heard it.
    pub(super) async fn close(mut self, end: End) {
        if end != End::Gone {
            let _ = timeout(CLOSE_PATIENCE, self.say_goodbye(end)).await;
        }
    }

    async fn say_goodbye(&mut self, end: End) -> Result<(), Error> {
        match end {
            End::Due(code) => {
                self.say(code.code(), code.reason()).await?;
                // Until the other end has answered, or is gone.
                while !matches!(
                    std::future::poll_fn(|cx| self.poll_read(cx)).await,
                    Incident::End(End::Closed | End::Gone)
                ) {}
            }
            End::Unusable(unusable) => {
                // What came before this is answered.
                while let Some(frame) = std::future::poll_fn(|cx| self.outbox.poll_rest(cx)).await {
                    self.socket.get_mut().gather(frame)?;
                }
                self.say(unusable.code(), unusable.reason()).await?;
            }
            // The same code back (RFC 6455 §5.5.1): queued by the socket when it read the close. It is done with it once it has handed it on.
            End::Closed => {
                self.socket.flush().await?;
                self.socket.get_mut().flush().await?;
            }
            End::Gone => {}
        }
        let stream = &mut self.socket.get_mut().stream;
        stream.shutdown().await?;
        if matches!(end, End::Unusable(_)) {
            // Thrown away, so that the close frame is not lost to a reset.
            tokio::io::copy(&mut stream.take(DRAIN_BYTES), &mut tokio::io::sink()).await?;
        }
        Ok(())
    }

    async fn say(&mut self, code: u16, reason: &'static str) -> Result<(), Error> {
        let frame = CloseFrame { code: coding::CloseCode::from(code), reason: Utf8Bytes::from_static(reason) };
        self.socket.close(Some(frame)).await
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Incident> {
        // Many requests that are there at once are answered at once. While the other end takes nothing, nothing is read.
        if self.unanswered < READ_BATCH
            && self.socket.get_ref().gathered.is_empty()
            && let Poll::Ready(incident) = self.poll_read(cx)
        {
            self.unanswered += 1;
            return Poll::Ready(incident);
        }
        match self.poll_write(cx) {
            Poll::Pending => {
                self.blocked = true;
                return self.outbox.poll_overflow(cx).map(|()| Incident::End(End::Due(CloseCode::TooSlow)));
            }
            Poll::Ready(Err(_)) => return Poll::Ready(Incident::End(End::Gone)),
            Poll::Ready(Ok(Written::Closing(code))) => return Poll::Ready(Incident::End(End::Due(code))),
            Poll::Ready(Ok(Written::Blocked)) => {
                self.unanswered = 0;
                return Poll::Ready(Incident::Taken);
            }
            Poll::Ready(Ok(Written::Part)) => return Poll::Ready(Incident::Written),
            Poll::Ready(Ok(Written::All)) => {}
        }
        self.unanswered = 0;
        self.poll_read(cx)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Incident> {
        let read = ready!(Pin::new(&mut self.socket).poll_next(cx));
        self.socket.get_mut().readable = READ_FOR_A_MESSAGE * self.longest;
        Poll::Ready(match read {
            Some(Ok(Message::Text(text))) => Incident::Text(text),
            Some(Ok(Message::Binary(bytes))) => Incident::Binary(bytes),
            Some(Ok(Message::Ping(bytes) | Message::Pong(bytes))) => Incident::Other(bytes.len()),
            Some(Ok(Message::Close(_))) => Incident::End(End::Closed),
            // A frame by itself is never read.
            Some(Ok(Message::Frame(_))) | None => Incident::End(End::Gone),
            Some(Err(error)) => Incident::End(Unusable::of(&error).map_or(End::Gone, End::Unusable)),
        })
    }

    /// Gathers what is written in one go, when everything before is; the close code if the queue is closed and empty.
    fn gather(&mut self, cx: &Context<'_>) -> Result<Option<CloseCode>, Error> {
        let mut written = true;
        while self.socket.get_ref().gathered.len() < WRITE_BYTES {
            match self.outbox.poll_take(std::mem::take(&mut written), cx) {
                Poll::Ready(Taken::Frame(frame)) => self.socket.get_mut().gather(frame)?,
                Poll::Ready(Taken::Closing(code)) => return Ok(Some(code)),
                Poll::Pending => break,
            }
        }
        Ok(None)
    }

    /// Writes what is queued; ready once all of it is written, or what the other end had not taken, or as much as nobody else should
    /// have to wait for.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<Written, Error>> {
        let mut wrote = false;
        loop {
            // One batch after the other: one that is added to while it is written would never be done.
            if self.socket.get_ref().gathered.is_empty() {
                let closing = self.gather(cx)?;
                if self.socket.get_ref().gathered.is_empty() {
                    return Poll::Ready(Ok(closing.map_or(Written::All, Written::Closing)));
                }
                if wrote {
                    return Poll::Ready(Ok(Written::Part));
                }
            }
            ready!(Pin::new(&mut self.socket).poll_flush(cx))?;
            wrote = true;
            // Whoever is sent much without end must be heard too.
            if std::mem::take(&mut self.blocked) {
                return Poll::Ready(Ok(Written::Blocked));
            }
        }
    }
}

impl Unusable {
    /// What an error says of the frames that came, if it says that.
    fn of(error: &Error) -> Option<Self> {
        match error {
            Error::Capacity(_) => Some(Self::TooLarge),
            Error::Utf8(_) => Some(Self::NotUtf8),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
            Error::Protocol(_) => Some(Self::NotWebSocket),
            Error::Io(error) => error.get_ref()?.is::<TooMuch>().then_some(Self::TooLarge),
            _ => None,
        }
    }

    /// The close code.
    fn code(self) -> u16 {
        match self {
            Self::TooLarge => 1009,
            Self::NotUtf8 => 1007,
            Self::NotWebSocket => 1002,
        }
    }

    /// What the close frame says.
    fn reason(self) -> &'static str {
        match self {
            Self::TooLarge => "frame too large",
            Self::NotUtf8 => "not UTF-8",
            Self::NotWebSocket => "not WebSocket",
        }
    }
}

/// A stream of which only so much may be read, and to which whole frames are written many at a time.
struct Gathering<S> {
    stream: S,
    readable: usize,
    gathered: BytesMut,
}

/// That was all.
#[derive(Debug, thiserror::Error)]
#[error("many bytes, and no message among them")]
struct TooMuch;

impl<S> Gathering<S> {
    fn gather(&mut self, frame: Frame) -> Result<(), Error> {
        self.gathered.reserve(frame.len());
        frame.format(&mut (&mut self.gathered).writer())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathering<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.readable == 0 {
            return Poll::Ready(Err(io::Error::other(TooMuch)));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.readable = self.readable.saturating_sub(buffer.filled().len() - before);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathering<S> {
    /// Takes all of it: what tungstenite writes by itself are answers to pings and closes, one at a time.
    fn poll_write(mut self: Pin<&mut Self>, _cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.gathered.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self { stream, gathered, .. } = &mut *self;
        while !gathered.is_empty() {
            match ready!(Pin::new(&mut *stream).poll_write(cx, gathered))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => gathered.advance(count),
            }
        }
        *gathered = BytesMut::new();
        Pin::new(stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
