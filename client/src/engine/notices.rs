//! Sentences to read in passing; they go by themselves.

use std::cell::Cell;
use std::rc::Rc;

use gloo_timers::future::TimeoutFuture;

use super::store::Store;
use super::task::spawn;
use crate::state::{Action, Notice, Tone};

/// How long a notice stays: long enough to be read twice.
const STAY_MS: u32 = 7_000;

/// Says notices.
pub(super) struct Notices {
    store: Rc<Store>,
    next: Cell<u32>,
}

impl Notices {
    /// Into this state.
    pub(super) fn new(store: Rc<Store>) -> Rc<Self> {
        Rc::new(Self { store, next: Cell::new(1) })
    }

    /// Says one.
    pub(super) fn say(&self, tone: Tone, text: impl Into<String>) {
        let id = self.next.replace(self.next.get().wrapping_add(1));
        self.store.dispatch(Action::Notice(Notice { id, tone, text: text.into() }));
        let store = self.store.clone();
        spawn(async move {
            TimeoutFuture::new(STAY_MS).await;
            store.dispatch(Action::Dismiss(id));
        });
    }
}
