//! A WebSocket over any stream: it reads one message at a time, and meanwhile writes what is queued.
//!
//! Written are a header of a few bytes and then the text as it is shared with others, many frames a system call. What is read comes
//! through a buffer on the stack, and only what is not complete is kept.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use klatch_shared::limits::MAX_FRAME_BYTES;
use klatch_shared::wire::CloseCode;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::time::timeout;

use super::frame::{Decoder, Header, Received, Unusable};
use super::outbox::{Outbox, Outgoing};

/// What is read in one go.
const READ_BYTES: usize = 8 * 1024;
/// Frames read before what is queued is written.
const READ_BATCH: u32 = 16;
/// Frames written in one go.
const WRITE_BATCH: usize = 16;
/// How long the other end may take to close, once it was asked to.
const CLOSE_PATIENCE: Duration = Duration::from_secs(3);
/// How much is read, and thrown away, of somebody whose frames can't be told apart any more: who is closed with data unread
/// may never see why.
const DRAIN_BYTES: u64 = 4 * MAX_FRAME_BYTES as u64;

/// One connection.
pub(super) struct Wire<S> {
    stream: S,
    decoder: Decoder,
    outbox: Outbox,
    /// Taken from the outbox to be written; the first may be written in part.
    writing: VecDeque<Outgoing>,
    /// Bytes of the first that are written, its header counted.
    written: usize,
    /// Frames read since something was written.
    unanswered: u32,
}

/// What happens on a wire.
pub(super) enum Incident<'a> {
    /// A message of text.
    Text(&'a str),
    /// A message of so many bytes that is no text.
    Binary(usize),
    /// A frame of so many bytes that is no message: a part of one, a ping (which is answered), a pong.
    Other(usize),
    /// It is over, in this way.
    End(End),
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

/// The same without what is still in the decoder.
enum Turn {
    Received(Received),
    End(End),
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    /// A wire over an upgraded connection, of which something may have been read already.
    pub(super) fn new(stream: S, already_read: &[u8], outbox: Outbox) -> Self {
        let mut decoder = Decoder::default();
        decoder.feed(already_read);
        Self { stream, decoder, outbox, writing: VecDeque::new(), written: 0, unanswered: 0 }
    }

    /// Waits for the next incident, writing meanwhile.
    pub(super) async fn next(&mut self) -> Incident<'_> {
        let turn = std::future::poll_fn(|cx| self.poll(cx)).await;
        let size = self.decoder.payload().len();
        match turn {
            Turn::Received(Received::Text) => match self.decoder.text() {
                Ok(text) => Incident::Text(text),
                Err(unusable) => Incident::End(End::Unusable(unusable)),
            },
            Turn::Received(Received::Binary) => Incident::Binary(size),
            Turn::Received(Received::Ping) => {
                self.outbox.push(Outgoing::Pong(self.decoder.payload().into()));
                Incident::Other(size)
            }
            Turn::Received(Received::Part | Received::Pong) => Incident::Other(size),
            Turn::Received(Received::Close) => Incident::End(End::Closed),
            Turn::End(end) => Incident::End(end),
        }
    }

    /// Says why it is over if there is something to say, and waits a little for the other end to have heard it.
    pub(super) async fn close(mut self, end: End) {
        let goodbye = match end {
            End::Due(code) => Outgoing::close(code.code(), code.reason()),
            End::Unusable(unusable) => Outgoing::close(unusable.code(), unusable.reason()),
            // The same code back (RFC 6455 §5.5.1).
            End::Closed => Outgoing::Close(self.decoder.payload().iter().take(2).copied().collect()),
            End::Gone => return,
        };
        match end {
            // Who takes nothing will hardly take more: only a frame that is half sent must be sent whole.
            End::Due(_) => self.writing.truncate(usize::from(self.written > 0)),
            // What came before this was answered.
            End::Unusable(_) | End::Closed | End::Gone => self.outbox.take_all(&mut self.writing),
        }
        self.writing.push_back(goodbye);
        let _ = timeout(CLOSE_PATIENCE, self.say_goodbye(end)).await;
    }

    async fn say_goodbye(&mut self, end: End) -> io::Result<()> {
        std::future::poll_fn(|cx| self.poll_write(cx)).await?;
        if matches!(end, End::Due(_)) {
            // Until the other end has answered, or is gone.
            while let Turn::Received(received) = std::future::poll_fn(|cx| self.poll_read(cx)).await
                && received != Received::Close
            {}
        }
        self.stream.shutdown().await?;
        if matches!(end, End::Unusable(_)) {
            // Thrown away, so that the close frame is not lost to a reset.
            tokio::io::copy(&mut (&mut self.stream).take(DRAIN_BYTES), &mut tokio::io::sink()).await?;
        }
        Ok(())
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        // Many requests that are there at once are answered at once. While the other end takes nothing, nothing is read.
        if self.unanswered < READ_BATCH
            && self.writing.is_empty()
            && let Poll::Ready(turn) = self.poll_read(cx)
        {
            self.unanswered += 1;
            return Poll::Ready(turn);
        }
        loop {
            match self.poll_write(cx) {
                Poll::Pending => {
                    return self.outbox.poll_overflow(cx).map(|()| Turn::End(End::Due(CloseCode::TooSlow)));
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Turn::End(End::Gone)),
                Poll::Ready(Ok(())) => {}
            }
            match self.outbox.poll_take(cx, &mut self.writing, WRITE_BATCH) {
                Poll::Ready(None) => {}
                Poll::Ready(Some(code)) => return Poll::Ready(Turn::End(End::Due(code))),
                Poll::Pending => break,
            }
        }
        self.writing = VecDeque::new();
        self.unanswered = 0;
        self.poll_read(cx)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        loop {
            match self.decoder.next() {
                Ok(Some(received)) => return Poll::Ready(Turn::Received(received)),
                Ok(None) => {}
                Err(unusable) => return Poll::Ready(Turn::End(End::Unusable(unusable))),
            }
            let mut space = [const { MaybeUninit::uninit() }; READ_BYTES];
            let mut buffer = ReadBuf::uninit(&mut space);
            match ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => self.decoder.feed(buffer.filled()),
                Ok(()) | Err(_) => return Poll::Ready(Turn::End(End::Gone)),
            }
        }
    }

    /// Writes what was taken from the outbox.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.writing.is_empty() {
            let mut headers = [Header::default(); WRITE_BATCH];
            for (header, outgoing) in headers.iter_mut().zip(&self.writing) {
                *header = outgoing.header();
            }
            let mut slices = [IoSlice::new(&[]); 2 * WRITE_BATCH];
            for (pair, (header, outgoing)) in slices.as_chunks_mut().0.iter_mut().zip(headers.iter().zip(&self.writing))
            {
                *pair = [IoSlice::new(header.bytes()), IoSlice::new(outgoing.payload())];
            }
            let mut rest = &mut slices[..2 * self.writing.len().min(WRITE_BATCH)];
            IoSlice::advance_slices(&mut rest, self.written);
            match ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, rest))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => self.written += count,
            }
            while let Some(first) = self.writing.front() {
                let size = first.header().bytes().len() + first.payload().len();
                if self.written < size {
                    break;
                }
                self.written -= size;
                self.writing.pop_front();
            }
        }
        Poll::Ready(Ok(()))
    }
}
