//! What waits to be sent to one connection: filled by anybody, emptied by the connection's own task, and bounded so that nobody fills
//! it for another.
//!
//! - Answers to the connection's own requests are bounded in frames and bytes. Whoever does not take them is closed as too slow.
//! - Signals of other members have half as much, and one sender an eighth. [`Outbox::takes`] says beforehand whether there is
//!   room; where there is none the sender is refused.
//! - News of the room tells how it is now. In a queue that grows long, later news takes the place of earlier ([`News`]), so there is
//!   never more of it than a room has seats, however often somebody comes and goes.
//!
//! Everything that waits anywhere is counted in one [`Backlog`].

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use klatch_shared::wire::CloseCode;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::backlog::Backlog;
use super::news::News;
use crate::limits::Limits;
use crate::rooms::ConnectionId;

/// Signals have one part in so many of what answers have.
const SIGNALS_PART: usize = 2;
/// One sender's signals have one part in so many of what answers have.
const SENDER_PART: usize = 8;
/// A queue of so many frames is long: up to there all news is delivered as it happened.
const LONG: usize = 64;

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
    most: Amount,
    backlog: Arc<Backlog>,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    answers: Amount,
    /// What waits, in bytes.
    bytes: usize,
    /// What was taken out and may not be written yet, in bytes.
    writing: usize,
    /// Nothing is taken in any more; what is queued is still sent, and then this close code.
    closing: Option<CloseCode>,
    waker: Option<Waker>,
}

#[derive(Debug)]
struct Waiting {
    frame: Frame,
    matter: Matter,
}

/// What a frame is, as far as bounds go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Matter {
    /// To the connection's own request; hello and pings too.
    Answer,
    /// Of the member on that connection.
    Signal(ConnectionId),
    /// Of the room.
    News(News),
}

#[derive(Clone, Copy, Debug, Default)]
struct Amount {
    frames: usize,
    bytes: usize,
}

impl Amount {
    fn plus(self, bytes: usize) -> Self {
        Self { frames: self.frames + 1, bytes: self.bytes + bytes }
    }

    fn fits(self, most: Self, part: usize) -> bool {
        self.frames <= most.frames / part && self.bytes <= most.bytes / part
    }
}

/// A message of text in one frame; its clones share the text.
pub(crate) fn text_frame(text: String) -> Frame {
    Frame::message(text, OpCode::Data(Data::Text), true)
}

impl Outbox {
    pub(crate) fn new(limits: &Limits, backlog: &Arc<Backlog>) -> Self {
        let most = Amount { frames: limits.queue_frames as usize, bytes: limits.queue_bytes as usize };
        Self(Arc::new(Shared { most, backlog: Arc::clone(backlog), queue: Mutex::default() }))
    }

    /// Queues an answer. What does not fit any more condemns the connection: the queue is emptied, and it closes as too slow.
    pub(crate) fn push(&self, frame: Frame) {
        let mut queue = self.lock();
        if queue.closing.is_some() {
            return;
        }
        let answers = queue.answers.plus(frame.len());
        if !answers.fits(self.0.most, 1) {
            drop(queue);
            return self.condemn();
        }
        queue.answers = answers;
        self.0.put(&mut queue, Matter::Answer, frame);
        wake(queue);
    }

    /// Queues an answer that tells all of a room: no news that precedes it is worth anything.
    pub(crate) fn push_room(&self, frame: Frame) {
        let mut queue = self.lock();
        self.0.discard(&mut queue, |_| true);
        drop(queue);
        self.push(frame);
    }

    /// Whether there is room for so many bytes of a member's signals. One frame at a time always passes, if the others leave room.
    pub(crate) fn takes(&self, from: ConnectionId, bytes: usize) -> bool {
        let queue = self.lock();
        let (mut all, mut own) = (Amount::default(), Amount::default());
        for Waiting { frame, matter } in &queue.waiting {
            if let Matter::Signal(sender) = matter {
                all = all.plus(frame.len());
                own = if *sender == from { own.plus(frame.len()) } else { own };
            }
        }
        let most = self.0.most;
        all.plus(bytes).fits(most, SIGNALS_PART) && (own.frames == 0 || own.plus(bytes).fits(most, SENDER_PART))
    }

    /// Queues a signal of the member on another connection, for which there is room.
    pub(crate) fn push_signal(&self, from: ConnectionId, frame: Frame) {
        let mut queue = self.lock();
        self.0.put(&mut queue, Matter::Signal(from), frame);
        wake(queue);
    }

    /// Queues news of the room.
    pub(crate) fn push_news(&self, news: News, frame: Frame) {
        let mut queue = self.lock();
        if queue.waiting.len() >= LONG {
            let unknown = match news {
                News::Forgotten(member) => {
                    queue.waiting.iter().any(|it| it.matter == Matter::News(News::Joined(member)))
                }
                News::Joined(_) | News::Back(_) | News::Absent(_) | News::Card(_) | News::Locked | News::Ended => false,
            };
            self.0.discard(&mut queue, |earlier| news.supersedes(earlier));
            if unknown {
                return;
            }
        }
        self.0.put(&mut queue, Matter::News(news), frame);
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

    /// Empties the queue, and closes as too slow.
    pub(crate) fn condemn(&self) {
        let mut queue = self.lock();
        self.0.backlog.subtract(queue.bytes + queue.writing);
        // Closing already or not: who does not take what is queued is not waited for.
        *queue = Queue { closing: Some(CloseCode::TooSlow), waker: queue.waker.take(), ..Queue::default() };
        wake(queue);
    }

    /// What it holds of the backlog, in bytes.
    pub(crate) fn held(&self) -> usize {
        let queue = self.lock();
        queue.bytes + queue.writing
    }

    /// Takes the next frame out, or says with what code to close once there is none. `written`: all that was taken before is.
    pub(super) fn poll_take(&self, written: bool, cx: &Context<'_>) -> Poll<Taken> {
        let mut queue = self.lock();
        if written {
            self.0.backlog.subtract(std::mem::take(&mut queue.writing));
        }
        if let Some(frame) = queue.take() {
            return Poll::Ready(Taken::Frame(frame));
        }
        if let Some(code) = queue.closing {
            return Poll::Ready(Taken::Closing(code));
        }
        // An idle connection keeps no buffer.
        queue.waiting = VecDeque::new();
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
        self.0.lock()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Every change below is whole before anything could panic.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, queue: &mut Queue, matter: Matter, frame: Frame) {
        if queue.closing.is_none() {
            queue.bytes += frame.len();
            self.backlog.add(frame.len());
            queue.waiting.push_back(Waiting { frame, matter });
        }
    }

    /// Takes out the news that nobody needs to hear.
    fn discard(&self, queue: &mut Queue, superfluous: impl Fn(News) -> bool) {
        let mut bytes = 0;
        queue.waiting.retain(|Waiting { frame, matter }| {
            let goes = matches!(matter, Matter::News(news) if superfluous(*news));
            bytes += if goes { frame.len() } else { 0 };
            !goes
        });
        queue.bytes -= bytes;
        self.backlog.subtract(bytes);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let queue = self.lock();
        let held = queue.bytes + queue.writing;
        drop(queue);
        self.backlog.subtract(held);
    }
}

impl Queue {
    fn take(&mut self) -> Option<Frame> {
        let Waiting { frame, matter } = self.waiting.pop_front()?;
        self.bytes -= frame.len();
        self.writing += frame.len();
        match matter {
            Matter::Answer => {
                self.answers.frames -= 1;
                self.answers.bytes -= frame.len();
            }
            Matter::Signal(_) | Matter::News(_) => {}
        }
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

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
