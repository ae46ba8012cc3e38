//! What was said, and who came and went, in one log.

use std::collections::VecDeque;
use std::rc::Rc;

use klatch_shared::{MemberId, MessageId};

/// The log. Bounded: the oldest lines go first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chat {
    /// Oldest first.
    pub lines: VecDeque<Line>,
    /// Messages that came while the log was not shown.
    pub unread: u32,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A message.
    Said(Rc<Said>),
    /// Somebody joined, left, locked…: a sentence, and when (milliseconds since 1970).
    Happened {
        /// Counts up, for keys.
        serial: u32,
        /// When.
        at: u64,
        /// What.
        text: String,
    },
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Its own.
    pub id: MessageId,
    /// Who wrote it.
    pub author: MemberId,
    /// The author's name when it was written.
    pub label: String,
    /// Whether it is our own.
    pub own: bool,
    /// When, milliseconds since 1970.
    pub at: u64,
    /// What.
    pub text: String,
    /// For our own: who was to receive it, and who did.
    pub receipts: Vec<Receipt>,
}

/// Somebody who was there when we said something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Who.
    pub member: MemberId,
    /// The name then.
    pub label: String,
    /// Whether it arrived there.
    pub received: bool,
}

/// Lines that are kept.
pub const MAX_LINES: usize = 1000;

impl Chat {
    /// Adds a line. When there are too many the oldest goes that nobody said: whoever comes and goes for ever drives out no words.
    pub fn push(&mut self, line: Line) {
        if self.lines.len() == MAX_LINES {
            let oldest = self.lines.iter().position(|line| matches!(line, Line::Happened { .. }));
            self.lines.remove(oldest.unwrap_or(0));
        }
        self.lines.push_back(line);
    }

    /// The same without what these members said: it is kept, for when they are shown again.
    pub fn without(&self, authors: &[MemberId]) -> Self {
        let is_read = |line: &&Line| !matches!(line, Line::Said(said) if authors.contains(&said.author));
        Self { lines: self.lines.iter().filter(is_read).cloned().collect(), unread: self.unread }
    }

    /// Notes that `member` received our message `id`.
    pub fn received(&mut self, id: MessageId, member: MemberId) {
        let said = self.lines.iter_mut().rev().find_map(|line| match line {
            Line::Said(said) if said.id == id && said.own => Some(Rc::make_mut(said)),
            Line::Said(_) | Line::Happened { .. } => None,
        });
        if let Some(receipt) = said.and_then(|said| said.receipts.iter_mut().find(|receipt| receipt.member == member)) {
            receipt.received = true;
        }
    }

    /// Whether our message `id` was meant for `member` and has not arrived there yet.
    pub fn waits_for(&self, id: MessageId, member: MemberId) -> bool {
        self.lines.iter().any(|line| match line {
            Line::Said(said) if said.id == id => said.receipts.iter().any(|r| r.member == member && !r.received),
            Line::Said(_) | Line::Happened { .. } => false,
        })
    }

    /// Whether this author's message is in the log already. An id alone says nothing: whoever writes chooses it.
    pub fn has(&self, author: MemberId, id: MessageId) -> bool {
        self.lines.iter().any(|line| matches!(line, Line::Said(said) if said.author == author && said.id == id))
    }
}
