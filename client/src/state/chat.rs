//! What was said, and who came and went, in one log.

use std::collections::VecDeque;
use std::rc::Rc;

use klatch_shared::{MemberId, MessageId};

/// The log. Bounded: the oldest lines go first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chat {
    /// In their order.
    pub lines: VecDeque<Line>,
    /// Messages that came while the log was not shown.
    pub unread: u32,
    /// The message of ours that is being edited.
    pub editing: Option<MessageId>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A message.
    Said(Rc<Said>),
    /// Somebody joined, left, locked…: a sentence.
    Happened {
        /// Counts up, for keys.
        serial: u32,
        /// The greatest time of a message that was known then.
        place: u64,
        /// When, milliseconds since 1970.
        at: u64,
        /// What.
        text: String,
    },
}

impl Line {
    fn stands_after(&self, said: &Said) -> bool {
        match self {
            Self::Said(other) => other.place > said.place,
            Self::Happened { place, .. } => *place >= said.place.0,
        }
    }
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Where it stands: its time among messages, then its author, then its own id.
    pub place: (u64, MemberId, MessageId),
    /// The author's name when we first heard of it.
    pub label: String,
    /// Whether it is our own.
    pub own: bool,
    /// When, by its author's clock: milliseconds since 1970.
    pub at: u64,
    /// What. Of our own that is deleted, what it said before: only here, to bring it back.
    pub text: String,
    /// What its author did to it since.
    pub revision: Revision,
    /// For our own: who was to receive it as it is now, and who did.
    pub receipts: Vec<Receipt>,
    /// And how many more did who have given up their seats since.
    pub left: u32,
    /// Whether it is news, and no history that we were told when we entered.
    pub is_news: bool,
    /// For our own: whether it is still kept, so that it can be edited and deleted.
    pub is_kept: bool,
}

impl Said {
    /// Who wrote it.
    pub fn author(&self) -> MemberId {
        self.place.1
    }

    /// Its own, unique among its author's.
    pub fn id(&self) -> MessageId {
        self.place.2
    }
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Revision {
    /// It is as it was said.
    None,
    /// It says something else now.
    Edited,
    /// Its author took it back.
    Deleted,
}

/// Somebody who was there when we said something, or was told since.
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
    /// Adds a line in its place, or revises the message that it is. When there are too many the oldest goes that nobody said: whoever
    /// comes and goes for ever drives out no words.
    pub fn put(&mut self, line: Line) {
        let (at, line) = match line {
            Line::Said(mut said) => {
                if let Some(known) = self.take_out(said.author(), said.id()) {
                    Rc::make_mut(&mut said).revises(&known);
                }
                let before = self.lines.iter().rposition(|line| !line.stands_after(&said));
                (before.map_or(0, |before| before + 1), Line::Said(said))
            }
            Line::Happened { .. } => (self.lines.len(), line),
        };
        self.lines.insert(at, line);
        if self.lines.len() > MAX_LINES {
            let oldest = self.lines.iter().position(|line| matches!(line, Line::Happened { .. }));
            self.lines.remove(oldest.unwrap_or(0));
        }
    }

    /// The same without what these members said: it is kept, for when they are shown again.
    pub fn without(&self, authors: &[MemberId]) -> Self {
        let is_read = |line: &&Line| !matches!(line, Line::Said(said) if authors.contains(&said.author()));
        Self { lines: self.lines.iter().filter(is_read).cloned().collect(), ..*self }
    }

    /// A message is kept no longer. Ours stays, but what it was to say instead can't be said by it. Others' go: whoever says more and more
    /// from one seat drives out their own words, and no one else's.
    pub fn let_go(&mut self, author: MemberId, id: MessageId, own: bool) {
        if !own {
            self.take_out(author, id);
            return;
        }
        if let Some(said) = self.said_mut(author, id) {
            said.is_kept = false;
        }
        if self.editing == Some(id) {
            self.editing = None;
        }
    }

    /// Notes that a member received our message `id`.
    pub fn received(&mut self, author: MemberId, id: MessageId, receipt: Receipt) {
        let Some(said) = self.said_mut(author, id) else { return };
        match said.receipts.iter_mut().find(|known| known.member == receipt.member) {
            Some(known) => known.received = true,
            None => said.receipts.push(receipt),
        }
    }

    /// A member's seat was released: of what reached them it is only counted, so that whoever comes and goes takes no room.
    pub fn released(&mut self, member: MemberId) {
        for line in &mut self.lines {
            if let Line::Said(said) = line
                && let Some(at) = said.receipts.iter().position(|known| known.received && known.member == member)
            {
                let said = Rc::make_mut(said);
                said.receipts.remove(at);
                said.left += 1;
            }
        }
    }

    /// This author's message as it is in the log. An id alone says nothing: whoever writes chooses it.
    pub fn said(&self, author: MemberId, id: MessageId) -> Option<&Said> {
        self.messages().find(|said| said.author() == author && said.id() == id)
    }

    /// Our latest message that can be edited.
    pub fn latest_own(&self) -> Option<&Said> {
        self.messages().rev().find(|said| said.own && said.is_kept && said.revision != Revision::Deleted)
    }

    /// Our message that is being edited.
    pub fn edited(&self) -> Option<&Said> {
        self.own(self.editing?)
    }

    /// A message of ours.
    pub fn own(&self, id: MessageId) -> Option<&Said> {
        self.messages().find(|said| said.own && said.id() == id)
    }

    fn messages(&self) -> impl DoubleEndedIterator<Item = &Said> {
        self.lines.iter().filter_map(|line| match line {
            Line::Said(said) => Some(said.as_ref()),
            Line::Happened { .. } => None,
        })
    }

    fn take_out(&mut self, author: MemberId, id: MessageId) -> Option<Rc<Said>> {
        let is_it = |line: &Line| matches!(line, Line::Said(said) if said.author() == author && said.id() == id);
        match self.lines.remove(self.lines.iter().rposition(is_it)?)? {
            Line::Said(said) => Some(said),
            Line::Happened { .. } => None,
        }
    }

    fn said_mut(&mut self, author: MemberId, id: MessageId) -> Option<&mut Said> {
        let said = self.lines.iter_mut().rev().find_map(|line| match line {
            Line::Said(said) if said.author() == author && said.id() == id => Some(said),
            Line::Said(_) | Line::Happened { .. } => None,
        });
        said.map(Rc::make_mut)
    }
}

impl Said {
    /// Its author says by it anew what was said before: who wrote it keeps the name, and what we took back stays with us.
    fn revises(&mut self, before: &Self) {
        self.label.clone_from(&before.label);
        if self.own && self.revision == Revision::Deleted {
            self.text.clone_from(&before.text);
        }
    }
}
