//! What waits to be sent to one connection: bounded in frames and bytes, filled by anybody, emptied by the connection's own task.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use klatch_shared::wire::CloseCode;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::limits::Limits;

/// The queue, shared between those who fill it and the one who empties it.
#[derive(Clone, Debug)]
pub(crate) struct Outbox(Arc<Shared>);

/// What there is to do for whoever empties it.
#[derive(Debug)]
pub(super) enum Taken {
    /// The next frame to send.
    Frame(Frame),
    /// Everything is taken, and nothing more comes.
    Closing(CloseCode),
}

#[derive(Debug)]
struct Shared {
    most_frames: usize,
    most_bytes: usize,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Frame>,
    bytes: usize,
    /// Nothing is taken in any more; what is queued is still sent, and then this close code.
    closing: Option<CloseCode>,
    waker: Option<Waker>,
}

/// A message of text in one frame; its clones share the text.
pub(crate) fn text_frame(text: String) -> Frame {
    Frame::message(text, OpCode::Data(Data::Text), true)
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
    pub(crate) fn push(&self, frame: Frame) {
        let mut queue = self.lock();
        if queue.closing.is_some() {
            return;
        }
        let bytes = queue.bytes + frame.len();
        if queue.frames.len() >= self.0.most_frames || bytes > self.0.most_bytes {
            *queue = Queue { closing: Some(CloseCode::TooSlow), waker: queue.waker.take(), ..Queue::default() };
        } else {
            queue.bytes = bytes;
            queue.frames.push_back(frame);
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

    /// Takes the next frame out, or says with what code to close once there is none.
    pub(super) fn poll_take(&self, cx: &Context<'_>) -> Poll<Taken> {
        let mut queue = self.lock();
        if let Some(frame) = queue.take() {
            return Poll::Ready(Taken::Frame(frame));
        }
        if let Some(code) = queue.closing {
            return Poll::Ready(Taken::Closing(code));
        }
        // An idle connection keeps no buffer.
        queue.frames = VecDeque::new();
        queue.remember(cx);
        Poll::Pending
    }

    /// Takes the next frame out, if there is one.
    pub(super) fn take(&self) -> Option<Frame> {
        self.lock().take()
    }

    /// Ready once the connection is condemned for being slow: whatever it has not taken will not come any more.
    pub(super) fn poll_overflow(&self, cx: &Context<'_>) -> Poll<()> {
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
    fn take(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        Some(frame)
    }

    fn remember(&mut self, cx: &Context<'_>) {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
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
