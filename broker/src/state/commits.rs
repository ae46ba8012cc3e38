//! How far what rooms decide is written down, and who waits for that.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// A commit that something waits for. Commits are numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

impl Ticket {
    /// That of nothing.
    pub(crate) const NONE: Self = Self(0);

    /// That of the commit after this one.
    #[must_use]
    pub(crate) fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The latest commit. Where nothing is ever written, nothing ever waits.
#[derive(Debug, Default)]
pub(crate) struct Commits {
    latest: AtomicU64,
    waiting: Mutex<HashMap<usize, Waker>>,
}

impl Commits {
    /// Whether this has been committed.
    pub(crate) fn include(&self, ticket: Ticket) -> bool {
        ticket.0 <= self.latest.load(Ordering::Acquire)
    }

    /// Ready once this has been committed; until then whoever waits under the number `who` is woken with each commit.
    pub(crate) fn poll(&self, ticket: Ticket, who: usize, cx: &Context<'_>) -> Poll<()> {
        if self.include(ticket) {
            return Poll::Ready(());
        }
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(who, cx.waker().clone());
        // Who committed it just now may have woken those who wait before this one did.
        if self.include(ticket) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Notes that this, and everything before it, has been committed.
    pub(crate) fn advance(&self, ticket: Ticket) {
        self.latest.store(ticket.0, Ordering::Release);
        let woken = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        woken.into_values().for_each(Waker::wake);
    }
}
