//! What waits to be sent to one connection: bounded in frames and bytes, filled by anybody, emptied by the connection's own task.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use hyper::body::Bytes;
use klatch_shared::wire::CloseCode;

use super::frame::Header;
use crate::limits::Limits;

/// The queue, shared between those who fill it and the one who empties it.
#[derive(Clone, Debug)]
pub(crate) struct Outbox(Arc<Shared>);

/// One frame to send.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// A message of text, shared with whoever else gets the same.
    Text(Bytes),
    /// WebSocket's own ping (RFC 6455 §5.5.2).
    Ping,
    /// The answer to one, with what was in it.
    Pong(Box<[u8]>),
    /// The last frame of all.
    Close(Box<[u8]>),
}

#[derive(Debug)]
struct Shared {
    most_frames: usize,
    most_bytes: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    outgoing: VecDeque<Outgoing>,
    bytes: usize,
    /// Nothing is taken in any more; what is queued is still sent, and then this close code.
    closing: Option<CloseCode>,
    waker: Option<Waker>,
}

impl Outbox {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self(Arc::new(Shared {
            most_frames: limits.queue_frames as usize,
            most_bytes: limits.queue_bytes as usize,
            queue: Mutex::default(),
        }))
    }

    /// Queues something. What does not fit any more condemns the connection: the queue is emptied, and it closes as too slow.
    pub(crate) fn push(&self, outgoing: Outgoing) {
        let mut queue = self.lock();
        if queue.closing.is_some() {
            return;
        }
        let bytes = queue.bytes + outgoing.payload().len();
        if queue.outgoing.len() >= self.0.most_frames || bytes > self.0.most_bytes {
            *queue = Queue { closing: Some(CloseCode::TooSlow), waker: queue.waker.take(), ..Queue::default() };
        } else {
            queue.bytes = bytes;
            queue.outgoing.push_back(outgoing);
        }
        wake(queue);
    }

    /// Lets what is queued out, and then closes. The first reason counts.
    pub(crate) fn close(&self, code: CloseCode) {
        let mut queue = self.lock();
        if queue.closing.is_none() {
            queue.closing = Some(code);
            wake(queue);
        }
    }

    /// Moves what is queued, up to some frames, to the end of `out`. Ready if anything was moved, or with the close code
    /// once there is nothing more to move.
    pub(crate) fn poll_take(
        &self,
        cx: &mut Context<'_>,
        out: &mut VecDeque<Outgoing>,
        most: usize,
    ) -> Poll<Option<CloseCode>> {
        let mut queue = self.lock();
        if queue.outgoing.is_empty() {
            if let Some(code) = queue.closing {
                return Poll::Ready(Some(code));
            }
            // An idle connection keeps no buffer.
            queue.outgoing = VecDeque::new();
            queue.remember(cx);
            return Poll::Pending;
        }
        let count = most.min(queue.outgoing.len());
        let mut bytes = 0;
        out.extend(queue.outgoing.drain(..count).inspect(|outgoing| bytes += outgoing.payload().len()));
        queue.bytes -= bytes;
        Poll::Ready(None)
    }

    /// Moves all that is queued to the end of `out`.
    pub(crate) fn take_all(&self, out: &mut VecDeque<Outgoing>) {
        let mut queue = self.lock();
        queue.bytes = 0;
        out.append(&mut queue.outgoing);
    }

    /// Ready once the connection is condemned for being slow: whatever it has not taken will not come any more.
    pub(crate) fn poll_overflow(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut queue = self.lock();
        if queue.closing == Some(CloseCode::TooSlow) {
            return Poll::Ready(());
        }
        queue.remember(cx);
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Every change below is whole before anything could panic.
        self.0.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn remember(&mut self, cx: &Context<'_>) {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
    }
}

impl Outgoing {
    /// A message of text.
    pub(crate) fn text(text: String) -> Self {
        Self::Text(text.into())
    }

    /// The frame that closes with a code and a reason.
    pub(crate) fn close(code: u16, reason: &str) -> Self {
        Self::Close([&code.to_be_bytes(), reason.as_bytes()].concat().into())
    }

    /// What precedes the payload on the wire.
    pub(super) fn header(&self) -> Header {
        let size = self.payload().len();
        match self {
            Self::Text(_) => Header::text(size),
            Self::Ping => Header::ping(size),
            Self::Pong(_) => Header::pong(size),
            Self::Close(_) => Header::close(size),
        }
    }

    /// What is in it.
    pub(super) fn payload(&self) -> &[u8] {
        match self {
            Self::Text(text) => text,
            Self::Ping => &[],
            Self::Pong(payload) | Self::Close(payload) => payload,
        }
    }
}

fn wake(mut queue: MutexGuard<'_, Queue>) {
    let waker = queue.waker.take();
    drop(queue);
    if let Some(waker) = waker {
        waker.wake();
    }
}
