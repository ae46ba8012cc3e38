//! The queue inside an outbox: what waits, how much of which kind, and for what.

use std::collections::VecDeque;
use std::task::{Context, Waker};

use klatch_shared::wire::CloseCode;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;

use super::news::News;
use crate::rooms::ConnectionId;
use crate::state::commits::Ticket;

#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) waiting: VecDeque<Waiting>,
    /// To requests, and beats.
    pub(super) answers: Amount,
    /// How many of those that wait are beats.
    pub(super) beats: usize,
    /// What waits, in bytes.
    pub(super) bytes: usize,
    /// What was taken out and may not be written yet, in bytes.
    pub(super) writing: usize,
    /// Nothing is taken in any more; what is queued is still sent, and then, not before that commit, this close code.
    pub(super) closing: Option<(CloseCode, Ticket)>,
    pub(super) waker: Option<Waker>,
}

#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) frame: Frame,
    pub(super) matter: Matter,
    /// What has to be written down before.
    pub(super) after: Ticket,
}

/// What a frame is, as far as bounds go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matter {
    /// To the connection's own request of this id; hello too, which has none.
    Answer(Option<i64>),
    /// A ping, or the answer to one: it says that we are there, and nothing of the room.
    Beat,
    /// Of the member on that connection.
    Signal(ConnectionId),
    /// Of the room.
    News(News),
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Amount {
    pub(super) frames: usize,
    pub(super) bytes: usize,
}

impl Amount {
    pub(super) fn plus(self, bytes: usize) -> Self {
        Self { frames: self.frames + 1, bytes: self.bytes + bytes }
    }

    pub(super) fn fits(self, most: Self, part: usize) -> bool {
        self.frames <= most.frames / part && self.bytes <= most.bytes / part
    }
}

impl Queue {
    pub(super) fn put(&mut self, waiting: Waiting) {
        let bytes = waiting.frame.len();
        match waiting.matter {
            Matter::Answer(_) | Matter::Beat => self.answers = self.answers.plus(bytes),
            Matter::Signal(_) | Matter::News(_) => {}
        }
        self.beats += usize::from(waiting.matter == Matter::Beat);
        self.bytes += bytes;
        self.waiting.push_back(waiting);
    }

    /// Takes out the news that nobody needs to hear, and says how much that was.
    pub(super) fn discard(&mut self, superfluous: impl Fn(News) -> bool) -> usize {
        let mut bytes = 0;
        self.waiting.retain(|Waiting { frame, matter, after: _ }| {
            let goes = matches!(matter, Matter::News(news) if superfluous(*news));
            bytes += if goes { frame.len() } else { 0 };
            !goes
        });
        self.bytes -= bytes;
        bytes
    }

    /// Takes everything out.
    pub(super) fn empty(&mut self) -> VecDeque<Waiting> {
        (self.answers, self.beats, self.bytes) = (Amount::default(), 0, 0);
        std::mem::take(&mut self.waiting)
    }

    /// What the next thing to do has to wait for, if there is one.
    pub(super) fn next_after(&self) -> Option<Ticket> {
        self.waiting.front().map(|waiting| waiting.after).or(self.closing.map(|(_, after)| after))
    }

    pub(super) fn take(&mut self) -> Option<Frame> {
        self.take_at(0)
    }

    /// Takes the first beat out, past whatever waits before it.
    pub(super) fn take_beat(&mut self) -> Option<Frame> {
        if self.beats == 0 {
            return None;
        }
        let at = self.waiting.iter().position(|waiting| waiting.matter == Matter::Beat)?;
        self.take_at(at)
    }

    fn take_at(&mut self, at: usize) -> Option<Frame> {
        let Waiting { frame, matter, after: _ } = self.waiting.remove(at)?;
        self.bytes -= frame.len();
        self.writing += frame.len();
        match matter {
            Matter::Answer(_) | Matter::Beat => {
                self.answers.frames -= 1;
                self.answers.bytes -= frame.len();
            }
            Matter::Signal(_) | Matter::News(_) => {}
        }
        self.beats -= usize::from(matter == Matter::Beat);
        Some(frame)
    }

    pub(super) fn remember(&mut self, cx: &Context<'_>) {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
    }
}
