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
//!
//! Where rooms are kept, what tells of a decision is not sent before that is written down ([`Ticket`]), and so nothing is that stands
//! behind it: whoever is told something can rely on it, and is told everything in the order in which it happened. Only pings and the
//! answers to them pass what waits: they tell of nothing that happened, and without them a slow disk would look like a dead connection.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use klatch_shared::wire::{CloseCode, Refusal, RefusalCode};
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

use super::backlog::Backlog;
use super::news::News;
use super::queue::{Amount, Matter, Queue, Waiting};
use crate::limits::Limits;
use crate::rooms::ConnectionId;
use crate::state::commits::{Commits, Ticket};

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
    commits: Arc<Commits>,
    queue: Mutex<Queue>,
}

/// A message of text in one frame; its clones share the text.
pub(crate) fn text_frame(text: String) -> Frame {
    Frame::message(text, OpCode::Data(Data::Text), true)
}

impl Outbox {
    pub(crate) fn new(limits: &Limits, backlog: &Arc<Backlog>, commits: &Arc<Commits>) -> Self {
        let most = Amount { frames: limits.queue_frames as usize, bytes: limits.queue_bytes as usize };
        let (backlog, commits) = (Arc::clone(backlog), Arc::clone(commits));
        Self(Arc::new(Shared { most, backlog, commits, queue: Mutex::default() }))
    }

    /// Queues what answers no request.
    pub(crate) fn push(&self, frame: Frame) {
        self.push_answer(None, Ticket::NONE, frame);
    }

    /// Queues a ping, or the answer to one.
    pub(crate) fn push_beat(&self, frame: Frame) {
        self.push_own(Matter::Beat, Ticket::NONE, frame);
    }

    /// Queues the answer to a request, if that had an id. What does not fit any more condemns the connection: the queue is emptied, and
    /// it closes as too slow.
    pub(crate) fn push_answer(&self, id: Option<i64>, after: Ticket, frame: Frame) {
        self.push_own(Matter::Answer(id), after, frame);
    }

    fn push_own(&self, matter: Matter, after: Ticket, frame: Frame) {
        let mut queue = self.lock();
        if queue.closing.is_some() {
            return;
        }
        if !queue.answers.plus(frame.len()).fits(self.0.most, 1) {
            drop(queue);
            return self.condemn();
        }
        self.0.put(&mut queue, Waiting { frame, matter, after });
        wake(queue);
    }

    /// Queues an answer that tells all of a room: no news that precedes it is worth anything.
    pub(crate) fn push_room(&self, id: i64, after: Ticket, frame: Frame) {
        let mut queue = self.lock();
        self.0.discard(&mut queue, |_| true);
        drop(queue);
        self.push_answer(Some(id), after, frame);
    }

    /// Whether there is room for so many bytes of a member's signals. One frame at a time always passes, if the others leave room.
    pub(crate) fn takes(&self, from: ConnectionId, bytes: usize) -> bool {
        let queue = self.lock();
        let (mut all, mut own) = (Amount::default(), Amount::default());
        for Waiting { frame, matter, after: _ } in &queue.waiting {
            if let Matter::Signal(sender) = matter {
                all = all.plus(frame.len());
                own = if *sender == from { own.plus(frame.len()) } else { own };
            }
        }
        let most = self.0.most;
        all.plus(bytes).fits(most, SIGNALS_PART) && (own.frames == 0 || own.plus(bytes).fits(most, SENDER_PART))
    }

    /// Queues a signal of the member on another connection, for which there is room. It waits for nothing to be written down: that the
    /// member is there stands before it.
    pub(crate) fn push_signal(&self, from: ConnectionId, frame: Frame) {
        let mut queue = self.lock();
        self.0.put(&mut queue, Waiting { frame, matter: Matter::Signal(from), after: Ticket::NONE });
        wake(queue);
    }

    /// Queues news of the room.
    pub(crate) fn push_news(&self, news: News, after: Ticket, frame: Frame) {
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
        self.0.put(&mut queue, Waiting { frame, matter: Matter::News(news), after });
        wake(queue);
    }

    /// Lets what is queued out, and then closes. The first reason counts.
    pub(crate) fn close(&self, code: CloseCode) {
        self.close_after(code, Ticket::NONE);
    }

    /// The same, for a reason that has to be written down before.
    pub(crate) fn close_after(&self, code: CloseCode, after: Ticket) {
        let mut queue = self.lock();
        if queue.closing.is_none() {
            queue.closing = Some((code, after));
            wake(queue);
        }
    }

    /// Nothing is written down any more: takes back what waits for it, refuses the requests that this answered, and closes.
    pub(crate) fn retract(&self) {
        let mut queue = self.lock();
        let closing = queue.closing.take().filter(|(_, after)| self.0.commits.include(*after));
        self.0.backlog.subtract(queue.bytes);
        for mut waiting in queue.empty() {
            if !self.0.commits.include(waiting.after) {
                let Matter::Answer(id) = waiting.matter else { continue };
                waiting.frame = text_frame(Refusal::of(RefusalCode::ShuttingDown).to_frame(id));
                waiting.after = Ticket::NONE;
            }
            self.0.put(&mut queue, waiting);
        }
        queue.closing = Some(closing.unwrap_or((CloseCode::Restarting, Ticket::NONE)));
        wake(queue);
    }

    /// Empties the queue, and closes as too slow.
    pub(crate) fn condemn(&self) {
        let mut queue = self.lock();
        self.0.backlog.subtract(queue.bytes + queue.writing);
        // Closing already or not: who does not take what is queued is not waited for.
        let closing = Some((CloseCode::TooSlow, Ticket::NONE));
        *queue = Queue { closing, waker: queue.waker.take(), ..Queue::default() };
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
        if let Some(frame) = ready!(self.0.poll_next(&mut queue, cx)) {
            return Poll::Ready(Taken::Frame(frame));
        }
        if let Some((code, _)) = queue.closing {
            return Poll::Ready(Taken::Closing(code));
        }
        // An idle connection keeps no buffer.
        queue.waiting = VecDeque::new();
        queue.remember(cx);
        Poll::Pending
    }

    /// Takes the next frame out, once it may be sent, if there is one.
    pub(crate) fn poll_rest(&self, cx: &Context<'_>) -> Poll<Option<Frame>> {
        let mut queue = self.lock();
        self.0.poll_next(&mut queue, cx)
    }

    /// Ready once the connection is condemned for being slow: whatever it has not taken will not come any more.
    pub(super) fn poll_overflow(&self, cx: &Context<'_>) -> Poll<()> {
        let mut queue = self.lock();
        if queue.closing.is_some_and(|(code, _)| code == CloseCode::TooSlow) {
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

    fn put(&self, queue: &mut Queue, waiting: Waiting) {
        if queue.closing.is_none() {
            self.backlog.add(waiting.frame.len());
            queue.put(waiting);
        }
    }

    /// Takes out what is next once it may be sent, and until then the next beat; nothing once nothing waits any more.
    fn poll_next(&self, queue: &mut Queue, cx: &Context<'_>) -> Poll<Option<Frame>> {
        let Some(after) = queue.next_after() else { return Poll::Ready(None) };
        if self.commits.poll(after, std::ptr::from_ref(self).addr(), cx).is_ready() {
            return Poll::Ready(queue.take());
        }
        if let Some(beat) = queue.take_beat() {
            return Poll::Ready(Some(beat));
        }
        queue.remember(cx);
        Poll::Pending
    }

    /// Takes out the news that nobody needs to hear.
    fn discard(&self, queue: &mut Queue, superfluous: impl Fn(News) -> bool) {
        self.backlog.subtract(queue.discard(superfluous));
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
